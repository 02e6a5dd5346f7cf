#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flow triggers: states, conditions, preconditions, labels, inputs out of outputs, every kind of window; and no flow starts itself."""
import datetime
import time

from client import call, check, finish, put_flow, run, until

NAMESPACE = "integration.followers"
HELLO = "tasks:\n  - id: hello\n    type: io.kestra.plugin.core.log.Log\n    message: hello\n"
CONDITION = "io.kestra.plugin.core.condition."


def flow(name, rest, namespace=NAMESPACE):
    status, body = put_flow("id: %s\nnamespace: %s\n%s" % (name, namespace, rest))
    if status != 200:
        check(False, "flow " + name, body)


def started(name, namespace=NAMESPACE):
    return call("GET", "/api/v1/executions?namespace=%s&flowId=%s&size=100" % (namespace, name))[1]["results"]


def listener(name, trigger, inputs=""):
    flow(name, inputs + HELLO + "triggers:\n  - id: after\n    type: io.kestra.plugin.core.trigger.Flow\n" +
         "".join("    %s\n" % line for line in trigger.strip("\n").split("\n")))


def of(flow_id, *more):
    return "conditions:\n  - type: %sExecutionFlow\n    namespace: %s\n    flowId: %s\n" % (CONDITION, NAMESPACE, flow_id) + "".join(more)


def condition(kind, **properties):
    return "  - type: %s%s\n" % (CONDITION, kind) + "".join("    %s: %s\n" % pair for pair in properties.items())


def preconditions(flows, window="", where="", reset=None):
    return ("preconditions:\n  id: window\n" + ("  resetOnSuccess: %s\n" % reset if reset else "") + window +
            ("  flows:\n" + "".join("    - namespace: %s\n      flowId: %s\n%s" % (NAMESPACE, *one) for one in flows) if flows else "") + where)


flow("ok", HELLO)
flow("other", HELLO)
flow("fails", "tasks:\n  - id: fails\n    type: io.kestra.plugin.core.execution.Fail\n")
flow("pause", "tasks:\n  - id: pause\n    type: io.kestra.plugin.core.flow.Pause\n")
flow("gives", "inputs:\n  - id: n\n    type: INT\n    defaults: 5\ntasks:\n  - id: ret\n    type: io.kestra.plugin.core.debug.Return\n"
     "    format: \"{{ inputs.n }}\"\noutputs:\n  - id: number\n    type: INT\n    value: \"{{ outputs.ret.value }}\"\n")
flow("labelled", "labels:\n  team: red\n" + HELLO)
# Windows that are aligned to hours and days must not end in the middle of this.
today = datetime.datetime.now(datetime.timezone.utc)
if today.minute >= 58:
    time.sleep((60 - today.minute) * 60 - today.second + 2)
    today = datetime.datetime.now(datetime.timezone.utc)


def clock(minutes):
    return '"%s"' % (today + datetime.timedelta(minutes=minutes)).strftime("%H:%M:%S")


# Each change counts for the next execution that ends, however soon: what was saved, disabled and deleted a moment ago.
def late():
    flow("up", HELLO)
    run(NAMESPACE, "up")
    want = 0
    for _ in range(3):
        listener("down", of("up"))
        run(NAMESPACE, "up")
        want += 1
        check(len(started("down")) == want, "a flow that listens since a moment ago is started", started("down"))
        listener("down", "disabled: true\n" + of("up"))
        run(NAMESPACE, "up")
        check(len(started("down")) == want, "one whose trigger was disabled a moment ago is not", started("down"))
        listener("down", of("up"))
        run(NAMESPACE, "up")
        want += 1
        check(len(started("down")) == want, "and is again when it was enabled", started("down"))
        call("DELETE", "/api/v1/flows/%s/down" % NAMESPACE)
        run(NAMESPACE, "up")
        check(len(started("down")) == want, "one that was deleted is not", started("down"))
        flow("caller", "tasks:\n  - {id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: %s, flowId: called}\n" % NAMESPACE)
        flow("called", "description: before\n" + HELLO)
        run(NAMESPACE, "caller")
        flow("called", "description: after\n" + HELLO)
        run(NAMESPACE, "caller")
        both = started("called")
        check(both[0]["flowRevision"] != both[1]["flowRevision"], "a Subflow starts the revision saved a moment ago", both)
        call("DELETE", "/api/v1/flows/%s/called" % NAMESPACE)


