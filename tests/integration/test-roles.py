#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What all roles share, through the real programs: arguments, settings, health, metrics, wake, reload, and that the loss of
PostgreSQL makes a role DOWN and retrying, never gone, and is overcome without help."""
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

from client import call, check, finish, put_flow, run, until

ROLES = ["webserver", "scheduler", "worker", "executor", "indexer"]
BUILD = os.environ["KESTRA_BUILD"]
HOME = os.environ["KESTRA_HOME"]
FLOW = """id: simple
namespace: integration.roles
tasks:
  - id: only
    type: io.kestra.plugin.core.debug.Return
    format: "{{ execution.id }}"
"""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


def ask(role, method, path):
    connection = UnixConnection("%s/run/%s.sock" % (HOME, role))
    try:
        connection.request(method, path, headers={"Content-Length": "0"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError as error:
        return 0, str(error)
    finally:
        connection.close()


def pid(name):
    with open("%s/run/%s.pid" % (HOME, name)) as file:
        return int(file.read())


def cpu_ticks(process):
    with open("/proc/%d/stat" % process) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def check_arguments(role):
    program = os.path.join(BUILD, "kestra-" + role)

    def start(*arguments):
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=20)

    answer = start("--version")
    check(answer.returncode == 0 and answer.stdout.startswith("kestra-%s 0." % role), role + " --version", answer)
    answer = start("--help")
    check(answer.returncode == 0 and "--config FILE" in answer.stdout, role + " --help", answer)
    check(start("--nonsense").returncode == 64, role + " refuses unknown options")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("server:\n  listn: x\n  threads: many\n")
        file.flush()
        answer = start("--config", file.name)
        lines = answer.stderr.strip().splitlines()
        check(answer.returncode == 78 and lines == [
            file.name + ":2:10: server.listn: no such setting",
            file.name + ":3:12: server.threads: must be a whole number"], role + " tells every wrong setting", answer)
        check(start("--check", "--config", file.name).returncode == 78, role + " --check finds wrong settings")
    check(start("--check", "--config", HOME + "/kestra.yaml").returncode == 0, role + " --check accepts right ones")


def check_control(role):
    status, text = ask(role, "GET", "/health")
    check(status == 200 and json.loads(text)["status"] == "UP", role + " is healthy", (status, text))
    status, text = ask(role, "GET", "/metrics")
    check(status == 200 and 'up{role="%s"} 1' % role in text, role + " has metrics", (status, text))
    check(ask(role, "POST", "/wake")[0] == 204, role + " can be rung")
    before = pid(role)
    check(ask(role, "POST", "/reload")[0] == 204, role + " can be reloaded")
    os.kill(before, signal.SIGHUP)
    check(until(lambda: ask(role, "GET", "/health")[0] == 200, 5) and pid(role) == before, role + " survives a reload")


def check_database_loss():
    pids = {role: pid(role) for role in ROLES}
    postgres = pid("postgresql")
    os.kill(postgres, signal.SIGSTOP)  # the supervisor must not restart it at once
    for child in subprocess.run(["pgrep", "-P", str(postgres)], capture_output=True, text=True).stdout.split():
        try:
            os.kill(int(child), signal.SIGKILL)  # every session is gone
        except ProcessLookupError:
            pass  # one that has just ended
    # without a server behind the socket nobody gets in
    os.rename(HOME + "/run/postgresql", HOME + "/run/postgresql.away")
    try:
        for role in ROLES[:4]:
            down = until(lambda: ask(role, "GET", "/health")[0] == 503, 30)
            check(down, role + " is DOWN without PostgreSQL", ask(role, "GET", "/health"))
        before = {role: cpu_ticks(pids[role]) for role in ROLES}
        time.sleep(3)
        for role in ROLES:
            used = cpu_ticks(pids[role]) - before[role]
            check(used < 30, role + " does not spin without PostgreSQL", "%d ticks in 3 s" % used)
        check({role: pid(role) for role in ROLES} == pids, "no role has ended")
    finally:
        os.rename(HOME + "/run/postgresql.away", HOME + "/run/postgresql")
        os.kill(postgres, signal.SIGKILL)
    for role in ROLES[:4]:
        up = until(lambda: ask(role, "GET", "/health")[0] == 200, 60)
        check(up, role + " is UP again", ask(role, "GET", "/health"))
    check({role: pid(role) for role in ROLES} == pids, "the same processes go on")
    status, body = run("integration.roles", "simple")
    check(status == 200 and body["state"]["current"] == "SUCCESS", "an execution runs after that", (status, body))


def main():
    for role in ROLES:
        check_arguments(role)
    for role in ROLES:
        check_control(role)
    check(call("GET", "/ping")[0] in (200, 404), "the webserver answers")
    status, body = put_flow(FLOW)
    check(status == 200, "a flow is stored", (status, body))
    status, body = run("integration.roles", "simple")
    check(status == 200 and body["state"]["current"] == "SUCCESS", "an execution runs", (status, body))
    check_database_loss()
    finish()


main()
