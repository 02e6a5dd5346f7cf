#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How answers reach the client: connections that are kept, and answers that are too long to be held in memory."""
import http.client
import json
import os
import subprocess
import time
import urllib.parse

from client import URL, call, check, finish

KEPT_REQUESTS = 60
HOME = os.environ["KESTRA_HOME"]
RUNS = 10001


def connect():
    where = urllib.parse.urlsplit(URL)
    return http.client.HTTPConnection(where.hostname, where.port, timeout=60)


def kept_connection():
    """The next request is read at once, and not when the server wakes up for another reason (every five seconds)."""
    connection, begin, statuses = connect(), time.monotonic(), set()
    for _ in range(KEPT_REQUESTS):
        connection.request("GET", "/api/v1/executions/unknown")
        answer = connection.getresponse()
        answer.read()
        statuses.add(answer.status)
    connection.close()
    check(statuses == {404}, "one connection serves many requests", statuses)
    check(time.monotonic() - begin < KEPT_REQUESTS, "one after the other without a pause", time.monotonic() - begin)


def sql(text):
    return subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", os.environ["KESTRA_PG"], "-c", text], check=True,
                          capture_output=True, text=True).stdout.rstrip("\n")


def execution_body(name):
    return json.dumps({"id": name, "namespace": "answers", "flowId": "flow", "flowRevision": 1, "inputs": {"none": None, "é": [1.50, {}]},
                       "state": {"current": "SUCCESS", "histories": [], "duration": "PT1S"}, "deleted": False}, ensure_ascii=False)


def make_execution(name, runs):
    """Rows as the executor writes them; positions against the order of the primary key."""
    sql("INSERT INTO execution VALUES ('%s', 1, 'answers', 'flow', 1, 'SUCCESS', now(), now(), 1, NULL, '{}', '%s', NULL)"
        % (name, execution_body(name)))
    sql("""INSERT INTO task_run SELECT '%s', 'run' || (100000 - i), i, ('{"id":"run' || i || '","taskId":"é \\"t\\" \\u0001","value":null,'
        || '"big":12345678901234567890.10,"outputs":' || CASE i %% 3 WHEN 0 THEN 'null' WHEN 1 THEN '{}' ELSE '{"z": 1, "a":"'
        || repeat(md5(i::text), 20) || '"}' END || ',"deleted":false}')::json, NULL FROM generate_series(0, %d - 1) AS i""" % (name, runs))


def expected_execution(name):
    """The same put together by PostgreSQL."""
    runs = sql("SELECT string_agg(body::text, ',' ORDER BY position) FROM task_run WHERE execution_id = '%s'" % name)
    body = sql("SELECT body FROM execution WHERE id = '%s'" % name)
    return body[:-1] + ',"taskRunList":[' + runs + "]}" if runs else body


