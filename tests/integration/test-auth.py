#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# with-server: none
"""Login: every route of the API asks for it, the first password works, it can be changed, guessing is throttled, and without
authentication nothing listens beyond loopback. Starts kestra-standalone with authentication in a directory of its own."""
import base64
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("KESTRA_URL", "http://127.0.0.1:0")  # client.py is used for its counters only
from client import check, finish  # noqa: E402

BUILD = os.environ.get("KESTRA_BUILD") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(port, method, path, user=None, body=None, headers=None):
    """(status, headers, text)"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = dict(headers or {})
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode("utf8", "replace")


def ask_socket(path, method, target, body=None):
    """Over the unix socket, as the user that runs this."""
    connection = http.client.HTTPConnection("localhost", timeout=20)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(path)
    connection.request(method, target, body, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


work = tempfile.mkdtemp()
os.chmod(work, 0o755)  # PostgreSQL runs as another user than root
port, management = free_port(), free_port()
output = open(os.path.join(work, "output"), "w+", encoding="utf8")
server = subprocess.Popen(
    [os.path.join(BUILD, "kestra-standalone"), "--data", os.path.join(work, "data"), "--http", f"127.0.0.1:{port}",
     "--management", f"127.0.0.1:{management}"], stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
try:
    password, end = None, time.monotonic() + 60
    while not password and server.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
        with open(os.path.join(work, "output"), encoding="utf8") as text:
            password = re.search(r"shown only this once: (\S+) / (\S+)", text.read())
    check(password, "the first password is shown")
    if not password:
        with open(os.path.join(work, "output"), encoding="utf8") as text:
            print(text.read()[-2000:])
        sys.exit(finish() or 1)
    login = f"{password[1]}:{password[2]}"

    status, headers, text = ask(port, "GET", "/api/v1/configs")
    check(status == 401 and headers["WWW-Authenticate"] == "Basic realm=Kestra" and text == "", "no login: 401")
    check(ask(port, "GET", "/ping")[0] == 200, "ping is open")
    check(ask(port, "GET", "/ui/")[0] == 401, "the UI is not")
    check(ask(port, "GET", "/api/v1/nothing")[0] == 401, "an unknown path does not tell")
    check(ask(port, "GET", "/api/v1/executions/webhook/a/b/c")[0] == 404, "webhooks have their key")
    check(ask(port, "GET", "/api/v1/configs", login)[0] == 200, "the first password works")
    check(ask(port, "GET", "/api/v1/main/configs", login)[0] == 200, "with a tenant too")

    paths = json.loads(ask(port, "GET", "/swagger/kestra.yml", login)[2])["paths"]
    wrong = []
    for path, methods in paths.items():
        target = re.sub(r"\{\w+\}", "x", path)
        if "/webhook/" in path:
            continue
        for method in methods:
            for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic ***"}):
                if ask(port, method.upper(), target, None, None, headers)[0] != 401:
                    wrong.append(f"{method} {path}")
    check(len(paths) > 80 and not wrong, f"every one of {len(paths)} paths asks for a login", ", ".join(wrong[:5]))

    headers = {"Sec-Fetch-Site": "cross-site"}
    check(ask(port, "DELETE", "/api/v1/flows/a/b", login, None, headers)[0] == 403, "another site cannot act for the user")

    local = os.path.join(work, "data", "run", "webserver.sock")
    check(ask_socket(local, "GET", "/api/v1/configs")[0] == 200, "root needs no password on the unix socket")
    change = json.dumps({"username": "me@example.org", "password": "a new one"})
    check(ask_socket(local, "POST", "/api/v1/basicAuth", change)[0] == 204, "root sets name and password")
    check(ask(port, "GET", "/api/v1/configs", "me@example.org:a new one")[0] == 200, "the new password works")
    check(ask(port, "GET", "/api/v1/configs", login)[0] == 401, "the first one does not any more")
    check(ask_socket(local, "POST", "/api/v1/basicAuth", '{"username": "no address", "password": "x"}')[0] == 422,
          "a name must be an address")
    check(ask_socket(local, "POST", "/api/v1/basicAuth", '{"password": ""}')[0] == 422, "an empty password is refused")

    statuses = [ask(port, "GET", "/api/v1/configs", f"me@example.org:guess{i}")[0] for i in range(14)]
    check(set(statuses) == {401}, "guesses are wrong", statuses)
    check(ask(port, "GET", "/api/v1/configs", "me@example.org:a new one")[0] == 200, "who was logged in stays so")

    with open(os.path.join(work, "output"), encoding="utf8") as text:
        shown = text.read()
    logs = shown.replace(f"{password[1]} / {password[2]}", "", 1)
    for name in os.listdir(os.path.join(work, "data", "log")):
        with open(os.path.join(work, "data", "log", name), encoding="utf8", errors="replace") as text:
            logs += text.read()
    check(password[2] not in logs and "a new one" not in logs and "guess" not in logs, "no password in any log")

    with open(os.path.join(work, "open.yaml"), "w", encoding="utf8") as text:
        json.dump({"server": {"listen": "0.0.0.0:0", "management-listen": "", "basic-auth": {"enabled": False}}}, text)
    refused = subprocess.run([os.path.join(BUILD, "kestra-webserver"), "--config", os.path.join(work, "open.yaml"), "--socket",
                              os.path.join(work, "open.sock")], capture_output=True, text=True, timeout=20, check=False)
    check(refused.returncode != 0 and "refused" in refused.stderr, "no authentication: not beyond loopback", refused.stderr)
finally:
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
    output.close()
    shutil.rmtree(work, ignore_errors=True)
finish()
