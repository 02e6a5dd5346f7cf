#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# with-server: --executors 2
"""Timers outlive executors: while delays, retries, pauses, loops and service levels wait, both executors are killed, again when
the timers are due, and are stopped beyond the dates of a second lot. Each fires once, none before its date, late ones at once."""
import os
import signal
import subprocess
import time

from client import TERMINAL, call, check, finish, put_flow, run, until

NAMESPACE = "integration.timers"
WAIT = 8  # seconds
EACH = 5  # executions of each flow
LATE = 10  # an executor begins anew, joins, and reads its timers; on a machine that does much else

# tasks (and more), end of the execution, and of its task runs: number of attempts and of PAUSED entries
FLOWS = {
    "delay": ("tasks:\n  - {id: t, type: io.kestra.plugin.core.flow.Pause, delay: PT%dS}\n", "SUCCESS", 0, 1),
    "timeout": ("tasks:\n  - {id: t, type: io.kestra.plugin.core.flow.Pause, timeout: PT%dS}\n", "FAILED", 0, 1),
    "retry": ("tasks:\n  - {id: t, type: io.kestra.plugin.core.execution.Fail, "
              "retry: {type: constant, interval: PT%dS, maxAttempt: 2}}\n", "FAILED", 2, 0),
    "again": ("retry: {type: constant, interval: PT%dS, maxAttempt: 2, behavior: CREATE_NEW_EXECUTION}\n"
              "tasks:\n  - {id: t, type: io.kestra.plugin.core.execution.Fail}\n", "RETRIED", 1, 0),
    "sla": ("sla:\n  - {id: s, type: MAX_DURATION, duration: PT%dS, behavior: CANCEL}\n"
            "tasks:\n  - {id: t, type: io.kestra.plugin.core.flow.Pause}\n", "CANCELLED", 0, 1),
    "loop": ("tasks:\n  - id: t\n    type: io.kestra.plugin.core.flow.WaitFor\n    condition: \"{{ outputs.t.iterationCount == 2 }}\"\n"
             "    checkFrequency: {interval: PT%dS}\n    tasks:\n"
             "      - {id: in, type: io.kestra.plugin.core.debug.Return, format: x}\n", "SUCCESS", 0, 0),
}


def status_of(pid):
    with open("/proc/%s/status" % pid) as status:
        return dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)


def executors():
    """The supervisor's children that run this program now: it starts them again."""
    supervisor = next(status_of(pid)["PPid"] for pid in os.environ["KESTRA_PIDS"].split(",") if os.path.exists("/proc/" + pid))
    children = subprocess.run(["pgrep", "-P", supervisor, "-x", "kestra-executor"[:15]], capture_output=True, text=True)
    return [int(pid) for pid in children.stdout.split()]


def signal_executors(number):
    found = executors()
    for pid in found:
        os.kill(pid, number)
    return len(found)


def search(name, size=100):
    return call("GET", "/api/v1/executions/search?size=%d&namespace=%s&flowId=%s" % (size, NAMESPACE, name))[1]["results"]


def start():
    for name in FLOWS:
        for _ in range(EACH):
            status, body = run(NAMESPACE, name, wait=False)
            if status != 200:
                check(False, "%s was accepted" % name, body)
    waiting = until(lambda: sql("select count(*) from timer") == str(len(FLOWS) * EACH), 30)
    check(waiting, "%d timers wait" % (len(FLOWS) * EACH), sql("select name, key from timer"))


def sql(statement):
    return subprocess.run(["psql", os.environ["KESTRA_PG"], "-Atc", statement], capture_output=True, text=True,
                          check=True).stdout.strip()


def seconds_of(instant):
    return time.mktime(time.strptime(instant[:19], "%Y-%m-%dT%H:%M:%S")) + float("0" + instant[19:].rstrip("Z"))


def took(execution):
    """From the beginning to the end. The execution that follows a RETRIED one tells when the timer fired."""
    state = execution["state"]
    return seconds_of(state["histories"][-1]["date"]) - seconds_of(state["histories"][0]["date"])


def check_lot(lot, late, done):
    """done: ids that were looked at before."""
    for name, (_, end, attempts, paused) in FLOWS.items():
        mine = [e for e in search(name) if e["id"] not in done]
        done.update(e["id"] for e in mine)
        successors = [e for e in mine if e.get("originalId", e["id"]) != e["id"]]
        mine = [e for e in mine if e not in successors]
        check(len(mine) == EACH and len(successors) == (EACH if name == "again" else 0), "%s, %s: each fires once" % (lot, name),
              [e["state"]["current"] for e in mine + successors])
        check(all(e["state"]["current"] == end for e in mine), "%s, %s: ends as %s" % (lot, name, end),
              [e["state"]["current"] for e in mine])
        runs = [next(r for r in e["taskRunList"] if r["taskId"] == "t") for e in mine]
        check(all(len(r.get("attempts") or []) == attempts for r in runs) and
              all(sum(h["state"] == "PAUSED" for h in r["state"]["histories"]) == paused for r in runs),
              "%s, %s: its task run was not done twice" % (lot, name), [r["state"]["histories"] for r in runs])
        if name == "again":  # the second begins when the interval after the first one's attempt has passed
            begun = {e["id"]: seconds_of(run["attempts"][-1]["state"]["histories"][-1]["date"]) for e, run in zip(mine, runs)}
            times = [seconds_of(e["state"]["histories"][0]["date"]) - begun[e["originalId"]] for e in successors]
        else:
            times = [took(e) for e in mine]
        check(all(WAIT <= t < WAIT + late for t in times), "%s, %s: neither early nor late" % (lot, name), times)


def main():
    for name, (body, *_) in FLOWS.items():
        status, answer = put_flow("id: %s\nnamespace: %s\n%s" % (name, NAMESPACE, body % WAIT if "%d" in body else body))
        check(status == 200, "flow %s is stored" % name, answer)
    check(len(executors()) == 2, "two executors run", executors())
    # The first one takes all shards; what it gives to the second begins again with the heartbeat of that one.
    shared = until(lambda: sql("select count(distinct owner) = 2 and count(owner) = count(*) from shard_lease "
                               "where role = 'executor'") == "t", 30)
    check(shared, "they share the shards", sql("select owner, count(*) from shard_lease group by owner"))

    done = set()
    start()
    begun = time.monotonic()
    check(signal_executors(signal.SIGKILL) == 2, "both executors are killed while timers wait")
    until(lambda: len(executors()) == 2, 20)
    while time.monotonic() < begun + WAIT - 0.5:  # not a wait for something: the kill has to meet the dates
        time.sleep(0.05)
    for _ in range(4):
        signal_executors(signal.SIGKILL)
        time.sleep(0.3)
    ended = until(lambda: all(e["state"]["current"] in TERMINAL for name in FLOWS for e in search(name)) and
                  sql("select count(*) from timer") == "0", 60)
    check(ended, "all have ended", sql("select * from timer"))
    check_lot("killed", LATE, done)

    until(lambda: len(executors()) == 2, 20)
    start()
    begun = time.monotonic()
    stopped = signal_executors(signal.SIGSTOP)
    check(stopped == 2, "both executors stand still beyond the dates", stopped)
    while time.monotonic() < begun + WAIT + 2:
        time.sleep(0.05)
    signal_executors(signal.SIGCONT)
    ended = until(lambda: all(e["state"]["current"] in TERMINAL for name in FLOWS for e in search(name)) and
                  sql("select count(*) from timer") == "0", 60)
    check(ended, "all have ended, late", sql("select * from timer"))
    check_lot("late", LATE, done)
    finish()


main()
