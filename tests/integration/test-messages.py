#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# with-server: none
"""Messages longer than limits.message: whatever would send one fails with that reason, and everything else goes on."""
import os
import sys
import tempfile

if "KESTRA_URL" not in os.environ:
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as settings:
        settings.write("limits: {message: 64KiB}\n")
        settings.flush()
        sys.exit(os.spawnv(os.P_WAIT, here + "/../../tools/with-server",
                           ["with-server", "--config", settings.name, sys.executable, os.path.abspath(__file__)]))

from client import call, check, finish, put_flow, run, until  # pylint: disable=wrong-import-position

NAMESPACE = "integration.messages"
BIG = "x" * 100000


def flow(name, rest):
    status, body = put_flow("id: %s\nnamespace: %s\n%s" % (name, NAMESPACE, rest))
    if status != 200:
        check(False, "flow " + name, body)


def logs(execution):
    return " ".join(entry["message"] for entry in call("GET", "/api/v1/logs/%s?minLevel=ERROR" % execution["id"])[1])


def fails(name, what, inputs=None):
    execution = run(NAMESPACE, name, inputs)[1]
    check(execution["state"]["current"] == "FAILED", what + " fails", execution["state"])
    text = logs(execution)
    check("limits.message" in text, what + ": the log says why", text)
    return execution


HELLO = "tasks:\n  - id: hello\n    type: io.kestra.plugin.core.log.Log\n    message: hello\n"
flow("outputs", "tasks:\n  - id: big\n    type: io.kestra.plugin.core.debug.Return\n"
     "    format: \"{% for i in range(1, 10000) %}0123456789{% endfor %}\"\n")
run_ = fails("outputs", "a task with too long outputs")["taskRunList"][0]
check(not run_.get("outputs") and run_["state"]["current"] == "FAILED", "it has no outputs", run_.get("outputs"))

flow("job", "variables:\n  big: %s\ntasks:\n  - id: log\n    type: io.kestra.plugin.core.log.Log\n    message: \"{{ vars.big }}\"\n" % BIG)
fails("job", "a task that is given too much")

flow("flow-outputs", "variables:\n  big: %s\n%soutputs:\n  - id: out\n    type: STRING\n    value: \"{{ vars.big }}\"\n" % (BIG, HELLO))
check(not fails("flow-outputs", "a flow with too long outputs").get("outputs"), "it has no outputs")

flow("inputs", "inputs:\n  - id: text\n    type: STRING\n    required: false\n" + HELLO)
status, body = run(NAMESPACE, "inputs", {"text": BIG})
check(status == 422 and "limits.message" in body["message"], "too long inputs are refused", body)
check(run(NAMESPACE, "inputs", {"text": "short"})[1]["state"]["current"] == "SUCCESS", "shorter ones are not")

flow("parent", "variables:\n  big: %s\ntasks:\n  - id: child\n    type: io.kestra.plugin.core.flow.Subflow\n    namespace: %s\n"
     "    flowId: inputs\n    inputs:\n      text: \"{{ vars.big }}\"\n" % (BIG, NAMESPACE))
fails("parent", "a subflow with too long inputs")

flow("hook", HELLO + "triggers:\n  - id: hook\n    type: io.kestra.plugin.core.trigger.Webhook\n    key: a-key\n")
status, body = call("POST", "/api/v1/executions/webhook/%s/hook/a-key" % NAMESPACE, '"%s"' % BIG, "application/json")
check(status == 413 and "65536" in body["message"], "a webhook with a too long body is refused before it is read", body)

flow("pause", "tasks:\n  - id: pause\n    type: io.kestra.plugin.core.flow.Pause\n    onResume:\n      - id: text\n        type: STRING\n")
paused = run(NAMESPACE, "pause", wait=False)[1]["id"]
until(lambda: call("GET", "/api/v1/executions/" + paused)[1]["state"]["current"] == "PAUSED", 10)
form = '--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n%s\r\n--b--\r\n'
status, body = call("POST", "/api/v1/executions/%s/resume" % paused, form % BIG, "multipart/form-data; boundary=b")
check(status == 422 and "limits.message" in body["message"], "resuming with too long inputs is refused", body)
call("POST", "/api/v1/executions/%s/resume" % paused, form % "short", "multipart/form-data; boundary=b")
check(until(lambda: call("GET", "/api/v1/executions/" + paused)[1]["state"]["current"] == "SUCCESS", 10), "shorter ones are taken")

flow("listener", "variables:\n  big: %s\ninputs:\n  - id: text\n    type: STRING\n%striggers:\n  - id: after\n"
     "    type: io.kestra.plugin.core.trigger.Flow\n    inputs:\n      text: \"{{ vars.big }}\"\n    conditions:\n"
     "      - type: io.kestra.plugin.core.condition.ExecutionFlow\n        namespace: %s\n        flowId: inputs\n"
     % (BIG, HELLO, NAMESPACE))
heard = run(NAMESPACE, "inputs")[1]["id"]
told = until(lambda: [line["message"] for line in call("GET", "/api/v1/logs/%s?minLevel=DEBUG" % heard)[1]
                      if "listener" in line["message"]], 60, 1)
check(len(told) == 2 and "invalid inputs" in told[0] and "limits.message" in told[1], "a flow trigger with too long inputs says so", told)
check(call("GET", "/api/v1/executions?namespace=%s&flowId=listener" % NAMESPACE)[1]["total"] == 0, "and starts nothing")
check(call("GET", "/api/v1/poison")[1]["total"] == 0, "nothing had to be set aside")
finish()
