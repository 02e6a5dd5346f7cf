#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A neighbour that stands still takes nobody down: an executor that is stopped, a table and a row that a stranger has locked, a
PostgreSQL that hangs. Each time who is not concerned goes on, who is says DOWN and why, no role ends, and no task is touched."""
import glob
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

from client import URL, call, check, finish, put_flow, run, until

HOME = os.environ["KESTRA_HOME"]
PIDS = [int(pid) for pid in os.environ["KESTRA_PIDS"].split(",")]
ROLES = ("executor", "worker", "scheduler", "webserver")
HANG = 40  # seconds; longer than the watchdog of every role
QUICK = 5  # seconds; of an answer that nothing holds up, on a loaded machine


def pid_of(role):
    return next(pid for pid in PIDS if "kestra-" + role in open("/proc/%d/cmdline" % pid).read().split("\0")[0])


def health(role):
    """Of the role's own socket: (status, components that are DOWN); None: no answer in time."""
    connection = http.client.HTTPConnection("role", timeout=QUICK)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(QUICK)
    try:
        connection.sock.connect(HOME + "/run/%s.sock" % role)
        connection.request("GET", "/health")
        body = json.loads(connection.getresponse().read())
    except OSError:
        return None
    finally:
        connection.close()
    return body["status"], {name: part.get("description", "") for name, part in body["components"].items() if part["status"] == "DOWN"}


def is_up(role):
    found = health(role)
    return found and found[0] == "UP"


def took(method, path):
    begin = time.monotonic()
    status, body = call(method, path, timeout=60)
    return status, body, time.monotonic() - begin


def in_background(count, function):
    """Answers of `count` calls at once; .join() waits for them."""
    class Calls(list):
        def join(self):
            for thread in threads:
                thread.join()
            return self
    calls = Calls()
    threads = [threading.Thread(target=lambda: calls.append(function())) for _ in range(count)]
    for thread in threads:
        thread.start()
    return calls


