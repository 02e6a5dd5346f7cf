# SPDX-License-Identifier: Apache-2.0
"""What an administrator does with an installed Kestra, and what may happen to it."""
import time

from harness import ROLES, check, until

SECURITY_LIMIT = {"worker": 2.5}  # `systemd-analyze security`; 2.0 for the others

HELLO = """id: hello
namespace: system.test
inputs:
  - id: name
    type: STRING
    defaults: world
tasks:
  - id: greet
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands:
      - echo "hello {{ inputs.name }}"
      - id -un
  - id: done
    type: io.kestra.plugin.core.log.Log
    message: greeted {{ inputs.name }}
"""

SLOW = """id: slow
namespace: system.test
tasks:
  - id: wait
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands:
      - sleep 3
  - id: done
    type: io.kestra.plugin.core.debug.Return
    format: done
"""

BROKEN = {
    "truncated.yaml": "id: broken\nnamespace: system.test\ntasks:\n  - id: a\n    type: io.kestra.plugin.core.log.Log\n    message: [",
    "tabs.yaml": "id: broken\nnamespace: system.test\ntasks:\n\t- id: a\n",
    "duplicate-key.yaml": "id: broken\nid: again\nnamespace: system.test\ntasks: []\n",
    "unknown-type.yaml": "id: broken\nnamespace: system.test\ntasks:\n  - id: a\n    type: no.such.Type\n",
    "unknown-property.yaml": "id: broken\nnamespace: system.test\ntasks:\n  - id: a\n"
                             "    type: io.kestra.plugin.core.log.Log\n    message: x\n    colour: red\n",
    "anchors.yaml": "id: broken\nnamespace: system.test\nvariables: &a\n  b: *a\ntasks: []\n",
    "laughs.yaml": "id: broken\nnamespace: system.test\nvariables:\n  a: &a [x,x,x,x,x,x,x,x,x]\n" +
                   "".join("  %s: &%s [%s]\n" % (chr(98 + n), chr(98 + n), ",".join(["*" + chr(97 + n)] * 9))
                           for n in range(9)) + "tasks: []\n",
}


def units(machine, packages):
    for role in ROLES:
        text = machine.shell("systemd-analyze security --no-pager kestra-%s.service | tail -n 1" % role)
        words = text.split("service:")[-1].split()
        limit = SECURITY_LIMIT.get(role, 2.0)
        check(words and float(words[0]) <= limit, "the sandbox of the %s is at %.1f or below" % (role, limit), text)
    verify = machine.shell("systemd-analyze verify --man=no /lib/systemd/system/kestra*.target "
                           "$(ls /lib/systemd/system/kestra*.service /lib/systemd/system/kestra*.socket | grep -v @)")
    check(verify == "", "systemd-analyze verify has nothing to say", verify)
    for role in ROLES:
        status = machine.unit("kestra-%s.service" % role, "StatusText")
        check(status, "the %s has a status: %s" % (role, status))
        code, text = machine.request("GET", "/metrics", role=role)
        check(code == 200 and "process_resident_memory_bytes" in str(text), "and metrics", text)
        before = machine.unit("kestra-%s.service" % role, "MainPID")
        machine.run("systemctl", "reload", "kestra-%s.service" % role)
        check(machine.health(role) and machine.unit("kestra-%s.service" % role, "MainPID") == before,
              "it reloads without a restart")
    check(machine.unit("kestra-worker.service", "Delegate") == "yes", "the worker has a control group tree of its own")
    machine.run("systemctl", "stop", "kestra-indexer.service")
    check(not machine.is_active("kestra-indexer.service"), "a role stops")
    check(until(lambda: machine.health("indexer"), 10), "a connection to its socket starts it again")


TICKS = """id: ticks
namespace: system.test
tasks:
  - id: count
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    outputFiles: [result.txt]
    commands:
      - for i in $(seq %d); do echo tick-$i; sleep 0.5; done; echo counted > result.txt
"""


def start_ticks(machine, count):
    """An execution whose task says tick-1 to tick-COUNT, one each half second, and has begun."""
    machine.write("/etc/kestra/flows/ticks.yaml", TICKS % count)
    until(lambda: "seq %d)" % count in str(machine.request("GET", "/api/v1/flows/system.test/ticks")[1]), 10)
    status, execution = machine.start("system.test", "ticks")
    check(status == 200 and until(lambda: "INFO tick-2" in machine.logs(execution["id"]), 20), "a task ticks", execution)
    return execution["id"]


