#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A schedule with seconds fires every slot exactly once, shows in the triggers, and stops when its flow goes. Triggers are
disabled, enabled and filled back through the API, a list of dates runs once a date, and slots wait for the execution that runs."""
import calendar
import json
import time

from client import call, check, finish, put_flow, run, until

FLOW = """id: clock
namespace: integration.schedule
tasks:
  - id: tick
    type: io.kestra.plugin.core.log.Log
    message: "{{ trigger.date }}"
triggers:
  - id: each-second
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "* * * * * *"
    withSeconds: true
"""

MINUTES = """id: minutes
namespace: integration.backfill
inputs:
  - id: why
    type: STRING
    defaults: regular
tasks:
  - id: tick
    type: io.kestra.plugin.core.log.Log
    message: "{{ trigger.date }}"
triggers:
  - id: each-minute
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "* * * * *"
    disabled: false
"""

DATES = """id: dates
namespace: integration.dates
tasks:
  - id: tick
    type: io.kestra.plugin.core.log.Log
    message: "{{ trigger.date }}"
triggers:
  - id: list
    type: io.kestra.plugin.core.trigger.ScheduleOnDates
    timezone: Europe/Paris
    dates:
%s
"""
STOPS = """id: stops
namespace: integration.stops
tasks:
  - id: tick
    type: io.kestra.plugin.core.%s
triggers:
  - id: each-second
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "* * * * * *"
    withSeconds: true
    stopAfter: [FAILED]
"""
LOCKED = """id: locked
namespace: integration.lock
tasks:
  - id: wait
    type: io.kestra.plugin.core.flow.Pause
triggers:
  - id: each-second
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "* * * * * *"
    withSeconds: true
"""
TOGGLES = """id: toggles
namespace: integration.stops
tasks:
  - id: stop
    type: io.kestra.plugin.core.trigger.Toggle
    flowId: stops
    trigger: each-second
    enabled: true
