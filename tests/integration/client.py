# SPDX-License-Identifier: Apache-2.0
"""What the integration tests share: the API of the server that tools/with-server started, and a count of checks."""
import json
import os
import sys
import time
import urllib.error
import urllib.request

URL = os.environ["KESTRA_URL"].rstrip("/")
TERMINAL = {"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "RETRIED"}
passed = failed = 0


def call(method, path, body=None, content_type=None, timeout=30):
    """Returns (status, parsed JSON or text)."""
    headers = {"Accept": "application/json"}
    if content_type:
        headers["Content-Type"] = content_type
    if isinstance(body, str):
        body = body.encode()
    request = urllib.request.Request(URL + path, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    try:
        return status, json.loads(text) if text else None
    except ValueError:
        return status, text.decode("utf8", "replace")


def put_flow(source):
    """Creates or updates; returns (status, body)."""
    status, body = call("POST", "/api/v1/flows", source, "application/x-yaml")
    if status == 422 and "already exists" in json.dumps(body):
        keys = dict(line.split(": ", 1) for line in source.splitlines() if line.startswith(("id: ", "namespace: ")))
        return call("PUT", "/api/v1/flows/%s/%s" % (keys["namespace"], keys["id"]), source, "application/x-yaml")
    return status, body


def run(namespace, flow, inputs=None, wait=True, timeout=60):
    """Starts an execution; with wait until it ended."""
    boundary = "integration-test"
    body = "".join('--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (boundary, name, value)
                   for name, value in (inputs or {}).items()) + "--%s--\r\n" % boundary
    return call("POST", "/api/v1/executions/%s/%s?wait=%s" % (namespace, flow, "true" if wait else "false"), body,
                "multipart/form-data; boundary=" + boundary, timeout)


def until(condition, seconds, step=0.05):
    """The first true answer of condition within that time, else the last answer. A loaded machine has a minute for anything."""
    end = time.monotonic() + max(seconds, 60)
    while True:
        answer = condition()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(step)


def open_to_tasks(directory):
    """Tasks are another user where the server runs as root: a temporary directory is closed to it."""
    os.chmod(directory, 0o777)
    return directory


def check(condition, name, detail=""):
    global passed, failed
    if condition:
        passed += 1
        print("ok - " + name)
    else:
        failed += 1
        print("not ok - %s %s" % (name, detail))
    sys.stdout.flush()
    return condition


def finish():
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)
