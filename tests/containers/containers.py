#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scripts in containers of a real engine: output, files, users, limits, refusals, kill, timeout, reload, death of helper
and worker; afterwards no container is left. Run by tests/containers/run."""
import http.client
import json
import os
import signal
import socket
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from client import call, check, finish, put_flow, run, until  # noqa: E402

ENGINE = os.environ["CONTAINERS_ENGINE"]
SPACE = "integration.containers"
DOCKER = "taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker, pullPolicy: NEVER%s}"
SHELL = "type: io.kestra.plugin.scripts.shell.Commands, containerImage: 'localhost/box:1'"


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(ENGINE)


def engine(method, path):
    connection = Connection("engine", timeout=60)
    connection.request(method, "/v1.40" + path)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return json.loads(text) if text else None


def containers(label=None):
    filters = {"label": [label]} if label else {}
    return engine("GET", "/containers/json?all=1&filters=" + urllib.parse.quote(json.dumps(filters)))


def task(name, commands, runner="", more=""):
    return "  - {id: %s, %s, %s, commands: %s%s}\n" % (name, SHELL, DOCKER % runner, json.dumps(commands), more)


def flow(name, *tasks):
    status, body = put_flow("id: %s\nnamespace: %s\ntasks:\n%s" % (name, SPACE, "".join(tasks)))
    check(status == 200, "flow %s is stored" % name, body)


def start(name):
    status, body = run(SPACE, name, wait=False)
    return body["id"]


def execution(identity):
    return call("GET", "/api/v1/executions/" + identity)[1]


def state(identity):
    return execution(identity)["state"]["current"]


def logs(identity, name=None):
    entries = call("GET", "/api/v1/logs/" + identity)[1]
    return [(entry["level"], entry["message"]) for entry in entries if name in (None, entry.get("taskId"))]


def outputs(body, name):
    return [run["outputs"] for run in body["taskRunList"] if run["taskId"] == name][0]


def worker_pid():
    for pid in os.environ["KESTRA_PIDS"].split(","):
        with open("/proc/%s/comm" % pid) as comm:
            if comm.read().strip() == "kestra-worker":
                return int(pid)
    return None


def helpers():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/comm" % pid) as comm, open("/proc/%s/stat" % pid) as stat:
                if comm.read().strip() == "kestra-containe" and stat.read().rsplit(")", 1)[1].split()[0] != "Z":
                    found.append(int(pid))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return [pid for pid in found if descends(pid)]


def descends(pid):
    with open("/proc/%d/stat" % pid) as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1]) == worker_pid()


def what_a_task_finds():
    flow("finds",
         task("speaks", ["echo out; echo wrong >&2", "echo '::{\"outputs\":{\"a\":\"b\"}}::'", "sleep 2", "printf last"]),
         task("sees", ["echo $OWN $OF_SERVER; test -f /etc/debian_version || echo other root", "test \"$PWD\" = \"$WORKING_DIR\" && echo here"],
              more=", env: {OWN: mine}"),
         task("files", ["cat in/a.txt", "mkdir d; cat in/a.txt > d/out.txt; chmod 600 d/out.txt"],
              more=", inputFiles: {in/a.txt: 'content here'}, outputFiles: ['d/*']"),
         task("mounted", ["cat a.txt > b.txt"], ", fileHandlingStrategy: MOUNT", ", inputFiles: {a.txt: mount}, outputFiles: [b.txt]"),
         task("guest", ["id -u; cat a.txt > b.txt"], ", user: guest", ", inputFiles: {a.txt: x}, outputFiles: [b.txt]"),
         task("number", ["id -u; id -g; cat a.txt > b.txt"], ", user: '77:88'", ", inputFiles: {a.txt: x}, outputFiles: [b.txt]"),
         task("entry", ["one"], ", entryPoint: [echo, two]", ", interpreter: [x]"),
         "  - {id: said, type: io.kestra.plugin.core.debug.Return, format: \"{{ read(outputs.files.outputFiles['d/out.txt']) }} "
         "{{ read(outputs.mounted.outputFiles['b.txt']) }} {{ outputs.speaks.vars.a }}\"}\n")
    status, body = run(SPACE, "finds", timeout=120)
    check(body["state"]["current"] == "WARNING", "the tasks ran, standard error makes a warning", (body["state"]["current"], logs(body["id"])))
    said = logs(body["id"], "speaks")
    check(("INFO", "out") in said and ("ERROR", "wrong") in said and ("INFO", "last") in said, "both streams are told apart", said)
    check(len(outputs(body, "speaks")["taskRunner"]["containerId"]) == 64, "outputs.taskRunner names the container")
    found = [message for level, message in logs(body["id"], "sees")]
    check(found == ["mine everywhere", "other root", "here"], "environment and directory are those of the task", found)
    check([m for l, m in logs(body["id"], "guest")] == ["1234"] and [m for l, m in logs(body["id"], "number")] == ["77", "88"],
          "user is a name or numbers", (logs(body["id"], "guest"), logs(body["id"], "number")))
    check(logs(body["id"], "entry") == [("INFO", "two x set -e"), ("INFO", "one")], "entryPoint comes before the command", logs(body["id"], "entry"))
    check(outputs(body, "said")["value"] == "content here mount b", "files come in and out", outputs(body, "said"))
    rows = call("GET", "/api/v1/metrics/%s?size=100" % body["id"])[1]["results"]
    names = {row["name"] for row in rows if row["taskId"] == "speaks"}
    check({"process.cpu.user", "process.cpu.system", "process.memory.peak"} <= names, "what it has used is in the metrics", rows)
    check(not containers("kestra.io/flow-id=finds"), "no container is left", containers())


def what_is_refused():
    flow("fails", task("status", ["exit 7"]))
    status, body = run(SPACE, "fails")
    check(body["state"]["current"] == "FAILED" and outputs(body, "status")["exitCode"] == 7, "the exit status is the container's")
    cases = {
        "image": (", image: 'localhost/none:1'", "The image localhost/none:1 is not there, and pullPolicy is NEVER"),
        "volume": (", volumes: ['/etc:/mine']", "volumes are not allowed on this worker (worker.containers.volumes)"),
        "rights": (", privileged: true", "privileged is not allowed on this worker (worker.containers.privileged)"),
        "size": (", memory: {memory: much}", "memory must be a size such as 512MB, found 'much'"),
        "most": (", memory: {memory: 1GB}", "256 MiB"),
        "port": (", portBindings: ['80:http']", "portBindings: '80:http' is not of the form [address:]port:port[/protocol]"),
        "policy": (", fileHandlingStrategy: COPY", "fileHandlingStrategy must be one of MOUNT, VOLUME, found 'COPY'"),
        "host": (", host: 'unix:///nowhere.sock'", "The container engine at /nowhere.sock"),
        "login": (", credentials: {auth: '%%%'}", "auth of the registry's credentials must be base64 of user:password"),
    }
    for name, (runner, words) in cases.items():
        flow("refused-" + name, task("refused", ["echo ran"], runner))
        status, body = run(SPACE, "refused-" + name)
        said = logs(body["id"])
        check(body["state"]["current"] == "FAILED" and any(words in message for level, message in said), "refused: " + words, said)


def which_runner():
    flow("choice", "  - {id: given, %s, commands: ['test -f /etc/debian_version || echo contained'], docker: {image: 'localhost/box:1', pullPolicy: NEVER}}\n" % SHELL,
         "  - {id: older, type: io.kestra.plugin.scripts.shell.Script, runner: DOCKER, docker: {image: 'localhost/box:1', pullPolicy: NEVER},"
         " script: 'test -f /etc/debian_version || echo contained'}\n",
         "  - {id: without, type: io.kestra.plugin.scripts.shell.Commands, commands: ['test -f /etc/debian_version && echo process']}\n")
    status, body = run(SPACE, "choice")
    said = {name: logs(body["id"], name) for name in ("given", "older", "without")}
    check(said == {"given": [("INFO", "contained")], "older": [("INFO", "contained")], "without": [("INFO", "process")]},
          "an image makes a container, none a process", said)


def how_it_ends():
    flow("long", task("long", ["echo begun; sleep 4321"]))
    identity = start("long")
    check(until(lambda: ("INFO", "begun") in logs(identity), 60), "a container runs", logs(identity))
    label = "kestra.io/execution-id=" + identity
    check(len(containers(label)) == 1, "it bears the execution's id")
    call("DELETE", "/api/v1/executions/%s/kill" % identity)
    check(until(lambda: state(identity) == "KILLED", 60), "a kill ends it", state(identity))
    check(not containers(label), "and removes the container", containers(label))
    flow("late", task("late", ["sleep 4321"], more=", timeout: PT2S"))
    status, body = run(SPACE, "late")
    check(body["state"]["current"] == "FAILED" and not containers("kestra.io/flow-id=late"), "a timeout too", logs(body["id"]))


def reload_and_death():
    flow("stays", task("stays", ["echo begun", "sleep 6", "echo ended; echo '::{\"outputs\":{\"late\":\"yes\"}}::'"]))
    identity = start("stays")
    until(lambda: ("INFO", "begun") in logs(identity), 60)
    os.kill(worker_pid(), signal.SIGHUP)
    check(until(lambda: state(identity) == "SUCCESS", 60), "a worker that is reloaded finds its container again", logs(identity))
    check(outputs(execution(identity), "stays")["vars"] == {"late": "yes"}, "and takes its outputs")
    identity = start("long")
    until(lambda: ("INFO", "begun") in logs(identity), 60)
    for pid in helpers():
        os.kill(pid, signal.SIGKILL)
    check(until(lambda: state(identity) == "FAILED", 60), "a helper that is killed fails its task", state(identity))
    check(until(lambda: not containers("kestra.io/flow-id=long"), 60), "its container is swept away", containers())
    identity = start("long")
    until(lambda: ("INFO", "begun") in logs(identity), 60)
    first = containers("kestra.io/flow-id=long")[0]["Id"]
    os.kill(worker_pid(), signal.SIGKILL)
    check(until(lambda: first not in [c["Id"] for c in containers()], 60), "a worker that dies leaves no container", containers())
    call("DELETE", "/api/v1/executions/%s/kill" % identity)


def tasks_of_docker():
    host = "host: 'unix://%s'" % ENGINE
    flow("docker",
         "  - {id: run, type: io.kestra.plugin.docker.Run, containerImage: 'localhost/box:1', pullPolicy: NEVER, commands: [sh, -c, 'cat a; echo b > b'],"
         " inputFiles: {a: hello}, outputFiles: [b]}\n"
         "  - {id: detached, type: io.kestra.plugin.docker.Run, containerImage: 'localhost/box:1', pullPolicy: NEVER, commands: [sleep, '4321'], wait: false}\n"
         "  - {id: stop, type: io.kestra.plugin.docker.Stop, %s, containerId: '{{ outputs.detached.taskRunner.containerId }}', kill: true}\n"
         "  - {id: tag, type: io.kestra.plugin.docker.Tag, sourceImage: 'localhost/box:1', targetImage: 'localhost/other:2'}\n"
         "  - {id: remove, type: io.kestra.plugin.docker.Rm, imageIds: ['localhost/other:2']}\n"
         "  - {id: build, type: io.kestra.plugin.docker.Build, pull: false, tags: ['localhost/built:1'], labels: {a: b}, inputFiles: {data: inside},"
         " dockerfile: \"FROM localhost/box:1\\nCOPY data /data\\n\"}\n"
         "  - {id: built, type: io.kestra.plugin.docker.Run, containerImage: 'localhost/built:1', pullPolicy: NEVER, commands: [cat, /data]}\n" % host)
    status, body = run(SPACE, "docker", timeout=120)
    check(body["state"]["current"] == "SUCCESS", "docker.Run, Stop, Tag, Rm and Build work", logs(body["id"]))
    check(("INFO", "hello") in logs(body["id"], "run") and list(outputs(body, "run")["outputFiles"]) == ["b"], "Run has files", logs(body["id"], "run"))
    check(("INFO", "inside") in logs(body["id"], "built") and outputs(body, "build")["imageId"], "what was built runs", logs(body["id"], "built"))
    check(not containers("kestra.io/flow-id=docker"), "Stop has removed the container", containers())
    flow("absent", "  - {id: pull, type: io.kestra.plugin.docker.Pull, image: 'localhost:1/none:1'}\n")
    status, body = run(SPACE, "absent")
    check(body["state"]["current"] == "FAILED" and any("cannot be pulled" in m for l, m in logs(body["id"])), "a pull that fails says why", logs(body["id"]))


def main():
    tasks_of_docker()
    what_a_task_finds()
    what_is_refused()
    which_runner()
    how_it_ends()
    reload_and_death()
    finish()


main()
