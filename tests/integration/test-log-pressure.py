#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A task that writes log faster than the database takes it is slowed down by its own pipe: the worker's memory stays flat,
also over reloads, and no line is lost or said twice."""
import os
import signal
import subprocess
import threading
import time

from client import call, check, finish, put_flow, run, until

HOME = os.environ["KESTRA_HOME"]
LINES, LINE_BYTES = 120000, 1000
GROWTH_MAX_MIB = 40
FLOW = """id: torrent
namespace: integration.pressure
tasks:
  - id: pour
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    commands: ["seq -f %%0%d.0f %d"]
""" % (LINE_BYTES, LINES)


def sql(statement):
    return subprocess.run(["psql", os.environ["KESTRA_PG"], "-Atc", statement], capture_output=True, text=True, check=True).stdout.strip()


def worker_pid():
    with open(HOME + "/run/worker.pid") as file:
        return int(file.read())


def resident_mib(pid):
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def handovers():
    with open(HOME + "/log/worker.log", errors="replace") as file:
        return sum("Worker goes on with" in line for line in file)


class Watch(threading.Thread):
    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.over = pid, 0, False

    def run(self):
        while not self.over:
            try:
                self.peak = max(self.peak, resident_mib(self.pid))
            except (StopIteration, OSError):
                pass  # between two programs
            time.sleep(0.02)


def main():
    check(put_flow(FLOW)[0] == 200, "a flow is stored")
    pid = worker_pid()
    idle = resident_mib(pid)
    watch = Watch(pid)
    watch.start()
    begin = time.monotonic()
    execution = run("integration.pressure", "torrent", wait=False)[1]["id"]

    def written():
        return int(sql("select count(*) from log where execution_id = '%s'" % execution))

    for part in (LINES // 10, LINES // 3):
        check(until(lambda: written() >= part, 120, 0.2), "%d lines are there" % part, written())
        before = handovers()
        os.kill(pid, signal.SIGHUP)
        check(until(lambda: handovers() > before, 30), "the worker is reloaded meanwhile")

    def state():
        return call("GET", "/api/v1/executions/" + execution)[1]["state"]["current"]

    until(lambda: state() in ("SUCCESS", "FAILED"), 180, 0.2)
    check(state() == "SUCCESS", "the task succeeds", state())
    took = time.monotonic() - begin
    watch.over = True
    megabytes = LINES * LINE_BYTES / 1e6
    print("# %.0f MB of log in %.1f s (%.1f MB/s); the worker: %.1f MiB idle, %.1f MiB at most" %
          (megabytes, took, megabytes / took, idle, watch.peak))
    check(watch.peak - idle < GROWTH_MAX_MIB, "%.0f MB of log cost the worker no more than %d MiB" % (megabytes, GROWTH_MAX_MIB),
          "%.1f MiB" % (watch.peak - idle))
    counted = sql("select count(*) || ' ' || count(distinct message) || ' ' || max(message::numeric) from log "
                  "where execution_id = '%s' and task_id = 'pour'" % execution)
    check(counted == "%d %d %d" % (LINES, LINES, LINES), "each line is there once", counted)
    disorder = sql("select count(*) from (select message, lag(message) over (order by position) as before from log "
                   "where execution_id = '%s' and task_id = 'pour') l where message <= before" % execution)
    check(disorder == "0", "in order", disorder)
    finish()


main()
