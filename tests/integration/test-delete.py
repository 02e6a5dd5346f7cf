#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Deleting executions takes along what it is told to: logs, metrics, files; the files also when no worker is there."""
import glob
import json
import os
import signal
import subprocess

from client import call, check, finish, put_flow, run, until

NAMESPACE = "integration.delete"
HOME = os.environ["KESTRA_HOME"]
put_flow("""id: files
namespace: %s
tasks:
  - id: file
    type: io.kestra.plugin.core.storage.LocalFiles
    inputs: {out.txt: line}
    outputs: [out.txt]
  - id: hello
    type: io.kestra.plugin.scripts.shell.Commands
    commands:
      - 'echo "::{\\"metrics\\":[{\\"name\\":\\"rows\\",\\"type\\":\\"counter\\",\\"value\\":3}]}::"'
      - 'echo hello'
""" % NAMESPACE)
put_flow("id: pause\nnamespace: %s\ntasks:\n  - id: pause\n    type: io.kestra.plugin.core.flow.Pause\n" % NAMESPACE)
put_flow("""id: purge
namespace: %s
tasks:
  - id: purge
    type: io.kestra.plugin.core.execution.PurgeExecutions
    namespace: %s
    flowId: files
    endDate: "{{ now() }}"
""" % (NAMESPACE, NAMESPACE))


def sql(text):
    return subprocess.run(["psql", "-qAtX", os.environ["KESTRA_PG"], "-c", text], check=True, capture_output=True,
                          text=True).stdout.strip()


def files(execution):
    return [path for path in glob.glob(HOME + "/**/executions/%s/**" % execution, recursive=True) if os.path.isfile(path)]


def left(execution):
    return {"execution": int(sql("SELECT count(*) FROM execution WHERE id = '%s'" % execution)),
            "task runs": int(sql("SELECT count(*) FROM task_run WHERE execution_id = '%s'" % execution)),
            "logs": int(sql("SELECT count(*) FROM log WHERE execution_id = '%s'" % execution)) > 0,
            "metrics": int(sql("SELECT count(*) FROM metric WHERE execution_id = '%s'" % execution)) > 0,
            "files": len(files(execution)) > 0}


def make():
    status, execution = run(NAMESPACE, "files")
    check(execution["state"]["current"] == "SUCCESS" and left(execution["id"])["files"], "an execution with a file", execution)
    return execution["id"]


NOTHING = {"execution": 0, "task runs": 0, "logs": False, "metrics": False, "files": False}
one = make()
check(left(one) == {"execution": 1, "task runs": 2, "logs": True, "metrics": True, "files": True}, "all is there", left(one))
check(call("DELETE", "/api/v1/executions/" + one)[0] == 204, "it is deleted")
check(until(lambda: left(one) == NOTHING, 10), "nothing is left", left(one))
check(call("DELETE", "/api/v1/executions/" + one)[0] == 404, "a second time it is not there")

for parameter, kept in (("deleteLogs", "logs"), ("deleteMetrics", "metrics"), ("deleteStorage", "files")):
    one = make()
    call("DELETE", "/api/v1/executions/%s?%s=false" % (one, parameter))
    expected = dict(NOTHING, **{kept: True})
    check(until(lambda: left(one) == expected, 10), "%s=false keeps the %s" % (parameter, kept), left(one))

pair = [make(), make()]
status, body = call("DELETE", "/api/v1/executions/by-ids", json.dumps(pair), "application/json")
check(status == 200 and body == {"count": 2}, "by ids", body)
check(all(until(lambda: left(one) == NOTHING, 10) for one in pair), "nothing of both is left")

paused = run(NAMESPACE, "pause", wait=False)[1]["id"]
until(lambda: call("GET", "/api/v1/executions/" + paused)[1]["state"]["current"] == "PAUSED", 10)
status, body = call("DELETE", "/api/v1/executions/by-ids", json.dumps([paused]), "application/json")
check(status == 400 and body["invalids"][0]["message"] == "execution not found", "one that runs is refused", body)
status, body = call("DELETE", "/api/v1/executions/by-query?flowId=pause&namespace=%s&includeNonTerminated=true" % NAMESPACE)
check(status == 200 and body["count"] >= 1, "unless it is asked for", body)
check(until(lambda: left(paused) == NOTHING, 10), "and goes too", left(paused))

# --- without a worker
one = make()
worker = [int(pid) for pid in os.environ["KESTRA_PIDS"].split(",") if "worker" in open("/proc/%s/cmdline" % pid).read().split("\0")[0]]
check(len(worker) == 1, "there is one worker", os.environ["KESTRA_PIDS"])
os.kill(worker[0], signal.SIGSTOP)
check(call("DELETE", "/api/v1/executions/" + one)[0] == 204, "it is deleted while the worker stands still")
check(until(lambda: left(one) == dict(NOTHING, files=True), 10), "the files wait", left(one))
os.kill(worker[0], signal.SIGCONT)
check(until(lambda: left(one) == NOTHING, 30), "and go when it is back", left(one))
check(until(lambda: sql("SELECT count(*) FROM job") == "0", 30), "no job is left")

# --- what cannot be deleted
one = make()
directory = os.path.dirname(files(one)[0])
subprocess.run(["chattr", "+i", directory], check=False)
immutable = "i" in subprocess.run(["lsattr", "-d", directory], capture_output=True, text=True, check=False).stdout.split(" ")[0]
if immutable:
    call("DELETE", "/api/v1/executions/" + one)
    message = until(lambda: call("GET", "/api/v1/poison?executionId=" + one)[1]["results"], 10)
    check(message and message[0]["kind"] == "job", "files that cannot be deleted: the job is set aside", message)
    subprocess.run(["chattr", "-i", directory], check=True)
    call("POST", "/api/v1/poison/%s/replay" % message[0]["id"])
    check(until(lambda: left(one) == NOTHING, 10), "and deletes them when it is replayed", left(one))
else:
    call("DELETE", "/api/v1/executions/" + one)

# --- the task counts what it purged
executions = [make() for _ in range(3)]
lines = sum(int(sql("SELECT count(*) FROM log WHERE execution_id = '%s'" % one)) for one in executions)
metrics = sum(int(sql("SELECT count(*) FROM metric WHERE execution_id = '%s'" % one)) for one in executions)
stored = sum(len(files(one)) for one in executions)
outputs = run(NAMESPACE, "purge")[1]["taskRunList"][0]["outputs"]
check(outputs == {"executionsCount": 3, "logsCount": lines, "metricsCount": metrics, "storagesCount": stored},
      "PurgeExecutions counts", (outputs, lines, metrics, stored))
check(all(until(lambda: left(one) == NOTHING, 10) for one in executions), "and nothing is left")
finish()
