#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who has how much in line matters to nobody else: a quick flow is done while a loop over thousands has hardly begun. And a
task that began again because its worker died says so."""
import json
import os
import signal
import subprocess
import tempfile

from client import call, check, finish, put_flow, run, until

NAMESPACE = "integration.turns"
VALUES = 3000
LOG = "  - id: say\n    type: io.kestra.plugin.core.log.Log\n    message: hello\n"
put_flow("id: quick\nnamespace: %s\ntasks:\n%s" % (NAMESPACE, LOG))
put_flow("""id: loop
namespace: %s
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: %s
    concurrencyLimit: 0
    tasks:
      - id: wait
        type: io.kestra.plugin.scripts.shell.Commands
        commands: ["true"]
""" % (NAMESPACE, json.dumps(["v%d" % i for i in range(VALUES)])))
put_flow("id: child\nnamespace: %s\ntasks:\n  - id: wait\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands: [\"true\"]\n" % NAMESPACE)
put_flow("""id: children
namespace: %s
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: %s
    concurrencyLimit: 0
    tasks:
      - {id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: %s, flowId: child}
""" % (NAMESPACE, json.dumps(["v%d" % i for i in range(VALUES // 3)]), NAMESPACE))
put_flow("""id: lasts
namespace: %s
inputs: [{id: gate, type: STRING}]
tasks:
  - id: wait
    type: io.kestra.plugin.scripts.shell.Commands
    commands: ['touch "{{ inputs.gate }}.began"', 'while [ ! -e "{{ inputs.gate }}" ]; do sleep 0.1; done']
""" % NAMESPACE)


def sql(statement):
    return subprocess.run(["psql", os.environ["KESTRA_PG"], "-Atc", statement], capture_output=True, text=True, check=True).stdout.strip()


def in_line():
    return int(sql("SELECT count(*) FROM job WHERE instance IS NULL"))


def quick_beside(flow, count):
    """A quick execution is started when all of the other is in line."""
    large = run(NAMESPACE, flow, wait=False)[1]["id"]
    until(lambda: int(sql("SELECT count(*) FROM task_run WHERE execution_id = '%s'" % large)) == count + 1, 60)
    before = in_line()
    status, quick = run(NAMESPACE, "quick")
    after = in_line()
    check(status == 200 and quick["state"]["current"] == "SUCCESS", "a quick flow beside %s" % flow, quick)
    check(before > count / 2 and after > before / 2, "does not wait for what is in line", (before, after))
    call("DELETE", "/api/v1/executions/%s/kill" % large)
    check(until(lambda: call("GET", "/api/v1/executions/" + large)[1]["state"]["current"] == "KILLED", 60), "%s is killed" % flow)


quick_beside("loop", VALUES)
quick_beside("children", VALUES // 3)

place = tempfile.mkdtemp()
os.chmod(place, 0o777)  # tasks run as a user of their own
gate = place + "/gate"
lasting = run(NAMESPACE, "lasts", {"gate": gate}, wait=False)[1]["id"]
until(lambda: os.path.exists(gate + ".began"), 60)
until(lambda: (call("GET", "/api/v1/executions/" + lasting)[1].get("taskRunList") or [{}])[0].get("attempts"), 60)
with open(os.environ["KESTRA_HOME"] + "/run/worker.pid", encoding="ascii") as file:
    os.kill(int(file.read()), signal.SIGKILL)
os.unlink(gate + ".began")
until(lambda: os.path.exists(gate + ".began"), 60)
with open(gate, "w", encoding="ascii"):
    pass
until(lambda: call("GET", "/api/v1/executions/" + lasting)[1]["state"]["current"] == "SUCCESS", 60)
task_run = call("GET", "/api/v1/executions/" + lasting)[1]["taskRunList"][0]
states = [attempt["state"]["current"] for attempt in task_run["attempts"]]
check(states == ["KILLED", "SUCCESS"], "the attempt of the dead worker was ended, and another one made", task_run)
logs = call("GET", "/api/v1/logs/%s?minLevel=WARN" % lasting)[1]
check([(line["level"], line["attemptNumber"]) for line in logs if "was lost" in line["message"]] == [("WARN", 1)],
      "the log says why", logs)
finish()
