# SPDX-License-Identifier: Apache-2.0
"""A booted machine, its API over the unix socket of the webserver, and a count of checks."""
import http.client
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
TERMINAL = {"SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED"}
ROLES = ("webserver", "scheduler", "executor", "worker", "indexer")

passed = failed = 0


def check(condition, name, detail=""):
    """Counts and prints one check; the detail is for whoever looks into a failure."""
    global passed, failed
    if condition:
        passed += 1
        print("ok - " + name, flush=True)
    else:
        failed += 1
        print("not ok - %s # %s" % (name, str(detail).strip()[-1500:].replace("\n", "\n#   ")), flush=True)
    return bool(condition)


def finish():
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


def until(condition, seconds, step=0.1):
    """The first true answer of condition within that time, else its last answer."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(step)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Machine:
    def __init__(self, directory, name):
        self.directory = directory
        self.environment = dict(os.environ, MACHINE_NAME=name)
        self.program = os.path.join(HERE, "machine")
        self.init = None

    def call(self, verb, *arguments, timeout=120, input=None):
        return subprocess.run([self.program, verb, self.directory, *arguments], env=self.environment, text=True,
                              errors="replace", input=input, stdin=None if input is not None else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)

    def boot(self, verb="boot"):
        """Seconds that it took, or None."""
        start = time.monotonic()
        self.init = None
        done = self.call(verb)
        if done.returncode != 0:
            print("# " + done.stdout)
            return None
        self.init = self.call("pid").stdout.strip()
        return time.monotonic() - start

    def run(self, *command, timeout=120, input=None):
        """Runs a command inside; the answer has .returncode and .stdout (with standard error)."""
        return self.call("run", *command, timeout=timeout, input=input)

    def shell(self, script, timeout=120):
        return self.run("sh", "-c", script, timeout=timeout).stdout.strip()

    def path(self, path):
        """How this host names a path of the machine (also on its tmpfs)."""
        return "/proc/%s/root%s" % (self.init, path)

    def write(self, path, text):
        """Atomically, as an editor saves."""
        name = self.path(path)
        with open(name + ".tmp", "w", encoding="utf8") as file:
            file.write(text)
        os.rename(name + ".tmp", name)

    def unit(self, unit, name):
        return self.run("systemctl", "show", "-P", name, unit).stdout.strip()

    def is_active(self, unit):
        return self.unit(unit, "ActiveState") == "active"

    # --- HTTP ---
    def request(self, method, path, body=None, content_type=None, role="webserver", timeout=60):
        """As root over a role's unix socket: (status, parsed JSON or text). Status 0: nobody answered."""
        headers = {"Accept": "application/json", "Connection": "close"}
        if content_type:
            headers["Content-Type"] = content_type
        connection = UnixConnection(self.path("/run/kestra/%s.sock" % role), timeout)
        try:
            connection.request(method, path, body.encode() if isinstance(body, str) else body, headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read().decode("utf8", "replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()
        try:
            return status, json.loads(text) if text else None
        except ValueError:
            return status, text

    def health(self, role):
        status, body = self.request("GET", "/health", role=role, timeout=10)
        return status == 200 and isinstance(body, dict) and body.get("status") == "UP"

    def all_up(self):
        return all(self.health(role) for role in ROLES)

    def has_flow(self, namespace, flow, revision=None):
        status, body = self.request("GET", "/api/v1/flows/%s/%s" % (namespace, flow))
        return status == 200 and (revision is None or body.get("revision") == revision)

    def start(self, namespace, flow, inputs=None, wait=False, timeout=60):
        """Starts an execution: (status, execution)."""
        boundary = "system-test"
        parts = ['--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (boundary, name, value)
                 for name, value in (inputs or {}).items()]
        path = "/api/v1/executions/%s/%s?wait=%s" % (namespace, flow, "true" if wait else "false")
        return self.request("POST", path, "".join(parts) + "--%s--\r\n" % boundary,
                            "multipart/form-data; boundary=" + boundary, timeout=timeout)

    def execution(self, identifier):
        status, body = self.request("GET", "/api/v1/executions/" + identifier)
        return body if status == 200 and isinstance(body, dict) else {}

    def state(self, identifier):
        return self.execution(identifier).get("state", {}).get("current")

    def finished(self, identifier, seconds):
        """The execution when it has ended, or as it is after that time."""
        until(lambda: self.state(identifier) in TERMINAL, seconds)
        return self.execution(identifier)

    def run_flow(self, namespace, flow, inputs=None, seconds=60):
        """Runs a flow to its end: (state, execution, log lines as "LEVEL message")."""
        status, body = self.start(namespace, flow, inputs)
        if status != 200 or not isinstance(body, dict):
            return "HTTP %s %s" % (status, body), {}, []
        execution = self.finished(body["id"], seconds)
        return execution.get("state", {}).get("current"), execution, self.logs(body["id"])

    def logs(self, identifier):
        status, lines = self.request("GET", "/api/v1/logs/" + urllib.parse.quote(identifier))
        if status != 200 or not isinstance(lines, list):
            return []
        return ["%s %s" % (line.get("level"), line.get("message")) for line in lines]
