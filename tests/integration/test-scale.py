#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Large executions: a loop over ten times the values takes at most eleven times the time, in little memory of the executor;
a chain of 1,000 tasks, a graph of 500 and tasks nested 20 deep run."""
import os
import threading
import time

from client import TERMINAL, call, check, finish, put_flow, run, until

NAMESPACE = "integration.scale"
EXECUTOR_MIB = 40
HEAD = "namespace: %s\n" % NAMESPACE
LOG = "{id: %s, type: io.kestra.plugin.core.debug.Return, format: x}"
KINDS = ("Sequential", "Parallel", "ForEach, values: [x]", "AllowFailure")


def flows():
    yield "id: loop\n" + HEAD + """inputs:
  - {id: n, type: INT}
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    concurrencyLimit: 0
    values: "{{ range(1, inputs.n) }}"
    tasks:
      - {id: one, type: io.kestra.plugin.core.debug.Return, format: "{{ taskrun.value }}"}
"""
    yield "id: chain\n" + HEAD + "tasks:\n" + "".join("  - %s\n" % (LOG % ("t%d" % i)) for i in range(1000))
    yield "id: graph\n" + HEAD + "tasks:\n  - id: dag\n    type: io.kestra.plugin.core.flow.Dag\n    tasks:\n" + "".join(
        "      - task: %s\n" % (LOG % ("t%d" % i)) + ("        dependsOn: [t%d, t%d]\n" % (i - 1, i // 2) if i > 2 else "")
        for i in range(500))
    yield "id: deep\n" + HEAD + "tasks:\n  - " + "".join(
        "{id: n%d, type: io.kestra.plugin.core.flow.%s, tasks: [" % (i, KINDS[i % 4]) for i in range(20)) + LOG % "last" + "]}" * 20


def pid_of(role):
    for pid in os.environ["KESTRA_PIDS"].split(","):
        with open("/proc/%s/comm" % pid) as comm:
            if comm.read().strip() == ("kestra-" + role)[:15]:
                return pid
    return None


def pss_mib(pid):
    with open("/proc/%s/smaps_rollup" % pid) as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024


class Peak(threading.Thread):
    """The most memory that a process has had, while it is watched."""

    def __init__(self, role):
        super().__init__(daemon=True)
        self.pid, self.mib, self.over = pid_of(role), 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.02):
            self.mib = max(self.mib, pss_mib(self.pid))


def state_of(execution):
    return call("GET", "/api/v1/executions/search?size=25&namespace=%s&flowId=%s" % (NAMESPACE, execution["flowId"]))[1]


def runs_of(name, inputs=None):
    """Runs it to its end; (state, seconds)."""
    status, started = run(NAMESPACE, name, inputs, wait=False)
    if status != 200:
        return started, 0

    def ended():
        found = [e for e in state_of(started)["results"] if e["id"] == started["id"]]
        return found[0]["state"] if found and found[0]["state"]["current"] in TERMINAL else None

    state = until(ended, 120, 0.1)
    return state["current"] if state else None, seconds(state["duration"]) if state else 0


def seconds(duration):
    number = 0
    for part, factor in (("H", 3600), ("M", 60), ("S", 1)):
        duration = duration.replace("PT", "")
        if part in duration:
            value, duration = duration.split(part, 1)
            number += float(value) * factor
    return number


def main():
    for source in flows():
        status, body = put_flow(source)
        check(status == 200, "the flow %s is stored" % source.split("\n", 1)[0][4:], body)
    peak = Peak("executor")
    ratios = []
    for _ in range(3):  # a machine that does something else meanwhile says anything, but not three times
        small_state, small = runs_of("loop", {"n": 1000})
        large_state, large = runs_of("loop", {"n": 10000})
        check(small_state == large_state == "SUCCESS", "1,000 values: %.2f s, 10,000 values: %.2f s" % (small, large),
              (small_state, large_state))
        ratios.append(large / small if small else 1000)
        if ratios[-1] <= 11:
            break
    peak.over.set()
    check(min(ratios) <= 11, "ten times the values take %.1f times the time" % min(ratios))
    check(0 < peak.mib < EXECUTOR_MIB, "the executor has %.1f MiB at most" % peak.mib)

    for name in ("chain", "graph", "deep"):
        state, took = runs_of(name)
        check(state == "SUCCESS", "%s runs (%.2f s)" % (name, took), state)

    execution = call("GET", "/api/v1/executions/search?size=1&sort=id:asc&namespace=%s&flowId=graph" % NAMESPACE)[1]["results"][0]
    begun = time.monotonic()
    status, body = call("GET", "/api/v1/executions/" + execution["id"])
    check(status == 200 and len(body["taskRunList"]) == 501, "all task runs are shown (%.2f s)" % (time.monotonic() - begun))
    finish()


main()
