#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What stands before fake-gcs-server, which checks no credentials: gives access tokens for signed JWTs, and refuses requests
without a valid one.

    token-server.py PORT KEY.pub.pem GCS-ADDRESS [LIFETIME-SECONDS]

POST /token checks signature, audience and time of the JWT as Google does. Everything else needs a token of it and goes on
to GCS-ADDRESS. GET /_tokens says how many tokens were given; POST /_revoke makes all of them invalid; GET /_token gives one
to whoever asks.
"""
import base64
import http.client
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid

PORT, PUBLIC_KEY, GCS = int(sys.argv[1]), sys.argv[2], sys.argv[3]
LIFETIME = int(sys.argv[4]) if len(sys.argv) > 4 else 3600
tokens, given, lock = {}, [0], threading.Lock()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_signed(jwt):
    text, signature = jwt.rsplit(".", 1)
    with tempfile.NamedTemporaryFile() as file:
        file.write(decode(signature))
        file.flush()
        return subprocess.run(["openssl", "dgst", "-sha256", "-verify", PUBLIC_KEY, "-signature", file.name],
                              input=text.encode(), capture_output=True, check=False).returncode == 0


def why_not(form):
    if form.get("grant_type") != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
        return "wrong grant_type"
    jwt = form.get("assertion", [""])[0]
    if jwt.count(".") != 2 or not is_signed(jwt):
        return "Invalid JWT Signature."
    header, claims = (json.loads(decode(part)) for part in jwt.split(".")[:2])
    now = time.time()
    if header.get("alg") != "RS256" or claims.get("aud") != f"http://127.0.0.1:{PORT}/token" or not claims.get("scope"):
        return "Invalid JWT: alg, aud or scope"
    if not now - 3600 < claims["iat"] < now + 300 or claims["exp"] < now:
        return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
    return None


def make_token():
    token = uuid.uuid4().hex
    with lock:
        tokens[token] = time.time() + LIFETIME
        given[0] += 1
    return token


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go as two writes

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=(), length=None):
        self.send_response_only(status)
        if not any(name.lower() == "date" for name, _ in headers):
            self.send_header("Date", self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def give_token(self, body):
        reason = why_not(urllib.parse.parse_qs(body.decode()))
        if reason:
            return self.answer(400, json.dumps({"error": "invalid_grant", "error_description": reason}).encode())
        return self.answer(200, json.dumps({"access_token": make_token(), "expires_in": LIFETIME, "token_type": "Bearer"}).encode())

    def pass_on(self, body):
        connection = http.client.HTTPConnection(GCS, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("authorization", "connection")}
        connection.request(self.command, self.path, body=body, headers=headers)
        answer = connection.getresponse()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        if answer.getheader("Content-Length") is None:
            data = answer.read()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        else:
            self.end_headers()
            while data := answer.read(262144):
                self.wfile.write(data)
        connection.close()

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/token":
            return self.give_token(body)
        if self.path == "/_tokens":
            return self.answer(200, str(given[0]).encode())
        if self.path == "/_token":
            return self.answer(200, make_token().encode())
        if self.path == "/_revoke":
            with lock:
                tokens.clear()
            return self.answer(200, b"")
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        with lock:
            is_valid = kind == "Bearer" and tokens.get(token, 0) > time.time()
        if not is_valid:
            return self.answer(401, b'{"error": {"code": 401, "message": "Invalid Credentials", "errors": [{"reason": "authError"}]}}')
        return self.pass_on(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