late()

# name → (trigger, upstream flow, starts)
SINGLE = {
    "by-flow": (of("ok"), "ok", 1),
    "by-other-flow": (of("other"), "ok", 0),
    "default-states": (of("fails"), "fails", 1),
    "wanted-state": ("states: [FAILED]\n" + of("fails"), "fails", 1),
    "unwanted-state": ("states: [SUCCESS]\n" + of("fails"), "fails", 0),
    "running": ("states: [RUNNING]\n" + of("ok"), "ok", 1),
    "paused": ("states: [PAUSED]\n" + of("pause"), "pause", 1),
    "status": (of("ok", condition("ExecutionStatus", **{"in": "[SUCCESS]"})), "ok", 1),
    "no-status": (of("ok", condition("ExecutionStatus", notIn="[SUCCESS]")), "ok", 0),
    # A flow that follows its whole namespace and is followed itself would go on for ever, as in Kestra.
    "namespace": ("states: [FAILED]\nconditions:\n" + condition("ExecutionNamespace", namespace="integration.foll", comparison="PREFIX") +
                  condition("Expression", expression='"{{ execution.id is not empty }}"') +
                  condition("Not", conditions="[{type: %sExecutionFlow, namespace: %s, flowId: nobody}]" % (CONDITION, NAMESPACE)), "fails", 1),
    "labels": ("conditions:\n" + condition("ExecutionLabels", labels="{team: red}"), "labelled", 1),
    "no-labels": (of("labelled", condition("ExecutionLabels", labels="{team: blue}")), "labelled", 0),
    "outputs": (of("gives", condition("ExecutionOutputs", expression='"{{ trigger.outputs.number > 4 }}"')), "gives", 1),
    "no-outputs": (of("gives", condition("ExecutionOutputs", expression='"{{ trigger.outputs.number > 5 }}"')), "gives", 0),
    "expression": (of("ok", condition("Expression", expression='"{{ flow.id == \'expression\' }}"')), "ok", 1),
    "disabled": ("disabled: true\n" + of("ok"), "ok", 0),
    "one-precondition": (preconditions([("ok", "")]), "ok", 1),
    "precondition-state": (preconditions([("fails", "      states: [SUCCESS]\n")]), "fails", 0),
    "precondition-labels": (preconditions([("labelled", "      labels: {team: red}\n")]), "labelled", 1),
    "precondition-no-labels": (preconditions([("labelled", "      labels: {team: blue}\n")]), "labelled", 0),
    "where": (preconditions([], where="  where:\n    - id: it\n      operand: AND\n      filters:\n        - {field: FLOW_ID, type: EQUAL_TO, "
                            "value: fails}\n        - {field: STATE, type: IN, values: [FAILED]}\n        - {field: NAMESPACE, type: "
                            "ENDS_WITH, value: followers}\n        - {field: EXPRESSION, value: \"{{ execution.id }}\", type: IS_NOT_NULL}\n"),
              "fails", 1),
    "no-where": (preconditions([], where="  where:\n    - id: it\n      filters:\n        - {field: FLOW_ID, type: REGEX, value: 'fail'}\n"),
                 "fails", 0),
}
for name, (trigger, _, _) in SINGLE.items():
    listener(name, trigger)
listener("self", of("self"))
listener("inputs", of("gives") + "inputs:\n  from: \"{{ trigger.outputs.number }}\"\n  of: \"{{ trigger.flowId }}\"\nlabels:\n  source: "
         "\"{{ trigger.state }}\"\n", "inputs:\n  - id: from\n    type: STRING\n  - id: of\n    type: STRING\n")

# Windows: they come true over two flows.
BOTH = [("ok", ""), ("other", "")]


def window(kind, **properties):
    return "  timeWindow:\n    type: %s\n" % kind + "".join("    %s: %s\n" % pair for pair in properties.items())


