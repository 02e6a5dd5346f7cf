#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The by-ids and by-query forms of what can be done to executions: valid, unknown and unfit ids, nothing half done, 5,000 at once."""
import json
import os
import subprocess
import time

from client import call, check, finish, put_flow, run, until

NAMESPACE = "integration.bulk"
MANY = 5000
HELLO = "tasks:\n  - id: hello\n    type: io.kestra.plugin.core.log.Log\n    message: hello\n"


def flow(name, rest):
    status, body = put_flow("id: %s\nnamespace: %s\n%s" % (name, NAMESPACE, rest))
    if status != 200:
        check(False, "flow " + name, body)


flow("quick", HELLO)
flow("fails", "tasks:\n  - id: fails\n    type: io.kestra.plugin.core.execution.Fail\n")
flow("pause", "tasks:\n  - id: pause\n    type: io.kestra.plugin.core.flow.Pause\n")
flow("sleep", "tasks:\n  - id: sleep\n    type: io.kestra.plugin.core.flow.Sleep\n    duration: PT30S\n")
flow("limited", "concurrency: {limit: 1, behavior: QUEUE}\ntasks:\n  - id: pause\n    type: io.kestra.plugin.core.flow.Pause\n")
flow("many", HELLO)


def sql(text):
    return subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", os.environ["KESTRA_PG"], "-c", text], check=True,
                          capture_output=True, text=True).stdout.strip()


def state(execution):
    status, body = call("GET", "/api/v1/executions/" + execution)
    return body["state"]["current"] if status == 200 else None


def start(name, wanted):
    execution = run(NAMESPACE, name, wait=False)[1]["id"]
    until(lambda: state(execution) == wanted, 20)
    check(state(execution) == wanted, "an execution of %s is %s" % (name, wanted), state(execution))
    return execution


def by_ids(method, path, ids, query=""):
    return call(method, "/api/v1/executions%s/by-ids%s" % (path, query), json.dumps(ids), "application/json", timeout=180)


def by_query(method, path, query, body=None):
    return call(method, "/api/v1/executions%s/by-query?namespace=%s&%s" % (path, NAMESPACE, query),
                json.dumps(body) if body is not None else None, "application/json", timeout=180)


def refused(answer, message, expected, what):
    status, body = answer
    found = {item["invalidValue"]: item["message"] for item in body.get("invalids", [])} if isinstance(body, dict) else body
    check(status == 400 and body["message"] == message and found == expected, what + ": mixed ids are refused, each with its reason",
          (status, body if not isinstance(body, dict) else (body.get("message"), found)))


def counts(answer, count, what):
    check(answer == (200, {"count": count}), what, answer)


def becomes(ids, wanted, what):
    check(all(until(lambda one=one: state(one) == wanted, 20) for one in ids), what, [state(one) for one in ids])


done = start("quick", "SUCCESS")
NOT_FOUND = "execution not found"

# --- restart
failed = [start("fails", "FAILED") for _ in range(2)]
refused(by_ids("POST", "/restart", [failed[0], "nope", done]), "invalid bulk restart",
        {"nope": NOT_FOUND, done: "execution not in state FAILED"}, "restart")
check(len(call("GET", "/api/v1/executions/" + failed[0])[1]["state"]["histories"]) == 3, "and nothing is done")
counts(by_ids("POST", "/restart", failed), 2, "restart by ids")
check(all(until(lambda one=one: "RESTARTED" in json.dumps(call("GET", "/api/v1/executions/" + one)[1]["state"]), 10) for one in failed),
      "both are restarted")
becomes(failed, "FAILED", "and fail again")
counts(by_query("POST", "/restart", "flowId=fails&state=FAILED"), 2, "restart by query")
becomes(failed, "FAILED", "and again")

# --- replay
refused(by_ids("POST", "/replay", [done, "nope"]), "invalid bulk replay", {"nope": NOT_FOUND}, "replay")
counts(by_ids("POST", "/replay", [done, failed[0]]), 2, "replay by ids")
check(until(lambda: call("GET", "/api/v1/executions?namespace=%s&flowId=quick" % NAMESPACE)[1]["total"] == 2, 10), "new executions")
counts(by_query("POST", "/replay", "flowId=quick"), 2, "replay by query")