def ticked(machine, identifier, count, why):
    """Checks that the task went on in its first attempt and said each tick once."""
    execution = machine.finished(identifier, 60)
    check(execution.get("state", {}).get("current") == "SUCCESS", why, (execution.get("state"), machine.logs(identifier)))
    said = [line for line in machine.logs(identifier) if "tick-" in line]
    check(said == ["INFO tick-%d" % i for i in range(1, count + 1)], "each of its lines is there once", said)
    check([len(run.get("attempts", [])) for run in execution.get("taskRunList", [])] == [1], "in one attempt", execution)
    return execution


def reload_wrong(machine, packages):
    """Settings that are wrong make the reload of any role fail, with the place in the journal, and change nothing."""
    path = "/etc/kestra/kestra.d/wrong.yaml"
    machine.write(path, "log:\n  level: loud\n")
    for role in ROLES:
        unit = "kestra-%s.service" % role
        machine.run("systemctl", "start", unit)
        before = machine.unit(unit, "MainPID")
        done = machine.run("systemctl", "reload", unit)
        said = machine.shell("journalctl -b -u %s -o cat --no-pager -n 20" % unit)
        check(done.returncode != 0 and path + ":2:10" in said, "the %s refuses wrong settings with the place" % role,
              (done.returncode, said))
        check(machine.health(role) and machine.unit(unit, "MainPID") == before, "and goes on with the old ones")
    machine.shell("rm " + path)
    for role in ROLES:
        check(machine.run("systemctl", "reload", "kestra-%s.service" % role).returncode == 0, "the %s reloads again" % role)


def restarts(machine, packages):
    """A restart, however often, leaves both TCP ports answering and nothing failed."""
    bad = []
    for _ in range(10):
        done = machine.run("systemctl", "restart", "kestra.target")
        codes = [machine.shell("curl -s -o /dev/null -w '%%{http_code}' --max-time 20 http://127.0.0.1:%s" % place)
                 for place in ("8080/ping", "8081/health")]
        if done.returncode or codes[0] in ("000", "") or codes[1] in ("000", ""):
            bad.append((done.stdout, codes))
    check(not bad, "10 restarts of kestra.target in a row leave ports 8080 and 8081 answering", bad)
    failed = machine.shell("systemctl list-units --failed --no-legend --plain 'kestra*'")
    check(failed == "" and until(machine.all_up, 30), "nothing has failed, all roles are UP", failed)


def reload_worker(machine, packages):
    unit = "kestra-worker.service"
    before = [machine.unit(unit, name) for name in ("MainPID", "NRestarts", "InvocationID")]
    execution = start_ticks(machine, 12)
    for _ in range(2):
        done = machine.run("systemctl", "reload", unit)
        check(done.returncode == 0, "systemctl reload kestra-worker", done.stdout)
        time.sleep(1)
    check(until(lambda: "goes on with 1 tasks" in machine.shell("journalctl -b -u kestra-worker -o cat --no-pager"), 10),
          "the journal says that it goes on", machine.shell("journalctl -b -u kestra-worker -n 20 --no-pager"))
    ticked(machine, execution, 12, "a task that runs meanwhile ends well")
    now = [machine.unit(unit, name) for name in ("MainPID", "NRestarts", "InvocationID")]
    check(now == before and machine.unit(unit, "ActiveState") == "active", "for systemd it is the same service", (before, now))
    machine.write("/etc/kestra/kestra.d/wrong.yaml", "no.such: setting\n")
    done = machine.run("systemctl", "reload", unit)
    check(done.returncode != 0, "a reload with wrong settings fails", done.stdout)
    machine.run("systemctl", "kill", "-s", "HUP", unit)
    noted = until(lambda: "no such setting" in machine.unit(unit, "StatusText"), 10)
    check(noted, "systemctl status says why", machine.unit(unit, "StatusText"))
    check(machine.health("worker") and machine.unit(unit, "MainPID") == before[0], "and the worker goes on")
    machine.shell("rm /etc/kestra/kestra.d/wrong.yaml; systemctl reload " + unit)
    check(until(lambda: "refused" not in machine.unit(unit, "StatusText"), 10), "a good reload clears it")


