#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# with-server: --workers 2 --config tests/data/task/server.json
"""A polling trigger beside a server of our own: conditions, redirects, failures, locks, changes while it is evaluated, a
worker killed in the middle. What the server was asked says how often a trigger was evaluated."""
import http.server
import json
import os
import signal
import subprocess
import threading
import time

from client import call, check, finish, put_flow, until

NAMESPACE = "integration.polling"
TRIGGERS = "/api/v1/triggers"
FLOW = """id: %(id)s
namespace: integration.polling
labels:
  team: storage
tasks:
  - id: %(task)s
triggers:
  - id: watch
    type: io.kestra.plugin.core.http.Trigger
    uri: %(uri)s
    interval: PT1S
%(more)s"""
LOG = "log\n    type: io.kestra.plugin.core.log.Log\n    message: \"{{ trigger.code }} {{ trigger.body }}\""


class Answers(http.server.BaseHTTPRequestHandler):
    """/ok/…, /status/CODE, /moved/… goes to /ok, /slow/SECONDS, /gate/NAME holds until NAME is opened."""
    asked = {}
    gates = {}
    lock = threading.Lock()

    def do_GET(self):
        with self.lock:
            kind, _, rest = self.path.strip("/").partition("/")
            self.gates.setdefault(rest, threading.Event())  # there for whoever sees that it was asked
            self.asked[self.path] = self.asked.get(self.path, 0) + 1
        code, body = 200, b'{"ready": true}'
        if kind == "status":
            code = int(rest)
        elif kind == "moved":
            code = 302
        elif kind == "big":
            body = b"x" * 11000000
        elif kind == "slow":
            time.sleep(float(rest))
        elif kind == "gate":
            self.gates[rest].wait(60)
        try:
            self.send_response(code)
            if code == 302:
                self.send_header("Location", "/ok/after-" + rest)
            self.send_header("X-Test", "yes")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # whoever asked was killed

    do_POST = do_GET

    def log_message(self, *arguments):
        pass


def flow(name, path, more="", task=LOG):
    uri = path if path.startswith("http") else BASE + path
    return put_flow(FLOW % {"id": name, "uri": uri, "task": task, "more": more})


def drop(name):
    call("DELETE", "/api/v1/flows/%s/%s" % (NAMESPACE, name))


def executions(name):
    return call("GET", "/api/v1/executions/search?size=100&namespace=%s&flowId=%s" % (NAMESPACE, name))[1]["results"]


def row(name):
    rows = call("GET", "%s/%s/%s" % (TRIGGERS, NAMESPACE, name))[1]["results"]
    return rows[0] if rows else {}


def logs(name, level="INFO"):
    return call("GET", "/api/v1/logs/search?size=100&namespace=%s&flowId=%s&minLevel=%s" % (NAMESPACE, name, level))[1]["results"]


def messages(name, level="INFO"):
    return [line["message"] for line in logs(name, level) if line.get("triggerId") == "watch"]


def send(method, path, body):
    return call(method, TRIGGERS + path, json.dumps(body), "application/json")


def asked(path):
    return Answers.asked.get(path, 0)


