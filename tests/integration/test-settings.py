#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Settings that a reload applies, in every role; and wrong ones, which change nothing."""
import os
import signal

from client import call, check, finish, put_flow, run, until

FLOW = """id: %s
namespace: integration.settings
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
"""
DEFAULTS = """
plugins:
  defaults:
    - type: io.kestra.plugin.core.log.Log
      values: {message: said by a default}
flows: {write-back: true}
"""
PIDS = [int(pid) for pid in os.environ["KESTRA_PIDS"].split(",")]
FILES = os.path.join(os.environ["KESTRA_HOME"], "flows")


def arguments(pid):
    with open("/proc/%d/cmdline" % pid) as file:
        return file.read().split("\0")


def reload_roles():
    for pid in PIDS:
        os.kill(pid, signal.SIGHUP)


def is_loaded(flow):
    return call("GET", "/api/v1/flows/integration.settings/" + flow)[0] == 200


def logs(execution):
    return [line["message"] for line in call("GET", "/api/v1/logs/%s?minLevel=INFO" % execution)[1]]


def main():
    words = arguments(PIDS[0])
    config = words[words.index("--config") + 1]
    with open(config) as file:
        before = file.read()
    status, body = put_flow(FLOW % "early")
    check(status == 422, "without the default the flow is refused", (status, body))
    with open(os.path.join(FILES, "by-file.yaml"), "w") as file:
        file.write(FLOW % "by-file")
    check(until(lambda: [one for one in call("GET", "/api/v1/flow-files")[1] if one.get("error")], 20), "in a file too")
    with open(config, "a") as file:
        file.write(DEFAULTS)
    reload_roles()
    check(until(lambda: put_flow(FLOW % "early")[0] == 200, 20), "a reload of the webserver applies the default")
    check(until(lambda: is_loaded("by-file"), 20), "a reload of the scheduler applies it to flow files")
    for flow in ("early", "by-file"):
        said = until(lambda: "said by a default" in logs(run("integration.settings", flow)[1]["id"]), 20)
        check(said, "executor and worker apply it to " + flow)
    status, body = call("PUT", "/api/v1/flows/integration.settings/by-file", FLOW % "by-file" + "    message: mine\n", "application/x-yaml")
    check(status == 200, "flows.write-back holds after the reload", (status, body))
    with open(config, "w") as file:
        file.write(before + "\nlog: {level: loud}\n")
    reload_roles()
    check(run("integration.settings", "early")[1]["state"]["current"] == "SUCCESS" and
          call("POST", "/api/v1/flows/validate", FLOW % "early", "application/x-yaml")[1][0].get("constraints") is None,
          "wrong settings leave the old ones")
    with open(config, "w") as file:
        file.write(before)
    reload_roles()
    check(until(lambda: put_flow(FLOW % "late")[0] == 422, 20), "what is taken out of the file is gone with the next reload")
    finish()


main()
