#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# with-server: --env tests/data/task/server.env
"""A webhook's key may be a secret, which the webserver does not have: a worker gives it a salted hash, and once it has that no
worker is asked."""
import os
import urllib.parse

from client import call, check, finish, put_flow, until

HOME = os.environ["KESTRA_HOME"]
HOOK = "/api/v1/executions/webhook/integration.hooks/%s/%s"
FLOW = """id: %s
namespace: integration.hooks
tasks:
  - {id: t, type: io.kestra.plugin.core.log.Log, message: "{{ trigger.body.x }}"}
triggers:
  - {id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: "%s"}
"""
NAME, VALUE = "PHRASE", "correct horse"


def hook(flow, key):
    return call("POST", HOOK % (flow, urllib.parse.quote(key)), '{"x": 1}', "application/json")[0]


def main():
    for flow, key in (("plain", "{{ secret('%s') }}" % NAME), ("around", "a-{{ secret('%s') }}-z" % NAME),
                      ("absent", "{{ secret('NOSUCH') }}"), ("changed", "{{ secret('%s') | upper }}" % NAME), ("literal", "plain-key")):
        check(put_flow(FLOW % (flow, key))[0] == 200, "%s: the flow is stored" % flow)
    check(hook("plain", VALUE) == 200, "the secret is the key")
    check(hook("plain", "x" + VALUE[1:]) == 404, "another of its length is not")
    check(hook("plain", VALUE + "x") == 404 and hook("plain", VALUE[:-1]) == 404, "nor more or less than it")
    check(hook("around", "a-%s-z" % VALUE) == 200, "with text around it")
    check(hook("around", VALUE) == 404 and hook("around", "b-%s-z" % VALUE) == 404 and hook("around", "a-z") == 404, "and not without it")
    check(hook("absent", VALUE) == 404 and hook("absent", "x") == 404, "a secret that is not there fits nothing")
    check(hook("changed", VALUE.upper()) == 404, "one that a filter changes cannot be compared")
    check(hook("literal", "plain-key") == 200, "a literal key is as before")
    os.rename(HOME + "/run/worker.sock", HOME + "/run/away.sock")
    try:
        check(all(hook("plain", VALUE) == 200 for _ in range(20)), "what is known is known without a worker")
        check(put_flow(FLOW % ("later", "{{ secret('LATER') }}"))[0] == 200 and hook("later", "x") == 503,
              "what is not known is told so")
    finally:
        os.rename(HOME + "/run/away.sock", HOME + "/run/worker.sock")
    check(until(lambda: hook("later", "x") == 404, 30), "and asked again")
    finish()


main()
