#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A reload of the worker is its program taking over from itself: what runs goes on, nothing is lost or said twice, the
process and its place in the queue stay the same; a program that cannot start is refused, and the old one goes on."""
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from client import call, check, finish, open_to_tasks, put_flow, run, until

BUILD = os.environ["KESTRA_BUILD"]
HOME = os.environ["KESTRA_HOME"]
RUNNER = "taskRunner: {type: io.kestra.plugin.core.runner.Process}"

STREAM = """id: stream
namespace: integration.reload
tasks:
  - id: talk
    type: io.kestra.plugin.scripts.shell.Commands
    %s
    outputFiles: ["kept.txt"]
    commands:
      - |
        echo '::{"outputs":{"before":"here"},"metrics":[{"name":"steps","type":"counter","value":1}]}::'
        for i in $(seq 1 30); do
          printf 'begin-%%s' $i; sleep 0.1; printf -- '-end\\n'
        done
        echo kept > kept.txt
        echo '::{"outputs":{"after":"there"},"metrics":[{"name":"steps","type":"counter","value":2}]}::'
  - id: use
    type: io.kestra.plugin.core.debug.Return
    format: "{{ outputs.talk.vars.before }} {{ outputs.talk.vars.after }} {{ read(outputs.talk.outputFiles['kept.txt']) }}"
""" % RUNNER

OTHERS = """id: others
namespace: integration.reload
inputs:
  - {id: url, type: STRING}
tasks:
  - id: all
    type: io.kestra.plugin.core.flow.Parallel
    tasks:
      - {id: sleeps, type: io.kestra.plugin.core.flow.Sleep, duration: PT3S}
      - {id: downloads, type: io.kestra.plugin.core.http.Download, uri: "{{ inputs.url }}"}
      - id: templated
        type: io.kestra.plugin.core.templating.TemplatedTask
        spec: |
          type: io.kestra.plugin.scripts.shell.Commands
          %s
          commands: ["sleep 2; echo templated"]
      - id: shares
        type: io.kestra.plugin.core.flow.WorkingDirectory
        tasks:
          - {id: first, type: io.kestra.plugin.scripts.shell.Commands, %s, commands: ["echo one > file; sleep 2"]}
          - {id: second, type: io.kestra.plugin.scripts.shell.Commands, %s, commands: ["cat file; sleep 1"]}
""" % (RUNNER, RUNNER, RUNNER)

ENDED = """id: ended
namespace: integration.reload
tasks:
  - id: late
    type: io.kestra.plugin.scripts.shell.Commands
    %s
    timeout: PT3S
    commands: ["sleep 987654"]
""" % RUNNER

KILLED = """id: killed
namespace: integration.reload
tasks:
  - id: long
    type: io.kestra.plugin.scripts.shell.Commands
    %s
    commands: ["sleep 987655 & setsid sleep 987655; wait"]
""" % RUNNER

MANY = """id: many
namespace: integration.reload
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{ range(1, 60) }}"
    concurrencyLimit: 0
    tasks:
      - id: one
        type: io.kestra.plugin.scripts.shell.Commands
        %s
        commands: ["sleep 0.2; echo line-{{ taskrun.value }}"]
      - {id: two, type: io.kestra.plugin.core.debug.Return, format: "{{ taskrun.value }}"}
""" % RUNNER

WRITES = """id: writes
namespace: integration.reload
tasks:
  - {id: write, type: io.kestra.plugin.scripts.shell.Commands, %s, commands: ["echo kept > kept.txt"], outputFiles: [kept.txt]}
""" % RUNNER

READS = """id: reads
namespace: integration.reload
inputs:
  - {id: uri, type: STRING}
tasks:
  - {id: read, type: io.kestra.plugin.scripts.shell.Commands, %s, commands: ["cat {{ inputs.uri }}"]}
""" % RUNNER

STEPS = """id: steps
namespace: integration.reload
inputs:
  - {id: directory, type: STRING}