def stop_worker(machine, packages):
    execution = start_ticks(machine, 12)
    machine.run("systemctl", "stop", "--no-block", "kestra-worker.service")
    said = until(lambda: "1 tasks still run" in machine.unit("kestra-worker.service", "StatusText"), 5)
    check(said, "a worker that is stopped says what it waits for", machine.unit("kestra-worker.service", "StatusText"))
    ticked(machine, execution, 12, "and waits for its task")
    check(until(lambda: machine.unit("kestra-worker.service", "ActiveState") == "inactive", 10), "then it ends")
    machine.run("systemctl", "start", "kestra-worker.socket", "kestra-worker.service")
    machine.write("/etc/kestra/kestra.d/grace.yaml", "shutdown.grace: 1s\n")
    machine.run("systemctl", "reload", "kestra-worker.service")
    execution = start_ticks(machine, 16)
    done = machine.run("systemctl", "stop", "kestra-worker.service")
    check(done.returncode == 0 and machine.unit("kestra-worker.service", "Result") == "success", "a short grace ends it in order",
          done.stdout)
    left = machine.shell("pgrep -fa 'tick-' | grep -v pgrep")
    check(left == "", "nothing of its task is left", left)
    check(machine.state(execution) == "RUNNING", "which has not failed", machine.state(execution))
    machine.shell("rm /etc/kestra/kestra.d/grace.yaml; systemctl start kestra-worker.socket kestra-worker.service")
    ended = machine.finished(execution, 60)
    check(ended.get("state", {}).get("current") == "SUCCESS", "and runs again when a worker is there", ended.get("state"))


def files(machine, packages):
    for role in ROLES:
        user = "setpriv --reuid kestra-%s --regid kestra-roles --init-groups" % role
        seen = machine.shell("%s ls /var/lib/kestra/storage >/dev/null 2>&1; echo $?" % user)
        check((seen == "0") == (role == "worker"), "storage is %s the %s" % ("open to" if role == "worker" else "closed to", role), seen)
        inside = machine.shell("nsenter -t $(systemctl show -P MainPID kestra-%s) -m -- %s ls /var/lib/kestra/storage "
                               ">/dev/null 2>&1; echo $?" % (role, user))
        check((inside == "0") == (role == "worker"), "in the sandbox of its unit too", inside)
    execution = start_ticks(machine, 3)
    ended = ticked(machine, execution, 3, "a task leaves a file")
    uri = (ended.get("taskRunList") or [{}])[0].get("outputs", {}).get("outputFiles", {}).get("result.txt", "")
    status, text = machine.request("GET", "/api/v1/executions/%s/file?path=%s" % (execution, uri))
    check(status == 200 and str(text).strip() == "counted", "the API serves it", (uri, status, text))
    status, meta = machine.request("GET", "/api/v1/executions/%s/file/metas?path=%s" % (execution, uri))
    check(status == 200 and meta == {"size": 8}, "and knows its size", (status, meta))


def gateway(machine, packages):
    unit = "kestra-worker-gateway"
    for kind in ("socket", "service"):
        state = machine.shell("systemctl is-enabled %s.%s; systemctl is-active %s.%s" % (unit, kind, unit, kind)).split()
        check(state == ["disabled", "inactive"], "the gateway's %s is off" % kind, state)
    text = machine.shell("systemd-analyze security --no-pager %s.service | tail -n 1" % unit)
    check(float(text.split("service:")[-1].split()[0]) <= 2.0, "its sandbox is at 2.0 or below", text)
    machine.shell("systemctl start %s.socket; curl -s --max-time 5 http://127.0.0.1:8082/storage; systemctl stop %s.socket %s.service" %
                  (unit, unit, unit))
    said = machine.shell("journalctl -b -u %s -o cat --no-pager" % unit)
    check("worker.gateway.token, or the credential gateway-token, is missing" in said, "without a token it does not start", said)
    machine.shell("umask 077; printf system-test-token >/etc/kestra/gateway-token; mkdir -p /etc/systemd/system/%s.service.d; "
                  "printf '[Service]\\nLoadCredential=gateway-token:/etc/kestra/gateway-token\\n' "
                  ">/etc/systemd/system/%s.service.d/token.conf; chmod -R a+rX /etc/systemd/system/%s.service.d; "
                  "systemctl daemon-reload; systemctl reset-failed; systemctl start %s.socket" % ((unit,) * 4))
    url = "'http://127.0.0.1:8082/storage?uri=kestra%3A%2F%2F%2Fsystem%2Ftest.txt'"
    curl = "curl -s --max-time 20 -w ' %{http_code}' "
    got = [machine.shell(curl + options + url) for options in
           ("", "-H 'Authorization: Bearer system-test-token' -T /etc/hostname ",
            "-H 'Authorization: Bearer system-test-token' ")]
    check(got[0].endswith(" 401"), "a connection starts it; without the token: 401", got)
    name = machine.shell("cat /etc/hostname")
    check(got[1].endswith("204") and got[2].split() == [name, "200"], "with it files are written and read", got)
    machine.shell("systemctl stop %s.socket %s.service; rm -r /etc/systemd/system/%s.service.d; systemctl daemon-reload" % ((unit,) * 3))


