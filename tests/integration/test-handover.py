#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# with-server: --executors 2 --config tests/data/handover.json
"""Shards go from one executor to another at once, by a ring: the heartbeats of this server are 20 s apart."""
import os
import signal
import subprocess

from client import call, check, finish, put_flow, run, until

PATIENCE = 10  # seconds; two heartbeats would take up to 40


def sql(statement):
    return subprocess.run(["psql", os.environ["KESTRA_PG"], "-Atc", statement], capture_output=True, text=True,
                          check=True).stdout.strip()


def pid(name):
    with open("%s/run/%s.pid" % (os.environ["KESTRA_HOME"], name), encoding="ascii") as file:
        return int(file.read())


def owners():
    return sql("SELECT coalesce(owner, 'nobody'), count(*) FROM shard_lease WHERE role = 'executor' GROUP BY owner ORDER BY owner")


def are_shared():
    """By two that live."""
    return sql("SELECT array_agg(n) = '{32,32}' FROM (SELECT count(*) AS n FROM shard_lease JOIN instance ON id = owner"
               " WHERE shard_lease.role = 'executor' AND state = 'ALIVE' GROUP BY owner) AS shares") == "t" and owners()


put_flow("id: one\nnamespace: integration.handover\ntasks:\n  - id: one\n    type: io.kestra.plugin.core.debug.Return\n    format: x\n")
before = until(are_shared, PATIENCE)
check(before, "who comes is given its share", owners())
for name, what in ((signal.SIGTERM, "one that ends gives its shards back and gets some again"),
                   (signal.SIGKILL, "one that dies begins anew")):
    os.kill(pid("executor"), name)
    after = until(lambda: are_shared() not in (False, before) and are_shared(), PATIENCE)
    check(after, what, (before, owners()))
    before = after
# The webserver may ring the former owner until its own heartbeat.
started = [run("integration.handover", "one", wait=False)[1]["id"] for _ in range(16)]
check(until(lambda: {call("GET", "/api/v1/executions/" + one)[1]["state"]["current"] for one in started} == {"SUCCESS"}, 90),
      "executions of all shards run")
finish()