def fires():
    flow("fires", "/ok/fires", "    labels:\n      - key: code\n        value: \"{{ trigger.code }}\"\n"
         "    responseCondition: \"{{ json(response.body).ready and response.headers['X-Test'][0] == 'yes' }}\"\n")
    check(until(lambda: len([one for one in executions("fires") if one["state"]["current"] == "SUCCESS"]) >= 2, 20),
          "a condition that is true starts executions", messages("fires"))
    drop("fires")
    one = executions("fires")[0]
    variables = one["trigger"]["variables"]
    check(one["trigger"]["id"] == "watch" and one["trigger"]["type"] == "io.kestra.plugin.core.http.Trigger",
          "they name their trigger", one["trigger"])
    check(variables["code"] == 200 and json.loads(variables["body"]) == {"ready": True} and
          variables["uri"] == BASE + "/ok/fires" and variables["headers"]["X-Test"] == ["yes"],
          "its outputs are their variables", variables)
    check(sorted((label["key"], label["value"]) for label in one["labels"]) == [("code", "200"), ("team", "storage")],
          "and they bear labels of both", one["labels"])
    lines = logs("fires")
    text = [line["message"] for line in lines if line.get("triggerId")]
    check("Type io.kestra.plugin.core.http.Trigger started" in text and
          any(one.startswith("Type io.kestra.plugin.core.http.Trigger completed in 00:00:0") for one in text),
          "evaluations are in the log", text)
    check(all("executionId" not in line and line["triggerId"] == "watch" for line in lines if line.get("triggerId")),
          "with the trigger's id, and no execution", lines)
    check(any(line["message"] == '200 {"ready": true}' for line in lines), "tasks see what was answered", lines)


def files_its_log():
    flow("filed", "/ok/filed", "    logToFile: true\n")
    flow("lost", "http://127.0.0.1:1/lost", "    logToFile: true\n")
    check(until(lambda: executions("filed") and executions("filed")[0]["state"]["current"] == "SUCCESS", 20),
          "a trigger whose log goes to a file starts executions", messages("filed"))
    check(until(lambda: messages("lost", "ERROR"), 20), "errors of one that starts none are in the log", messages("lost"))
    drop("filed")
    drop("lost")
    one = executions("filed")[0]
    status, text = call("GET", "/api/v1/executions/%s/file?path=%s" % (one["id"], one["trigger"].get("logFile")))
    check(status == 200 and "INFO Type io.kestra.plugin.core.http.Trigger started\n" in text and "completed in 00:00:0" in text,
          "the file is that of the execution's trigger", (one["trigger"], status, text))
    check(not [line for line in logs("filed") if line.get("triggerId")], "and the log has none of its lines", logs("filed"))
    check(not [line for line in messages("lost") if "started" in line], "nor of the other's, but errors", messages("lost"))


def does_not_fire():
    flow("quiet", "/ok/quiet", "    responseCondition: \"{{ response.statusCode == 204 }}\"\n")
    flow("refused", "/status/503")
    flow("wanted", "/status/404", "    responseCondition: \"{{ response.statusCode == 404 }}\"\n")
    flow("broken", "/ok/broken", "    responseCondition: \"{{ response.nothing.there }}\"\n")
    flow("big", "/big/1", "    options:\n      maxContentLength: 20000000\n")
    flow("away", "http://127.0.0.1:1/away")
    flow("asleep", "/ok/asleep", "    conditions:\n      - type: io.kestra.plugin.core.condition.Expression\n"
         "        expression: \"{{ trigger.date is null }}\"\n")
    check(until(lambda: asked("/ok/quiet") >= 3 and asked("/status/503") >= 3, 20), "what is not wanted is asked again")
    check(not executions("quiet") and not executions("refused"), "and starts nothing; nor does 400 and above by default")
    check(until(lambda: executions("wanted"), 10), "unless the condition wants it")
    check(until(lambda: len(messages("broken", "ERROR")) >= 2, 10), "a condition that fails is said in the log, each time",
          messages("broken"))
    check(until(lambda: messages("away", "ERROR"), 10) and not executions("away"), "so is a server that is away",
          messages("away"))
    check(until(lambda: any("limits.message" in one for one in messages("big", "ERROR")), 10) and not executions("big"),
          "and an answer that is too long for a message", messages("big"))
    check(asked("/ok/asleep") == 0 and row("asleep").get("nextExecutionDate"), "conditions are asked before the server")
    check("executionId" not in row("quiet") and row("quiet")["disabled"] is False, "nothing is locked", row("quiet"))
    for name in ("quiet", "refused", "wanted", "broken", "away", "big", "asleep"):
        drop(name)