# --- pause, resume
running = [start("sleep", "RUNNING") for _ in range(2)]
refused(by_ids("POST", "/pause", [running[0], done, "nope"]), "invalid bulk pause",
        {done: "execution not in state RUNNING", "nope": NOT_FOUND}, "pause")
counts(by_ids("POST", "/pause", running), 2, "pause by ids")
becomes(running, "PAUSED", "both are paused")
refused(by_ids("POST", "/resume", [running[0], done, "nope"]), "invalid bulk resume",
        {done: "execution not in state PAUSED", "nope": NOT_FOUND}, "resume")
counts(by_ids("POST", "/resume", running), 2, "resume by ids")
becomes(running, "RUNNING", "both go on")
counts(by_query("POST", "/pause", "flowId=sleep&state=RUNNING"), 2, "pause by query")
becomes(running, "PAUSED", "both are paused")
counts(by_query("POST", "/resume", "flowId=sleep&state=PAUSED"), 2, "resume by query")

# --- kill
refused(by_ids("DELETE", "/kill", [running[0], done, "nope"]), "invalid bulk kill",
        {done: "execution already finished", "nope": NOT_FOUND}, "kill")
counts(by_ids("DELETE", "/kill", running[:1]), 1, "kill by ids")
becomes(running[:1], "KILLED", "it is killed")
counts(by_query("DELETE", "/kill", "flowId=sleep&state=RUNNING"), 1, "kill by query")
becomes(running, "KILLED", "the other too")

# --- unqueue, force run
held = start("limited", "PAUSED")
queued = [start("limited", "QUEUED") for _ in range(4)]
refused(by_ids("POST", "/unqueue", [queued[0], held, "nope"]), "invalid bulk unqueue",
        {held: "execution not in state QUEUED", "nope": NOT_FOUND}, "unqueue")
counts(by_ids("POST", "/unqueue", queued[:1]), 1, "unqueue by ids")
becomes(queued[:1], "PAUSED", "it runs")
refused(by_ids("POST", "/force-run", [queued[1], done, "nope"]), "invalid bulk force run",
        {done: "execution in a terminated state", "nope": NOT_FOUND}, "force-run")
counts(by_ids("POST", "/force-run", queued[1:2]), 1, "force-run by ids")
becomes(queued[1:2], "PAUSED", "it runs")
counts(by_query("POST", "/unqueue", "flowId=limited&state=QUEUED"), 2, "unqueue by query")
becomes(queued, "PAUSED", "all run")

# --- change status
refused(by_ids("POST", "/change-status", [done, held, "nope"], "?newStatus=WARNING"), "invalid bulk change executions status",
        {held: "execution not in a terminated state", "nope": NOT_FOUND}, "change-status")
status, body = by_ids("POST", "/change-status", [done], "?newStatus=RUNNING")
check(status == 422, "a status that is no end is refused", (status, body))
check(by_ids("POST", "/change-status", [done])[0] == 400, "no status at all is refused")
counts(by_ids("POST", "/change-status", [done], "?newStatus=WARNING"), 1, "change-status by ids")
becomes([done], "WARNING", "it has the status")
counts(by_query("POST", "/change-status", "flowId=sleep&newStatus=CANCELLED"), 2, "change-status by query")
becomes(running, "CANCELLED", "they have it")

# --- labels
LABELS = [{"key": "team", "value": "a"}, {"key": "", "value": ""}]


def labels(ids, list_):
    return call("POST", "/api/v1/executions/labels/by-ids", json.dumps({"executionsId": ids, "executionLabels": list_}),
                "application/json")


refused(labels([done, held, "nope"], LABELS), "invalid bulk set labels",
        {held: "execution is not terminated", "nope": NOT_FOUND}, "labels")
status, body = labels([done], [{"key": "system.label", "value": "x"}])
check(status == 422, "system labels are refused", (status, body))
counts(labels([done, failed[0]], LABELS), 2, "labels by ids")
check(until(lambda: {"key": "team", "value": "a"} in call("GET", "/api/v1/executions/" + failed[0])[1]["labels"], 10) and
      {"key": "", "value": ""} not in call("GET", "/api/v1/executions/" + done)[1]["labels"], "they have the label, and no empty one")
counts(by_query("POST", "/labels", "flowId=fails", [{"key": "team", "value": "b"}]), 3, "labels by query")

