#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a task's process finds and leaves: a clean environment, metrics of what it has used, a sandbox, and no descendant
after a kill. Holds with and without control groups; limits that bite are tests/system/limits."""
import os
import subprocess
import time

from client import call, check, finish, put_flow, run, until

FLOW = """id: isolation
namespace: integration.isolation
tasks:
  - id: environment
    type: io.kestra.plugin.scripts.shell.Commands
    env: {DECLARED: "yes"}
    commands: ["env | cut -d= -f1 | sort | tr '\\\\n' ' '; echo", "echo fds $(ls /proc/self/fd | wc -l)"]
  - id: work
    type: io.kestra.plugin.scripts.shell.Commands
    commands: ["i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done", "dd if=/dev/zero of=x bs=1M count=4 conv=fsync 2>/dev/null"]
  - id: confined
    type: io.kestra.plugin.scripts.shell.Commands
    sandbox: {readOnlyRoot: true, privateTmp: true, privateNetwork: true, privatePids: true}
    commands: ["touch mine /tmp/mine", "touch /var/x 2>/dev/null || echo read-only", "tail -n +3 /proc/net/dev | cut -d: -f1"]
  - id: big
    type: io.kestra.plugin.scripts.shell.Commands
    allowFailure: true
    limits: {memory: 1GiB}
    commands: ["echo limited"]
"""
ESCAPE = """id: escape
namespace: integration.isolation
tasks:
  - id: escape
    type: io.kestra.plugin.scripts.shell.Commands
    commands: ["(setsid env -i sh -c '(sleep 87651 & sleep 87651 & wait) & sleep 87651' &) ; sleep 87651"]
"""


def sleepers():
    return subprocess.run(["pgrep", "-fc", "^sleep 87651"], stdout=subprocess.PIPE, text=True).stdout.strip()


def logs(execution):
    entries = call("GET", "/api/v1/logs/" + execution["id"])[1]
    return {task: [entry["message"] for entry in entries if entry.get("taskId") == task] for task in
            {entry.get("taskId") for entry in entries}}


def metrics(execution, task):
    rows = call("GET", "/api/v1/metrics/%s?taskId=%s&size=100" % (execution["id"], task))[1]["results"]
    return {row["name"]: row for row in rows}


def contents():
    status, body = put_flow(FLOW)
    check(status == 200, "the flow is stored", body)
    status, execution = run("integration.isolation", "isolation")
    said = logs(execution)
    found = set(said["environment"][0].split())
    check(found - {"_", "SHLVL", "OLDPWD", "PWD"} == {"PATH", "HOME", "LANG", "DECLARED", "WORKING_DIR", "SPAWN_TREE"},
          "the environment is what is documented", said["environment"])
    check("fds 4" in said["environment"], "no descriptor is inherited", said["environment"])
    check([line.strip() for line in said["confined"]] == ["read-only", "lo"], "the sandbox holds", said["confined"])
    used = metrics(execution, "work")
    check(used["process.cpu.user"]["value"] > 1 and used["process.cpu.user"]["type"] == "timer", "CPU time is a metric", used)
    check(used["process.memory.peak"]["value"] > 500000, "peak memory is a metric", used)
    check(used["process.io.written"]["value"] >= 4 << 20, "what went to disk is a metric", used)
    check(used["process.cpu.user"]["tags"]["attempt"] == "0", "the attempt is a tag", used)
    enforced = "limited" in said["big"]
    check(enforced or any("limits.memory cannot be enforced here" in line for line in said["big"]),
          "a limit is kept or refused, never ignored", said["big"])


def escape():
    status, body = put_flow(ESCAPE)
    check(status == 200, "the flow is stored", body)
    status, execution = call("POST", "/api/v1/executions/integration.isolation/escape")
    check(until(lambda: sleepers() == "4", 20), "a task starts descendants that hide", sleepers())
    call("DELETE", "/api/v1/executions/%s/kill" % execution["id"])
    check(until(lambda: sleepers() == "0", 20), "a kill ends all of them", sleepers())


def main():
    contents()
    escape()
    finish()


if __name__ == "__main__":
    main()