def answer(machine, user, url, *options):
    """HTTP status that curl gets inside the machine as that user (setpriv's arguments)."""
    return machine.shell("setpriv %s curl -s -o /dev/null -w '%%{http_code}' --max-time 10 %s %s" %
                         (user, " ".join(options), url))


def access(machine, packages):
    machine.shell("adduser --quiet --system --group visitor; adduser --quiet --system --group keeper; "
                  "adduser --quiet keeper kestra")
    local = ("--unix-socket /run/kestra/webserver.sock",)
    flows = "http://localhost/api/v1/flows/search"
    for user, status in (("--reuid root --init-groups", "200"), ("--reuid keeper --regid keeper --init-groups", "200"),
                         ("--reuid visitor --regid visitor --init-groups", "401"),
                         ("--reuid kestra-worker --regid kestra-roles --init-groups", "401")):
        got = answer(machine, user, flows, *local)
        check(got == status, "unix socket, %s: %s" % (user.split()[1], status), got)
    as_root = "--reuid root --init-groups"
    got = answer(machine, as_root, "http://127.0.0.1:8080/api/v1/flows/search")
    check(got == "401", "port 8080 without credentials: 401", got)
    check(answer(machine, as_root, "http://127.0.0.1:8081/health") == "200", "port 8081: health")
    login = machine.run("kestractl", "user", "password", input="\n").stdout
    words = dict(line.split(None, 1) for line in login.splitlines() if ":" in line and len(line.split()) == 2)
    if check("user:" in words and "password:" in words, "kestractl user password shows a new one", login):
        credentials = "-u '%s:%s'" % (words["user:"], words["password:"])
        got = answer(machine, as_root, "http://127.0.0.1:8080/api/v1/flows/search", credentials)
        check(got == "200", "and it logs in on port 8080", got)
        stored = machine.shell("su postgres -c 'pg_dump kestra' | grep -c -- '%s'" % words["password:"])
        check(stored == "0", "but lies nowhere in the database in clear", stored)
    members = machine.run("setpriv", "--reuid", "keeper", "--regid", "keeper", "--init-groups", "kestractl", "status")
    states = [line.split()[1] for line in members.stdout.splitlines()[1:] if len(line.split()) > 1]
    check(members.returncode == 0 and states == ["UP"] * 4 + ["?"], "kestractl status as a member of group kestra", members.stdout)
    page = machine.shell("curl -sL --max-time 10 -u '%s:%s' http://127.0.0.1:8080/ui/" %
                         (words.get("user:", ""), words.get("password:", "")))
    check("<html" in page.lower() and "app-" in page, "the web interface is served", page[:300])
    listening = machine.shell("ss -Hltn | awk '{print $4}' | grep -v -E '^(127\\.0\\.0\\.1|\\[::1\\]):'")
    check(listening == "", "nothing listens beyond loopback", listening)


