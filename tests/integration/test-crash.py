#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A message that ends the executor each time that it is stepped is found, set aside and shown; all else goes on.

No crash is planted in the program: while this test holds the row of an execution, the executor waits in the commit of the step
that changes it, and is killed there.
"""
import os
import signal
import subprocess
import threading

from client import call, check, finish, put_flow, run, until

NAMESPACE = "integration.crash"
PATIENCE = 60
put_flow("id: pause\nnamespace: %s\ntasks:\n  - id: pause\n    type: io.kestra.plugin.core.flow.Pause\n" % NAMESPACE)
put_flow("id: quick\nnamespace: %s\ntasks:\n  - id: hello\n    type: io.kestra.plugin.core.log.Log\n    message: hello\n" % NAMESPACE)


def sql(text):
    # As superuser: others do not see what sessions of another role wait for.
    return subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", os.environ["KESTRA_PG"] + " user=postgres", "-c", text], check=True,
                          capture_output=True, text=True).stdout.strip()


def state(execution):
    return (call("GET", "/api/v1/executions/" + execution)[1] or {}).get("state", {}).get("current")


def executor():
    with open(os.environ["KESTRA_HOME"] + "/run/executor.pid", encoding="ascii") as file:
        return int(file.read())


def hold(execution):
    """Whoever changes the row of the execution is in that step for a while; not a lock, which the executor would go round."""
    sql("CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(12); RETURN NEW; END $$;"
        " CREATE TRIGGER hold BEFORE UPDATE ON execution FOR EACH ROW WHEN (OLD.id = '%s') EXECUTE FUNCTION hold()" % execution)


def let_go():
    sql("DROP TRIGGER hold ON execution")


def backend():
    """The executor's session, once it is there."""
    return sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'kestra-executor' AND wait_event = 'PgSleep'")


def crash(how):
    session = until(backend, PATIENCE)
    if check(session, "the executor is in the step, and dies by %s" % how.name):
        os.kill(executor(), how)
        sql("SELECT pg_terminate_backend(%s)" % session.split()[0])
        until(lambda: sql("SELECT count(*) FROM pg_stat_activity WHERE pid = %s" % session.split()[0]) == "0", PATIENCE)


bad, good = (run(NAMESPACE, "pause", wait=False)[1]["id"] for _ in range(2))
check(until(lambda: {state(bad), state(good)} == {"PAUSED"}, PATIENCE), "two executions are paused")
hold(bad)
resume = threading.Thread(target=lambda: call("POST", "/api/v1/executions/%s/resume" % bad))
resume.start()  # its answer waits for the executor
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
resume.join()
let_go()
if found:
    call("POST", "/api/v1/poison/%s/replay" % found[0]["id"])
    check(until(lambda: state(bad) == "SUCCESS", PATIENCE), "replayed, it ends", state(bad))
finish()