class Stranger:
    """A session that holds locks until it is told to let go."""

    def __init__(self, sql):
        self.psql = subprocess.Popen(["psql", "-qAtX", os.environ["KESTRA_PG"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.psql.stdin.write("BEGIN; %s;\n\\echo held\n" % sql)
        self.psql.stdin.flush()
        while self.psql.stdout.readline() != "held\n":
            pass

    def let_go(self):
        self.psql.stdin.write("ROLLBACK;\n")
        self.psql.stdin.close()
        self.psql.wait()


def state(execution):
    return call("GET", "/api/v1/executions/" + execution)[1]["state"]["current"]


def all_live():
    return all(os.path.exists("/proc/%d" % pid) for pid in PIDS)


FLOW = """id: %s
namespace: integration.neighbours
tasks:
  - id: work
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    commands: ["echo start; sleep %s; echo end"]
"""
put_flow(FLOW % ("long", "600"))
put_flow(FLOW % ("minute", "60"))
put_flow(FLOW % ("short", "2"))
put_flow("id: quick\nnamespace: integration.neighbours\ntasks:\n  - {id: log, type: io.kestra.plugin.core.log.Log, message: hello}\n")

# --- an executor that is stopped
execution = run("integration.neighbours", "long", wait=False)[1]["id"]
until(lambda: state(execution) == "RUNNING", 20)
executor = pid_of("executor")
os.kill(executor, signal.SIGSTOP)
try:
    kills = in_background(40, lambda: took("DELETE", "/api/v1/executions/%s/kill" % execution))
    answers = [took("GET", "/api/v1/flows/search?namespace=integration.neighbours") for _ in range(10)]
    check(all(status == 200 and seconds < QUICK for status, _, seconds in answers), "searches go on while 40 requests wait for an executor that is stopped",
          answers[-1])
    check(is_up("webserver"), "the webserver is UP meanwhile", health("webserver"))
    kills.join()
    check(all(status == 202 for status, _, _ in kills), "the requests are answered: what they ask for is committed", kills[0])
finally:
    os.kill(executor, signal.SIGCONT)
check(until(lambda: state(execution) == "KILLED", 20), "and done when the executor goes on", state(execution))

# --- a worker that is stopped: it holds up what needs internal storage
worker = pid_of("worker")
os.kill(worker, signal.SIGSTOP)
try:
    stuck = in_background(20, lambda: took("GET", "/api/v1/namespaces/integration.neighbours/kv/nothing"))
    check(until(lambda: "storage" in (health("webserver") or ("", {}))[1], 30), "requests for storage that a stopped worker holds up are told", health("webserver"))
    answers = [took("GET", "/api/v1/flows/search?namespace=integration.neighbours") for _ in range(10)]
    check(all(status == 200 and seconds < QUICK for status, _, seconds in answers), "and others go on", answers[-1])
finally:
    os.kill(worker, signal.SIGCONT)
stuck.join()
check(until(lambda: is_up("webserver"), 30), "until the worker goes on", health("webserver"))

# --- a table that a stranger has locked
stranger = Stranger("LOCK TABLE flow, flow_stamp IN ACCESS EXCLUSIVE MODE")
searches = in_background(24, lambda: took("GET", "/api/v1/flows/search"))
check(until(lambda: "lock timeout" in json.dumps(health("webserver")), 30), "a locked table is DOWN, with the reason", health("webserver"))
status, _, seconds = took("GET", "/api/v1/executions/" + execution)
searches.join()
check(all(status == 503 and "lock timeout" in json.dumps(body) for status, body, _ in searches), "searches of it are refused with the reason", searches[0])
request = http.client.HTTPConnection(URL.split("//")[1], timeout=60)
request.request("GET", "/api/v1/flows/search")
check(request.getresponse().getheader("Retry-After"), "and with the time after which to come back")
stranger.let_go()
check(until(lambda: call("GET", "/api/v1/flows/search")[0] == 200, 20), "they are answered when the lock is gone")
check(until(lambda: is_up("webserver"), 30), "the webserver is UP again", health("webserver"))
check(all_live(), "no role has ended")

# --- a row that a stranger has locked
held = run("integration.neighbours", "short", wait=False)[1]["id"]
until(lambda: state(held) == "RUNNING", 20)
stranger = Stranger("SELECT FROM execution WHERE id = '%s' FOR UPDATE" % held)
others = [run("integration.neighbours", "quick") for _ in range(8)]
check(all(status == 200 and body["state"]["current"] == "SUCCESS" for status, body in others), "a locked row stops no other execution", others[-1])


def locked_keys():
    answer = subprocess.run(["curl", "-s", "--max-time", str(QUICK), "--unix-socket", HOME + "/run/executor.sock", "http://x/metrics"],
                            capture_output=True, text=True).stdout
    return "\nkestra_executor_keys_locked 1\n" in answer


check(until(locked_keys, 30), "its own execution waits, and the metrics say so")
later = run("integration.neighbours", "quick")
check(later[1]["state"]["current"] == "SUCCESS" and state(held) == "RUNNING", "others go on beside it", later)
stranger.let_go()
check(until(lambda: state(held) == "SUCCESS", 30), "it goes on when the row is free", state(held))
check(is_up("executor"), "the executor is UP", health("executor"))

# --- a PostgreSQL that hangs
survivor = run("integration.neighbours", "minute", wait=False)[1]["id"]
until(lambda: state(survivor) == "RUNNING", 20)
postmaster = int(open(HOME + "/run/postgresql.pid").read())
backends = [int(path.split("/")[2]) for path in glob.glob("/proc/[0-9]*/stat") if os.path.exists(path) and
            open(path).read().rsplit(")", 1)[1].split()[1] == str(postmaster)]
silent, down = [], {}
stopped = time.monotonic()
for pid in [postmaster] + backends:
    os.kill(pid, signal.SIGSTOP)
try:
    while time.monotonic() - stopped < HANG:  # what is waited for is that nothing happens
        for role in ROLES:
            found = health(role)
            if not found:
                silent.append((role, round(time.monotonic() - stopped)))
            elif found[0] == "DOWN":
                down[role] = found[1]
        status, body, seconds = took("GET", "/ping")
        if seconds > QUICK:
            silent.append(("ping", round(time.monotonic() - stopped)))
finally:
    for pid in backends + [postmaster]:
        os.kill(pid, signal.SIGCONT)
check(not silent, "every role answers for its health while PostgreSQL hangs", silent)
check(sorted(down) == sorted(ROLES) and all("no answer" in json.dumps(reason) for reason in down.values()), "and says DOWN with the reason", down)
check(all_live(), "no role has ended: the watchdog was fed", PIDS)
check(until(lambda: all(is_up(role) for role in ROLES), 40), "all are UP again when PostgreSQL goes on", [health(role) for role in ROLES])
check(until(lambda: state(survivor) == "SUCCESS", 90), "the task that ran meanwhile has ended well", state(survivor))
_, logs = call("GET", "/api/v1/logs/%s?minLevel=INFO" % survivor)
lines = [line["message"] for line in logs if line["message"] in ("start", "end")]
check(lines == ["start", "end"], "and ran once", lines)
check(run("integration.neighbours", "quick")[1]["state"]["current"] == "SUCCESS", "and the next one runs as ever")
finish()