def follows():
    flow("moved", "/moved/moved")
    flow("stays", "/moved/stays", "    options:\n      followRedirects: false\n"
         "    responseCondition: \"{{ response.statusCode == 302 }}\"\n")
    flow("posts", "/ok/posts", "    method: POST\n    body: \"{{ flow.id }}\"\n")
    flow("impatient", "/slow/8", "    options:\n      readTimeout: PT1S\n")
    check(until(lambda: executions("moved"), 10) and executions("moved")[0]["trigger"]["variables"]["uri"] == BASE + "/ok/after-moved",
          "a redirect is followed", executions("moved"))
    check(until(lambda: executions("stays"), 10) and asked("/ok/after-stays") == 0, "or not", executions("stays"))
    check(until(lambda: executions("posts"), 10), "other methods and bodies are sent")
    check(until(lambda: messages("impatient", "ERROR"), 20), "a server that is slow has its time", messages("impatient"))
    for name in ("moved", "stays", "posts", "impatient"):
        drop(name)


def encrypts():
    flow("sealed", "/ok/sealed", "    encryptBody: true\n    responseCondition: \"{{ json(response.body).ready }}\"\n",
         task="seen\n    type: io.kestra.plugin.core.debug.Return\n    format: \"{{ trigger.encryptedBody | length }}\"")
    check(until(lambda: executions("sealed") and executions("sealed")[0]["state"]["current"] == "SUCCESS", 10),
          "the condition sees a body that is to be encrypted", messages("sealed"))
    drop("sealed")
    one = [each for each in executions("sealed") if each["state"]["current"] == "SUCCESS"][0]
    variables = one["trigger"]["variables"]
    check("body" not in variables and variables["encryptedBody"]["type"] == "io.kestra.datatype:aes_encrypted" and
          "ready" not in json.dumps(variables), "the execution has it sealed", variables)
    check(one["taskRunList"][0]["outputs"]["value"] == "15", "and its tasks see it open", one["taskRunList"])


def locks():
    pause = "pause\n    type: io.kestra.plugin.core.flow.Pause"
    flow("locked", "/ok/locked", task=pause)
    check(until(lambda: executions("locked") and row("locked").get("executionId"), 10), "its execution locks the trigger",
          row("locked"))
    one = executions("locked")[0]
    count = asked("/ok/locked")
    time.sleep(2.5)
    check(row("locked")["executionId"] == one["id"] and asked("/ok/locked") == count and len(executions("locked")) == 1,
          "it is not asked while its execution runs", row("locked"))
    call("POST", "/api/v1/executions/%s/resume" % one["id"])
    check(until(lambda: asked("/ok/locked") > count, 10), "and again when that has ended")
    check(until(lambda: len(executions("locked")) == 2, 10), "which starts the next one")
    call("DELETE", "/api/v1/executions/%s" % row("locked")["executionId"])
    check(until(lambda: len(executions("locked")) == 2, 10), "an execution that is deleted is no lock", executions("locked"))
    before = row("locked").get("executionId")
    status, answer = call("POST", "%s/%s/locked/watch/unlock" % (TRIGGERS, NAMESPACE))
    check(status == 200 and "executionId" not in answer, "it can be unlocked", answer)
    check(until(lambda: row("locked").get("executionId") not in (None, before), 10), "and then goes on", row("locked"))
    before = row("locked").get("executionId")
    call("DELETE", "/api/v1/executions/%s/kill" % before)
    check(until(lambda: row("locked").get("executionId") not in (None, before), 10), "one that is killed is no lock", row("locked"))
    drop("locked")
    for one in executions("locked"):
        call("DELETE", "/api/v1/executions/%s/kill" % one["id"])
    # one at a time for the flow: the second one is cancelled before it begins
    flow("cancelled", "/ok/cancelled", task=pause + "\nconcurrency:\n  limit: 1\n  behavior: CANCEL")
    check(until(lambda: row("cancelled").get("executionId"), 10), "one that waits")
    call("POST", "%s/%s/cancelled/watch/unlock" % (TRIGGERS, NAMESPACE))
    check(until(lambda: len([one for one in executions("cancelled") if one["state"]["current"] == "CANCELLED"]) >= 2, 10),
          "those that are cancelled are no locks", executions("cancelled"))
    drop("cancelled")
    for one in executions("cancelled"):
        call("DELETE", "/api/v1/executions/%s/kill" % one["id"])
    flow("stops", "/ok/stops", "    stopAfter: [FAILED]\n", task="fail\n    type: io.kestra.plugin.core.execution.Fail")
    check(until(lambda: row("stops").get("disabled"), 10), "stopAfter disables it", row("stops"))
    time.sleep(1.5)
    check(len(executions("stops")) == 1 and asked("/ok/stops") == 1, "and nobody asks any more", executions("stops"))
    drop("stops")


