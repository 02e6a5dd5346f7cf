#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# with-server: --executors 2
"""Concurrency limits with two executors: never one too many, first queued first started, and the slot comes back however the
execution ends."""
import concurrent.futures
import os
import signal
import time

from client import TERMINAL, call, check, finish, put_flow, run, until

NAMESPACE = "integration.concurrency"


def flow(name, rest):
    status, body = put_flow("id: %s\nnamespace: %s\n%s" % (name, NAMESPACE, rest))
    if status != 200:
        check(False, "flow " + name, body)


def get(execution):
    status, body = call("GET", "/api/v1/executions/" + execution)
    return body if status == 200 else None


def state(execution):
    body = get(execution)
    return body["state"]["current"] if body else None


def is_(execution, wanted, seconds=15):
    return until(lambda: state(execution) == wanted, seconds)


def start(name, wanted=None):
    execution = run(NAMESPACE, name, wait=False)[1]["id"]
    if wanted:
        check(has_been(execution, wanted), "%s: one is %s" % (name, wanted), state(execution))
    return execution


def has_been(execution, wanted):
    """Also when it has gone on since: a service level ends it while others are looked at."""
    return until(lambda: any(entry["state"] == wanted for entry in (get(execution) or {"state": {"histories": []}})["state"]["histories"]), 60)


def resume(execution):
    return call("POST", "/api/v1/executions/%s/resume" % execution)


# --- never too many, in order
flow("crowd", "concurrency: {limit: 3, behavior: QUEUE}\ntasks:\n  - id: sleep\n    type: io.kestra.plugin.core.flow.Sleep\n"
     "    duration: PT0.3S\n")


def history(execution):
    return {entry["state"]: entry["date"] for entry in get(execution)["state"]["histories"]}


