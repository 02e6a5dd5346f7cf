#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A full disk of PostgreSQL: what cannot write is DOWN and says what it was told, requests get 503 with the reason, the journal
hears of it once, and all goes on when there is room again. First by what PostgreSQL would say of every row that needs room; then by
a real full disk, for the question that each heartbeat asks."""
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile

from client import URL, call, check, finish, put_flow, run, until

HOME = os.environ["KESTRA_HOME"]
ROLES = ("executor", "worker", "scheduler", "webserver")
REASON = 'could not extend file "base/16384/2619": No space left on device'
TABLES = ("execution", "event", "job", "task_run", "log", "trigger_command")


def sql(text, dsn=os.environ["KESTRA_PG"]):
    return subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", dsn, "-c", text], check=True, capture_output=True, text=True).stdout.strip()


def down(role):
    """The components of a role that are DOWN, with what they say."""
    connection = http.client.HTTPConnection("role")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(HOME + "/run/%s.sock" % role)
    connection.request("GET", "/health")
    components = json.loads(connection.getresponse().read())["components"]
    connection.close()
    return {name: part.get("description", "") for name, part in components.items() if part["status"] == "DOWN"}


def lines(role):
    with open(HOME + "/log/%s.log" % role, encoding="utf8") as file:
        return sum(1 for line in file if "No space left" in line)


def state(execution):
    return call("GET", "/api/v1/executions/" + execution)[1]["state"]["current"]


put_flow("id: quick\nnamespace: integration.full\ntasks:\n  - {id: log, type: io.kestra.plugin.core.log.Log, message: hello}\n")
put_flow("id: every\nnamespace: integration.full\ntasks:\n  - {id: log, type: io.kestra.plugin.core.log.Log, message: hello}\n"
         "triggers:\n  - {id: second, type: io.kestra.plugin.core.trigger.Schedule, cron: \"* * * * * *\", withSeconds: true}\n")
put_flow("id: pause\nnamespace: integration.full\ntasks:\n  - {id: pause, type: io.kestra.plugin.core.flow.Pause, delay: PT5S}\n  - {id: log, type: io.kestra.plugin.core.log.Log, message: hello}\n")
paused = run("integration.full", "pause", wait=False)[1]["id"]
until(lambda: state(paused) == "PAUSED", 20)  # the executor's work for later
short = "id: short\nnamespace: integration.full\ntasks:\n  - id: work\n    type: io.kestra.plugin.scripts.shell.Commands\n" \
        "    taskRunner: {type: io.kestra.plugin.core.runner.Process}\n    commands: [\"sleep 3; echo done\"]\n"
put_flow(short)
working = run("integration.full", "short", wait=False)[1]["id"]
until(lambda: state(working) == "RUNNING", 20)

# --- every row that is written needs room
sql("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%s' USING ERRCODE = 'disk_full'; END $$;"
    % REASON.replace("%", "%%") + "".join(" CREATE TRIGGER full_disk BEFORE INSERT ON %s EXECUTE FUNCTION full_disk();" % table for table in TABLES))
status, body = run("integration.full", "quick", wait=False)
check(status == 503 and REASON in json.dumps(body).replace('\\"', '"'), "an execution that cannot be written is 503 with the reason", (status, body))
request = http.client.HTTPConnection(URL.split("//")[1])
request.request("POST", "/api/v1/executions/integration.full/quick", headers={"Content-Type": "multipart/form-data; boundary=x"}, body="--x--\r\n")
check(request.getresponse().getheader("Retry-After"), "and with the time after which to come back")
check(call("GET", "/api/v1/flows/search")[0] == 200, "what is only read is answered")
for role in ROLES:
    check(until(lambda: any(REASON in text for text in down(role).values()), 30), "the %s is DOWN and says so" % role, down(role))


def tries():
    """Transactions of the executor's session that failed: it tries again."""
    return int(sql("SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"))


before = tries()
check(until(lambda: tries() > before + 10, 120), "they try again, later each time")
said = {role: lines(role) for role in ROLES}
check(all(count <= 2 for count in said.values()), "the journal hears of it once", said)
sql("DROP FUNCTION full_disk CASCADE")
check(until(lambda: not any(down(role) for role in ROLES), 60), "all are UP again when there is room", {role: down(role) for role in ROLES})
check(until(lambda: state(working) == "SUCCESS", 30), "a task that ended meanwhile has its result", state(working))
check(until(lambda: state(paused) == "SUCCESS", 30), "one that was to go on meanwhile goes on", state(paused))
check(run("integration.full", "quick")[1]["state"]["current"] == "SUCCESS", "and executions run")

# --- a disk that is full
directory = tempfile.mkdtemp()
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", directory], capture_output=True).returncode != 0:
    check(True, "skipped: no file system can be mounted here")
    finish()
try:
    os.mkdir(directory + "/table space")
    owner = os.stat(HOME + "/postgresql")
    os.chown(directory, owner.st_uid, owner.st_gid)
    os.chown(directory + "/table space", owner.st_uid, owner.st_gid)
    administrator = os.environ["KESTRA_PG"].replace("user=kestra", "user=" + sql("SELECT rolname FROM pg_roles WHERE oid = 10"))
    sql("CREATE TABLESPACE small LOCATION '%s/table space'" % directory, administrator)
    sql("CREATE DATABASE small TABLESPACE small", administrator)
    inside = administrator.replace("dbname=kestra", "dbname=small")
    with open(os.path.join(os.environ.get("KESTRA_SOURCE", os.path.dirname(__file__) + "/../.."), "src/store/schema/0013-probe.sql"), encoding="utf8") as file:
        sql(file.read(), inside)
    check(sql("SELECT queue_probe() IS NULL", inside) == "t", "while there is room nothing is said")
    with open(directory + "/filler", "wb") as filler:
        try:
            while True:
                filler.write(b"x" * 65536)
                filler.flush()
        except OSError:
            pass
        try:
            filler.close()
        except OSError:
            pass
    answer = sql("SELECT queue_probe()", inside)
    check("No space left on device" in answer, "a full disk is told in PostgreSQL's words", answer)
    os.unlink(directory + "/filler")
    check(sql("SELECT queue_probe() IS NULL", inside) == "t", "and no longer when there is room again")
    sql("DROP DATABASE small", administrator)
    sql("DROP TABLESPACE small", administrator)
finally:
    subprocess.run(["umount", "--lazy", directory], check=False)
    shutil.rmtree(directory, ignore_errors=True)
finish()
