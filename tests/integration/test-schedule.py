#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A schedule with seconds fires every slot exactly once, shows in the triggers, and stops when its flow goes."""
import time

from client import call, check, finish, put_flow, until

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


def executions():
    return call("GET", "/api/v1/executions/search?size=100&namespace=integration.schedule")[1]["results"]


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
    call("DELETE", "/api/v1/flows/integration.schedule/clock")
    time.sleep(3)
    before = len(executions())
    time.sleep(3)
    check(len(executions()) == before, "a deleted flow is not scheduled any more")
    check(call("GET", "/api/v1/triggers/search?namespace=integration.schedule")[1]["total"] == 0, "its trigger is gone")
    finish()


main()
