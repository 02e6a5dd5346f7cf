#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a task reaches of the service that runs it: nothing. Tasks are a user of their own, who knows no socket, no file and
no process of the roles; what they leave in their directory leads the worker nowhere either. And with that everything that a
task needs of its directory still works."""
# with-server: --env tests/data/boundaries.env
import glob
import os
import pwd
import re
import socket
import stat
import subprocess
import urllib.request

from client import URL, call, check, finish, put_flow, run, until

HOME = os.environ["KESTRA_HOME"]
PIDS = os.environ["KESTRA_PIDS"].split(",")
SECRET = "aHVzaC1odXNoLWh1c2g="
TASK_UIDS = {user.pw_uid for user in pwd.getpwall() if user.pw_name in ("kestra-task", "nobody", "daemon")}
FLOW = """id: boundaries
namespace: integration.boundaries
tasks:
  - id: task
    type: io.kestra.plugin.scripts.shell.Commands
    warningOnStdErr: false
%s    commands:
%s"""
ATTACKS = r"""
import glob, os, socket, subprocess, sys
home, pids = sys.argv[1], sys.argv[2].split(",")
print("uid", os.getuid(), os.geteuid(), os.getgid(), os.getgroups())
def attempt(name, function):
    try:
        print("BROKEN", name, repr(function())[:200])
    except Exception as error:
        print("held", name, type(error).__name__)
def reach(path):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)
        peer.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        return peer.recv(100)
def read(path):
    with open(path, "rb") as file:
        return file.read(100)
def name_of(pid):
    try:
        return read("/proc/%s/comm" % pid)
    except OSError:
        return b"" # it has just ended
def write(path):
    with open(path, "w") as file:
        return file.write("mine")
sockets = [home + "/run/%s.sock" % role for role in ("webserver", "scheduler", "executor", "worker", "indexer")]
for path in sockets + glob.glob(home + "/run/postgresql/.s*") + [home + "/run/postgresql/.s.PGSQL.5432"]:
    attempt(path, lambda: reach(path))
for path in ("kestra.yaml", "kestra.d/90-standalone.yaml", "postgresql/PG_VERSION", "log/worker.log"):
    attempt(path, lambda: read(home + "/" + path))
for path in ("kestra.d/99-mine.yaml", "flows/mine.yaml", "run/worker.pid", "storage/mine"):
    attempt(path, lambda: write(home + "/" + path))
attempt("storage", lambda: os.listdir(home + "/storage"))
attempt("directories of others", lambda: os.listdir(home + "/tasks"))
runs = [pid for pid in os.listdir("/proc") if pid.isdigit() and b"kestra-run" in name_of(pid)]
for pid in pids + runs:
    attempt("environ of " + pid, lambda: read("/proc/%s/environ" % pid))
    attempt("memory of " + pid, lambda: read("/proc/%s/mem" % pid))
    attempt("files of " + pid, lambda: os.listdir("/proc/%s/fd" % pid))
    attempt("end of " + pid, lambda: os.kill(int(pid), 0) if pid in pids else 1 / 0)
