# SPDX-License-Identifier: Apache-2.0
"""The object stores of the tests: fetched once into a cache, started on free ports of 127.0.0.1, ended with the test.

The cache is $KESTRA_TEST_CACHE or ~/.cache/kestra-tests: programs of Go modules and an npm package, by their versions.
"""
import base64
import email.utils
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

CACHE = os.environ.get("KESTRA_TEST_CACHE") or os.path.expanduser("~/.cache/kestra-tests")
HERE = os.path.dirname(os.path.abspath(__file__))
GO_PROGRAMS = {"versitygw": "github.com/versity/versitygw/cmd/versitygw@v1.8.0",
               "fake-gcs-server": "github.com/fsouza/fake-gcs-server@v1.56.1"}
AZURITE = "3.37.0"
AZURE_KEY = base64.b64encode(b"key of the tests").decode()


def try_thrice(command, **options):
    for attempt in range(3):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)
        if done.returncode == 0:
            return
        time.sleep(2 * attempt)
    sys.exit(f"{' '.join(command)}: {done.stdout.decode()[-2000:]}")


def go_program(name):
    path = os.path.join(CACHE, "bin", name)
    if not os.path.exists(path):
        environment = os.environ | {"GOBIN": os.path.join(CACHE, "bin"), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -modcacherw"}
        try_thrice(["go", "install", "-ldflags", "-s -w", GO_PROGRAMS[name]], env=environment)
    return path


def azurite_program():
    directory = os.path.join(CACHE, f"azurite-{AZURITE}")
    program = os.path.join(directory, "node_modules/azurite/dist/src/blob/main.js")
    if not os.path.exists(program):
        os.makedirs(directory, exist_ok=True)
        try_thrice(["npm", "install", "--silent", "--no-audit", "--no-fund", "--omit=dev", "--prefix", directory,
                    f"azurite@{AZURITE}"])
    return program


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that listens on a port."""

    def __init__(self, directory, name, command, port, environment=None):
        self.command, self.port, self.process = command, port, None
        self.environment = os.environ | (environment or {})
        self.log_path = os.path.join(directory, f"{name}.log")
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment)
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            sys.exit(f"{self.command[0]} does not listen: {log.read()[-2000:]}")

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def make_certificates(directory):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    with open(os.path.join(directory, "names"), "w", encoding="ascii") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.crt")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "tls.key", "-out", "tls.csr")
    openssl("x509", "-req", "-in", "tls.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "tls.crt")


class Store:
    """A running store: its servers, and settings to reach it at `port` (its own, or a proxy's)."""

    def __init__(self, directory):
        self.directory, self.servers = directory, []
        self.port = free_port()

    def server(self, *arguments, **options):
        self.servers.append(Server(self.directory, *arguments, **options))
        return self.servers[-1]

    def stop(self):
        for server in self.servers:
            server.kill()


class S3(Store):
    name = "s3"

    def __init__(self, directory, tls=False):
        super().__init__(directory)
        self.tls = tls
        os.makedirs(os.path.join(directory, "s3", "bucket"), exist_ok=True)
        command = [go_program("versitygw"), "--quiet", "--region", "eu-test-1", "--port", f"127.0.0.1:{self.port}"]
        if tls:
            command += ["--cert", f"{directory}/tls.crt", "--key", f"{directory}/tls.key"]
        self.server("s3", command + ["posix", os.path.join(directory, "s3")], self.port,
                    environment={"ROOT_ACCESS_KEY": "test-key", "ROOT_SECRET_KEY": "very-secret-1"})

    def settings(self, port=None):
        return {"storage.type": "s3", "storage.s3.bucket": "bucket", "storage.s3.region": "eu-test-1",
                "storage.s3.access-key": "test-key", "storage.s3.secret-key": "very-secret-1",
                "storage.s3.endpoint": f"http{'s' * self.tls}://127.0.0.1:{port or self.port}",
                "storage.s3.force-path-style": True}

    wrong_key = {"storage.s3.secret-key": "very-wrong-1"}

    def unfinished(self):
        """Files of uploads that were neither completed nor aborted."""
        return [file for root, _, files in os.walk(os.path.join(self.directory, "s3")) for file in files
                if ".sgwtmp" in root]


class Gcs(Store):
    name = "gcs"

    def __init__(self, directory, lifetime=3600):
        super().__init__(directory)
        inner = free_port()
        os.makedirs(os.path.join(directory, "gcs", "bucket"), exist_ok=True)
        key, public = (os.path.join(directory, name) for name in ("account.pem", "account.pub"))
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
        subprocess.run(["openssl", "genrsa", "-out", key + ".wrong", "2048"], check=True, capture_output=True)
        self.server("gcs", [go_program("fake-gcs-server"), "-scheme", "http", "-host", "127.0.0.1", "-port", str(inner),
                            "-log-level", "warn", "-backend", "filesystem", "-filesystem-root", os.path.join(directory, "gcs"),
                            "-public-host", f"127.0.0.1:{inner}", "-external-url", f"http://127.0.0.1:{inner}"], inner)
        self.server("tokens", [sys.executable, os.path.join(HERE, "token-server.py"), str(self.port), public,
                               f"127.0.0.1:{inner}", str(lifetime)], self.port)
        self.wrong_key = {"storage.gcs.service-account": self.account(key + ".wrong")}

    def account(self, key):
        with open(key, encoding="ascii") as file:
            return json.dumps({"client_email": "kestra@test", "private_key_id": "1", "private_key": file.read(),
                               "token_uri": f"http://127.0.0.1:{self.port}/token"})

    def settings(self, port=None):
        return {"storage.type": "gcs", "storage.gcs.bucket": "bucket",
                "storage.gcs.endpoint": f"http://127.0.0.1:{port or self.port}",
                "storage.gcs.service-account": self.account(os.path.join(self.directory, "account.pem"))}

    def unfinished(self):
        return []


class Azure(Store):
    name = "azure"

    def __init__(self, directory):
        super().__init__(directory)
        os.makedirs(os.path.join(directory, "azure"), exist_ok=True)
        self.server("azure", ["node", azurite_program(), "--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--location",
                              os.path.join(directory, "azure"), "--skipApiVersionCheck", "--disableTelemetry", "--silent"],
                    self.port, environment={"AZURITE_ACCOUNTS": f"testaccount:{AZURE_KEY}"})
        self.make_container()

    def sign(self, text):
        return base64.b64encode(hmac.new(base64.b64decode(AZURE_KEY), text.encode(), hashlib.sha256).digest()).decode()

    def make_container(self):
        date = email.utils.formatdate(usegmt=True)
        text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:2021-08-06\n/testaccount/testaccount/bucket\nrestype:container"
        urllib.request.urlopen(urllib.request.Request(
            f"http://127.0.0.1:{self.port}/testaccount/bucket?restype=container", method="PUT",
            headers={"x-ms-date": date, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey testaccount:{self.sign(text)}"}))

    def settings(self, port=None):
        return {"storage.type": "azure", "storage.azure.container": "bucket",
                "storage.azure.endpoint": f"http://127.0.0.1:{port or self.port}/testaccount",
                "storage.azure.shared-key-account-name": "testaccount",
                "storage.azure.shared-key-account-access-key": AZURE_KEY}

    def sas_settings(self):
        """The same container by a shared access signature."""
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        fields = ["rwdlc", "", ends, "/blob/testaccount/bucket", "", "", "", "2021-08-06", "c", "", "", "", "", "", "", ""]
        token = urllib.parse.urlencode({"sv": "2021-08-06", "sr": "c", "sp": "rwdlc", "se": ends,
                                        "sig": self.sign("\n".join(fields))})
        settings = self.settings() | {"storage.azure.sas-token": token}
        del settings["storage.azure.shared-key-account-access-key"]
        return settings

    wrong_key = {"storage.azure.shared-key-account-access-key": base64.b64encode(b"wrong").decode()}

    def unfinished(self):
        return []
