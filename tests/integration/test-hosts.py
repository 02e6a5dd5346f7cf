#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two hosts: a worker under another host name is woken as surely as one on this host. PostgreSQL carries the rings; nothing is
found by polling, which takes seconds."""
import datetime
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from client import call, check, finish, put_flow, run, until

BUILD, HOME = os.environ["KESTRA_BUILD"], os.environ["KESTRA_HOME"]
COUNT = 25
FLOW = """id: %s
namespace: integration.hosts
tasks:
  - id: work
    type: io.kestra.plugin.core.debug.Return
    format: hello
    workerGroup: {key: "%s"}
"""
KILLED = """id: killed
namespace: integration.hosts
tasks:
  - id: work
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    workerGroup: {key: far}
    commands: ["sleep 600"]
"""
OTHER = "elsewhere"


def other_host():
    """How to run a program under another host name, or None."""
    for options in (["--uts"], ["--uts", "--map-root-user"]):
        words = ["unshare"] + options + ["sh", "-c", "hostname %s && exec \"$@\"" % OTHER, "sh"]
        if subprocess.run(words + ["true"], capture_output=True).returncode == 0:
            return words
    return None


def start_worker(words, directory):
    os.makedirs(directory)
    shutil.copy2(HOME + "/kestra.yaml", directory)
    shutil.copytree(HOME + "/kestra.d", directory + "/kestra.d")
    with open(directory + "/kestra.d/99.yaml", "w") as file:
        file.write("worker:\n  group: far\n  tmp-directory: %s/tasks\n" % directory)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(directory + "/notify")
    notify.settimeout(60)
    log = open(directory + "/log", "w")
    process = subprocess.Popen(words + [BUILD + "/kestra-worker", "--config", directory + "/kestra.yaml", "--socket", directory + "/worker.sock"],
                               stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(os.environ, NOTIFY_SOCKET=directory + "/notify"))
    while "READY=1" not in notify.recv(65536).decode():
        pass
    return process


def seconds(flow):
    """From CREATED to SUCCESS, as the roles saw it."""
    status, execution = run("integration.hosts", flow)
    assert status == 200 and execution["state"]["current"] == "SUCCESS", execution
    dates = [datetime.datetime.fromisoformat(entry["date"].replace("Z", "+00:00")) for entry in execution["state"]["histories"]]
    return (dates[-1] - dates[0]).total_seconds()


def listens(count):
    found = subprocess.run(["psql", "-qAtX", os.environ["KESTRA_PG"] + " user=postgres", "-c", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%LISTEN%'"
                            " AND pid <> pg_backend_pid()"], check=True, capture_output=True, text=True).stdout
    return int(found) >= count


words = other_host()
if not words:
    check(True, "skipped: no other host name can be had here")
    finish()
put_flow(FLOW % ("near", ""))
put_flow(FLOW % ("far", "far"))
put_flow(KILLED)
check(not listens(1), "on one host nobody listens")
place = tempfile.mkdtemp()
os.chmod(place, 0o755)  # tasks run as a user of their own
worker = start_worker(words, place + "/far")
try:
    # the others see the newcomer with their next heartbeat, and listen from then on: worker, executor, scheduler, webserver
    check(until(lambda: listens(4), 30), "all listen when somebody lives on another host")
    for flow in ("near", "far"):
        seconds(flow)
    # in turn, so that whatever else happens on this machine happens to both
    near, far = zip(*((seconds("near"), seconds("far")) for _ in range(COUNT)))
    near, far = statistics.median(near), statistics.median(far)
    print("# near %.1f ms, far %.1f ms" % (near * 1000, far * 1000))
    check(far < 2 * near, "an execution over two hosts takes less than twice as long", "%.3f %.3f" % (near, far))
    execution = run("integration.hosts", "killed", wait=False)[1]["id"]
    until(lambda: call("GET", "/api/v1/executions/" + execution)[1]["state"]["current"] == "RUNNING", 20)
    begin = time.monotonic()
    call("DELETE", "/api/v1/executions/%s/kill" % execution)
    until(lambda: call("GET", "/api/v1/executions/" + execution)[1]["state"]["current"] == "KILLED", 20)
    check(time.monotonic() - begin < 2, "a kill crosses over at once too", time.monotonic() - begin)
finally:
    worker.terminate()
    worker.wait()
finish()