# --- delete
refused(by_ids("DELETE", "", [done, held, "nope"]), "invalid bulk delete", {held: NOT_FOUND, "nope": NOT_FOUND}, "delete")
check(state(done), "and nothing is done")
counts(by_ids("DELETE", "", [done, held], "?includeNonTerminated=true"), 2, "delete by ids, what runs too")
check(state(done) is None and state(held) is None, "they are gone")
counts(by_query("DELETE", "", "flowId=fails"), 3, "delete by query")

# --- forms of the request
counts(by_ids("POST", "/restart", []), 0, "an empty list")
counts(by_query("DELETE", "/kill", "flowId=nobody"), 0, "a query that finds nothing")
for wrong in ('{"a": 1}', "[", '"text"', ""):
    status, body = call("POST", "/api/v1/executions/restart/by-ids", wrong, "application/json")
    check(status == 422, "a body of %r is refused" % wrong, (status, body))
check(by_ids("POST", "/restart", [1, None])[0] in (400, 422), "ids that are no texts are refused")

# --- many
template = run(NAMESPACE, "many")[1]["id"]
sql("INSERT INTO execution SELECT 'many' || n, kestra_shard, namespace, flow_id, flow_revision, state, start_date, end_date,"
    " duration_usec, parent_execution_id, labels, replace(body::text, '%s', 'many' || n)::json, internal"
    " FROM execution, generate_series(1, %d) AS n, LATERAL (SELECT 0::smallint AS kestra_shard) AS s WHERE id = '%s'"
    % (template, MANY, template))


def shard(key):
    value = 14695981039346656037
    for byte in key.encode():
        value = ((value ^ byte) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
    return value % 64


for number in range(64):
    ids = ["many%d" % n for n in range(1, MANY + 1) if shard("many%d" % n) == number]
    sql("UPDATE execution SET shard = %d WHERE id = ANY (ARRAY['%s'])" % (number, "','".join(ids)))
everyone = ["many%d" % n for n in range(1, MANY + 1)]
webserver = [pid for pid in os.environ["KESTRA_PIDS"].split(",") if "webserver" in open("/proc/%s/cmdline" % pid).read().split("\0")[0]][0]


def peak():
    with open("/proc/%s/status" % webserver) as status_file:
        return int([line for line in status_file if line.startswith("VmHWM")][0].split()[1]) // 1024


def measured(what, seconds, action):
    before = peak()
    began = time.monotonic()
    answer = action()
    took = time.monotonic() - began
    check(answer[0] == 200 and answer[1] == {"count": MANY}, "%d at once: %s" % (MANY, what), answer[1])
    check(took < seconds and peak() - before < 150, "%s took %.1f s, the webserver's peak grew by %d MiB to %d"
          % (what, took, peak() - before, peak()))


status, body = by_ids("POST", "/change-status", everyone + ["nope"], "?newStatus=WARNING")
check(status == 400 and len(body["invalids"]) == 1, "one unknown among many")
status, body = by_ids("POST", "/restart", everyone)
check(status == 400 and len(body["invalids"]) == 100 and body["count"] == MANY, "many that do not fit: how many, and the first of them",
      (len(body["invalids"]), body.get("count")))
measured("change-status by ids", 20, lambda: by_ids("POST", "/change-status", everyone, "?newStatus=WARNING"))
check(until(lambda: sql("SELECT count(*) FROM execution WHERE state = 'WARNING' AND flow_id = 'many'") == str(MANY), 30), "all have it",
      sql("SELECT state, count(*) FROM execution WHERE flow_id = 'many' GROUP BY 1"))
measured("labels by query", 20, lambda: by_query("POST", "/labels", "flowId=many&state=WARNING", [{"key": "a", "value": "b"}]))
measured("replay by ids", 60, lambda: by_ids("POST", "/replay", everyone))
check(until(lambda: sql("SELECT count(*) FROM execution WHERE state = 'SUCCESS' AND flow_id = 'many'") == str(MANY + 1), 120), "all have run",
      sql("SELECT state, count(*) FROM execution WHERE flow_id = 'many' GROUP BY 1"))
measured("delete by query", 60, lambda: by_query("DELETE", "", "flowId=many&state=WARNING"))
check(sql("SELECT count(*) FROM execution WHERE state = 'WARNING' AND flow_id = 'many'") == "0", "all are gone when the answer comes")
finish()
