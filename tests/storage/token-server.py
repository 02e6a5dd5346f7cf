#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What stands before fake-gcs-server, which checks no credentials: gives access tokens for signed JWTs, and refuses requests
without a valid one.

    token-server.py PORT KEY.pub.pem GCS-ADDRESS [LIFETIME-SECONDS]

POST /token checks signature, audience and time of the JWT as Google does. Everything else needs a token of it and goes on
to GCS-ADDRESS, but what the servers of clouds answer to their machines (SURROUNDINGS). GET /_tokens says how many tokens were given; POST /_revoke makes all of them invalid; GET /_token gives one
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


# --- what clouds tell their machines and containers, each with what their manuals want of a request ---

def ends():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + LIFETIME))


def give_keys():
    given[0] += 1
    return {"AccessKeyId": "test-key", "SecretAccessKey": "very-secret-1", "Expiration": ends()}


def ec2_token(headers, _):
    return "imds-secret" if headers.get("X-aws-ec2-metadata-token-ttl-seconds") == "21600" else None


def ec2_roles(headers, _):
    return "kestra-role\n" if headers.get("X-aws-ec2-metadata-token") == "imds-secret" else None


def ec2_keys(headers, _):
    return json.dumps({"Code": "Success"} | give_keys()) if headers.get("X-aws-ec2-metadata-token") == "imds-secret" else None


def container_keys(headers, _):
    return json.dumps(give_keys()) if headers.get("Authorization") == "container-secret" else None


def session_keys(*_):
    return json.dumps(give_keys() | {"Token": "session-secret"})


def sts_keys(_, form):
    if (form.get("Action"), form.get("Version"), form.get("WebIdentityToken")) != ("AssumeRoleWithWebIdentity", "2011-06-15", "web-secret"):
        return None
    xml = "".join(f"<{name}>{value}</{name}>" for name, value in give_keys().items())
    name = "AssumeRoleWithWebIdentity"
    return f"<{name}Response xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><{name}Result><Credentials>{xml}</Credentials></{name}Result></{name}Response>"


def google_token(headers, _):
    return json.dumps({"access_token": make_token(), "expires_in": LIFETIME}) if headers.get("Metadata-Flavor") == "Google" else None


def azure_token():
    """What Azurite looks at; it checks no signature."""
    def encode(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    given[0] += 1
    now = int(time.time())
    claims = {"iss": "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/", "aud": "https://storage.azure.com",
              "iat": now, "nbf": now - 10, "exp": now + LIFETIME}
    return f"{encode({'alg': 'RS256', 'typ': 'JWT'})}.{encode(claims)}.c2lnbmF0dXJl"


def azure_machine(headers, form):
    if headers.get("Metadata") != "true" or form.get("resource") != "https://storage.azure.com/" or form.get("api-version") != "2018-02-01":
        return None
    return json.dumps({"access_token": azure_token(), "expires_in": str(LIFETIME)})


def azure_authority(_, form):
    if form.get("grant_type") != "client_credentials" or form.get("scope") != "https://storage.azure.com/.default" or form.get("client_id") != "me":
        return None
    if "azure-secret" not in (form.get("client_secret"), form.get("client_assertion")):
        return None
    return json.dumps({"access_token": azure_token(), "expires_in": LIFETIME})


SURROUNDINGS = {
    ("PUT", "/latest/api/token"): ec2_token,
    ("GET", "/latest/meta-data/iam/security-credentials/"): ec2_roles,
    ("GET", "/latest/meta-data/iam/security-credentials/kestra-role"): ec2_keys,
    ("GET", "/container"): container_keys,
    ("GET", "/session"): session_keys,
    ("POST", "/sts"): sts_keys,
    ("GET", "/computeMetadata/v1/instance/service-accounts/default/token"): google_token,
    ("GET", "/metadata/identity/oauth2/token"): azure_machine,
    ("POST", "/tenant/oauth2/v2.0/token"): azure_authority,
}


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
            left = int(answer.getheader("Content-Length"))
            while data := answer.read(262144):
                self.wfile.write(data)
                left -= len(data)
            self.close_connection = left > 0 and self.command != "HEAD"  # the rest will not come
        connection.close()

    def surround(self, kind, query, body):
        text = SURROUNDINGS[kind](self.headers, dict(urllib.parse.parse_qsl(query or body.decode())))
        if text is None:
            return self.answer(403, b'{"error": "wrong_request"}')
        return self.answer(200, text.encode(), [("Metadata-Flavor", "Google")])

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        if (self.command, path) in SURROUNDINGS:
            return self.surround((self.command, path), query, body)
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
