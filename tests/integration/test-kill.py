#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# with-server: --executors 2 --workers 2
"""kill -9 of one executor and one worker in the middle of 2,000 executions: all end in SUCCESS, no task run is finished
twice, none is lost."""
import concurrent.futures
import os
import signal
import subprocess
import threading
import time

from client import call, check, finish, put_flow, run, until

COUNT = int(os.environ.get("KILL_COUNT", "2000"))
FLOW = """id: three
namespace: integration.kill
tasks:
  - id: first
    type: io.kestra.plugin.core.debug.Return
    format: "{{ execution.id }}"
  - id: second
    type: io.kestra.plugin.core.debug.Return
    format: "{{ outputs.first.value }}"
  - id: third
    type: io.kestra.plugin.core.log.Log
    message: "{{ outputs.second.value }}"
"""


def pids_of(role):
    """Of the roles that with-server started, those that run this program."""
    found = []
    for pid in os.environ["KESTRA_PIDS"].split(","):
        try:
            with open("/proc/%s/comm" % pid) as comm:
                if comm.read().strip().startswith(("kestra-" + role)[:15]):
                    found.append(int(pid))
        except FileNotFoundError:
            pass
    return found


def sql(statement):
    return subprocess.run(["psql", os.environ["KESTRA_PG"], "-Atc", statement], capture_output=True, text=True, check=True).stdout.strip()


def kill_in_the_middle(started):
    until(lambda: len(started) > COUNT // 4, 60, 0.01)
    for role in ("executor", "worker"):
        os.kill(pids_of(role)[0], signal.SIGKILL)


def main():
    check(len(pids_of("executor")) == 2 and len(pids_of("worker")) == 2, "two executors and two workers run",
          os.environ["KESTRA_PIDS"])
    status, body = put_flow(FLOW)
    check(status == 200, "the flow is stored", body)
    started = []
    killer = threading.Thread(target=kill_in_the_middle, args=(started,))
    killer.start()
    begin = time.monotonic()

    def post(_):
        status, body = run("integration.kill", "three", wait=False)
        if status == 200:
            started.append(body["id"])
        return status

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(post, range(COUNT)))
    killer.join()
    check(statuses.count(200) == COUNT, "every execution was accepted", {s: statuses.count(s) for s in set(statuses)})

    def total(state):
        return call("GET", "/api/v1/executions/search?size=1&namespace=integration.kill&state=" + state)[1]["total"]

    until(lambda: total("SUCCESS") >= len(started), 120, 0.25)
    took = time.monotonic() - begin
    check(total("SUCCESS") == COUNT, "all end in SUCCESS", sql("select state, count(*) from execution group by 1"))
    check(sql("select count(*) from task_run") == str(3 * COUNT), "none is lost: three task runs each")
    check(sql("select count(*) from (select 1 from task_run t join execution e on e.id = t.execution_id "
              "group by t.execution_id, t.body->>'taskId' having count(*) > 1) twice") == "0", "no task ran as two task runs")
    finals = sql("select count(*) from task_run where (select count(*) from json_array_elements(body->'state'->'histories') h "
                 "where h->>'state' in ('SUCCESS', 'FAILED', 'KILLED', 'WARNING')) <> 1")
    check(finals == "0", "no task run is finished twice", finals)
    lines = sql("select count(*) - count(distinct execution_id) from log where task_id = 'third' and level = 2")
    check(sql("select count(distinct execution_id) from log where task_id = 'third'") == str(COUNT), "every execution has its log line")
    print("# %d executions in %.1f s with the kill; %s log lines stand twice (work done again after the kill)" % (COUNT, took, lines))
    check(until(lambda: sql("select (select count(*) from event) + (select count(*) from job)") == "0", 15), "the queue is empty")
    finish()


main()
