# SPDX-License-Identifier: Apache-2.0
"""HTTP and HTTPS servers, an HTTP proxy and a SOCKS proxy on free loopback ports, for tests of tasks that speak HTTP."""
import gzip
import hashlib
import http.server
import json
import os
import select
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import urllib.parse

BASIC = "Basic dXNlcjpwYXNzIHdvcmQ="  # user:pass word
BEARER = "Bearer token-of-the-test"


repositories = []  # the directory of them
objects = {}  # of the bucket `bucket`: key → content
hooks = {}  # name → the requests that /hook/NAME… got


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, body=b"", **headers):
        if isinstance(body, str):
            body = body.encode()
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def handle_any(self):
        address = urllib.parse.urlparse(self.path)
        self.query = dict(urllib.parse.parse_qsl(address.query))
        self.content = self.body()
        name, *self.words = address.path.strip("/").split("/")
        getattr(self, "say_" + name.split(".")[0], self.say_unknown)()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CUSTOM = handle_any

    def do_CONNECT(self):
        self.answer(200, "connect " + self.path)

    def say_unknown(self):
        self.answer(404, "no such page")

    def say_echo(self):
        certificate = getattr(self.connection, "getpeercert", dict)() or {}
        self.answer(200, json.dumps({
            "method": self.command, "path": self.path, "body": self.content.decode("latin-1"),
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "client": certificate.get("subject", [[["", ""]]])[0][0][1]}), Content_Type="application/json")

    def say_hook(self):
        """Keeps what it is told; ?code= and ?answer= say what it answers."""
        try:
            value = json.loads(self.content)
        except ValueError:
            value = None
        hooks.setdefault(self.words[0], []).append({
            "method": self.command, "path": self.path, "body": self.content.decode("utf8", "replace"), "json": value,
            "form": dict(urllib.parse.parse_qsl(self.content.decode("latin-1"))),
            "headers": {name.lower(): value for name, value in self.headers.items()}})
        self.answer(int(self.query.get("code", 200)), self.query.get("answer", '{"ok": true, "sid": "SM1", "status": "queued"}'),
                    Content_Type="application/json")

    def say_bucket(self):
        """As much of S3 as a client needs that puts, gets, lists and deletes; it wants to see a signature."""
        key = urllib.parse.unquote("/".join(self.words))
        if "AWS4-HMAC-SHA256 Credential=AKEY/" not in self.headers.get("Authorization", ""):
            return self.answer(403, "<Error><Code>AccessDenied</Code><Message>who are you?</Message></Error>")
        if self.command == "GET" and "list-type" in self.query:
            items = "".join("<Contents><Key>%s</Key><Size>%d</Size><LastModified>2024-01-02T03:04:05.000Z</LastModified></Contents>"
                            % (name, len(content)) for name, content in sorted(objects.items()) if name.startswith(self.query.get("prefix", "")))
            return self.answer(200, "<ListBucketResult>%s<IsTruncated>false</IsTruncated></ListBucketResult>" % items)
        if self.command == "PUT":
            objects[key] = self.content
        elif key not in objects:
            return self.answer(404, "<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>")
        if self.command == "DELETE":
            del objects[key]
        return self.answer(200, objects.get(key, b"") if self.command == "GET" else "", ETag='"etag"')

    def say_git(self):
        """Git over HTTP, of what is in `repositories`; those below private/ want user:pass word."""
        if self.words[0] == "private" and self.headers.get("Authorization") != BASIC:
            return self.answer(401, "who are you?", WWW_Authenticate='Basic realm="test"')
        address = urllib.parse.urlparse(self.path)
        body = gzip.decompress(self.content) if self.headers.get("Content-Encoding") == "gzip" else self.content
        result = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env={
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": repositories[0], "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "user",
            "PATH_INFO": address.path[len("/git"):], "QUERY_STRING": address.query, "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "", "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "", "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
            "GIT_CONFIG_KEY_1": "uploadpack.allowAnySHA1InWant", "GIT_CONFIG_VALUE_1": "true"}, check=False)
        head, _, content = result.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        code = int(fields.pop("Status", "200").split()[0])
        self.answer(code, content, **{name.replace("-", "_"): value for name, value in fields.items()})
        return None

    def say_model(self):
        self.answer(200, json.dumps({
            "id": "c1", "object": "chat.completion", "model": json.loads(self.content)["model"],
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}}), Content_Type="application/json")

    def say_status(self):
        self.answer(int(self.words[0]), "the status is " + self.words[0])

    def say_redirect(self):
        self.answer(int(self.words[0]), "not this", Location=self.query["to"])

    def say_circle(self):
        self.answer(302, "", Location="/circle")

    def say_empty(self):
        self.answer(200)

    def say_bytes(self):
        count, piece = int(self.words[0].split(".")[0]), b"x" * 65536
        self.send_response(200)
        self.send_header("Content-Length", str(count))
        self.end_headers()
        while count > 0:
            self.wfile.write(piece[:count])
            count -= len(piece)

    def say_slow(self):
        time.sleep(float(self.query["seconds"]))
        self.answer(200, "at last")

    def say_stall(self):
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"beginning")
        self.wfile.flush()
        time.sleep(float(self.query["seconds"]))

    def say_cut(self):
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"beginning")
        self.close_connection = True

    def say_latin1(self):
        self.answer(200, b"caf\xe9", Content_Type="text/plain; charset=ISO-8859-1")

    def say_plain(self):
        self.answer(200, b"caf\xe9", Content_Type="text/plain")

    def say_strange(self):
        self.answer(200, "plain", Content_Type="text/plain; charset=no-such-charset")

    def say_binary(self):
        self.answer(200, b"a\0b\xff\xfec", Content_Type="application/octet-stream")

    def say_gzip(self):
        self.answer(200, gzip.compress(b"unpacked"), Content_Encoding="gzip")

    def say_named(self):
        self.answer(200, "named", Content_Disposition='attachment; filename="../../the list.csv"')

    def say_basic(self):
        good = self.headers.get("Authorization") == BASIC
        self.answer(200 if good else 401, "welcome" if good else "who are you?", WWW_Authenticate='Basic realm="test"')

    def say_bearer(self):
        good = self.headers.get("Authorization") == BEARER
        self.answer(200 if good else 401, "welcome" if good else "who are you?")

    def say_digest(self):
        given = urllib.request.parse_keqv_list(urllib.request.parse_http_list(
            (self.headers.get("Authorization") or "").removeprefix("Digest ")))
        def md5(*words):
            return hashlib.md5(":".join(words).encode()).hexdigest()
        good = given and given["response"] == md5(
            md5("user", "test", "pass word"), given["nonce"], given["nc"], given["cnonce"], given["qop"],
            md5(self.command, given["uri"]))
        self.answer(200 if good else 401, "welcome" if good else "who are you?",
                    WWW_Authenticate='Digest realm="test", qop="auth", nonce="abcdef", algorithm=MD5')