def flow_files(machine, packages):
    machine.write("/etc/kestra/flows/hello.yaml", HELLO)
    check(until(lambda: machine.has_flow("system.test", "hello", 1), 5, 0.05), "a flow file is loaded",
          machine.shell("journalctl -u kestra-scheduler -n 10 --no-pager"))
    check("hello.yaml" in machine.shell("journalctl -u kestra-scheduler --no-pager -g hello"), "the journal says so")
    state, execution, logs = machine.run_flow("system.test", "hello", {"name": "admin"})
    check(state == "SUCCESS", "it runs", (state, execution, logs))
    check("INFO hello admin" in logs and "INFO greeted admin" in logs, "its log is there", logs)
    check("INFO kestra-task" in logs, "its task ran as the user of tasks", logs)
    story = machine.shell("journalctl --no-pager -o cat KESTRA_EXECUTION_ID=%s" % execution.get("id"))
    check("hello admin" in story, "journalctl KESTRA_EXECUTION_ID= tells its story", story)
    text = machine.run("kestractl", "run", "system.test.hello", "--wait").stdout
    check("SUCCESS" in text, "kestractl runs it too", text)
    check("system.test" in machine.run("kestractl", "flow", "list").stdout, "kestractl lists it")
    machine.write("/etc/kestra/flows/hello.yaml", HELLO.replace("greeted", "welcomed"))
    check(until(lambda: machine.has_flow("system.test", "hello", 2), 5, 0.05), "a saved change is revision 2")
    machine.write("/etc/kestra/flows/hello.yaml", HELLO.replace("defaults: world", "colour: red"))
    broken = until(lambda: "hello.yaml" in machine.shell("kestractl flow status | grep -i broken"), 5)
    check(broken, "kestractl flow status names a broken file", machine.shell("kestractl flow status"))
    told = machine.shell("journalctl -x --no-pager MESSAGE_ID=aeb7d9b53caf4190a24e609873632738")
    check("kestractl flow validate" in told, "journalctl -x says what to do about it", told[-600:])
    named = machine.shell("journalctl -u kestra-scheduler --no-pager -o cat -p warning -g 'hello.yaml:[0-9]+:[0-9]+'")
    check("hello.yaml" in named, "the journal names file, line and column", named)
    check(machine.run_flow("system.test", "hello")[0] == "SUCCESS", "the last good revision goes on")
    machine.shell("rm /etc/kestra/flows/hello.yaml")
    check(until(lambda: not machine.has_flow("system.test", "hello"), 5, 0.05), "a removed file removes the flow")
    check(machine.state(execution.get("id", "none")) == "SUCCESS", "its executions stay")


def bad_files(machine, packages):
    processes = [machine.unit("kestra-%s.service" % role, "MainPID") for role in ROLES]
    for name, text in BROKEN.items():
        machine.write("/etc/kestra/flows/" + name, text)
    with open(machine.path("/etc/kestra/flows/binary.yaml"), "wb") as file:
        file.write(b"id: b\xff\xfe\0broken\nnamespace: system.test\n")
    with open(machine.path("/etc/kestra/flows/large.yaml"), "wb") as file:
        file.write(b"id: large\nnamespace: system.test\ndescription: " + b"x" * (10 << 20) + b"\ntasks: []\n")
    names = list(BROKEN) + ["binary.yaml", "large.yaml"]
    seen = until(lambda: all(n in machine.shell("kestractl flow status | grep -i broken") for n in names), 15, 0.5)
    check(seen, "each of %d broken files is reported" % len(names), machine.shell("kestractl flow status"))
    machine.write("/etc/kestra/flows/slow.yaml", SLOW)
    check(until(lambda: machine.has_flow("system.test", "slow"), 5), "a good file beside them is loaded")
    machine.shell("cd /etc/kestra/flows && rm -f %s" % " ".join(names))
    now = [machine.unit("kestra-%s.service" % role, "MainPID") for role in ROLES]
    check(now == processes and machine.all_up(), "no role has died of it", (processes, now))


def secrets(machine, packages):
    machine.shell("umask 077; printf 'correct horse' >/etc/kestra/secrets/SYSTEM_TEST; systemctl restart kestra-worker")
    machine.write("/etc/kestra/flows/secret.yaml", """id: secret
namespace: system.test
tasks:
  - id: use
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    env:
      VALUE: "{{ secret('SYSTEM_TEST') }}"
    commands:
      - printf %s "$VALUE" | sha256sum | grep -q ^4104d36f
""")
    until(lambda: machine.has_flow("system.test", "secret"), 5)
    state, execution, logs = machine.run_flow("system.test", "secret")
    check(state == "SUCCESS", "a task gets the secret that its flow names", (state, logs))
    leaks = machine.shell("su postgres -c 'pg_dump kestra' | grep -c 'correct horse'; journalctl --no-pager | grep -c 'correct horse'")
    check(leaks.split() == ["0", "0"], "the secret is neither in the database nor in the journal", leaks)
    others = machine.shell("setpriv --reuid kestra-executor --regid kestra-roles --clear-groups cat /etc/kestra/secrets/SYSTEM_TEST 2>&1")
    check("denied" in others, "other roles can't read it", others)