tasks:
  - id: talk
    type: io.kestra.plugin.scripts.shell.Commands
    %s
    commands:
      - |
        cd {{ inputs.directory }}
        echo before
        until [ -e one ]; do sleep 0.05; done
        echo during; touch said
        until [ -e two ]; do sleep 0.05; done
        echo after; echo '::{"outputs":{"after":"there"}}::'; touch ends
""" % RUNNER

GROUP = """id: group
namespace: integration.reload
tasks:
  - id: slow
    type: io.kestra.plugin.scripts.shell.Commands
    %s
    workerGroup: {key: second}
    commands: ["for i in 1 2 3 4 5 6 7 8; do echo line-$i; sleep 0.5; done"]
""" % RUNNER


def sql(statement):
    return subprocess.run(["psql", os.environ["KESTRA_PG"], "-Atc", statement], capture_output=True, text=True, check=True).stdout.strip()


def worker_pid():
    with open(HOME + "/run/worker.pid") as file:
        return int(file.read())


def start_time(pid):
    with open("/proc/%d/stat" % pid) as file:
        return file.read().rsplit(")", 1)[1].split()[19]


def log_of(name):
    with open(name, errors="replace") as file:
        return file.read()


class Worker:
    """One of the server's, or one that is started by hand."""

    def __init__(self, pid, log):
        self.pid, self.log = pid, log

    def handovers(self):
        return log_of(self.log).count("Worker goes on with")

    def refusals(self):
        return log_of(self.log).count("the reload was refused")

    def reload(self, expected="taken", quiet=False):
        count = self.handovers if expected == "taken" else self.refusals
        before, begin = count(), time.monotonic()
        os.kill(self.pid, signal.SIGHUP)
        good = until(lambda: count() > before, 20, 0.01)
        if not good or not quiet:
            check(good, "a reload is " + expected, log_of(self.log)[-2000:])
        return time.monotonic() - begin


def lines(execution, task):
    status, found = call("GET", "/api/v1/logs/%s?taskId=%s" % (execution, task))
    return [line["message"] for line in found] if status == 200 else []


def ended(execution, seconds=60):
    def look():
        status, body = call("GET", "/api/v1/executions/" + execution)
        return body if status == 200 and body["state"]["current"] in ("SUCCESS", "WARNING", "FAILED", "KILLED") else None
    return until(look, seconds) or call("GET", "/api/v1/executions/" + execution)[1]


def task_runs(execution, task):
    return [t for t in execution.get("taskRunList", []) if t["taskId"] == task]


def started(flow, task, inputs=None):
    """Starts an execution and waits until the task runs."""
    status, body = run("integration.reload", flow, inputs, wait=False)
    check(status == 200, flow + " starts", body)
    running = until(lambda: any(t["state"]["current"] == "RUNNING" for t in
                                task_runs(call("GET", "/api/v1/executions/" + body["id"])[1], task)), 20)
    check(running, "%s runs" % task)
    return body["id"]


def processes_with(word):
    return subprocess.run(["pgrep", "-f", "sleep " + word], capture_output=True, text=True).stdout.split()


class SlowServer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "40000")
        self.end_headers()
        for _ in range(40):
            self.wfile.write(b"x" * 1000)
            self.wfile.flush()
            time.sleep(0.1)

    def log_message(self, *arguments):
        pass


