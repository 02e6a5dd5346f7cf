#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Thousands of flow files come and go in portions: schedules are fired meanwhile, and the scheduler lives."""
import os
import subprocess

from client import call, check, finish, until

HOME = os.environ["KESTRA_HOME"]
FILES, LATE_MAX_SECONDS = 4000, 4
TICK = """id: tick
namespace: integration.tick
tasks:
  - {id: t, type: io.kestra.plugin.core.log.Log, message: x}
triggers:
  - {id: every, type: io.kestra.plugin.core.trigger.Schedule, cron: "* * * * * *", withSeconds: true}
"""
FLOW = """id: flow-%d
namespace: integration.many
tasks:
  - {id: t, type: io.kestra.plugin.core.log.Log, message: "number %d"}
triggers:
  - {id: yearly, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 0 1 1 *"}
"""


def sql(statement):
    return subprocess.run(["psql", os.environ["KESTRA_PG"], "-Atc", statement], capture_output=True, text=True, check=True).stdout.strip()


def scheduler_pid():
    with open(HOME + "/run/scheduler.pid") as file:
        return int(file.read())


def flows():
    return int(sql("select count(*) from (select distinct on (id) deleted from flow where namespace = 'integration.many' "
                   "order by id, revision desc) f where not deleted"))


def ticks():
    return int(sql("select count(*) from execution where namespace = 'integration.tick'"))


def latest():
    """Seconds from slot to execution, of the latest one."""
    return float(sql("select coalesce(max(extract(epoch from start_date - (body->'trigger'->'variables'->>'date')::timestamptz)), 0) "
                     "from execution where namespace = 'integration.tick'"))


def wait_for(count, name):
    before = ticks()
    check(until(lambda: flows() == count, 120, 0.5), name, flows())
    check(until(lambda: ticks() > before, 30), "a schedule is fired meanwhile or after")
    check(latest() < LATE_MAX_SECONDS, "no slot was late by %d s" % LATE_MAX_SECONDS, latest())


def main():
    directory = HOME + "/flows/many"
    pid = scheduler_pid()
    with open(HOME + "/flows/tick.yaml", "w") as file:
        file.write(TICK)
    check(until(lambda: ticks() >= 2, 30), "a schedule is fired every second")
    os.mkdir(directory + ".new")
    for i in range(FILES):
        with open("%s.new/%d.yaml" % (directory, i), "w") as file:
            file.write(FLOW % (i, i))
    os.rename(directory + ".new", directory)
    wait_for(FILES, "%d files are loaded" % FILES)
    check(until(lambda: int(sql("select count(*) from trigger where namespace = 'integration.many'")) == FILES, 60, 0.5),
          "and their triggers are held")
    os.rename(directory, HOME + "/gone")
    wait_for(0, "and removed")
    check(scheduler_pid() == pid, "the scheduler is the same")
    check(call("GET", "/api/v1/flows/search?size=1")[0] == 200, "and the API answers")
    print("# the latest slot was %.1f s late" % latest())
    finish()


main()
