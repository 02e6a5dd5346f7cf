# SPDX-License-Identifier: Apache-2.0
"""The example flows as they are shipped, with real effect on the machine."""
import subprocess
import sys
import tempfile
import time

from harness import check, until

FLOWS = ("dump-postgresql", "disk-space", "certificate-expiry", "journal-digest", "probe-http")


def examples(machine, packages):
    machine.shell("cp /usr/share/kestra/examples/*.yaml /etc/kestra/flows/; adduser --quiet kestra-task systemd-journal; "
                  "systemctl restart kestra-worker")
    for flow in FLOWS:
        check(until(lambda name=flow: machine.has_flow("examples", name), 10), "example %s is loaded" % flow,
              machine.shell("kestractl flow status"))
    dump(machine)
    disks(machine)
    certificates(machine)
    journal(machine)
    probe(machine)
    machine.shell("cd /etc/kestra/flows && rm -f %s" % " ".join(name + ".yaml" for name in FLOWS))


def dump(machine):
    machine.shell("""su postgres -c "psql -qc 'CREATE ROLE \\"kestra-task\\" LOGIN; GRANT pg_read_all_data TO \\"kestra-task\\"; GRANT CONNECT ON DATABASE kestra TO \\"kestra-task\\"'" """)
    runs = [machine.run_flow("examples", "dump-postgresql") for _ in range(4)]
    check([state for state, _, _ in runs] == ["SUCCESS"] * 4, "dump: four runs", runs[-1])
    files = machine.shell("find /var/lib/kestra-task/dumps -type f | sort").split()
    check(len(files) == 3, "dump: the last three are kept", files)
    listing = machine.shell("pg_restore --list %s 2>&1" % files[-1]) if files else ""
    check("TABLE DATA public flow" in listing, "dump: pg_restore reads it", listing[:500])
    named = [line for line in runs[-1][2] if "bytes; 3 dumps are kept" in line]
    check(named and files and files[-1] in named[0], "dump: the log names the file", runs[-1][2])
    state, _, logs = machine.run_flow("examples", "dump-postgresql", {"database": "missing"})
    check(state == "FAILED" and "ERROR The database missing was not dumped" in logs, "dump: a failure is told", (state, logs))
    machine.shell("""su postgres -c "psql -qc 'REVOKE CONNECT ON DATABASE kestra FROM \\"kestra-task\\"; DROP ROLE \\"kestra-task\\"'" """)


def disks(machine):
    state, _, logs = machine.run_flow("examples", "disk-space", {"threshold": 0})
    full = machine.shell("df --portability / | awk 'NR > 1 { print $6, $5 }'")
    warned = [line for line in logs if line.startswith("WARN Disks over 0%: ")]
    check(state in ("SUCCESS", "WARNING") and warned and full in warned[0], "disks: a full one is warned about", (state, logs, full))
    state, _, logs = machine.run_flow("examples", "disk-space", {"threshold": 100})
    check(state == "SUCCESS" and any("none over 100%" in line for line in logs), "disks: none over 100%", (state, logs))


def certificates(machine):
    machine.shell("mkdir -p /srv/certificates; cd /srv/certificates; for days in 5 300; do openssl req -x509 -newkey rsa:2048 "
                  "-nodes -days $days -subj /CN=$days -keyout /dev/null -out days-$days.pem 2>/dev/null; done")
    state, execution, logs = machine.run_flow("examples", "certificate-expiry", {"directory": "/srv/certificates"})
    warned = [line for line in logs if line.startswith("WARN")]
    check(state in ("SUCCESS", "WARNING"), "certificates: checked", (state, logs))
    check(len(warned) == 1 and "/srv/certificates/days-5.pem expires in" in warned[0],
          "certificates: only the one that expires soon is warned about", logs)
    state, _, logs = machine.run_flow("examples", "certificate-expiry")
    check(state == "SUCCESS", "certificates: an empty directory is fine", (state, logs))


def journal(machine):
    machine.shell("for n in 1 2 3; do logger -p user.err -t pump 'pressure lost'; done")
    state, _, logs = machine.run_flow("examples", "journal-digest")
    check(state in ("SUCCESS", "WARNING") and any("3 from pump" in line for line in logs), "journal: errors are counted",
          (state, logs))


def attempts(execution, task):
    return [len(run.get("attempts") or []) for run in execution.get("taskRunList") or [] if run.get("taskId") == task]


def probe(machine):
    """The address answers only after a while: retries have to bridge that."""
    url = "http://127.0.0.1:8099/"
    status, started = machine.start("examples", "probe-http", {"url": url})
    if not check(status == 200, "probe: started", started):
        return
    time.sleep(3)
    with tempfile.TemporaryDirectory() as empty:
        server = subprocess.Popen([machine.program, "network", machine.directory, sys.executable, "-m", "http.server",
                                   "8099", "--bind", "127.0.0.1", "--directory", empty], env=machine.environment,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            execution = machine.finished(started["id"], 30)
        finally:
            server.terminate()
            server.wait()
    state, logs = execution.get("state", {}).get("current"), machine.logs(started["id"])
    check(state == "SUCCESS" and any("answered 200" in line for line in logs), "probe: succeeds when it answers at last",
          (state, logs))
    tried = attempts(execution, "probe")
    check(tried and max(tried) > 1, "probe: by retrying", tried)
    state, execution, logs = machine.run_flow("examples", "probe-http", {"url": url})
    check(state == "FAILED" and attempts(execution, "probe") == [5], "probe: gives up after five tries",
          (state, attempts(execution, "probe")))
    check("ERROR %s does not answer" % url in logs, "probe: and says so", logs)