class Proxy(socketserver.StreamRequestHandler):
    """Takes absolute addresses and CONNECT; wants user:pass word when the server has `password` set."""

    def handle(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return
            head += line
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        if self.server.password and ("Proxy-Authorization: " + BASIC) not in lines:
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        self.server.seen.append(lines[0])
        if method == "CONNECT":
            host, port = target.rsplit(":", 1)
            other = socket.create_connection((host, int(port)))
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            address = urllib.parse.urlparse(target)
            other = socket.create_connection((address.hostname, address.port))
            lines[0] = "%s %s HTTP/1.1" % (method, target.split(address.netloc, 1)[1])
            lines.insert(1, "X-Proxied: yes")
            other.sendall("\r\n".join(lines).encode("latin-1"))
        relay(self.connection, other)


def relay(one, other):
    peers = {one: other, other: one}
    while True:
        for ready in select.select(list(peers), [], [])[0]:
            data = ready.recv(65536)
            if not data:
                other.close()
                return
            peers[ready].sendall(data)


class Socks(socketserver.BaseRequestHandler):
    """SOCKS 5 without and with a password."""

    def take(self, count):
        data = b""
        while len(data) < count:
            data += self.request.recv(count - len(data)) or exit()
        return data

    def handle(self):
        _, count = self.take(2)
        methods = self.take(count)
        if self.server.password:
            self.request.sendall(b"\x05\x02" if 2 in methods else b"\x05\xff")
            _, length = self.take(2)
            user = self.take(length)
            password = self.take(self.take(1)[0])
            good = (user, password) == (b"user", b"pass word")
            self.request.sendall(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return
        else:
            self.request.sendall(b"\x05\x00")
        kind = self.take(4)[3]
        host = socket.inet_ntoa(self.take(4)) if kind == 1 else self.take(self.take(1)[0]).decode()
        port = int.from_bytes(self.take(2), "big")
        other = socket.create_connection((host, port))
        self.server.seen.append("%s:%d" % (host, port))
        self.request.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        relay(self.request, other)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_):
        pass  # clients of these tests go away in the middle


def serve(handler, context=None, password=False):
    """Its port."""
    server = Server(("127.0.0.1", 0), handler)
    server.password, server.seen = password, []
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def certificates(directory):
    """An authority, a certificate for localhost and one of a client, in directory."""
    def openssl(*words):
        subprocess.run(("openssl",) + words, cwd=directory, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority", "-days", "2")
    for name in ("server", "client"):
        with open("%s/%s.ext" % (directory, name), "w") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", name + ".ext", "-out", name + ".pem")
    openssl("rsa", "-aes256", "-passout", "pass:pass word", "-in", "client.key", "-out", "client-sealed.key")


def free_port():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return closed.getsockname()[1]


def start(directory):
    """All of them: name → port or PEM text."""
    certificates(directory)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(directory + "/server.pem", directory + "/server.key")
    mutual = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mutual.load_cert_chain(directory + "/server.pem", directory + "/server.key")
    mutual.load_verify_locations(directory + "/ca.pem")
    mutual.verify_mode = ssl.CERT_REQUIRED
    names = {"CA": "ca.pem", "CLIENT": "client.pem", "CLIENT_KEY": "client.key", "SEALED_KEY": "client-sealed.key"}
    pems = {}
    for name, file in names.items():
        with open(directory + "/" + file) as text:
            pems[name] = text.read()
    nobody = free_port()
    return {"HTTP": serve(Handler), "OTHER": serve(Handler), "HTTPS": serve(Handler, tls), "MUTUAL": serve(Handler, mutual),
            "PROXY": serve(Proxy), "PROXY_PASSWORD": serve(Proxy, password=True), "SOCKS": serve(Socks),
            "SOCKS_PASSWORD": serve(Socks, password=True), "NOBODY": nobody, **pems}
