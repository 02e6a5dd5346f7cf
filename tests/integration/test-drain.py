#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A worker that is stopped: it waits for its tasks, says how many are left and asks systemd for the time, then ends them with
all that they started and gives them back, and another worker runs them as if nothing had been. A second signal cuts it short.
What a reload says to systemd is looked at here too."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from client import call, check, finish, open_to_tasks, put_flow, run, until

BUILD = os.environ["KESTRA_BUILD"]
HOME = os.environ["KESTRA_HOME"]
FLOW = """id: %s
namespace: integration.drain
tasks:
  - id: work
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    workerGroup: {key: drained}
    commands: ["%s"]
"""
MARKER = open_to_tasks(tempfile.mkdtemp()) + "/first"
# long in its first life, short in its second
AGAIN = "if [ -e %s ]; then echo second; else echo first; touch %s; sleep 87654321 & setsid sleep 87654321; fi" % (MARKER, MARKER)
STUBBORN = "trap '' TERM; sleep 87654322; sleep 87654322"


class Worker:
    """Started by hand, with a notification socket as from systemd."""

    def __init__(self, directory, grace, dsn=None):
        self.directory = directory
        self.messages = []
        os.makedirs(directory)
        shutil.copy2(HOME + "/kestra.yaml", directory)
        shutil.copytree(HOME + "/kestra.d", directory + "/kestra.d")
        with open(directory + "/kestra.d/99.yaml", "w") as file:
            file.write("worker:\n  group: drained\n  tmp-directory: %s/tasks\nshutdown:\n  grace: %s\nheartbeat:\n  interval: 500ms\n"
                       % (directory, grace))
            if dsn:
                file.write("postgresql:\n  dsn: %s\n" % json.dumps(dsn))
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(directory + "/notify")
        threading.Thread(target=self.listen, daemon=True).start()
        self.log = open(directory + "/log", "w")
        self.process = subprocess.Popen([BUILD + "/kestra-worker", "--config", directory + "/kestra.yaml", "--socket",
                                         directory + "/worker.sock"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env=dict(os.environ, NOTIFY_SOCKET=directory + "/notify", WATCHDOG_USEC="3000000"))
        check(until(lambda: "READY=1" in self.messages, 20), "a worker is ready", self.messages)

    def listen(self):
        while True:
            for line in self.notify.recv(65536).decode().splitlines():
                self.messages.append(line)

    def kill(self, number):
        os.kill(self.process.pid, number)

    def ended(self, seconds):
        """Seconds until it ended; None: it did not."""
        begin = time.monotonic()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return time.monotonic() - begin

    def stop(self):
        self.process.kill()
        self.process.wait()


class Database:
    """A way to PostgreSQL that can be cut."""

    def __init__(self, directory):
        os.makedirs(directory)
        parts = dict(part.split("=", 1) for part in os.environ["KESTRA_PG"].split())
        self.target = parts["host"] + "/.s.PGSQL.5432"
        self.dsn = " ".join("%s=%s" % item for item in dict(parts, host=directory).items())
        self.open = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(directory + "/.s.PGSQL.5432")
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            self.open += [client, server]
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=pair, daemon=True).start()

    @staticmethod
    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass

    def cut(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in self.open:
            end.shutdown(socket.SHUT_RDWR)


def state(execution):
    return call("GET", "/api/v1/executions/" + execution)[1]["state"]["current"]


def task(execution):
    return (call("GET", "/api/v1/executions/" + execution)[1].get("taskRunList") or [{}])[0]


def start(flow):
    execution = run("integration.drain", flow, wait=False)[1]["id"]
    check(until(lambda: task(execution).get("state", {}).get("current") == "RUNNING", 20), flow + " runs")
    return execution


def alive(word):
    return subprocess.run(["pgrep", "-f", "^sleep " + word], capture_output=True, text=True).stdout.split()


def lines(execution):
    return [line["message"] for line in call("GET", "/api/v1/logs/" + execution)[1]]


def waits(directory):
    worker = Worker(directory + "/waits", "60s")
    execution = start("short")
    worker.kill(signal.SIGTERM)
    took = worker.ended(30)
    check(took is not None and 1 < took < 20 and worker.process.returncode == 0, "it waits for its task, no longer", took)
    check(state(execution) == "SUCCESS" or until(lambda: state(execution) == "SUCCESS", 5), "which succeeds", state(execution))
    check("STOPPING=1" in worker.messages, "systemd is told", worker.messages)
    check("STATUS=Stopping, 1 tasks still run" in worker.messages, "how many tasks are left", worker.messages)
    check(any(m.startswith("EXTEND_TIMEOUT_USEC=") for m in worker.messages), "and asked for time", worker.messages)


def gives_back(directory):
    worker = Worker(directory + "/first", "2s")
    execution, stubborn = start("again"), start("stubborn")
    check(until(lambda: len(alive("87654321")) == 2, 5), "the task has two processes")
    worker.kill(signal.SIGTERM)
    took = worker.ended(60)
    check(took is not None and 1 < took < 30 and worker.process.returncode == 0, "after the grace it ends", took)
    check(until(lambda: not alive("87654321") and not alive("87654322"), 10), "with all that its tasks had started")
    check(state(execution) == "RUNNING", "the task has not failed", state(execution))
    check(os.listdir(directory + "/first/tasks") == [], "its directory is gone", os.listdir(directory + "/first/tasks"))
    second = Worker(directory + "/second", "60s")
    check(until(lambda: state(execution) == "SUCCESS", 20), "another worker runs it", (state(execution), lines(execution)))
    run_ = task(execution)
    check(len(run_["attempts"]) == 1, "the first try is no failed attempt", run_["attempts"])
    check([line for line in lines(execution) if line in ("first", "second")] == ["first", "second"], "both lives said their line", lines(execution))
    check(until(lambda: len(alive("87654322")) == 1, 10), "the stubborn one runs again")
    second.kill(signal.SIGTERM)
    check(second.ended(1.5) is None, "a grace of a minute is waited for")
    second.kill(signal.SIGTERM)
    took = second.ended(50)
    check(took is not None, "a second signal cuts it short", took)
    check(second.process.returncode == 0 and until(lambda: not alive("87654322"), 10), "in order")
    call("DELETE", "/api/v1/executions/%s/kill" % stubborn)


def open_jobs():
    return subprocess.run(["psql", os.environ["KESTRA_PG"], "-Atc", "select task_run_id from job"], capture_output=True, text=True,
                          check=True).stdout.split()


def down(worker):
    return any(m.startswith("STATUS=DOWN") for m in worker.messages)


def ends_without_database(directory):
    database = Database(directory + "/way")
    worker = Worker(directory + "/idle", "10m", database.dsn)
    check(until(lambda: not open_jobs(), 30), "what was left is done", open_jobs())
    database.cut()
    check(until(lambda: down(worker), 20), "a worker says that its database is away", worker.messages)
    worker.kill(signal.SIGTERM)
    took = worker.ended(60)
    check(took is not None and worker.process.returncode == 0, "with nothing in hand it ends at once", took)
    database = Database(directory + "/way2")
    worker = Worker(directory + "/busy", "4s", database.dsn)
    execution = start("stubborn")
    database.cut()
    check(until(lambda: down(worker), 20), "another one says so", worker.messages)
    worker.kill(signal.SIGTERM)
    took = worker.ended(60)
    check(took is not None and worker.process.returncode == 0, "with a task it ends when its grace is over", took)
    extended = [m for m in worker.messages if m.startswith("EXTEND_TIMEOUT_USEC=")]
    check(len(extended) <= 1, "and asks for no more time than its unit has", extended)
    call("DELETE", "/api/v1/executions/%s/kill" % execution)


def tells_of_reload(directory):
    worker = Worker(directory + "/reload", "60s")
    before = len(worker.messages)
    worker.kill(signal.SIGHUP)
    check(until(lambda: "READY=1" in worker.messages[before:], 20), "a reload ends", worker.messages)
    said = worker.messages[before:]
    first, last = said.index("RELOADING=1") if "RELOADING=1" in said else 99, said.index("READY=1")
    check(first < last and any(re.fullmatch(r"MONOTONIC_USEC=\d+", m) for m in said), "it began with RELOADING=1", said)
    before = len(worker.messages)
    check(until(lambda: "WATCHDOG=1" in worker.messages[before:], 10), "the watchdog is fed by the new program", worker.messages)
    with open(worker.directory + "/kestra.d/98.yaml", "w") as file:
        file.write("no.such: setting\n")
    before = len(worker.messages)
    worker.kill(signal.SIGHUP)
    refused = until(lambda: [m for m in worker.messages[before:] if m.startswith("STATUS=") and "reload refused" in m], 20)
    check(refused and "no such setting" in refused[0], "a reload that is refused is in the status", worker.messages[before:])
    check(until(lambda: "READY=1" in worker.messages[before:], 5), "and has ended for systemd", worker.messages[before:])
    worker.stop()


def main():
    for flow, command in (("short", "sleep 3"), ("again", AGAIN), ("stubborn", STUBBORN)):
        check(put_flow(FLOW % (flow, command))[0] == 200, "a flow is stored")
    with tempfile.TemporaryDirectory() as directory:
        open_to_tasks(directory)
        waits(directory)
        gives_back(directory)
        ends_without_database(directory)
        tells_of_reload(directory)
    shutil.rmtree(os.path.dirname(MARKER))
    finish()


main()
