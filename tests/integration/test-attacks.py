#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# with-server: none
"""What an attacker would try against the API, over TCP and over the unix socket; docs/security.md names these tests. Starts
kestra-standalone with authentication, and few connections, in a directory of its own."""
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
import threading
import time

os.environ.setdefault("KESTRA_URL", "http://127.0.0.1:0")  # client.py is used for its counters only
from client import check, finish, until  # noqa: E402

BUILD = os.environ.get("KESTRA_BUILD") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build")
USER = "admin:right password"
LOGIN = {"Authorization": "Basic " + base64.b64encode(USER.encode()).decode()}
FLOW = """id: planted
namespace: attack
tasks:
  - id: log
    type: io.kestra.plugin.core.log.Log
    message: planted
"""
CONNECTIONS = 64


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(method, path, body=None, headers=None, login=True, timeout=60):
    """(status, headers, text)"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, {**(LOGIN if login else {}), **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode("utf8", "replace")
    finally:
        connection.close()


def browser(origin, method, path, body=None, content_type=None, **more):
    """What a browser sends for a page of `origin`, with the login that it keeps for us."""
    headers = {"Origin": origin, **more}
    if content_type:
        headers["Content-Type"] = content_type
    return ask(method, path, body, headers)[0]


def planted():
    return ask("GET", "/api/v1/flows/attack/planted")[0] == 200


def other_sites():
    """CSRF: a page of another site acts with the login of its visitor."""
    evil = "http://evil.example"
    for origin in (evil, "null", "http://127.0.0.1:1", f"http://127.0.0.1:{port}.evil.example"):
        for site in (None, "same-site", "cross-site"):
            more = {"Sec-Fetch-Site": site} if site else {}
            check(browser(origin, "POST", "/api/v1/flows", FLOW, "text/plain", **more) == 403 and
                  browser(origin, "POST", "/api/v1/flows", FLOW, "application/x-yaml", **more) == 403,
                  f"a page of {origin} ({site}) creates no flow")
    check(browser(evil, "POST", "/api/v1/basicAuth", '{"username": "a@b.c", "password": "x"}', "text/plain") == 403 and
          ask("GET", "/api/v1/configs")[0] == 200, "nor does it change the password")
    form = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n"
    check(browser(evil, "POST", "/api/v1/executions/attack/planted", form, "multipart/form-data; boundary=b") == 403,
          "nor start an execution by a form")
    check(browser(evil, "DELETE", "/api/v1/flows/attack/planted") == 403 and browser(evil, "PUT", "/api/v1/namespaces/a/kv/b", "1") == 403,
          "nor anything with another method")
    check(browser(evil, "OPTIONS", "/api/v1/flows") == 403, "and is told so when it asks before")
    check(ask("POST", "/api/v1/flows", FLOW, {"Referer": "http://evil.example/x"})[0] == 403, "a page that hides its origin neither")
    check(ask("POST", "/api/v1/flows", FLOW, {"Content-Type": "text/plain"})[0] == 415 and
          ask("POST", "/api/v1/flows", FLOW, {"Content-Type": "application/x-www-form-urlencoded"})[0] == 415 and
          ask("POST", "/api/v1/flows", FLOW)[0] == 415, "a flow has its content type")
    check(not planted(), "nothing was planted")


def own_clients():
    """What must go on working."""
    check(ask("POST", "/api/v1/flows", FLOW, {"Content-Type": "application/x-yaml"})[0] == 200, "curl creates a flow")
    check(browser(f"http://127.0.0.1:{port}", "PUT", "/api/v1/flows/attack/planted", FLOW, "application/x-yaml",
                  **{"Sec-Fetch-Site": "same-origin"}) == 200, "our own page changes it")
    check(ask("POST", "/api/v1/executions/attack/planted")[0] == 200, "an SDK starts it without body and type")
    check(ask("PUT", "/api/v1/namespaces/attack/kv/key", '"value"')[0] == 200, "Terraform puts a value without type")
    check(ask("GET", "/api/v1/executions/webhook/attack/planted/key", headers={"Origin": "http://evil.example"}, login=False)[0] == 404,
          "a webhook may be called from anywhere, its key is the secret")


def header_injection():
    for path in ("/api/v1/namespaces/a%0d%0aX-Injected:%20yes%0d%0a%0d%0a<script>/files/export",
                 "/api/v1/flows/a%0d%0aX-Injected:%20yes/b", "/api/v1/executions/x%0d%0aX-Injected:%20yes/file?path=kestra:///a",
                 "/api/v1/logs/x%0d%0aX-Injected:%20yes/download"):
        status, headers, text = ask("GET", path)
        check(headers["X-Injected"] is None and not text.startswith("<script>"), f"no header is injected by {path[:40]}…", status)


def ask_as_nobody(method, target):
    """Over the unix socket as a user who is nobody here. The status, or None when we cannot become that user."""
    if os.geteuid() != 0:
        return None
    script = ("import http.client, os, socket, sys\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
              "c = http.client.HTTPConnection('localhost', timeout=20)\nc.sock = socket.socket(socket.AF_UNIX)\n"
              "c.sock.connect(sys.argv[1])\nc.request(sys.argv[2], sys.argv[3])\nprint(c.getresponse().status)\n")
    return int(subprocess.run([sys.executable, "-c", script, local, method, target], stdout=subprocess.PIPE, timeout=60, check=True).stdout)


def unix_socket():
    os.chmod(os.path.dirname(local), 0o755)
    os.chmod(local, 0o666)
    wanted = {("POST", "/reload"): 403, ("GET", "/metrics"): 403, ("POST", "/wake"): 403, ("GET", "/api/v1/configs"): 401,
              ("POST", "/api/v1/basicAuth"): 401}
    for (method, target), status in wanted.items():
        found = ask_as_nobody(method, target)
        check(found in (None, status), f"any local user: {method} {target} is refused", found)


def rss():
    """Resident memory of the webserver in KiB, and what it has in unnamed and temporary files."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as text:
                words = text.read().split(b"\0")
            if words[0].endswith(b"kestra-webserver") and work.encode() in b" ".join(words):
                with open(f"/proc/{pid}/status", encoding="utf8") as text:
                    return int(re.search(r"VmRSS:\s+(\d+)", text.read())[1])
        except (OSError, IndexError):
            pass
    return 0