print([line.strip() for line in open("/proc/self/status") if line.startswith(("CapPrm", "CapEff", "CapInh", "CapAmb", "NoNewPrivs"))])
"""


def lines(execution):
    return [entry["message"] for entry in call("GET", "/api/v1/logs/" + execution["id"])[1] if entry.get("taskId") == "task"]


def task(commands, properties=""):
    source = FLOW % ("".join("    %s\n" % line for line in properties.splitlines()),
                     "".join("      - %s\n" % command for command in commands))
    status, body = put_flow(source)
    check(status == 200, "the flow is stored", body)
    return run("integration.boundaries", "boundaries")[1]


def attack():
    with open(HOME + "/attack.py", "w") as file:
        file.write(ATTACKS)
    os.chmod(HOME + "/attack.py", 0o644)
    execution = task(["python3 %s/attack.py %s %s" % (HOME, HOME, ",".join(PIDS))])
    said = lines(execution)
    who = next((line.split() for line in said if line.startswith("uid")), ["uid", "0"])
    check(int(who[1]) in TASK_UIDS and who[1] == who[2], "tasks have a user of their own", who)
    check(not [line for line in said if line.startswith("BROKEN")], "and it reaches nothing", [line for line in said if line.startswith("BROKEN")])
    check(len([line for line in said if line.startswith("held")]) > 25, "all attacks were tried", said)
    check(re.search(r"CapInh:\\t0+', 'CapPrm:\\t0+', 'CapEff:\\t0+', 'CapAmb:\\t0+', 'NoNewPrivs:\\t1", said[-1]),
          "without capabilities, nor a way to any", said[-1])
    return int(who[1])


def links(uid):
    """The worker goes into a task's directory as the task."""
    secret = glob.glob(HOME + "/kestra.d/*.yaml")[0]
    execution = task(["ln -s %s stolen.txt; ln -s %s/storage all; mkdir deep; ln -s %s deep/stolen.txt; echo mine >own.txt; ln own.txt hard.txt"
                      % (secret, HOME, secret)], 'outputFiles: ["**"]')
    outputs = execution["taskRunList"][0].get("outputs", {}).get("outputFiles", {})
    check(execution["state"]["current"] == "SUCCESS" and "own.txt" in outputs, "outputs are collected", lines(execution))
    for name, uri in outputs.items():
        text = str(call("GET", "/api/v1/executions/%s/file?path=%s" % (execution["id"], uri))[1])
        check("dsn" not in text, "what a link leads to is not: " + name, text)
    execution = task(["cat own.txt; chmod +x run.sh && ./run.sh; echo more >>own.txt && cat own.txt; touch -d 2001-01-01 own.txt; rm run.sh; "
                      "stat -c %u . own.txt; umask 077; mkdir closed; echo deep >closed/file; chmod 000 closed; mkfifo pipe; chmod 500 ."],
                     'inputFiles: {own.txt: "first\\n", run.sh: "#!/bin/sh\\necho ran\\n"}')
    said = " ".join(lines(execution)).split()
    check(said == ["first", "ran", "first", "more", str(uid), str(uid)], "a task owns its directory and the files in it", said)
    check(until(lambda: not [name for name in os.listdir(HOME + "/tasks") if name.startswith("run-")], 20), "and nothing is left of it",
          os.listdir(HOME + "/tasks"))
    mode = os.stat(HOME + "/tasks")
    check(stat.S_IMODE(mode.st_mode) == 0o1730 and mode.st_uid == os.geteuid(), "where they lie belongs to the worker", oct(mode.st_mode))


def shared():
    status, body = put_flow("""id: shared
namespace: integration.boundaries
tasks:
  - id: together
    type: io.kestra.plugin.core.flow.WorkingDirectory
    inputFiles: {first.txt: first}
    outputFiles: ["*.txt", sub/private]
    tasks:
      - {id: one, type: io.kestra.plugin.scripts.shell.Commands, commands: ["cat first.txt >second.txt; umask 077; mkdir sub; echo private >sub/private"]}
      - {id: local, type: io.kestra.core.tasks.storages.LocalFiles, inputs: {third.txt: third}}
      - {id: two, type: io.kestra.plugin.scripts.shell.Commands, commands: ["echo '::{\\"outputs\\":{\\"all\\":\\"'$(cat *.txt)'\\"}}::'; echo changed >>third.txt"]}
""")
    check(status == 200, "the flow is stored", body)
    execution = run("integration.boundaries", "shared")[1]
    runs = {one["taskId"]: one for one in execution["taskRunList"]}
    check(execution["state"]["current"] == "SUCCESS", "tasks share a directory",
          [execution["state"]["current"]] + [entry["message"] for entry in call("GET", "/api/v1/logs/" + execution["id"])[1]])
    check(runs["two"].get("outputs", {}).get("vars", {}).get("all") == "firstfirstthird", "whoever wrote a file", runs["two"].get("outputs"))
    check(sorted(runs["together"].get("outputs", {}).get("outputFiles", {})) == ["first.txt", "second.txt", "sub/private", "third.txt"],
          "and what lies there in the end is kept", runs["together"].get("outputs"))