def changes():
    ids = {"namespace": NAMESPACE, "flowId": "changes", "triggerId": "watch"}
    flow("changes", "/gate/first")
    check(until(lambda: asked("/gate/first") and row("changes").get("workerId"), 10), "while it is evaluated its row names the worker",
          row("changes"))
    shown = call("GET", TRIGGERS + "/search?namespace=%s&workerId=%s" % (NAMESPACE, row("changes").get("workerId")))[1]
    check(shown["total"] == 1 and shown["results"][0]["triggerContext"].get("evaluateRunningDate"), "searches find it", shown)
    flow("changes", "/gate/second")
    check(until(lambda: asked("/gate/second"), 10), "a trigger that is changed is evaluated anew", row("changes"))
    Answers.gates["first"].set()
    time.sleep(1)
    check(not executions("changes"), "the old evaluation starts nothing", executions("changes"))
    status, answer = send("PUT", "", dict(ids, disabled=True))
    check(status == 200 and answer["disabled"] and "evaluateRunningDate" not in answer and "workerId" not in answer,
          "disabling it ends its evaluation", answer)
    Answers.gates["second"].set()
    time.sleep(1)
    check(not executions("changes"), "which starts nothing", executions("changes"))
    status, answer = send("PUT", "", dict(ids, disabled=False, backfill={"start": "2026-11-01T00:00:00Z"}))
    check(status == 400, "it has no backfill", answer)
    send("PUT", "", dict(ids, disabled=False))
    check(until(lambda: executions("changes"), 10), "enabled it is asked again")
    drop("changes")
    flow("restarts", "/gate/third")
    check(until(lambda: asked("/gate/third") == 1, 10), "the third is evaluated")
    check(call("POST", "%s/%s/restarts/watch/restart" % (TRIGGERS, NAMESPACE))[0] == 200 and
          until(lambda: asked("/gate/third") == 2, 10), "restarted, it is evaluated anew")
    drop("restarts")
    check(until(lambda: not row("restarts"), 10), "its row goes with the flow")
    Answers.gates["third"].set()
    time.sleep(0.5)
    check(not executions("restarts"), "and its evaluation with it")


def pids_of(role):
    """Of the roles that with-server started, those that run this program."""
    found = []
    for pid in os.environ["KESTRA_PIDS"].split(","):
        try:
            with open("/proc/%s/comm" % pid) as comm:
                if comm.read().strip().startswith(("kestra-" + role)[:15]):
                    found.append(int(pid))
        except FileNotFoundError:
            pass
    return found


def worker_of_child():
    """The worker whose kestra-run holds a connection to us: the one that evaluates."""
    port = ":%04X" % SERVER.server_address[1]
    with open("/proc/net/tcp") as table:
        sockets = {line.split()[9] for line in table if line.split()[2].endswith(port) and line.split()[3] == "01"}
    for entry in os.listdir("/proc"):
        try:
            links = {os.readlink("/proc/%s/fd/%s" % (entry, fd)) for fd in os.listdir("/proc/%s/fd" % entry)}
            with open("/proc/%s/stat" % entry) as stat:
                parent = int(stat.read().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError):
            continue
        if parent in pids_of("worker") and any("socket:[%s]" % one in links for one in sockets):
            return parent
    return None