def raw(text=b""):
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(text)
    return connection


def status_of(connection):
    """The status of the answer, 0 when the connection ends without one."""
    try:
        line = connection.makefile("rb").readline()
    except OSError:
        return 0
    return int(line.split()[1]) if line else 0


def send_all(connection, size):
    """Sends a body as long as somebody takes it; how much went."""
    sent, piece = 0, b"x" * 65536
    try:
        while sent < size:
            sent += connection.send(piece[:size - sent])
    except OSError:
        pass
    return sent


HEAD = "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-yaml\r\n"


def bodies_without_login():
    """Nothing of a long body is read before the login, the route and the origin are looked at."""
    before = rss()
    size = 95 << 20
    for path, more in (("/api/v1/flows", ""), ("/api/v1/flows/import", ""), ("/api/v1/nothing", ""),
                       ("/api/v1/flows/bulk", "Authorization: Basic eDp5\r\n"), ("/api/v1/flows/bulk", "Expect: 100-continue\r\n")):
        connections = [raw((HEAD % path + more + f"Content-Length: {size}\r\n\r\n").encode()) for _ in range(4)]
        check([status_of(connection) for connection in connections] == [401] * 4, f"401 before the body of {path} {more.strip()}")
        sent = max(send_all(connection, size) for connection in connections)
        for connection in connections:
            connection.close()
    connection = raw((HEAD % "/api/v1/flows/bulk" + "Transfer-Encoding: chunked\r\n\r\n").encode())
    check(status_of(connection) == 401, "401 before a body of unknown length")
    connection.close()
    status = ask("POST", "/api/v1/flows", b"x" * (9 << 20), {"Content-Type": "application/x-yaml"})[0]
    check(status == 413, "a route has its own limit", status)
    connection = raw((HEAD % "/api/v1/executions/webhook/a/b/c" + f"Content-Length: {size}\r\n\r\n").encode())
    check(status_of(connection) == 413, "a webhook takes a message and no more")
    connection.close()
    waiting = [raw((HEAD % "/api/v1/executions/webhook/a/b/c" + f"Content-Length: {9 << 20}\r\n\r\n").encode()) for _ in range(5)]
    held = [status_of(connection) for connection in waiting]
    check(503 in held, "all webhooks together hold no more than three bodies", held)
    for connection in waiting:
        connection.close()
    check(rss() - before < 64 << 10, "nothing of it was held", (before, rss(), sent))
    body = b"# " + b"x" * (200 << 10) + b"\n" + FLOW.encode()
    check(ask("PUT", "/api/v1/flows/attack/planted", body, {"Content-Type": "application/x-yaml"})[0] == 200 and
          ask("PUT", "/api/v1/flows/attack/planted", iter([body[:99999], body[99999:]]), {"Content-Type": "application/x-yaml"})[0] == 200,
          "who has the login sends long bodies, of known length and in chunks")


def broken_heads():
    """What two readers of a head could read in two ways is refused."""
    for lines in ("Content-Length: 5\r\n Content-Length: 99999999", "Content-Length: 99999999, 5", "Content-Length: -1", "Content-Length : 5",
                  "Content-Length: 0x10", "X" * 70000 + ": y"):
        connection = raw((f"POST /api/v1/flows HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n").encode())
        check(status_of(connection) in (400, 431), f"refused: {lines[:50]!r}")
        connection.close()
    pipelined = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD % "/api/v1/flows" + f"Content-Length: {95 << 20}\r\n\r\n"
    connection = raw(pipelined.encode())
    answer = connection.makefile("rb")
    text = answer.readline() + answer.read()
    check(b"200 OK" in text.splitlines()[0] and b"401 Unauthorized" in text, "a long body behind another request neither", text[:300])
    connection.close()


