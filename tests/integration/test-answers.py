#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How answers reach the client: connections that are kept."""
import http.client
import time
import urllib.parse

from client import URL, check, finish

KEPT_REQUESTS = 60


def connect():
    where = urllib.parse.urlsplit(URL)
    return http.client.HTTPConnection(where.hostname, where.port, timeout=60)


def kept_connection():
    """The next request is read at once, and not when the server wakes up for another reason (every five seconds)."""
    connection, begin, statuses = connect(), time.monotonic(), set()
    for _ in range(KEPT_REQUESTS):
        connection.request("GET", "/api/v1/executions/unknown")
        answer = connection.getresponse()
        answer.read()
        statuses.add(answer.status)
    connection.close()
    check(statuses == {404}, "one connection serves many requests", statuses)
    check(time.monotonic() - begin < KEPT_REQUESTS, "one after the other without a pause", time.monotonic() - begin)


def main():
    kept_connection()
    finish()


main()