def output_goes_on(worker):
    instance = sql("select id from instance where role = 'worker'")
    execution = started("stream", "talk")
    times = []
    for _ in range(3):
        time.sleep(0.6)
        times.append(worker.reload())
    print("# reload, with the trial of the program: %s ms" % ", ".join("%d" % (1000 * t) for t in times))
    body = ended(execution)
    check(body["state"]["current"] == "SUCCESS", "a process that was reloaded over three times succeeds", body["state"])
    expected = ["begin-%d-end" % i for i in range(1, 31)]
    check(lines(execution, "talk") == expected, "each of its lines is there once, in order", lines(execution, "talk"))
    talk = task_runs(body, "talk")[0]
    check(len(talk["attempts"]) == 1, "in one attempt", talk["attempts"])
    states = [h["state"] for h in talk["state"]["histories"]]
    check(states == ["CREATED", "RUNNING", "SUCCESS"], "it was announced and ended once", states)
    value = task_runs(body, "use")[0].get("outputs", {}).get("value")
    check(value == "here there kept\n", "outputs from before and after, and its files", value)
    metrics = [m["value"] for m in call("GET", "/api/v1/metrics/" + execution)[1]["results"] if m["name"] == "steps"]
    check(metrics == [3], "metrics are added up", metrics)
    check(sql("select id from instance where role = 'worker'") == instance, "the worker is the same instance")


def everything_goes_on(worker):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SlowServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    execution = started("others", "downloads", {"url": "http://127.0.0.1:%d/file" % server.server_port})
    for _ in range(3):
        time.sleep(0.5)
        worker.reload()
    body = ended(execution)
    server.shutdown()
    check(body["state"]["current"] == "SUCCESS", "a sleep, a download, a templated task, a WorkingDirectory go on",
          (body["state"], [(t["taskId"], t["state"]["current"]) for t in body.get("taskRunList", [])],
           call("GET", "/api/v1/logs/" + execution)[1]))
    check(task_runs(body, "downloads")[0]["outputs"].get("length") == 40000, "the download is whole")
    sleep = task_runs(body, "sleeps")[0]["state"]
    check("PT3" in sleep.get("duration", ""), "the sleep lasts as long as it should", sleep)
    check(lines(execution, "templated") == ["templated"], "the templated task says its line once")
    check(lines(execution, "second") == ["one"], "the shared directory is the same")
    check(all(len(t.get("attempts") or [1]) == 1 for t in body["taskRunList"]), "nothing ran twice")


def ends_are_kept(worker):
    begin = time.monotonic()
    execution = started("ended", "late")
    worker.reload()
    body = ended(execution, 20)
    took = time.monotonic() - begin
    check(body["state"]["current"] == "FAILED" and 2.5 < took < 30, "a timeout goes on counting", (body["state"], took))
    check("Timeout after 00:00:03.000" in lines(execution, "late"), "and says so", lines(execution, "late"))
    check(until(lambda: not processes_with("987654"), 10), "its process is gone")
    execution = started("killed", "long")
    worker.reload()
    check(call("DELETE", "/api/v1/executions/%s/kill" % execution)[0] in (200, 202, 204), "a kill is accepted")
    body = ended(execution, 20)
    check(body["state"]["current"] == "KILLED", "what was carried over can be killed", body["state"])
    check(until(lambda: not processes_with("987655"), 5), "with all that it started")


def stop_children(worker):
    """The warm kestra-run children of the worker stand still: what storage work they get does not end."""
    with open("/proc/%d/task/%d/children" % (worker.pid, worker.pid)) as file:
        pids = [int(pid) for pid in file.read().split()]
    pids = [pid for pid in pids if log_of("/proc/%d/comm" % pid).strip() == "kestra-run"]
    check(pids, "there is a warm child")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return pids