POST_STORAGE = r"""
import socket, sys
question = '{"op":"list","uri":"kestra:///integration"}'
with socket.socket(socket.AF_UNIX) as peer:
    peer.settimeout(20)
    peer.connect(sys.argv[1])
    peer.sendall(("POST /storage HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(question), question)).encode())
    print(peer.recv(1000))
"""


def post_storage(command):
    return subprocess.run(command + ["python3", "-c", POST_STORAGE, HOME + "/run/worker.sock"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True).stdout


def storage(uid):
    as_task = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    check("200 OK" in post_storage([]), "a role is answered about storage", post_storage([]))
    check("PermissionError" in post_storage(as_task), "a task does not get to the socket")
    os.chmod(HOME + "/run/worker.sock", 0o666)
    answer = post_storage(as_task)
    os.chmod(HOME + "/run/worker.sock", 0o660)
    check("403" in answer, "and would be refused", answer)


def environment():
    shown = [pid for pid in PIDS + subprocess.run(["pgrep", "kestra-run"], stdout=subprocess.PIPE, text=True).stdout.split()
             if SECRET.encode() in open("/proc/%s/environ" % pid, "rb").read()]
    check(not shown, "no role shows a secret in its environment", shown)
    execution = task(["echo {{ secret('BOUNDARY') | length }} $(env | grep -c SECRET_)"])
    check(lines(execution)[-1:] == ["14 0"], "though tasks may use it", lines(execution))


def command_line():
    """Everybody on the host sees command lines."""
    execution = task(["grep -c hush- /proc/$$/cmdline || true", "printf %s {{ secret('BOUNDARY') }} | wc -c",
                      "env | grep -c KESTRA_SCRIPT || true", "exit 3"], "allowFailure: true")
    said = lines(execution)
    check(said[:3] == ["0", "14", "0"], "a secret in a command is neither in the command line nor handed on", said)
    check(execution["taskRunList"][0].get("outputs", {}).get("exitCode") == 3, "and the command runs as it would", execution["taskRunList"][0].get("outputs"))


def no_store():
    """What is somebody's is kept by no cache between."""
    body = '--b\r\nContent-Disposition: form-data; name="fileContent"; filename="a.css"\r\n\r\nx\r\n--b--\r\n'
    call("POST", "/api/v1/namespaces/integration.boundaries/files?path=/a.css", body, "multipart/form-data; boundary=b")
    for path in ("files?path=/a.css", "files/export", "files/directory?path=/", "files/stats?path=/a.css"):
        with urllib.request.urlopen(URL + "/api/v1/namespaces/integration.boundaries/" + path) as answer:
            check(answer.headers["Cache-Control"] == "no-store", "no-store: " + path, answer.headers["Cache-Control"])
    for path in ("./.upload/x", "././.upload", "."):
        status, answer = call("GET", "/api/v1/namespaces/integration.boundaries/files?path=/../../" + path)
        check(status in (403, 404, 422), "no way to uploads: " + path, (status, answer))


def kill():
    status, body = put_flow(FLOW % ("", '      - "trap \'echo asked; exit 0\' TERM; touch here; sleep 87653 & wait"\n'))
    execution = run("integration.boundaries", "boundaries", wait=False)[1]
    running = lambda: subprocess.run(["pgrep", "-f", "^sleep 87653"], stdout=subprocess.DEVNULL).returncode == 0
    check(until(running, 20), "a task runs")
    call("DELETE", "/api/v1/executions/%s/kill" % execution["id"])
    check(until(lambda: "asked" in lines(execution), 20), "and is asked to end, though it is another user's", lines(execution))
    check(until(lambda: not running(), 20), "and ends with all that it started")


def main():
    if os.geteuid() != 0:
        print("skipped: not root, there is no second user")
        check(True, "skipped")
        finish()
    uid = attack()
    links(uid)
    shared()
    storage(uid)
    environment()
    command_line()
    no_store()
    kill()
    finish()


if __name__ == "__main__":
    main()