def ends(connection):
    """Waits until the other side ends the connection."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def trickling():
    """Slow heads, slow bodies and slow readers end; the others go on meanwhile."""
    slow = [raw(b"GET /ping HTTP/1.1\r\nX-Slow: "), raw((HEAD % "/api/v1/flows" + "Content-Length: 1000\r\n\r\nx").encode())]
    stop = threading.Event()

    def drip(connection):
        try:
            while not stop.wait(0.2):
                connection.send(b"x")
        except OSError:
            pass
    threads = [threading.Thread(target=drip, args=(connection,)) for connection in slow]
    for thread in threads:
        thread.start()
    check(ends(slow[0]), "a head that trickles ends")
    check(ends(slow[1]), "a body that trickles ends")
    stop.set()
    for thread in threads:
        thread.join()
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", port))
    request = f"GET /swagger/kestra.yml HTTP/1.1\r\nHost: x\r\nAuthorization: {LOGIN['Authorization']}\r\n\r\n".encode()
    try:
        for _ in range(200):
            reader.send(request)
    except OSError:
        pass
    reader.settimeout(60)
    gauge = lambda: int(re.search(r"kestra_webserver_connections (\d+)", metrics())[1])
    check(until(lambda: gauge() <= 1, 30), "who takes no answer is ended")
    reader.close()


def metrics():
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(local)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def many_connections():
    """Idle connections beyond the limit keep nobody out."""
    idle = [raw() for _ in range(CONNECTIONS * 2)]
    check(ask("GET", "/api/v1/configs")[0] == 200, "idle connections keep nobody out")
    half = [raw(b"GET /ping HT") for _ in range(CONNECTIONS * 2)]
    check(ask("GET", "/api/v1/configs")[0] == 200, "nor do heads that never end")
    used = int(re.search(r"kestra_webserver_connections (\d+)", metrics())[1])
    check(used <= CONNECTIONS, "the limit holds", used)
    for connection in idle + half:
        connection.close()


def guessing():
    """Thirty guessers behind the same address, who know the name: slow, and the right password still gets in."""
    global LOGIN
    stop, answers = threading.Event(), []

    def guess():
        wrong = {"Authorization": "Basic " + base64.b64encode(b"admin:guess").decode()}
        while not stop.is_set():
            answers.append(ask("GET", "/api/v1/configs", headers=wrong, login=False)[0])
    # the password is changed, so that nobody is remembered
    check(ask("POST", "/api/v1/basicAuth", json.dumps({"password": "another one"}), {"Content-Type": "application/json"})[0] == 204,
          "the password is changed")
    threads = [threading.Thread(target=guess) for _ in range(30)]
    for thread in threads:
        thread.start()
    check(until(lambda: len(answers) > 60, 60), "guesses are answered")
    LOGIN = {"Authorization": "Basic " + base64.b64encode(b"admin:another one").decode()}
    begun = time.monotonic()
    status = ask("GET", "/api/v1/configs")[0]
    took = time.monotonic() - begun
    check(status == 200, "the right password gets in while others guess", status)
    check([ask("GET", "/api/v1/configs")[0] for _ in range(30)] == [200] * 30, "and stays in")
    stop.set()
    for thread in threads:
        thread.join()
    check(set(answers) == {401}, "guesses are wrong, and say nothing else", set(answers))
    check(took > 0.1, "who was wrong before waits", took)
    print("# %d guesses, the right one took %.2f s" % (len(answers), took))


work = tempfile.mkdtemp()
os.chmod(work, 0o755)  # PostgreSQL runs as another user than root
port, management = free_port(), free_port()
local = os.path.join(work, "data", "run", "webserver.sock")
with open(os.path.join(work, "kestra.yaml"), "w", encoding="utf8") as text:
    json.dump({"server": {"basic-auth": {"username": USER.split(":")[0], "password": USER.split(":")[1]},
                          "connections": CONNECTIONS, "request-timeout": "2s"}}, text)
output = open(os.path.join(work, "output"), "w+", encoding="utf8")
server = subprocess.Popen(
    [os.path.join(BUILD, "kestra-standalone"), "--data", os.path.join(work, "data"), "--http", f"127.0.0.1:{port}",
     "--management", f"127.0.0.1:{management}", "--config", os.path.join(work, "kestra.yaml")],
    stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def is_up():
    try:
        return server.poll() is not None or ask("GET", "/api/v1/configs")[0] == 200
    except OSError:
        return False


try:
    if not check(until(is_up, 60) and server.poll() is None, "the server is up"):
        with open(os.path.join(work, "output"), encoding="utf8") as text:
            print(text.read()[-2000:])
        sys.exit(finish() or 1)
    other_sites()
    own_clients()
    header_injection()
    unix_socket()
    bodies_without_login()
    broken_heads()
    trickling()
    many_connections()
    guessing()
finally:
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
    output.close()
    shutil.rmtree(work, ignore_errors=True)
finish()
