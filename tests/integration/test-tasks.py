#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# with-server: --config tests/data/task/server.json --env tests/data/task/server.env
"""Every case of tests/data/task, run beside a server. A file is a type, a document of it a case; tests/data/task/README.md."""
import base64
import getpass
import glob
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
import zipfile

import yaml

import http_server
import mail_server
from client import URL, call, check, finish, put_flow, run

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = HERE + "/../data/task"


def insert(value, places):
    """@NAME@ in texts becomes what it stands for."""
    if isinstance(value, str):
        return re.sub("@([A-Z_]+)@", lambda match: str(places.get(match[1], match[0])), value)
    if isinstance(value, list):
        return [insert(item, places) for item in value]
    if isinstance(value, dict):
        return {name: insert(item, places) for name, item in value.items()}
    return value


def differs(expected, found, path="outputs"):
    """The first difference as text, or None. Maps: what is expected must be there. "~…" is a pattern of the whole text."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return next(filter(None, (differs(value, found.get(name), path + "." + name) for name, value in expected.items())), None)
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return next(filter(None, (differs(a, b, "%s[%d]" % (path, i)) for i, (a, b) in enumerate(zip(expected, found)))), None)
    if isinstance(expected, str) and expected.startswith("~") and isinstance(found, str):
        matches = re.fullmatch(expected[1:], found, re.S)
        return None if matches else "%s: %r does not match %r" % (path, found, expected)
    same = expected == found and isinstance(expected, bool) == isinstance(found, bool)
    return None if same else "%s: expected %r but found %r" % (path, expected, found)


def at(value, path):
    for step in filter(None, re.split(r"\.(?![^\[]*\])", path)):
        step = step.strip("[]")
        value = value.get(step) if isinstance(value, dict) else value[int(step)]
    return value


def judge_logs(case, execution):
    _, logs = call("GET", "/api/v1/logs/" + execution["id"])
    lines = ["%s %s" % (entry["level"], entry.get("message", "")) for entry in logs or []]
    for wanted in case.get("logs", []):
        if not any(re.search(wanted[1:], line, re.S) if wanted.startswith("~") else wanted in line for line in lines):
            return "no log line %r among %s" % (wanted, lines)
    for unwanted in case.get("absent", []):
        for line in lines:
            if unwanted in line:
                return "log line %r holds %r" % (line, unwanted)
    return None


def judge_metrics(case, execution):
    _, answer = call("GET", "/api/v1/metrics/%s?size=100" % execution["id"])
    found = {}
    for metric in answer["results"]:
        found[metric["name"]] = {"type": metric["type"], "value": metric["value"], "tags": metric.get("tags", {})}
    return differs(case.get("metrics", {}), found, "metrics")


def judge_file(execution, name, uri, content):
    if not isinstance(uri, str):
        return "%s is no file: %r" % (name, uri)
    try:
        with urllib.request.urlopen("%s/api/v1/executions/%s/file?path=%s" % (URL, execution["id"], urllib.parse.quote(uri))) as file:
            text = file.read().decode("utf8", "replace")
    except urllib.error.HTTPError as error:
        return "%s cannot be read: %s" % (name, error)
    return differs(content, text, "file " + name)


def judge_files(case, execution, runs):
    outputs = runs[-1].get("outputs") if runs else None
    wanted = [(path, at(outputs, path), content) for path, content in case.get("files", {}).items()]
    if "log-file" in case:
        wanted.append(("logFile", runs[-1]["attempts"][-1].get("logFile"), case["log-file"]))
    return next(filter(None, (judge_file(execution, *file) for file in wanted)), None)


def judge_requests(case):
    """What the server was asked at /hook/NAME: the last request, or a list of all."""
    for name, wanted in case.get("requests", {}).items():
        found = http_server.hooks.get(name, [])
        if not isinstance(wanted, list):
            wanted, found = [wanted], found[-1:]
        problem = differs(wanted, found, "requests to " + name)
        if problem:
            return problem
    return None


def judge(case, execution):
    if not isinstance(execution, dict) or "state" not in execution:
        return "not started: %s" % (execution,)
    runs = [task_run for task_run in execution.get("taskRunList", []) if task_run["taskId"] == case.get("look-at", "t")]
    outputs = runs[-1].get("outputs") if runs else {}
    state = execution["state"]["current"]
    problem = None if state == case.get("state", "SUCCESS") else "state: %s" % state
    problem = problem or differs(case.get("outputs", {}), outputs or {})
    problem = problem or judge_requests(case)
    problem = problem or judge_logs(case, execution) or judge_metrics(case, execution)
    problem = problem or judge_files(case, execution, runs)
    if problem and state != case.get("state", "SUCCESS"):
        _, logs = call("GET", "/api/v1/logs/" + execution["id"])
        problem += " " + json.dumps([entry.get("message") for entry in logs or []])
    return problem


def flow_of(case, number, namespace):
    tasks = case.get("tasks") or [{"id": "t", **case["task"]}]
    return {"id": "case-%d" % number, "namespace": namespace, **case.get("flow", {}), "tasks": tasks}


def run_case(case, number, namespace):
    """The problem, or None."""
    namespace = case.get("namespace", namespace)
    http_server.hooks.clear()
    flow = flow_of(case, number, namespace)
    for other in case.get("flows", []):
        put_flow("\n".join("%s: %s" % (name, value if isinstance(value, str) else json.dumps(value)) for name, value in other.items()))
    status, body = put_flow("\n".join("%s: %s" % (name, value if isinstance(value, str) else json.dumps(value))
                                      for name, value in flow.items()))
    if "refused" in case:
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        return None if status == 422 and case["refused"] in text else "answered %s %s" % (status, text)
    if status != 200:
        return "the flow is refused: %s" % (body,)
    try:
        _, execution = run(namespace, flow["id"], case.get("inputs"), timeout=30)
    except TimeoutError:
        return "the execution does not end"
    return judge(case, execution)


def stand_ins(directory):
    """Programs that say their name and arguments, for interpreters that need not be installed."""
    os.mkdir(directory)
    for name in ("python3", "node", "ruby", "Rscript", "pwsh", "bun", "deno", "dotnet-script", "go", "groovy", "jbang", "julia",
                 "lua", "php", "dbt", "terraform", "tofu", "ansible-playbook", "aws", "gcloud", "az", "sqlmesh", "modal",
                 "cloudquery", "trivy", "spark-submit"):
        with open(directory + "/" + name, "w") as file:
            file.write('#!/bin/sh\necho "${0##*/} $*"\n')
        os.chmod(directory + "/" + name, 0o755)
    return directory


def wheel(directory):
    """A Python package of the tests' own, for pip without a network."""
    path = directory + "/shout-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("shout.py", "def shout(text):\n    return text.upper() + '!'\n")
        archive.writestr("shout-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: shout\nVersion: 1.0\n")
        archive.writestr("shout-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("shout-1.0.dist-info/RECORD", "shout.py,,\nshout-1.0.dist-info/METADATA,,\nshout-1.0.dist-info/WHEEL,,\nshout-1.0.dist-info/RECORD,,\n")
    return path


def repository(directory):
    """A Git repository of two commits on main, a branch dev and a tag v1; the hash of its first commit."""
    def git(*words):
        return subprocess.run(["git", "-C", work, "-c", "user.name=Test", "-c", "user.email=test@example.org", *words],
                              capture_output=True, check=True, text=True).stdout.strip()
    root, work = directory + "/git", directory + "/git-work"
    os.mkdir(work)
    git("init", "-q", "-b", "main")
    commits = []
    for step, content in (("main", "one"), ("main", "two"), ("dev", "three")):
        if step == "dev":
            git("tag", "v1")
            git("checkout", "-q", "-b", "dev")
        with open(work + "/file.txt", "w") as file:
            file.write(content + "\n")
        git("add", "."), git("commit", "-q", "-m", content)
        commits.append(git("rev-parse", "HEAD"))
    git("checkout", "-q", "-b", "files", "main")
    os.makedirs(work + "/_files/deep")
    for name, content in (("a.txt", "new\n"), ("deep/b.txt", "bee\n"), (".gitkeep", "")):
        with open(work + "/_files/" + name, "w") as file:
            file.write(content)
    git("add", "."), git("commit", "-q", "-m", "files")
    git("checkout", "-q", "main")
    for name in ("/project.git", "/private/project.git"):
        os.makedirs(os.path.dirname(root + name), exist_ok=True)
        subprocess.run(["git", "clone", "-q", "--bare", work, root + name], check=True)
        subprocess.run(["git", "-C", root + name, "config", "http.receivepack", "true"], check=True)
    http_server.repositories[:] = [root]
    return commits[0]


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def postgresql():
    """A port of 127.0.0.1 that leads to the server's own PostgreSQL, which listens on a socket alone; and its user."""
    parts = dict(part.split("=", 1) for part in os.environ["KESTRA_PG"].split())
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            client = listener.accept()[0]
            server = socket.socket(socket.AF_UNIX)
            server.connect(parts["host"] + "/.s.PGSQL.5432")
            for pair in ((client, server), (server, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    subprocess.run(["psql", "-qX", os.environ["KESTRA_PG"], "-c", "CREATE SCHEMA cases"], check=True)
    return listener.getsockname()[1], parts.get("user", getpass.getuser())


def places(directory):
    values = http_server.start(directory)
    values.update(mail_server.start(directory))
    values["COMMIT"] = repository(directory)
    values["GIT"] = "http://127.0.0.1:%d/git/project.git" % values["HTTP"]
    values["PRIVATE"] = "http://127.0.0.1:%d/git/private/project.git" % values["HTTP"]
    values["PG_PORT"], values["PG_USER"] = postgresql()
    values["BIN"] = stand_ins(directory + "/bin")
    values["WHEEL"] = wheel(directory)
    values["BIG"] = "x" * 20000
    values["B64"] = base64.b64encode(bytes(range(256))).decode()
    return values


def needed(case):
    """The first program that the case needs and that is not here."""
    for program in case.get("needs", "").split():
        if program.startswith("python-"):
            if not importlib.util.find_spec(program[len("python-"):]):
                return program
            continue
        if subprocess.run(["sh", "-c", "command -v " + program], capture_output=True).returncode != 0:
            return program
    return None


def main():
    patterns = sys.argv[1:] or ["*"]
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)  # tasks may be another user
        values = places(directory)
        for number, file in enumerate(sorted({file for pattern in patterns for file in glob.glob("%s/%s.yaml" % (DATA, pattern))})):
            name = os.path.basename(file)[:-5]
            with open(file) as text:
                cases = [case for case in yaml.safe_load_all(text) if case]
            named = {case["case"]: case for case in cases}
            cases = [{**named.get(case.get("like"), {}), **case} for case in cases]
            for index, case in enumerate(cases):
                missing = needed(case)
                if missing:
                    print("# %s: %s: %s is not installed" % (name, case["case"], missing))
                    continue
                problem = run_case(insert(case, values), index, "test.task%d" % number)
                check(problem is None, "%s: %s" % (name, case["case"]), problem)
    finish()


main()