def crashes(machine, packages):
    machine.write("/etc/kestra/flows/slow.yaml", SLOW)
    until(lambda: machine.has_flow("system.test", "slow"), 5)
    for role in ("executor", "scheduler", "webserver", "worker", "indexer"):
        unit = "kestra-%s.service" % role
        status, running = machine.start("system.test", "slow")
        time.sleep(0.5)  # so that its task has begun
        before = machine.unit(unit, "MainPID")
        machine.run("systemctl", "kill", "-s", "KILL", unit)
        back = until(lambda: machine.unit(unit, "MainPID") not in ("0", before) and machine.health(role), 20)
        check(back, "kill -9 of the %s: systemd starts it again" % role, machine.shell("systemctl status " + unit))
        if status == 200:
            execution = machine.finished(running["id"], 60)
            check(execution.get("state", {}).get("current") == "SUCCESS", "and the execution that ran ends well",
                  (execution.get("state"), machine.logs(running["id"])))
        else:
            check(False, "an execution could be started", (status, running))


def database(machine, packages):
    processes = [machine.unit("kestra-%s.service" % role, "MainPID") for role in ROLES]
    machine.run("systemctl", "stop", "postgresql")
    down = until(lambda: not any(machine.health(role) for role in ("webserver", "scheduler", "executor", "worker")), 20)
    check(down, "without PostgreSQL the roles say DOWN", [(r, machine.request("GET", "/health", role=r)) for r in ROLES])
    status = machine.unit("kestra-executor.service", "StatusText")
    check("DOWN" in status, "systemctl status says why: " + status)
    machine.run("systemctl", "start", "postgresql")
    check(until(machine.all_up, 20), "when it is back they go on by themselves",
          [(r, machine.request("GET", "/health", role=r)) for r in ROLES])
    now = [machine.unit("kestra-%s.service" % role, "MainPID") for role in ROLES]
    check(now == processes, "and are the same processes", (processes, now))
    state, execution, logs = machine.run_flow("system.test", "slow")
    check(state == "SUCCESS", "a flow runs", (state, logs))


def instances(machine, packages):
    text = machine.run("systemctl", "start", "kestra-worker@2.service", "kestra-executor@2.service",
                       "kestra-webserver-http@8090.socket", "kestra-webserver@8090.service").stdout
    up = until(lambda: all(machine.is_active(unit) for unit in
                           ("kestra-worker@2.service", "kestra-executor@2.service", "kestra-webserver@8090.service")), 10)
    check(up, "further instances start on the same machine", text)
    got = answer(machine, "--reuid root --init-groups", "http://127.0.0.1:8090/api/v1/flows/search")
    check(got == "401", "a further webserver serves the port of its name", got)
    started = [machine.start("system.test", "slow") for _ in range(4)]
    machine.run("systemctl", "stop", "kestra-executor.service", "kestra-executor.socket")
    states = [machine.finished(execution["id"], 40).get("state", {}).get("current") if status == 200 else status
              for status, execution in started]
    check(states == ["SUCCESS"] * 4, "the second executor takes over from the first", states)
    machine.run("systemctl", "start", "kestra-executor.socket", "kestra-executor.service")
    machine.run("systemctl", "stop", "kestra-worker@2.socket", "kestra-worker@2.service", "kestra-executor@2.socket",
                "kestra-executor@2.service", "kestra-webserver-http@8090.socket", "kestra-webserver@8090.socket",
                "kestra-webserver@8090.service")


def reboot(machine, packages):
    took = machine.boot("reboot")
    check(took is not None and until(machine.all_up, 30), "all roles are UP after a reboot",
          machine.shell("systemctl --failed --no-legend; journalctl -b -p warning --no-pager -n 20"))
    machine.write("/etc/kestra/flows/slow.yaml", SLOW)
    until(lambda: machine.has_flow("system.test", "slow"), 10)
    state, execution, logs = machine.run_flow("system.test", "slow")
    check(state == "SUCCESS", "a flow runs after it", (state, logs))