def examine(executions, what, ordered):
    histories = [history(one) for one in executions]
    ended = [[dates for name, dates in one.items() if name in TERMINAL][0] for one in histories]
    changes = sorted([(one["RUNNING"], 1) for one in histories] + [(date, -1) for date in ended])
    held = most = 0
    for _, change in changes:
        held += change
        most = max(most, held)
    check(most == 3, "%s: three at once and never more" % what, most)
    if not ordered:
        return
    # Slots are given strictly in line (tests/data/step/limit-queue.case); the dates are those at which each of the two executors heard of
    # it, so that neighbours may change places when one of them is late. Nobody is overtaken by more than two waves.
    queued = sorted((one["QUEUED"], one["RUNNING"]) for one in histories if "QUEUED" in one)
    late = [pair for place, pair in enumerate(queued) if sum(other[1] < pair[1] for other in queued[place + 1:]) > 2 * 3]
    check(len(queued) > len(executions) // 2 and not late, "%s: who queued first started first" % what, (len(queued), late))


with concurrent.futures.ThreadPoolExecutor(8) as pool:
    crowd = list(pool.map(lambda _: start("crowd"), range(40)))
check(all(is_(one, "SUCCESS", 60) for one in crowd), "forty end")
examine(crowd, "forty", True)

# --- an executor dies
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    crowd = list(pool.map(lambda _: start("crowd"), range(30)))
executors = [int(pid) for pid in os.environ["KESTRA_PIDS"].split(",") if "executor" in open("/proc/%s/cmdline" % pid).read().split("\0")[0]]
check(len(executors) == 2, "there are two executors", os.environ["KESTRA_PIDS"])
os.kill(executors[0], signal.SIGKILL)
check(all(is_(one, "SUCCESS", 90) for one in crowd), "thirty end although an executor was killed", [state(one) for one in crowd])
# Slots are given in order, but who belongs to the dead one hears of it when its shard has a new owner.
examine(crowd, "with a dead executor", False)

# --- every way to end
PAUSE = "  - id: pause\n    type: io.kestra.plugin.core.flow.Pause\n"
ONE = "concurrency: {limit: 1, behavior: QUEUE}\ntasks:\n"
flow("success", ONE + PAUSE)
flow("fail", ONE + PAUSE + "  - id: fail\n    type: io.kestra.plugin.core.execution.Fail\n")
flow("sleep", ONE + "  - id: sleep\n    type: io.kestra.plugin.core.flow.Sleep\n    duration: PT60S\n")
for behavior in ("FAIL", "CANCEL"):
    flow("sla-" + behavior.lower(), "sla:\n  - id: short\n    type: MAX_DURATION\n    duration: PT5S\n    behavior: %s\n" % behavior + ONE +
         "  - id: sleep\n    type: io.kestra.plugin.core.flow.Sleep\n    duration: PT3600S\n")
flow("broken-outputs", "outputs:\n  - id: out\n    type: STRING\n    value: \"{{ nothing }}\"\n" + ONE + PAUSE)


def passes_on(name, holding, end, ends_as, next_state=None):
    first = start(name, holding)
    second = start(name, "QUEUED")
    end(first)
    check(is_(first, ends_as), "%s: it ends %s" % (name, ends_as), state(first))
    check(has_been(second, next_state or holding), "%s: the next one starts" % name, state(second))
    call("DELETE", "/api/v1/executions/%s/kill" % second)
    check(until(lambda: state(second) in TERMINAL, 15), "%s: the next one ends too" % name, state(second))


passes_on("success", "PAUSED", resume, "SUCCESS")
passes_on("fail", "PAUSED", resume, "FAILED")
passes_on("success", "PAUSED", lambda one: call("DELETE", "/api/v1/executions/%s/kill" % one), "KILLED")
passes_on("sleep", "RUNNING", lambda one: call("DELETE", "/api/v1/executions/%s/kill" % one), "KILLED")
passes_on("success", "PAUSED", lambda one: call("DELETE", "/api/v1/executions/" + one), None)
passes_on("sleep", "RUNNING", lambda one: call("DELETE", "/api/v1/executions/" + one), None)
passes_on("sla-fail", "RUNNING", lambda one: None, "FAILED")
passes_on("sla-cancel", "RUNNING", lambda one: None, "CANCELLED")
passes_on("broken-outputs", "PAUSED", resume, "FAILED")

# --- queued ones that go, or go first
held = start("success", "PAUSED")
line = [start("success", "QUEUED") for _ in range(5)]
call("DELETE", "/api/v1/executions/%s/kill" % line[0])
check(is_(line[0], "KILLED"), "a queued one is killed", state(line[0]))
call("DELETE", "/api/v1/executions/" + line[1])
check(is_(line[1], None), "a queued one is deleted")
call("POST", "/api/v1/executions/%s/force-run" % line[4])
check(is_(line[4], "PAUSED"), "one is forced: it runs beyond the limit", state(line[4]))
check(state(line[2]) == "QUEUED", "the others wait")
resume(line[4])
check(is_(line[4], "SUCCESS"), "the forced one ends")
time.sleep(0.5)
check(state(line[2]) == "QUEUED", "which gives no slot to anybody: the first still has it", state(line[2]))
resume(held)
check(is_(held, "SUCCESS") and is_(line[2], "PAUSED"), "the first ends, the next in line starts", state(line[2]))
check(state(line[3]) == "QUEUED", "and only that one", state(line[3]))
call("POST", "/api/v1/executions/%s/unqueue" % line[3])
check(is_(line[3], "PAUSED"), "the last one is unqueued", state(line[3]))
late = start("success", "QUEUED")
resume(line[2])
resume(line[3])
check(is_(late, "PAUSED"), "when both have ended the next one starts", state(late))
resume(late)
check(is_(late, "SUCCESS"), "and ends")

# --- a restarted one and a replayed one stand in line again
failed = start("fail", "PAUSED")
resume(failed)
check(is_(failed, "FAILED"), "one fails", state(failed))
held = start("fail", "PAUSED")
call("POST", "/api/v1/executions/%s/restart" % failed)
check(is_(failed, "QUEUED"), "restarted while another runs it is queued", state(failed))
status, replayed = call("POST", "/api/v1/executions/%s/replay" % held)
check(status == 200 and is_(replayed["id"], "QUEUED"), "replayed while it runs the new one is queued", replayed)
resume(held)
check(is_(held, "FAILED") and is_(failed, "FAILED"), "the restarted one has its turn, and fails again", state(failed))
check(is_(replayed["id"], "PAUSED"), "then the replayed one", state(replayed["id"]))
resume(replayed["id"])
check(is_(replayed["id"], "FAILED"), "and it ends")
check(start("fail", "PAUSED"), "the slot is free again")

# --- what does not queue
for behavior, ends_as in (("FAIL", "FAILED"), ("CANCEL", "CANCELLED")):
    flow("no-queue", "concurrency: {limit: 1, behavior: %s}\ntasks:\n" % behavior + PAUSE)
    held = start("no-queue", "PAUSED")
    for _ in range(2):
        start("no-queue", ends_as)
    resume(held)
    check(is_(held, "SUCCESS"), "%s: the first one is not touched" % behavior, state(held))
    held = start("no-queue", "PAUSED")
    resume(held)
    check(is_(held, "SUCCESS"), "%s: its slot is free again" % behavior)
finish()