WINDOWS = {
    "default-window": (preconditions(BOTH), 1),
    "duration": (preconditions(BOTH, window("DURATION_WINDOW", window="PT1H")), 1),
    "duration-ahead": (preconditions(BOTH, window("DURATION_WINDOW", window="PT10M", windowAdvance="PT1H")), 0),
    "sliding": (preconditions(BOTH, window("SLIDING_WINDOW", window="PT1H")), 1),
    "daily": (preconditions(BOTH, window("DAILY_TIME_WINDOW", startTime='"00:00:00"', endTime='"23:59:59"')), 1),
    "daily-past": (preconditions(BOTH, window("DAILY_TIME_WINDOW", startTime='"00:00:00"', endTime='"00:00:01"')), 0),
    "deadline": (preconditions(BOTH, window("DAILY_TIME_DEADLINE", deadline='"23:59:59"')), 1),
    "deadline-past": (preconditions(BOTH, window("DAILY_TIME_DEADLINE", deadline='"00:00:01"')), 0),
    "multiple": ("conditions:\n  - id: multiple\n    type: %sMultipleCondition\n    window: P1D\n    conditions:\n" % CONDITION +
                 "".join("      %s:\n        type: %sExecutionFlow\n        namespace: %s\n        flowId: %s\n" % (one, CONDITION, NAMESPACE, one)
                         for one in ("ok", "other")), 1),
    "short": (preconditions(BOTH, window("SLIDING_WINDOW", window="PT2S")), 0),
}
for name, (trigger, _) in WINDOWS.items():
    listener("window-" + name, trigger)
listener("window-kept", preconditions(BOTH, window("SLIDING_WINDOW", window="PT1H"), reset="false"))
time.sleep(1.5)  # an executor looks once a second which flows listen

for upstream in ("ok", "fails", "gives", "labelled", "self"):
    run(NAMESPACE, upstream)
paused = run(NAMESPACE, "pause", wait=False)[1]["id"]
until(lambda: call("GET", "/api/v1/executions/" + paused)[1]["state"]["current"] == "PAUSED", 10)


def count(name, upstream):
    """Of those started by this upstream flow."""
    return len([one for one in started(name) if one.get("trigger", {}).get("variables", {}).get("flowId") == upstream])


for name, (_, upstream, expected) in SINGLE.items():
    until(lambda name=name, upstream=upstream, expected=expected: count(name, upstream) >= expected, 10)
time.sleep(1)
for name, (_, upstream, expected) in SINGLE.items():
    check(count(name, upstream) == expected, "%s: %d after %s" % (name, expected, upstream), count(name, upstream))
check(len(started("self")) == 1, "a flow does not start itself", len(started("self")))

given = started("inputs")
if check(len(given) == 1, "inputs: one is started"):
    variables = given[0]["trigger"]["variables"]
    check(given[0]["inputs"] == {"from": "5", "of": "gives"}, "inputs come out of the outputs upstream", given[0]["inputs"])
    check({"key": "source", "value": "SUCCESS"} in given[0]["labels"], "labels too", given[0].get("labels"))
    check(sorted(variables) == ["executionId", "flowId", "flowRevision", "namespace", "state"] and variables["state"] == "SUCCESS",
          "the trigger says what started it", variables)

for name in WINDOWS:
    check(len(started("window-" + name)) == 0, "window %s: half of it starts nothing" % name, len(started("window-" + name)))
time.sleep(2.5)
run(NAMESPACE, "other")
for name, (_, expected) in WINDOWS.items():
    until(lambda name=name, expected=expected: len(started("window-" + name)) >= expected, 10)
    check(len(started("window-" + name)) == expected, "window %s: both start %d" % (name, expected), len(started("window-" + name)))
# Once it is full a window that is kept stays so: every execution that ends, of whatever flow, starts another, as in Kestra.
check(until(lambda: started("window-kept"), 10), "a window that is kept: both start one", len(started("window-kept")))
time.sleep(2)
before = len(started("window-kept"))
run(NAMESPACE, "labelled")
check(until(lambda: len(started("window-kept")) > before, 10), "each further execution starts another", len(started("window-kept")))
check(len(started("window-sliding")) == 1, "a window that is not kept begins anew", len(started("window-sliding")))
run(NAMESPACE, "other")
run(NAMESPACE, "ok")
check(until(lambda: len(started("window-sliding")) == 2, 10), "and comes true again", len(started("window-sliding")))
finish()