def reloaded():
    """A worker that is reloaded goes on with what it evaluates."""
    flow("reloaded", "/gate/reloaded")
    check(until(lambda: asked("/gate/reloaded") == 1 and row("reloaded").get("workerId"), 10), "a worker evaluates")
    before = row("reloaded")
    for pid in pids_of("worker"):
        os.kill(pid, signal.SIGHUP)
    time.sleep(2)
    check(row("reloaded") == before, "reloaded, it goes on", row("reloaded"))
    Answers.gates["reloaded"].set()
    check(until(lambda: executions("reloaded"), 10) and executions("reloaded")[0]["trigger"]["variables"]["code"] == 200,
          "and the execution starts", messages("reloaded"))
    drop("reloaded")
    check(not messages("reloaded", "ERROR"), "without a failure", messages("reloaded", "ERROR"))


def killed():
    flow("killed", "/gate/killed")
    check(until(lambda: asked("/gate/killed") == 1 and row("killed").get("workerId"), 10), "a worker evaluates")
    first = row("killed")
    victim = until(worker_of_child, 5)
    if not check(victim, "it is one of ours", pids_of("worker")):
        return
    os.kill(victim, signal.SIGKILL)
    check(until(lambda: asked("/gate/killed") >= 2, 40), "it is killed: another one takes the evaluation over", row("killed"))
    check(until(lambda: row("killed").get("workerId") not in (None, first["workerId"]), 5) and
          row("killed")["evaluateRunningDate"] == first["evaluateRunningDate"], "it is the same evaluation", row("killed"))
    Answers.gates["killed"].set()
    check(until(lambda: executions("killed"), 10), "and its execution starts")
    drop("killed")
    time.sleep(1)
    ids = [one["id"] for one in executions("killed")]
    check(len(ids) == len(set(ids)), "once", ids)


def ctl(*arguments):
    done = subprocess.run([os.path.join(os.environ["KESTRA_BUILD"], "kestractl"), "trigger", *arguments], capture_output=True,
                          text=True, env=dict(os.environ, KESTRA_SERVER=os.environ["KESTRA_URL"]))
    return done.returncode, done.stdout + done.stderr


def by_kestractl():
    one = (NAMESPACE, "ctl", "watch")
    flow("ctl", "/gate/ctl")
    check(until(lambda: row("ctl").get("workerId"), 10), "one more is evaluated")
    code, out = ctl("list", "--namespace", NAMESPACE)
    check(code == 0 and "EVALUATING " + row("ctl")["workerId"] in out and "integration.polling.ctl" in out, "list says so", out)
    code, out = ctl("disable", *one)
    check(code == 0 and row("ctl")["disabled"] and "DISABLED" in ctl("list", "--namespace", NAMESPACE)[1], "disable", out)
    code, out = ctl("unlock", *one)
    check(code == 1 and "not locked" in out, "unlock what is not locked", (code, out))
    count = asked("/gate/ctl")
    code, out = ctl("enable", *one)
    check(code == 0 and until(lambda: asked("/gate/ctl") > count, 10), "enable", out)
    code, out = ctl("restart", *one)
    check(code == 0 and until(lambda: asked("/gate/ctl") > count + 1, 10), "restart", out)
    Answers.gates["ctl"].set()
    check(until(lambda: executions("ctl"), 10), "and it fires")
    drop("ctl")
    check(ctl("disable", *one)[0] == 1, "a trigger that is gone is not found")


SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
SERVER.daemon_threads = True
BASE = "http://127.0.0.1:%d" % SERVER.server_address[1]
threading.Thread(target=SERVER.serve_forever, daemon=True).start()
for part in (fires, files_its_log, does_not_fire, follows, encrypts, locks, changes, by_kestractl, reloaded, killed):
    part()
finish()
