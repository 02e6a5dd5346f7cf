#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kestra-standalone started by an ordinary user: there is nobody else that tasks could be. So they are in a sandbox that shows
nothing of the server; and without it the roles give away neither their memory nor, to a task that asks, the storage."""
# with-server: none
import os
import pwd
import subprocess
import sys
import tempfile

BUILD = os.environ["KESTRA_BUILD"]
SECRET = "aHVzaC1odXNoLWh1c2g="
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable  # another user may have to run it
FLOW = """id: one
namespace: integration.oneuser
tasks:
  - id: task
    type: io.kestra.plugin.scripts.shell.Commands
    warningOnStdErr: false
    inputFiles:
      attack.py: |
%s
    commands: ["python3 attack.py '%s' '%s'"]
"""
ATTACK = r"""
import ctypes, glob, os, socket, sys
home, pids = sys.argv[1], sys.argv[2].split(",")
def attempt(name, function):
    try:
        print("done", name, repr(function())[:300])
    except Exception as error:
        print("held", name, type(error).__name__)
def read(path):
    with open(path, "rb") as file:
        return file.read(100000)
def name_of(pid):
    try:
        return read("/proc/%s/comm" % pid)
    except OSError:
        return b"" # it has just ended
def talk(path, text):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(20)
        peer.connect(path)
        peer.sendall(text.encode())
        return peer.recv(1000)
def trace(pid):
    if ctypes.CDLL(None, use_errno=True).ptrace(0x4206, pid, 0, 0) != 0:
        raise PermissionError
question = '{"op":"list","uri":"kestra:///"}'
for role in ("webserver", "scheduler", "executor", "worker", "indexer"):
    attempt("socket", lambda: talk(home + "/run/%s.sock" % role, "GET /health HTTP/1.1\r\n\r\n"))
attempt("storage", lambda: talk(home + "/run/worker.sock", "POST /storage HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(question), question)))
attempt("database", lambda: talk(home + "/run/postgresql/.s.PGSQL.5432", "x"))
for path in ("kestra.yaml", "kestra.d/90-standalone.yaml", "log/worker.log", "postgresql/PG_VERSION"):
    attempt("file", lambda: read(home + "/" + path))
attempt("objects", lambda: os.listdir(home + "/storage"))
for pid in pids + [pid for pid in os.listdir("/proc") if pid.isdigit() and name_of(pid).startswith(b"kestra-")
                   and b"sandbox" not in name_of(pid)]:
    attempt("environ", lambda: read("/proc/%s/environ" % pid))
    attempt("memory", lambda: open("/proc/%s/mem" % pid, "rb"))
    attempt("trace", lambda: trace(int(pid)))
    attempt("signal", lambda: os.kill(int(pid), 0))
print("end")
"""


def inside(mode):
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from client import call, check, put_flow, run
    script = "".join("        %s\n" % line for line in ATTACK.strip().split("\n"))
    status, body = put_flow(FLOW % (script.rstrip("\n"), os.environ["KESTRA_HOME"], os.environ["KESTRA_PIDS"]))
    check(status == 200, mode + ": the attack is stored as a flow", body)
    execution = run("integration.oneuser", "one")[1]
    entries = [entry["message"] for entry in call("GET", "/api/v1/logs/" + execution["id"])[1] if entry.get("taskId") == "task"]
    if any("The sandbox cannot be set up: namespaces" in line for line in entries):
        print("skipped: no namespaces here")
        return
    done = [line for line in entries if line.startswith("done")]
    check(entries[-1:] == ["end"] and len(entries) > 25, mode + ": all of it was tried", entries)
    if mode == "sandbox":
        check(not done, "nothing of the server is reached", done)
        return
    own = [line for line in done if line.split()[1] in ("environ", "memory", "trace")]
    check(not own, "the memory of roles is closed to their own user", own)
    asked = [line for line in entries if line.split()[1:2] == ["storage"]]
    check(len(asked) == 1 and "403" in asked[0], "storage is for roles, not for tasks", asked)


def start(mode, settings):
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        with open(directory + "/kestra.yaml", "w") as file:
            file.write(settings)
        user = ["setpriv", "--reuid", "daemon", "--regid", "daemon", "--clear-groups"] if os.geteuid() == 0 else []
        command = [*user, BUILD + "/kestra-standalone", "--data", directory + "/data", "--config", directory + "/kestra.yaml",
                   "--no-auth", "--quiet", "--http", "127.0.0.1:0", "--management", "127.0.0.1:0", "--", PYTHON,
                   os.path.abspath(__file__), mode]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200,
                              env=dict(os.environ, SECRET_ONE=SECRET, HOME=directory))
        if user:
            subprocess.run(["chown", "-R", "root", directory], check=True)
        print(done.stdout, end="")
        return done


def main():
    passed = failed = 0
    for mode, settings in (("sandbox", "{}\n"), ("loose", "worker: {sandbox: {private-pids: false}}\n")):
        done = start(mode, settings)
        lines = done.stdout.splitlines()
        passed += sum(line.startswith("ok - ") for line in lines)
        failed += sum(line.startswith("not ok - ") for line in lines) + (done.returncode != 0)
        if "Tasks are not confined" in done.stdout:
            print("skipped: no namespaces here")
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        inside(sys.argv[1])
    else:
        main()
