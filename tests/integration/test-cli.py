#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kestractl as an administrator uses it: output, JSON, exit codes, messages."""
import json
import os
import subprocess
import tempfile

from client import call, check, finish, until

FLOW = """id: %s
namespace: integration.cli
inputs:
  - id: name
    type: STRING
    defaults: world
tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: "hello {{ inputs.name }}"
%s"""
PAUSED = """  - id: pause
    type: io.kestra.plugin.core.flow.Pause
"""
FAIL = """  - id: fail
    type: io.kestra.plugin.core.execution.Fail
"""


def find_kestractl():
    for directory in (os.environ.get("KESTRA_BUILD", ""), os.path.join(os.path.dirname(__file__), "..", "..", "build")):
        if directory and os.path.exists(os.path.join(directory, "kestractl")):
            return os.path.join(directory, "kestractl")
    return "kestractl"


KESTRACTL = find_kestractl()


def ctl(*arguments, stdin=""):
    done = subprocess.run([KESTRACTL, *arguments], input=stdin, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def following(directory):
    code, out, err = ctl("run", "integration.cli.good", "--follow")
    check(code == 0 and out.count("hello world") == 1 and "SUCCESS" in err, "run --follow ends with the execution", (code, out, err))
    execution = err.split()[0]
    code, out, err = ctl("logs", execution, "--follow")
    check(code == 0 and out.count("hello world") == 1, "logs --follow of what has ended ends", (code, out, err))
    code, out, err = ctl("run", "integration.cli.failing", "--follow", "--output", "json")
    check(code == 1 and json.loads(out.splitlines()[0]), "run --follow exits as the execution ended", (code, out, err))
    path = os.path.join(directory, "paused.yaml")
    with open(path, "w") as file:
        file.write(FLOW % ("paused", PAUSED))
    ctl("flow", "create", path)
    code, out, err = ctl("run", "integration.cli.paused", "--follow", "--timeout", "2")
    check(code == 4 and "hello world" in out and "timed out" in err, "run --follow --timeout exits with 4", (code, out, err))
    execution = err.split()[-2]
    code, out, err = ctl("logs", execution, "--follow", "--timeout", "1")
    check(code == 4 and "hello world" in out, "logs --follow --timeout", (code, out, err))
    code, out, err = ctl("run", "integration.cli.paused", "--wait", "--timeout", "1")
    check(code == 4 and "PAUSED" in out, "run --wait --timeout shows the state", (code, out, err))
    code, out, err = ctl("run", "integration.cli.paused", "--wait", "--timeout", "soon")
    check(code == 64 and "soon" in err, "a timeout that is none", (code, out, err))
    follower = subprocess.Popen([KESTRACTL, "logs", execution, "--follow", "--level", "INFO"], stdout=subprocess.PIPE, text=True)
    first = follower.stdout.readline()
    call("POST", "/api/v1/executions/%s/resume" % execution)
    check("hello world" in first and follower.wait(60) == 0, "logs --follow of what runs ends with it", first)


def files():
    code, out, err = ctl("flow", "status")
    check(code == 0, "flow status of a directory without faults", (code, out, err))
    path = os.path.join(os.environ["KESTRA_HOME"], "flows", "broken.yaml")
    with open(path, "w") as file:
        file.write("id: broken\nnamespace: integration.cli\ntasks: [")
    seen = until(lambda: (lambda done: done if "broken.yaml" in done[1] else None)(ctl("flow", "status")), 10)
    check(seen and seen[0] == 1, "flow status exits with 1 when a file is broken", seen)
    os.unlink(path)


def main():
    with tempfile.TemporaryDirectory() as directory:
        good, bad, failing = (os.path.join(directory, name) for name in ("good.yaml", "bad.yaml", "failing.yaml"))
        for path, text in ((good, FLOW % ("good", "")), (failing, FLOW % ("failing", FAIL)),
                           (bad, "id: bad\nnamespace: integration.cli\ntasks:\n  - id: x\n    type: no.such.Type\n")):
            with open(path, "w") as file:
                file.write(text)
        code, out, err = ctl("flow", "validate", good)
        check(code == 0 and "is valid" in out, "validate: a good file", (code, out, err))
        code, out, err = ctl("flow", "validate", bad)
        check(code == 1 and "no.such.Type" in err, "validate: a bad file names the type", (code, out, err))
        broken = os.path.join(directory, "broken.yaml")
        with open(broken, "w") as file:
            file.write(FLOW % ("broken", "") + "  - id: odd\n    type: io.kestra.plugin.core.log.Log\n    message: '{{ 1 + }}'\n")
        code, out, err = ctl("flow", "validate", broken)
        check(code == 0 and "broken.yaml:13:14: odd.message: " in err,
              "validate: an expression that does not compile is a warning with file, line and column", (code, out, err))
        for path in (good, failing):
            code, out, err = ctl("flow", "create", path)
            check(code == 0 and "revision 1" in out, "create " + os.path.basename(path), (code, out, err))
        code, out, err = ctl("flow", "create", good)
        check(code == 1 and "already exists" in err, "create again is refused with the server's reason", (code, out, err))
        code, out, err = ctl("flow", "get", "integration.cli", "good")
        check(code == 0 and out == FLOW % ("good", ""), "get gives the source byte for byte", (code, err))
        code, out, err = ctl("flow", "list", "--namespace", "integration.cli", "--output", "json")
        check(code == 0 and json.loads(out)["total"] == 2, "list as JSON", (code, out, err))
        code, out, err = ctl("run", "integration.cli.good", "--input", "name=admin", "--wait")
        check(code == 0 and "SUCCESS" in out, "run --wait succeeds", (code, out, err))
        code, out, err = ctl("run", "integration.cli", "failing", "--wait", "--output", "json")
        check(code == 1 and json.loads(out)["state"]["current"] == "FAILED", "run --wait of a failing flow exits with 1", (code, err))
        execution = json.loads(out)["id"]
        code, out, err = ctl("logs", execution, "--level", "INFO")
        check(code == 0 and "hello world" in out, "logs", (code, out, err))
        code, out, err = ctl("execution", "list", "--state", "FAILED", "--namespace", "integration.cli")
        check(code == 0 and execution in out, "execution list by state", (code, out, err))
        code, out, err = ctl("execution", "get", execution)
        check(code == 0 and "hello" in out and "fail" in out, "execution get shows the task runs", (code, out, err))
        code, out, err = ctl("run", "integration.cli.absent")
        check(code == 1 and "not found" in err.lower(), "run of a flow that is not there", (code, out, err))
        code, out, err = ctl("expression", "eval", "{{ a.b ~ '!' }}", "--context", "-", stdin='{"a":{"b":"yes"}}')
        check(code == 0 and out == "yes!\n", "expression eval", (code, out, err))
        code, out, err = ctl("expression", "eval", "{{ a.b }}")
        check(code == 1 and "a" in err, "expression eval: unknown variable", (code, out, err))
        following(directory)
        files()
        code, out, err = ctl("logs", "nosuch", "--follow")
        check(code == 1 and "404" in err, "logs --follow of what is not there", (code, out, err))
        code, out, err = ctl("execution", "list", "--state", "FINISHED")
        check(code == 64 and "FINISHED" in err and "SUCCESS" in err and "enum" not in err,
              "an unknown state is refused with the states that there are", (code, out, err))
        code, out, err = ctl("flow", "delete", "integration.cli", "good")
        check(code == 0 and ctl("flow", "get", "integration.cli", "good")[0] == 1, "delete", (code, err))
        code, out, err = ctl("frobnicate")
        check(code == 64 and "--help" in err, "an unknown verb is a usage error", (code, out, err))
        code, out, err = ctl("flow", "list", "--server", "http://127.0.0.1:1")
        check(code == 69 and err, "no server: exit code 69 and a reason", (code, out, err))
        code, out, err = ctl("--help")
        check(code == 0 and "flow validate" in out, "help lists the verbs", code)
    finish()


main()