def peak_mib(action):
    """(result, most memory the webserver had meanwhile beyond what it had before)."""
    with open("%s/run/webserver.pid" % HOME) as file:
        process = "/proc/" + file.read().strip()

    def kib(key):
        with open(process + "/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(key))

    with open(process + "/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    before = kib("VmRSS")
    return action(), (kib("VmHWM") - before) / 1024


def fetch(path):
    connection = connect()
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def compare(path, expected, name):
    (status, body), peak = peak_mib(lambda: fetch(path))
    print("# %s: %.1f MiB, the webserver grew by %.1f MiB" % (name, len(body) / (1 << 20), peak))
    check(status == 200 and body == expected, name + " is what the rows say, byte by byte", (status, len(body), len(expected)))
    check(peak < 6, name + " is not held in memory", peak)


def executions():
    for name, runs in (("long", RUNS), ("short", 3), ("none", 0)):
        make_execution(name, runs)
    fetch("/api/v1/executions/short")  # a handler thread with its session
    expected = {name: expected_execution(name) for name in ("long", "short", "none")}
    for name, text in expected.items():
        compare("/api/v1/executions/" + name, text, "execution " + name)
        check(len(json.loads(text).get("taskRunList", [])) == {"long": RUNS, "short": 3, "none": 0}[name], name + " is read whole")
    compare("/api/v1/executions/long/follow", "id: end\ndata: %s\n\n" % expected["long"], "event of a long execution")
    page = "/api/v1/executions/search?namespace=answers&sort=id:%s&size=%d"
    compare(page % ("asc", 3), '{"results":[%s],"total":3}' % ",".join(expected[name] for name in sorted(expected)), "page")
    compare(page % ("desc", 1), '{"results":[%s],"total":3}' % expected["short"], "page of one")
    check(fetch("/api/v1/executions/search?namespace=nothing")[1] == '{"results":[],"total":0}', "an empty page")


def logs():
    sql("INSERT INTO log (timestamp, level, attempt, namespace, flow_id, execution_id, task_id, message) SELECT date_trunc('day', now())"
        " + i * interval '1 millisecond', 2, nullif(i %% 2, 0), 'answers', 'flow', 'long', 't', 'line \"' || i || '\" ' || repeat('x', 200)"
        " FROM generate_series(0, 19999) AS i" .replace("%%", "%"))
    rows = sql("SELECT to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') || chr(9) || coalesce(attempt::text, 'null') || chr(9)"
               " || message FROM log WHERE execution_id = 'long' ORDER BY timestamp, position").split("\n")
    level = json.loads(fetch("/api/v1/logs/long")[1])[0]["level"]
    entries, lines = [], []
    for row in rows:
        date, attempt, message = row.split("\t")
        entries.append('{"namespace":"answers","flowId":"flow","taskId":"t","executionId":"long","attemptNumber":%s,"timestamp":"%s","level":"%s",'
                       '"message":%s,"deleted":false}' % (attempt, date, level, json.dumps(message)))
        lines.append("%s %s %s" % (date, level, message))
    check(len(rows) == 20000, "there are log lines", len(rows))
    compare("/api/v1/logs/long", "[" + ",".join(entries) + "]", "log")
    compare("/api/v1/logs/long/download", "\n".join(lines), "file of the log")
    check(fetch("/api/v1/logs/unknown") == (200, "[]"), "an unknown execution has no log")
    check(fetch("/api/v1/logs/unknown/download") == (200, ""), "and an empty file")


def counts():
    """By flow: what other flows of the namespace and other states have is not mixed in."""
    for name, flow, state in (("c1", "one", "SUCCESS"), ("c2", "one", "FAILED"), ("c3", "one", "SUCCESS"), ("c4", "two", "SUCCESS")):
        sql("INSERT INTO execution VALUES ('%s', 1, 'counted.here', '%s', 1, '%s', now() - interval '1 hour', now(), 5, NULL, '{}', '{}', NULL)"
            % (name, flow, state))

    def sums(body):
        found = call("POST", "/api/v1/stats/executions/daily/group-by-flow", json.dumps(body), "application/json")[1]
        return {flow: [sum(bucket["executionCounts"][state] for bucket in buckets) for state in ("SUCCESS", "FAILED", "RUNNING")]
                for flow, buckets in found.get("counted.here", {}).items()}

    one = {"namespace": "counted.here", "id": "one"}
    check(sums({"namespace": "counted"}) == {"one": [2, 1, 0], "two": [1, 0, 0]}, "executions are counted by flow", sums({"namespace": "counted"}))
    check(sums({"flows": [one, {"namespace": "counted.here", "id": "none"}]}) == {"one": [2, 1, 0]}, "of the flows asked for")
    check(sums({"namespace": "counted", "namespaceOnly": True}) == {"*": [3, 1, 0]}, "or of whole namespaces")
    check(sums({"namespace": "counted", "state": ["FAILED"]}) == {"one": [0, 1, 0]}, "in some states")


def main():
    kept_connection()
    executions()
    logs()
    counts()
    finish()


main()
