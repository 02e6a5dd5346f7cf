#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What flows of later versions of Kestra say: webhooks that wait, `when`, defaults that are expressions, fields without
a meaning here."""
import json
import urllib.error
import urllib.request

from client import URL, call, check, finish, put_flow, run, until

NAMESPACE = "test.later"


def ask(path, body=None):
    """(status, content type, text)"""
    request = urllib.request.Request(URL + path, data=body and body.encode(), method="POST" if body else "GET")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers.get("Content-Type"), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Content-Type"), error.read().decode()


def hook(flow, trigger, more=""):
    status, body = put_flow("id: %s\nnamespace: %s\n%s\ntriggers:\n  - {id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: k-%s%s}"
                            % (flow, NAMESPACE, more, flow, trigger))
    assert status == 200, body
    return "/api/v1/executions/webhook/%s/%s/k-%s" % (NAMESPACE, flow, flow)


SAY = """tasks:
  - {id: say, type: io.kestra.plugin.core.debug.Return, format: "{{ trigger.parameters.token[0] ?? trigger.body.word }}"}
outputs:
  - {id: word, type: STRING, value: "{{ outputs.say.value }}"}"""
FAIL = "tasks:\n  - {id: fail, type: io.kestra.plugin.core.execution.Fail}"

path = hook("plain", ", wait: true, returnOutputs: true, responseContentType: text/plain", SAY)
status, kind, text = ask(path + "?token=abc")
check((status, text) == (200, "abc") and kind.startswith("text/plain"), "one output as plain text", (status, kind, text))

path = hook("json", ", wait: true, returnOutputs: true", SAY)
status, kind, text = ask(path, '{"word": "hi"}')
check(status == 200 and json.loads(text) == {"word": "hi"} and kind.startswith("application/json"), "outputs as JSON", (status, kind, text))

path = hook("whole", ", wait: true", SAY)
status, kind, text = ask(path, '{"word": "hi"}')
check(status == 200 and json.loads(text)["state"]["current"] == "SUCCESS", "the ended execution", (status, text))

status, kind, text = ask(hook("fails", ", wait: true", FAIL), "{}")
check(status == 500 and json.loads(text)["state"]["current"] == "FAILED", "an execution that fails is a 500", (status, text))
status, kind, text = ask(hook("coded", ', wait: true, responseCode: "{{ trigger.body.code }}"', FAIL), '{"code": 418}')
check(status == 418, "a status of the flow's choice", (status, text))

TYPED = "inputs:\n  - {id: n, type: INT}\n" + "tasks:\n  - {id: say, type: io.kestra.plugin.core.debug.Return, format: \"{{ inputs.n + 1 }}\"}\n" \
    "outputs:\n  - {id: n, type: INT, value: \"{{ outputs.say.value }}\"}"
path = hook("inputs", ', wait: true, returnOutputs: true, inputs: {n: "{{ trigger.body.n }}"}', TYPED)
status, kind, text = ask(path, '{"n": 41}')
check(status == 200 and json.loads(text) == {"n": 42}, "inputs from the request", (status, text))
status, kind, text = ask(path, '{"n": "many"}')
check(status == 422, "inputs that do not fit", (status, text))

path = hook("choosy", ', when: "{{ trigger.body.word == \'go\' }}"', SAY)
check(ask(path, '{"word": "stop"}')[0] == 204, "when does not hold")
check(ask(path, '{"word": "go"}')[0] == 200, "when holds")

put_flow("id: source\nnamespace: %s\ninputs:\n  - {id: word, type: STRING}\ntasks:\n"
         "  - {id: say, type: io.kestra.plugin.core.debug.Return, format: \"{{ inputs.word }}\"}\n"
         "outputs:\n  - {id: word, type: STRING, value: \"{{ outputs.say.value }}\"}" % NAMESPACE)
status, body = put_flow("""id: listener
namespace: %s
inputs:
  - {id: given, type: STRING, required: false}
  - {id: sum, type: INT, defaults: "{{ 40 + 2 }}"}
tasks:
  - {id: say, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs.given }} {{ inputs.sum + 0 }}"}
triggers:
  - id: listen
    type: io.kestra.plugin.core.trigger.Flow
    inputs: {given: "{{ trigger.outputs.word }}"}
    when: "{{ outputs.say.value == 'go' }}"
    conditions:
      - {type: io.kestra.plugin.core.condition.ExecutionFlow, namespace: %s, flowId: source}""" % (NAMESPACE, NAMESPACE))
check(status == 200 and "conditions" in json.dumps(body) and json.dumps(body).count("core.condition.Expression") == 0,
      "the flow is given back as it was written", body)


def listener():
    return [e for e in call("GET", "/api/v1/executions/search?namespace=%s&flowId=listener" % NAMESPACE)[1]["results"]
            if e["state"]["current"] == "SUCCESS"]


def poke(word):
    return run(NAMESPACE, "source", {"word": word})


# executors look once a second which flows listen: once it is known, every word counts
check(until(lambda: poke("go") and listener(), 30), "a Flow trigger with when")
poke("stop")
last = len(listener())
poke("go")
found = until(lambda: len(listener()) > last and listener(), 30)
check(all(e["inputs"] == {"given": "go", "sum": 42} for e in found or [{"inputs": None}]),
      "only when it holds, and with a default that is an expression", found)

put_flow("""id: defaults
namespace: %s
variables: {base: 20}
inputs:
  - {id: text, type: STRING, defaults: "a{{ vars.base }}", prefill: other}
  - {id: number, type: INT, defaults: "{{ vars.base * 2 }}", max: 50}
  - {id: flag, type: BOOLEAN, defaults: "{{ 1 == 1 }}"}
  - {id: list, type: ARRAY, itemType: INT, defaults: "{{ [1, vars.base] }}"}
  - {id: day, type: DATE, defaults: "{{ '2026-01-02' }}"}
  - {id: after, type: STRING, dependsOn: {inputs: [text]}, defaults: "{{ inputs.text }}!"}
tasks:
  - {id: say, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs | toJson }}"}""" % NAMESPACE)
_, execution = run(NAMESPACE, "defaults")
check(execution.get("inputs") == {"text": "a20", "number": 40, "flag": True, "list": [1, 20], "day": "2026-01-02", "after": "a20!"},
      "defaults of every type", execution)
_, execution = run(NAMESPACE, "defaults", {"text": "{{ vars.base }}"})
check(execution.get("inputs", {}).get("text") == "{{ vars.base }}", "what is given is not rendered", execution)
put_flow("id: broken\nnamespace: %s\ninputs:\n  - {id: a, type: STRING, defaults: \"{{ nobody }}\"}\n%s" % (NAMESPACE, FAIL))
status, body = call("POST", "/api/v1/executions/%s/broken" % NAMESPACE)
check(status == 422 and "default" in json.dumps(body), "a default that cannot be rendered", body)

source = """id: ignored
namespace: %s
tasks:
  - {id: say, type: io.kestra.plugin.core.debug.Return, format: x, workerSelector: {tags: [a]}, assets: {inputs: []}, taskCache: {enabled: true}}""" % NAMESPACE
status, body = put_flow(source)
check(status == 200, "fields without a meaning are accepted", body)
status, body = call("POST", "/api/v1/flows/validate", source, "application/x-yaml")
told = json.dumps(body)
check(all(name + " has no effect here" in told for name in ("workerSelector", "assets", "taskCache")), "and the check says so", body)
finish()
