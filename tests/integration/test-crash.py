#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A message that ends the executor each time that it is stepped is found, set aside and shown; all else goes on.

No crash is planted in the program: while this test holds the row of an execution, the executor waits in the commit of the step
that changes it, and is killed there.
"""
import os
import signal
import subprocess

from client import call, check, finish, put_flow, run, until

NAMESPACE = "integration.crash"
PATIENCE = 60
put_flow("id: pause\nnamespace: %s\ntasks:\n  - id: pause\n    type: io.kestra.plugin.core.flow.Pause\n" % NAMESPACE)
put_flow("id: quick\nnamespace: %s\ntasks:\n  - id: hello\n    type: io.kestra.plugin.core.log.Log\n    message: hello\n" % NAMESPACE)


def sql(text):
    return subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", os.environ["KESTRA_PG"], "-c", text], check=True,
                          capture_output=True, text=True).stdout.strip()


def state(execution):
    return (call("GET", "/api/v1/executions/" + execution)[1] or {}).get("state", {}).get("current")


def executor():
    with open(os.environ["KESTRA_HOME"] + "/run/executor.pid", encoding="ascii") as file:
        return int(file.read())


def hold(execution):
    """A session that holds the row of the execution until it is closed."""
    session = subprocess.Popen(["psql", "-qAtX", os.environ["KESTRA_PG"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    session.stdin.write("BEGIN; SELECT id FROM execution WHERE id = '%s' FOR UPDATE;\n" % execution)
    session.stdin.flush()
    session.stdout.readline()
    return session


def backend():
    """The executor's session, once it waits for the row."""
    return sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'kestra-executor' AND wait_event_type = 'Lock'")


def crash(how):
    session = until(backend, PATIENCE)
    if check(session, "the executor is in the step, and dies by %s" % how.name):
        os.kill(executor(), how)
        sql("SELECT pg_terminate_backend(%s)" % session.split()[0])
        until(lambda: sql("SELECT count(*) FROM pg_stat_activity WHERE pid = %s" % session.split()[0]) == "0", PATIENCE)


bad, good = (run(NAMESPACE, "pause", wait=False)[1]["id"] for _ in range(2))
check(until(lambda: {state(bad), state(good)} == {"PAUSED"}, PATIENCE), "two executions are paused")
holder = hold(bad)
call("POST", "/api/v1/executions/%s/resume" % bad)
crash(signal.SIGSEGV)
others = [run(NAMESPACE, "quick", wait=False)[1]["id"] for _ in range(5)]
for how in (signal.SIGABRT, signal.SIGKILL):
    check(until(lambda: sql("SELECT trying FROM instance WHERE role = 'executor' AND state = 'ALIVE'") == bad, PATIENCE),
          "started again it says what it tries", sql("SELECT id, state, trying FROM instance"))
    crash(how)
found = until(lambda: call("GET", "/api/v1/poison?executionId=" + bad)[1]["results"], PATIENCE)
if check(found, "the message that ended it is set aside"):
    check(found[0]["kind"] == "resume" and found[0]["reason"] == "a message of %s has ended the executor 2 times" % bad,
          "with the reason", found)
    logs = call("GET", "/api/v1/logs/%s?minLevel=ERROR" % bad)[1]
    check(any(found[0]["id"] in entry["message"] for entry in logs), "the execution's log names its id", logs)
check(until(lambda: all(state(one) == "SUCCESS" for one in others), PATIENCE), "all others go on",
      [state(one) for one in others])
call("POST", "/api/v1/executions/%s/resume" % good)
check(until(lambda: state(good) == "SUCCESS", PATIENCE), "another paused one goes on", state(good))
check(state(bad) == "PAUSED", "the execution stands where it was", state(bad))
check(until(lambda: sql("SELECT count(*) FROM shard_lease WHERE suspect OR trying IS NOT NULL") == "0", PATIENCE),
      "what came after it is trusted again", sql("SELECT * FROM shard_lease WHERE suspect"))
holder.communicate("ROLLBACK;\n")
if found:
    call("POST", "/api/v1/poison/%s/replay" % found[0]["id"])
    check(until(lambda: state(bad) == "SUCCESS", PATIENCE), "replayed, it ends", state(bad))
finish()