"""
TRIGGERS = "/api/v1/triggers"


def executions(namespace="integration.schedule"):
    return call("GET", "/api/v1/executions/search?size=100&namespace=" + namespace)[1]["results"]


def instant(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def send(method, path, body):
    return call(method, TRIGGERS + path, json.dumps(body), "application/json")


def row(namespace, flow):
    rows = call("GET", "%s/%s/%s" % (TRIGGERS, namespace, flow))[1]["results"]
    return rows[0] if rows else None


def disable_and_enable():
    ids = {"namespace": "integration.schedule", "flowId": "clock", "triggerId": "each-second"}
    status, answer = send("PUT", "", dict(ids, disabled=True))
    check(status == 200 and answer["disabled"] is True and "nextExecutionDate" not in answer, "it is disabled", answer)
    check(row("integration.schedule", "clock") == answer, "what was answered is what is stored")
    before = len(executions())
    time.sleep(2.5)
    check(len(executions()) == before, "a disabled trigger does not fire")
    status, answer = call("POST", TRIGGERS + "/integration.schedule/clock/each-second/unlock")
    check(status == 409 and answer["message"] == "Illegal state: Trigger is not locked", "it is not locked", answer)
    status, answer = send("PUT", "", dict(ids, disabled=False))
    check(status == 200 and answer["disabled"] is False and answer.get("nextExecutionDate"), "it is enabled", answer)
    check(until(lambda: len(executions()) >= before + 4, 10), "what was missed is made up for, and it goes on")
    check(send("PUT", "", dict(ids, triggerId="nobody"))[0] == 404, "an unknown trigger is not found")
    check(call("POST", TRIGGERS + "/integration.schedule/clock/nobody/unlock")[0] == 404, "nor is an unknown one")
    status, answer = send("PUT", "/backfill/pause", ids)
    check(status == 400 and "No backfill found" in answer["message"], "it has no backfill", answer)
    for disabled in (True, False):
        answer = send("POST", "/set-disabled/by-triggers", {"triggers": [ids], "disabled": disabled})[1]
        check(answer == {"count": 1} and row("integration.schedule", "clock")["disabled"] is disabled,
              "set-disabled by triggers: %s" % disabled, answer)
    answer = call("POST", TRIGGERS + "/set-disabled/by-query?namespace=integration.schedule&disabled=true")[1]
    check(answer == {"count": 1} and row("integration.schedule", "clock")["disabled"], "set-disabled by query", answer)
    send("PUT", "", dict(ids, disabled=False))
    check(call("POST", TRIGGERS + "/integration.schedule/clock/each-second/restart")[0] == 200, "it is restarted")


def backfill():
    if time.time() % 60 > 40:  # a regular slot must not come in between
        time.sleep(61 - time.time() % 60)
    put_flow(MINUTES)
    check(until(lambda: row("integration.backfill", "minutes"), 10), "the trigger has a row")
    ids = {"namespace": "integration.backfill", "flowId": "minutes", "triggerId": "each-minute"}
    regular = row("integration.backfill", "minutes")["nextExecutionDate"]
    end = calendar.timegm(time.strptime(regular, "%Y-%m-%dT%H:%M:%SZ")) - 600
    wanted = {"start": instant(end - 240), "end": instant(end), "paused": True, "inputs": {"why": "{{ trigger.date }}"},
              "labels": [{"key": "reason", "value": "backfill"}]}
    status, answer = send("PUT", "", dict(ids, disabled=False, backfill=wanted))
    check(status == 200 and answer["backfill"]["previousNextExecutionDate"] == regular and
          answer["backfill"]["currentDate"] == instant(end - 240), "a backfill is stored", answer)
    check(not executions("integration.backfill"), "a paused backfill does not run")
    answer = send("POST", "/backfill/unpause/by-triggers", [ids])[1]
    check(answer == {"count": 1}, "it goes on", answer)
    check(until(lambda: len(executions("integration.backfill")) >= 5, 10), "five slots are filled back")
    made = [one for one in executions("integration.backfill")
            if {"key": "reason", "value": "backfill"} in one.get("labels", [])]
    dates = sorted(one["trigger"]["variables"]["date"] for one in made)
    check(dates == [instant(end - 240 + 60 * i) for i in range(5)], "each of them once", dates)
    check(all(one["inputs"]["why"] == one["trigger"]["variables"]["date"] for one in made), "with the backfill's inputs")
    after = row("integration.backfill", "minutes")
    check("backfill" not in after and after["nextExecutionDate"] >= regular, "then the regular slots go on", after)
    send("PUT", "", dict(ids, backfill=dict(wanted, start=instant(end - 86400 * 2))))
    status, answer = send("PUT", "/backfill/pause", ids)
    check(status == 200 and answer["backfill"]["paused"], "a backfill is paused", answer)
    answer = call("POST", TRIGGERS + "/backfill/unpause/by-query?namespace=integration.backfill&q=nothing")[1]
    check(answer == {"count": 0}, "a query that matches nothing changes nothing", answer)
    status, answer = send("POST", "/backfill/delete", ids)
    check(status == 200 and "backfill" not in answer and answer["nextExecutionDate"] >= regular, "and deleted", answer)
    status, answer = send("PUT", "", dict(ids, backfill={"end": instant(end)}))
    check(call("POST", TRIGGERS + "/backfill/pause/by-query?namespace=integration.backfill")[1] == {"count": 0},
          "triggers without a backfill are left out")
    check(status == 400, "a backfill without a start is refused", answer)
    call("DELETE", "/api/v1/flows/integration.backfill/minutes")


def dates():
    now = int(time.time())
    put_flow(DATES % "\n".join('      - "%s"' % instant(now + offset) for offset in (12, -3600, 10)))
    check(until(lambda: len(executions("integration.dates")) >= 2, 12), "both dates to come have their execution")
    made = sorted(one["scheduleDate"] for one in executions("integration.dates"))
    check([date[:19] for date in made] == [instant(now + 10)[:19], instant(now + 12)[:19]], "with their dates", made)
    check("nextExecutionDate" not in row("integration.dates", "dates"), "and no date is left")
    call("DELETE", "/api/v1/flows/integration.dates/dates")


def dates_of(namespace):
    return sorted(one["trigger"]["variables"]["date"][:19] for one in executions(namespace))


def locked():
    """While its execution runs the slots wait; afterwards they come one by one, none is lost."""
    namespace = "integration.lock"
    put_flow(LOCKED)
    check(until(lambda: (row(namespace, "locked") or {}).get("executionId"), 10), "an execution locks its trigger")
    first = row(namespace, "locked")["executionId"]
    time.sleep(2.5)
    check(row(namespace, "locked")["executionId"] == first and len(executions(namespace)) == 1,
          "the slots wait while it runs", executions(namespace))
    for count in (1, 2, 3):
        check(until(lambda: len(executions(namespace)) == count, 5), "execution %d has the next slot" % count)
        holder = row(namespace, "locked")["executionId"]
        check(until(lambda: call("GET", "/api/v1/executions/" + holder)[1]["state"]["current"] == "PAUSED", 20), "it waits")
        call("POST", "/api/v1/executions/%s/resume" % holder)
    check(until(lambda: len(executions(namespace)) == 4, 5), "and a fourth")
    slots = [calendar.timegm(time.strptime(date, "%Y-%m-%dT%H:%M:%S")) for date in dates_of(namespace)]
    check(slots == list(range(slots[0], slots[0] + 4)), "no slot is left out", slots)
    call("DELETE", "/api/v1/executions/%s" % row(namespace, "locked")["executionId"])
    check(until(lambda: slots[0] + 4 in [calendar.timegm(time.strptime(date, "%Y-%m-%dT%H:%M:%S"))
                                         for date in dates_of(namespace)], 5), "one that is deleted is no lock")
    status, answer = call("POST", TRIGGERS + "/integration.lock/locked/each-second/unlock")
    check(status == 200 and "executionId" not in answer, "it can be unlocked", answer)
    put_flow(LOCKED.replace("* * * * * *", "0 0 3 1 1 *"))
    check(until(lambda: "-01-01T03:00:00" in row(namespace, "locked")["nextExecutionDate"] and
                "executionId" not in row(namespace, "locked"), 5), "a cron that is changed counts at once", row(namespace, "locked"))
    call("DELETE", "/api/v1/flows/integration.lock/locked")
    for one in executions(namespace):
        call("DELETE", "/api/v1/executions/%s/kill" % one["id"])


def stop_after():
    put_flow(STOPS % "log.Log\n    message: hello")
    check(until(lambda: len(executions("integration.stops")) >= 2, 10), "other states than those of stopAfter do not stop it")
    check(row("integration.stops", "stops")["disabled"] is False, "it is not disabled")
    put_flow(STOPS % "execution.Fail")
    check(until(lambda: row("integration.stops", "stops")["disabled"], 10), "a state of stopAfter disables the trigger")
    before = len(executions("integration.stops"))
    put_flow(TOGGLES)
    check(run("integration.stops", "toggles")[1]["state"]["current"] == "SUCCESS", "Toggle runs")
    # which may be disabled again by then: its next execution fails too
    check(until(lambda: len([one for one in executions("integration.stops") if one["flowId"] == "stops"]) > before, 20),
          "and enables a trigger of another flow")
    call("DELETE", "/api/v1/flows/integration.stops/stops")


def main():
    status, body = put_flow(FLOW)
    check(status == 200, "the flow is stored", body)
    check(until(lambda: len(executions()) >= 5, 20), "it runs every second")
    slots = sorted(one["trigger"]["variables"]["date"] for one in executions())
    check(len(slots) == len(set(slots)), "one execution a slot", slots)
    seconds = [time.mktime(time.strptime(slot[:19], "%Y-%m-%dT%H:%M:%S")) for slot in slots]
    check(all(b - a == 1 for a, b in zip(seconds, seconds[1:])), "no slot is left out", slots)
    check(all(one["trigger"]["id"] == "each-second" for one in executions()), "the trigger is named")
    status, triggers = call("GET", "/api/v1/triggers/search?namespace=integration.schedule")
    check(status == 200 and triggers["total"] == 1 and triggers["results"][0]["triggerContext"].get("nextExecutionDate"),
          "the trigger shows its next date", triggers)
    disable_and_enable()
    backfill()
    dates()
    locked()
    stop_after()
    call("DELETE", "/api/v1/flows/integration.schedule/clock")
    time.sleep(3)
    before = len(executions())
    time.sleep(3)
    check(len(executions()) == before, "a deleted flow is not scheduled any more")
    check(call("GET", "/api/v1/triggers/search?namespace=integration.schedule")[1]["total"] == 0, "its trigger is gone")
    finish()


main()
