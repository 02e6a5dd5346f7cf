#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rows of the queue that are broken by hand: what they are of waits, all else goes on, and replaying after the repair ends it.

Messages are set aside in table poison, which the API, kestractl and the metrics show.
"""
import json
import os
import subprocess

from client import call, check, finish, put_flow, run, until

BUILD = os.environ["KESTRA_BUILD"]
NAMESPACE = "integration.poison"
put_flow("id: pause\nnamespace: %s\ntasks:\n  - id: pause\n    type: io.kestra.plugin.core.flow.Pause\n"
         "  - id: end\n    type: io.kestra.plugin.core.log.Log\n    message: it went on\n" % NAMESPACE)
put_flow("id: quick\nnamespace: %s\ntasks:\n  - id: hello\n    type: io.kestra.plugin.core.log.Log\n    message: hello\n" % NAMESPACE)
put_flow("id: wait\nnamespace: %s\ntasks:\n  - id: pause\n    type: io.kestra.plugin.core.flow.Pause\n    delay: PT2S\n" % NAMESPACE)
put_flow("id: far\nnamespace: %s\ntasks:\n  - id: hello\n    type: io.kestra.plugin.core.log.Log\n    message: hello\n" % NAMESPACE)
put_flow("id: other-group\nnamespace: %s\ntasks:\n  - id: job\n    type: io.kestra.plugin.core.debug.Return\n    format: done\n"
         "    workerGroup:\n      key: nobody\n" % NAMESPACE)


def sql(text):
    return subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", os.environ["KESTRA_PG"], "-c", text], check=True,
                          capture_output=True, text=True).stdout.strip()


def kestractl(*arguments):
    done = subprocess.run([BUILD + "/kestractl", *arguments], env={**os.environ}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def state(execution):
    return (call("GET", "/api/v1/executions/" + execution)[1] or {}).get("state", {}).get("current")


def start(flow):
    return run(NAMESPACE, flow, wait=False)[1]["id"]


def paused():
    execution = start("pause")
    until(lambda: state(execution) == "PAUSED", 10)
    return execution


def aside(key):
    found = until(lambda: call("GET", "/api/v1/poison?executionId=%s" % key)[1]["results"], 10)
    return found[0] if found else None


def forget():
    """The executor holds what it has read; one that was declared dead reads everything again."""
    sql("SELECT queue_bury(ARRAY(SELECT id FROM instance WHERE role = 'executor'))")


def goes_on(what):
    check(run(NAMESPACE, "quick")[1]["state"]["current"] == "SUCCESS", what + ": other executions are not hindered")


# --- an event that is no JSON
execution = paused()
sql("INSERT INTO event (shard, key, kind, body) SELECT shard, id, 'resume', '{broken' FROM execution WHERE id = '%s'" % execution)
message = aside(execution)
if check(message, "an event that cannot be read is set aside"):
    goes_on("an unreadable event")
    check(message["kind"] == "resume" and "not a JSON object" in message["reason"], "with its reason", message)
    check(state(execution) == "PAUSED", "its execution stays as it was")
    logs = call("GET", "/api/v1/logs/%s?minLevel=ERROR" % execution)[1]
    check(any(message["id"] in entry["message"] for entry in logs), "the execution's log names the id", logs)
    status, text = call("GET", "/api/v1/poison/" + message["id"])
    check(status == 200 and text["body"] == "{broken", "its body can be seen", text)
    call("POST", "/api/v1/poison/%s/replay" % message["id"])
    again = until(lambda: aside(execution) and aside(execution)["id"] != message["id"] and aside(execution), 10)
    check(again, "what is replayed unmended is set aside again")
    status, text = call("POST", "/api/v1/poison/%s/replay" % again["id"], "{}", "application/json")
    check(status == 204, "it is replayed with another body", text)
    check(until(lambda: state(execution) == "SUCCESS", 10), "and the execution goes on", state(execution))
    check(call("GET", "/api/v1/poison/" + again["id"])[0] == 404, "nothing of it is left")

# --- kinds that nobody knows, by kestractl
execution = paused()
for _ in range(3):
    sql("INSERT INTO event (shard, key, kind, body) SELECT shard, id, 'no-such-kind', '{}' FROM execution WHERE id = '%s'"
        % execution)
check(until(lambda: call("GET", "/api/v1/poison?executionId=" + execution)[1]["total"] == 3, 10), "unknown kinds are set aside")
code, out, _ = kestractl("poison", "list", "--output", "json")
listed = json.loads(out)["results"]
check(code == 0 and len(listed) == 3 and listed[0]["kind"] == "no-such-kind", "kestractl poison list", out)
code, out, _ = kestractl("poison", "list")
check(code == 0 and "no-such-kind" in out and "its kind is unknown" in out, "as a table", out)
code, out, _ = kestractl("poison", "show", listed[0]["id"], "--output", "json")
check(code == 0 and json.loads(out)["body"] == "{}", "kestractl poison show", out)
sql("UPDATE poison SET kind = 'resume' WHERE id = '%s'" % listed[0]["id"])
code, out, _ = kestractl("poison", "replay", listed[0]["id"])
check(code == 0 and out == "1 replayed\n", "kestractl poison replay", out)
check(until(lambda: state(execution) == "SUCCESS", 10), "mended in the table and replayed, it is handled")
code, out, err = kestractl("poison", "discard", "nobody")
check(code == 1 and "not there" in err, "an unknown id is an error", err)
code, out, _ = kestractl("poison", "discard", "--all", "--output", "json")
check(code == 0 and json.loads(out) == {"count": 2}, "kestractl poison discard --all", out)

# --- an execution whose row is none
execution, healthy = paused(), paused()
body = sql("SELECT body FROM execution WHERE id = '%s'" % execution)
goes_on("before the break")
sql("UPDATE execution SET body = '[]' WHERE id = '%s'" % execution)
forget()
sql("INSERT INTO event (shard, key, kind, body) SELECT shard, id, 'resume', '{}' FROM execution WHERE id = '%s'" % execution)
message = aside(execution)
if check(message, "events of an execution that cannot be read are set aside"):
    check("rows" in message["reason"], "with the reason", message)
    goes_on("an unreadable execution")
    call("POST", "/api/v1/executions/%s/resume" % healthy)
    check(until(lambda: state(healthy) == "SUCCESS", 10), "another paused one goes on")
    sql("UPDATE execution SET body = $$%s$$ WHERE id = '%s'" % (body, execution))
    kestractl("poison", "replay", message["id"])
    check(until(lambda: state(execution) == "SUCCESS", 10), "its row mended and the event replayed, it goes on", state(execution))

# --- one that cannot be read and is deleted; its timer comes due
execution = start("wait")
until(lambda: state(execution) == "PAUSED", 10)
sql("UPDATE execution SET body = '[]' WHERE id = '%s'" % execution)
forget()
message = aside(execution)
if check(message, "a timer of an execution that cannot be read is set aside"):
    check(message["kind"] == "timer", "as an event of kind timer", message)
    goes_on("such a timer")
sql("INSERT INTO event (shard, key, kind, body) SELECT shard, id, 'delete', '{}' FROM execution WHERE id = '%s'" % execution)
check(until(lambda: sql("SELECT count(*) FROM execution WHERE id = '%s'" % execution) == "0", 10), "it can be deleted")
check(call("GET", "/api/v1/poison?executionId=" + execution)[1]["total"] == 0, "and takes along what was set aside")

# --- nor does it keep its slot
put_flow("id: limited\nnamespace: %s\nconcurrency: {limit: 1}\ntasks:\n  - id: pause\n    type: io.kestra.plugin.core.flow.Pause\n" % NAMESPACE)
first, second = start("limited"), start("limited")
check(until(lambda: {state(first), state(second)} == {"PAUSED", "QUEUED"}, 10), "one holds a slot, one waits for it")
holder, waiter = (first, second) if state(first) == "PAUSED" else (second, first)
sql("UPDATE execution SET body = '[]' WHERE id = '%s'" % holder)
forget()
call("DELETE", "/api/v1/executions/" + holder)
check(until(lambda: state(waiter) == "PAUSED", 15), "the slot of an unreadable one is free when it is deleted", state(waiter))

# --- a job that no worker can read
execution = start("other-group")
check(until(lambda: sql("SELECT count(*) FROM job WHERE execution_id = '%s'" % execution) == "1", 10), "a job waits")
body = sql("SELECT body FROM job WHERE execution_id = '%s'" % execution)
sql("UPDATE job SET body = '{', worker_group = '' WHERE execution_id = '%s'" % execution)
message = aside(execution)
if check(message, "a job that cannot be read is set aside"):
    goes_on("an unreadable job")
    check(message["queue"] == "job" and message["taskRunId"], "with its task run", message)
    sql("UPDATE poison SET body = $$%s$$ WHERE id = '%s'" % (body, message["id"]))
    kestractl("poison", "replay", message["id"])
    check(until(lambda: state(execution) == "SUCCESS", 10), "mended and replayed, it runs", state(execution))

execution = start("other-group")
until(lambda: sql("SELECT count(*) FROM job WHERE execution_id = '%s'" % execution) == "1", 10)
sql("UPDATE job SET body = '{', worker_group = '' WHERE execution_id = '%s'" % execution)
aside(execution)
call("DELETE", "/api/v1/executions/%s/kill" % execution)
check(until(lambda: state(execution) == "KILLED", 10), "an execution whose job was set aside can be killed", state(execution))

# --- a step whose effect the database refuses, among others in the same batch
sql("ALTER TABLE execution ADD CONSTRAINT refused CHECK (flow_id <> 'far' OR state = 'CREATED') NOT VALID")
others = [start("quick") for _ in range(5)]
execution = start("far")
others += [start("quick") for _ in range(5)]
message = aside(execution)
if check(message, "what the database refuses is found and set aside"):
    check("can not be stored" in message["reason"] and "refused" in message["reason"], "with what PostgreSQL says", message)
    check(all(until(lambda: state(other) == "SUCCESS", 10) for other in others), "all others go on")
    sql("ALTER TABLE execution DROP CONSTRAINT refused")
    kestractl("poison", "replay", message["id"])
    check(until(lambda: state(execution) == "SUCCESS", 10), "once it is taken, replaying ends it", state(execution))
    goes_on("a refused commit")

metrics = subprocess.run(["curl", "-sS", "--unix-socket", os.environ["KESTRA_HOME"] + "/run/executor.sock", "http://x/metrics"],
                         capture_output=True, text=True, check=True).stdout
counted = [line for line in metrics.split("\n") if line.startswith("kestra_executor_events_set_aside_total ")]
check(counted and float(counted[0].split()[1]) >= 5, "the executor's metrics count what is set aside", counted)
finish()
