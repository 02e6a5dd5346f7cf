#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Storage over kestra-worker-gateway, as from another host: TLS with certificates on both sides, the token, ranges, uploads,
refusals, two gateways tried in turn, and that nothing is held in memory."""
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

from client import URL, call, check, finish, put_flow, run, until

BUILD = os.environ["KESTRA_BUILD"]
HOME = os.environ["KESTRA_HOME"]
TOKEN = "a-token-for-the-test"
MEBIBYTES = 150
FLOW = """id: files
namespace: integration.gateway
tasks:
  - id: make
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    outputFiles: ["small.txt", "large.bin"]
    commands:
      - printf 0123456789 > small.txt
      - "head -c %dM /dev/zero | tr '\\\\0' 'x' > large.bin"
""" % MEBIBYTES


def openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def make_certificates(directory):
    for name in ("authority", "stranger"):
        openssl(directory, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".pem",
                "-days", "2", "-subj", "/CN=" + name, "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    with open(directory + "/names", "w") as file:
        file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name, by in (("server", "authority"), ("client", "authority"), ("foreign", "stranger")):
        openssl(directory, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        openssl(directory, "x509", "-req", "-in", name + ".csr", "-CA", by + ".pem", "-CAkey", by + ".key", "-CAcreateserial",
                "-out", name + ".pem", "-days", "2", "-extfile", "names")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Gateway:
    def __init__(self, directory, name, settings, wait=True):
        self.directory = os.path.join(directory, name)
        self.port = free_port()
        os.makedirs(self.directory)
        shutil.copytree(HOME + "/kestra.d", self.directory + "/kestra.d")
        with open(self.directory + "/kestra.yaml", "w") as file:
            file.write("{}\n")
        with open(self.directory + "/kestra.d/99.yaml", "w") as file:
            json.dump(dict({"worker.gateway.listen": "127.0.0.1:%d" % self.port}, **settings), file)
        self.start(wait)

    def start(self, wait=True):
        self.log = open(self.directory + "/log", "w")
        self.process = subprocess.Popen(
            [BUILD + "/kestra-worker-gateway", "--config", self.directory + "/kestra.yaml", "--socket", self.directory + "/sock"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        if wait:
            check(until(self.listens, 10), "a gateway listens", open(self.directory + "/log").read())

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def resident_mib(self):
        return resident_mib(self.process.pid)

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)


def resident_mib(pid):
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def ask(gateway, method, target, body=None, headers=None, token=TOKEN, tls=None):
    connection = http.client.HTTPSConnection("127.0.0.1", gateway.port, timeout=20, context=tls)
    if token is not None:
        headers = dict(headers or {}, Authorization="Bearer " + token)
    try:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error).encode(), {}
    finally:
        connection.close()


def object_of(path):
    return "/storage?uri=" + urllib.parse.quote("kestra:///" + path, safe="")


def post(gateway, tls, **request):
    status, text, _ = ask(gateway, "POST", "/storage", json.dumps(request), tls=tls)
    return status, json.loads(text) if status == 200 else text


def protocol(gateway, tls):
    bytes_ = os.urandom(300000)
    target = object_of("gateway/a file & more.bin")
    check(ask(gateway, "PUT", target, bytes_, tls=tls)[0] == 204, "an object is written")
    status, body, headers = ask(gateway, "GET", target, tls=tls)
    check(status == 200 and body == bytes_ and headers["X-Object-Size"] == "300000", "and read", status)
    status, body, headers = ask(gateway, "GET", target, headers={"Range": "bytes=100-199"}, tls=tls)
    check(status == 206 and body == bytes_[100:200] and headers["X-Object-Size"] == "300000", "in a range", status)
    status, body, _ = ask(gateway, "GET", target, headers={"Range": "bytes=299990-"}, tls=tls)
    check(status == 206 and body == bytes_[-10:], "to its end", status)
    status, answer = post(gateway, tls, op="stat", uri="kestra:///gateway/a file & more.bin")
    check(status == 200 and answer["entry"]["size"] == 300000, "stat", answer)
    status, answer = post(gateway, tls, op="list", uri="kestra:///gateway")
    check([entry["uri"] for entry in answer["entries"]] == ["kestra:///gateway/a file & more.bin"], "list", answer)
    for op in ("open", "upload"):
        check(post(gateway, tls, op=op, uri="kestra:///gateway/a file & more.bin")[1].get("outcome") == 2, "no %s over the network" % op)
    check(ask(gateway, "PUT", object_of("gateway/empty"), b"", tls=tls)[0] == 204 and
          ask(gateway, "GET", object_of("gateway/empty"), tls=tls)[:2] == (200, b""), "an empty object")
    longer = json.dumps({"op": "delete", "uri": "kestra:///gateway/empty"})
    check(json.loads(ask(gateway, "POST", "/storage", longer, headers={"Content-Length": "3"}, tls=tls)[1]).get("outcome") == 2 and
          ask(gateway, "GET", object_of("gateway/empty"), tls=tls)[0] == 200, "a question ends with its Content-Length")
    check(post(gateway, tls, op="delete", uri="kestra:///gateway/a file & more.bin")[1].get("existed") is True, "delete")
    check(ask(gateway, "GET", target, tls=tls)[0] == 404, "then it is gone: 404")
    check(len(post(gateway, tls, op="delete-prefix", uri="kestra:///gateway")[1]["entries"]) == 1, "delete-prefix")


def refusals(gateway, tls, directory):
    for token in (None, "", "wrong", TOKEN + "x", TOKEN[:-1]):
        status = ask(gateway, "GET", object_of("x"), token=token, tls=tls)[0]
        check(status == 401, "token %r: 401" % token, status)
    check(ask(gateway, "PUT", object_of("x"), b"x", token="wrong", tls=tls)[0] == 401 and
          ask(gateway, "GET", object_of("x"), tls=tls)[0] == 404, "nothing is written without it")
    for path in ("../etc/passwd", "a/../../etc/passwd", ".upload/x"):
        check(ask(gateway, "GET", object_of(path), tls=tls)[0] == 422, path + ": 422")
    check(ask(gateway, "GET", "/storage?uri=kestra%3A%2F%2F%2Fx%00y", tls=tls)[0] == 404, "a NUL in a name is refused")
    check(ask(gateway, "GET", "/other", tls=tls)[0] == 404 and ask(gateway, "TRACE", "/storage", tls=tls)[0] == 404, "nothing else is served")
    check(ask(gateway, "GET", object_of("x"), headers={"X-Long": "x" * 20000}, tls=tls)[0] == 0, "a head that is too long ends the connection")
    without = ssl.create_default_context(cafile=directory + "/authority.pem")
    check(ask(gateway, "GET", object_of("x"), tls=without)[0] == 0, "without a client certificate nothing is answered")
    foreign = ssl.create_default_context(cafile=directory + "/authority.pem")
    foreign.load_cert_chain(directory + "/foreign.pem", directory + "/foreign.key")
    check(ask(gateway, "GET", object_of("x"), tls=foreign)[0] == 0, "nor with one of another authority")
    with tls.wrap_socket(socket.create_connection(("127.0.0.1", gateway.port)), server_hostname="127.0.0.1") as half:
        half.sendall(("PUT %s HTTP/1.1\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\nhalf" %
                      (object_of("gateway/half"), TOKEN)).encode())
    check(until(lambda: os.listdir(HOME + "/storage/.upload") == [], 5), "an upload that breaks leaves nothing",
          os.listdir(HOME + "/storage/.upload"))
    check(ask(gateway, "GET", object_of("gateway/half"), tls=tls)[0] == 404, "and is no object")
    with socket.create_connection(("127.0.0.1", gateway.port)) as plain:
        plain.sendall(b"GET /storage HTTP/1.1\r\n\r\n")
        plain.settimeout(10)
        try:
            answered = plain.recv(100)
        except OSError:
            answered = b""
    check(not answered.startswith(b"HTTP"), "plain HTTP gets no answer", answered)


def does_not_start(directory):
    for name, settings, word in (
            ("no-token", {}, "worker.gateway.token"),
            ("open", {"worker.gateway.token": TOKEN, "worker.gateway.listen": "0.0.0.0:0"}, "beyond loopback"),
            ("no-key", {"worker.gateway.token": TOKEN, "worker.gateway.certificate": directory + "/server.pem",
                        "worker.gateway.key": directory + "/client.key"}, "worker.gateway.key")):
        gateway = Gateway(directory, name, settings, wait=False)
        check(gateway.process.wait(20) != 0, name + ": it does not start")
        said = open(gateway.directory + "/log").read()
        check(word in said and TOKEN not in said, "and says why", said)


def restart_webserver(settings):
    with open(HOME + "/kestra.d/95-gateway.yaml", "w") as file:
        json.dump(settings, file)
    with open(HOME + "/run/webserver.pid") as file:
        before = file.read()
    os.kill(int(before), signal.SIGTERM)

    def again():
        with open(HOME + "/run/webserver.pid") as file:
            return file.read() != before and call("GET", "/api/v1/flows/search")[0] == 200

    def look():
        try:
            return again()
        except OSError:
            return False
    check(until(look, 30), "the webserver is restarted")


def webserver_pid():
    with open(HOME + "/run/webserver.pid") as file:
        return int(file.read())


def fetch(execution, uri, headers=None, each=None):
    where = urllib.parse.urlsplit(URL)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    connection.request("GET", "/api/v1/executions/%s/file?path=%s" % (execution, urllib.parse.quote(uri)), headers=headers or {})
    answer = connection.getresponse()
    digest, length = hashlib.sha256(), 0
    try:
        for piece in iter(lambda: answer.read(1 << 20), b""):
            digest.update(piece)
            length += len(piece)
            if each:
                each(length)
    except http.client.IncompleteRead:
        pass
    connection.close()
    return answer.status, length, digest.hexdigest()


def through_the_webserver(gateways, directory):
    status, body = run("integration.gateway", "files", timeout=120)
    check(status == 200 and body["state"]["current"] == "SUCCESS", "a task leaves files", body)
    uris, execution = body["taskRunList"][0]["outputs"]["outputFiles"], body["id"]
    settings = {"storage.gateway.urls": ["https://127.0.0.1:%d" % g.port for g in gateways], "storage.gateway.token": TOKEN,
                "storage.gateway.authorities": directory + "/authority.pem",
                "storage.gateway.certificate": directory + "/client.pem", "storage.gateway.key": directory + "/client.key"}
    restart_webserver(settings)
    digit = hashlib.sha256(b"0123456789").hexdigest()
    check(fetch(execution, uris["small.txt"]) == (200, 10, digit), "the API serves a file from the gateway")
    check(fetch(execution, uris["small.txt"], {"Range": "bytes=-3"}) == (206, 3, hashlib.sha256(b"789").hexdigest()), "and a range")
    check(fetch(execution, uris["small.txt"] + "x")[0] == 404, "404 stays 404")
    status, meta = call("GET", "/api/v1/executions/%s/file/metas?path=%s" % (execution, uris["small.txt"]))
    check(meta == {"size": 10}, "its size", meta)
    before = [resident_mib(webserver_pid()), gateways[0].resident_mib()]
    peak = list(before)

    def look(length):
        peak[:] = [max(peak[0], resident_mib(webserver_pid())), max(peak[1], gateways[0].resident_mib())]

    whole = (200, MEBIBYTES << 20, hashlib.sha256(b"x" * (MEBIBYTES << 20)).hexdigest())
    begin = time.monotonic()
    check(fetch(execution, uris["large.bin"], each=look) == whole, "a large file comes whole")
    took = time.monotonic() - begin
    print("# %d MiB over TLS: %.0f MiB/s; webserver %.1f to %.1f MiB, gateway %.1f to %.1f MiB" %
          (MEBIBYTES, MEBIBYTES / took, before[0], peak[0], before[1], peak[1]))
    check(peak[0] - before[0] < 16 and peak[1] - before[1] < 16, "and is held by nobody", (before, peak))

    def kill_once(length):
        if length > 20 << 20 and gateways[0].process.poll() is None:
            gateways[0].process.kill()
            gateways[0].process.wait()

    check(fetch(execution, uris["large.bin"], each=kill_once) == whole, "a gateway that dies in the middle: the next goes on where it was")
    check(gateways[0].process.poll() is not None, "it did die")
    check(fetch(execution, uris["small.txt"]) == (200, 10, digit), "with one of two gateways files are served")
    gateways[1].stop()
    check(fetch(execution, uris["small.txt"])[0] == 503, "with none: 503")
    gateways[0].start()
    check(fetch(execution, uris["small.txt"]) == (200, 10, digit), "and again when one is back")
    restart_webserver(dict(settings, **{"storage.gateway.authorities": directory + "/stranger.pem"}))
    check(fetch(execution, uris["small.txt"])[0] == 503, "a certificate of another authority is not believed")
    restart_webserver(dict(settings, **{"storage.gateway.token": "wrong"}))
    check(fetch(execution, uris["small.txt"])[0] == 503, "a wrong token: 503")


def silent(gateway, tls):
    """Who connects and does not show the token: plain silence, half of a handshake, half of a head."""
    head = b"GET /storage?uri=x HTTP/1.1\r\nAuth"
    held = []
    for number in range(16):
        peer = socket.create_connection(("127.0.0.1", gateway.port), timeout=60)
        if number % 3 == 1:
            peer.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        if number % 3 == 2:
            peer = tls.wrap_socket(peer, server_hostname="127.0.0.1")
            peer.sendall(head)
        held.append(peer)
    begin = time.monotonic()
    status = ask(gateway, "PUT", object_of("gateway/while-others-wait"), b"x", tls=tls)[0]
    check(status == 204 and time.monotonic() - begin < 4, "sixteen silent peers keep nobody waiting", (status, time.monotonic() - begin))
    ends = []
    for peer in held:
        try:
            ends.append(peer.recv(1))
        except (OSError, ssl.SSLError):
            ends.append(b"")
    check(ends == [b""] * len(held) and time.monotonic() - begin < 40, "and are shown out", (ends, time.monotonic() - begin))
    many = []
    for number in range(40):
        many.append(socket.create_connection(("127.0.0.1", gateway.port), timeout=60))
    refused = [peer for peer in many[24:] if not peer.recv(1)]
    check(len(refused) == 16, "one address has its share of the door", len(refused))
    for peer in held + many:
        peer.close()


def main():
    check(put_flow(FLOW)[0] == 200, "a flow is stored")
    with tempfile.TemporaryDirectory() as directory:
        make_certificates(directory)
        settings = {"worker.gateway.token": TOKEN, "worker.gateway.certificate": directory + "/server.pem",
                    "worker.gateway.key": directory + "/server.key", "worker.gateway.client-authorities": directory + "/authority.pem"}
        tls = ssl.create_default_context(cafile=directory + "/authority.pem")
        tls.load_cert_chain(directory + "/client.pem", directory + "/client.key")
        gateways = [Gateway(directory, name, settings) for name in ("one", "two")]
        try:
            protocol(gateways[0], tls)
            refusals(gateways[0], tls, directory)
            silent(gateways[1], tls)
            does_not_start(directory)
            through_the_webserver(gateways, directory)
            check(gateways[0].stop() == 0, "a gateway stops in order")
            said = open(gateways[0].directory + "/log").read()
            check(TOKEN not in said, "the token is in no log")
        finally:
            for gateway in gateways:
                gateway.process.kill()
                gateway.process.wait()
    finish()


main()