def continue_children(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass  # an idle one ends with the program that started it


def storage_goes_on(worker):
    status, body = run("integration.reload", "writes")
    check(status == 200 and body["state"]["current"] == "SUCCESS", "a file is kept", body)
    uri = task_runs(body, "write")[0]["outputs"]["outputFiles"]["kept.txt"]
    pids = stop_children(worker)
    execution = started("writes", "write")
    worker.reload()
    worker.reload()
    continue_children(pids)
    body = ended(execution, 20)
    check(body["state"]["current"] == "SUCCESS" and "kept.txt" in task_runs(body, "write")[0]["outputs"]["outputFiles"] and
          task_runs(body, "write")[0]["outputs"]["exitCode"] == 0, "the upload of output files goes on", body)
    run("integration.reload", "writes")  # the worker has a child again
    pids = stop_children(worker)
    execution = started("reads", "read", {"uri": uri})
    worker.reload()
    continue_children(pids)
    body = ended(execution, 20)
    check(body["state"]["current"] == "SUCCESS" and lines(execution, "read") == ["kept"], "so does the download of input files",
          (body["state"], lines(execution, "read")))
    run("integration.reload", "writes")
    pids = stop_children(worker)
    execution = started("reads", "read", {"uri": uri})
    worker.reload()
    check(call("DELETE", "/api/v1/executions/%s/kill" % execution)[0] in (200, 202, 204), "a kill is accepted")
    check(ended(execution, 20)["state"]["current"] == "KILLED", "a kill ends it there", call("GET", "/api/v1/executions/" + execution)[1]["state"])


def many_go_on(worker):
    status, body = run("integration.reload", "many", wait=False)
    begin = time.monotonic()
    while time.monotonic() - begin < 4:
        worker.reload(quiet=True)
    body = ended(body["id"], 120)
    check(body["state"]["current"] == "SUCCESS", "60 values under reload after reload", body["state"])
    said = [line for line in lines(body["id"], "one")]
    check(sorted(said) == sorted("line-%d" % i for i in range(1, 61)), "each said its line once", sorted(said))
    twice = [t["id"] for t in body["taskRunList"] if len(t.get("attempts") or [1]) != 1]
    check(not twice, "none was tried again", twice)
    check(until(lambda: sql("select count(*) from job") == "0", 10), "no job is left")


class NoDatabase:
    """As in test-roles.py: PostgreSQL is gone with all its sessions, and comes back at the end."""

    def __enter__(self):
        with open(HOME + "/run/postgresql.pid") as file:
            self.pid = int(file.read())
        os.kill(self.pid, signal.SIGSTOP)  # the supervisor must not restart it at once
        for child in subprocess.run(["pgrep", "-P", str(self.pid)], capture_output=True, text=True).stdout.split():
            os.kill(int(child), signal.SIGKILL)
        os.rename(HOME + "/run/postgresql", HOME + "/run/postgresql.away")

    def __exit__(self, *error):
        os.rename(HOME + "/run/postgresql.away", HOME + "/run/postgresql")
        os.kill(self.pid, signal.SIGKILL)


def health():
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        try:
            connection.connect(HOME + "/run/worker.sock")
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return int(connection.recv(100).split()[1])
        except (OSError, IndexError):
            return 0


def goes_on_without_database(worker):
    """The task runs at the first reload, has said lines that nobody could take at the second, and has ended at the third."""
    with tempfile.TemporaryDirectory() as directory:
        open_to_tasks(directory)
        def step(name):
            open("%s/%s" % (directory, name), "w").close()

        execution = started("steps", "talk", {"directory": directory})
        check(until(lambda: lines(execution, "talk") == ["before"], 20), "its first line is there", lines(execution, "talk"))
        with NoDatabase():
            check(until(lambda: health() == 503, 60), "the worker is DOWN", health())
            worker.reload()
            check(until(lambda: health() == 503, 60), "also the program that took over", health())
            step("one")
            check(until(lambda: os.path.exists(directory + "/said"), 20), "the task goes on")
            os.kill(worker.pid, signal.SIGHUP)
            step("two")
            check(until(lambda: os.path.exists(directory + "/ends"), 20), "and ends")
            os.kill(worker.pid, signal.SIGHUP)
        body = ended(execution, 120)
    talk = task_runs(body, "talk")[0]
    check(body["state"]["current"] == "SUCCESS" and talk["outputs"]["vars"] == {"after": "there"}, "it succeeds, with its outputs",
          (body["state"], talk))
    check(lines(execution, "talk") == ["before", "during", "after"], "each line is there once", lines(execution, "talk"))
    states = [h["state"] for h in talk["state"]["histories"]]
    check(states == ["CREATED", "RUNNING", "SUCCESS"] and len(talk["attempts"]) == 1, "it was announced and ended once, in one attempt",
          (states, talk["attempts"]))
    check(until(lambda: health() == 200, 60), "the worker is UP again", health())
    check(until(lambda: sql("select count(*) from job") == "0", 20), "no job is left")
    worker.reload()


def settings_are_read(worker):
    path = HOME + "/kestra.yaml"
    right = log_of(path)
    with open(path, "a") as file:
        file.write("\nworker:\n  jobs-mx: many\n")
    worker.reload("refused")
    check("no such setting" in log_of(worker.log) or "duplicate" in log_of(worker.log), "wrong settings are named",
          log_of(worker.log)[-1000:])
    with open(path, "w") as file:
        file.write(right)
    status, body = run("integration.reload", "stream")
    check(status == 200 and body["state"]["current"] == "SUCCESS", "and the worker goes on", body)
    worker.reload()


def programs_are_tried():
    with tempfile.TemporaryDirectory() as directory:
        open_to_tasks(directory)
        program = directory + "/kestra-worker"
        for name in ("kestra-worker", "kestra-run"):
            shutil.copy2(os.path.join(BUILD, name), directory)
        shutil.copy2(HOME + "/kestra.yaml", directory)
        shutil.copytree(HOME + "/kestra.d", directory + "/kestra.d")
        with open(directory + "/kestra.d/zz-second.yaml", "w") as file:
            file.write("worker:\n  group: second\n  tmp-directory: %s/tasks\n" % directory)
        log = open(directory + "/log", "w")
        process = subprocess.Popen([program, "--config", directory + "/kestra.yaml", "--socket", directory + "/worker.sock"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        worker = Worker(process.pid, directory + "/log")
        try:
            execution = started("group", "slow")
            os.rename(program, program + ".old")
            with open(program, "w") as file:
                file.write("no program at all")
            os.chmod(program, 0o755)
            worker.reload("refused")
            with open(program, "w") as file:
                file.write("#!/bin/sh\necho cannot load a library >&2\nexit 127\n")
            worker.reload("refused")
            check("cannot load a library" in log_of(worker.log), "the journal says why")
            os.remove(program)
            worker.reload("refused")
            shutil.copy2(os.path.join(BUILD, "kestra-worker"), program + ".new")
            os.rename(program + ".new", program)  # as dpkg does
            worker.reload()
            check(os.readlink("/proc/%d/exe" % process.pid) == program, "an upgraded program takes over",
                  os.readlink("/proc/%d/exe" % process.pid))
            body = ended(execution)
            check(lines(execution, "slow") == ["line-%d" % i for i in range(1, 9)] and
                  body["state"]["current"] == "SUCCESS", "its task went on through all of it", (body["state"], lines(execution, "slow")))
            kept = [name for name in os.listdir("/proc/%d/fd" % process.pid)
                    if "handover" in os.readlink("/proc/%d/fd/%s" % (process.pid, name))]
            check(not kept, "what was handed over is not kept open", kept)
        finally:
            process.terminate()
            process.wait(30)
            log.close()


def main():
    for source in (STREAM, OTHERS, ENDED, KILLED, MANY, WRITES, READS, GROUP, STEPS):
        status, body = put_flow(source)
        check(status == 200, "a flow is stored", body)
    worker = Worker(worker_pid(), HOME + "/log/worker.log")
    before = start_time(worker.pid)
    sections = sys.argv[1:]
    for section in (output_goes_on, everything_goes_on, ends_are_kept, storage_goes_on, many_go_on, goes_on_without_database,
                    settings_are_read):
        if not sections or section.__name__ in sections:
            section(worker)
    check(worker_pid() == worker.pid and start_time(worker.pid) == before, "the worker is the same process")
    if not sections or "programs_are_tried" in sections:
        programs_are_tried()
    finish()


main()
