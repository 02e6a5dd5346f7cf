# SPDX-License-Identifier: Apache-2.0
"""What a task reaches on a machine where each role is a user of its own: tried by a task, as who writes flows would."""
import re

from harness import check, until

ATTACK = r"""
attempt() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >/dev/null 2>&1; then echo "BROKEN $name"; else echo "held $name"; fi
}
echo "who $(id -un) $(id -gn) $(id -Gn | tr ' ' ,)"
grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status | tr '\n\t' '  '; echo
for role in scheduler executor worker indexer; do
    attempt "socket of the $role" curl -s --max-time 5 --unix-socket "/run/kestra/$role.sock" http://x/health
    attempt "stop of the $role" curl -s --max-time 5 -X POST --unix-socket "/run/kestra/$role.sock" http://x/drain
    attempt "database as the $role" psql -d kestra -U "kestra-$role" -c 'SELECT 1'
    attempt "signal to the $role" kill -0 "$(systemctl show -P MainPID "kestra-$role.service")"
    attempt "environment of the $role" cat "/proc/$(systemctl show -P MainPID "kestra-$role.service")/environ"
done
attempt 'administration over webserver.sock' curl -sf --max-time 5 --unix-socket /run/kestra/webserver.sock http://x/api/v1/flows/search
attempt 'database' psql -d kestra -c 'SELECT 1'
attempt 'database as postgres' psql -d kestra -U postgres -c 'SELECT 1'
attempt 'settings' cat /etc/kestra/kestra.yaml
attempt 'secrets' ls /etc/kestra/secrets
attempt 'credentials' ls /run/credentials/kestra-worker.service
attempt 'a credential' cat /run/credentials/kestra-worker.service/SECRET_BOUNDARY
attempt 'internal storage' sh -c 'ls -A /var/lib/kestra/storage | grep .'
attempt 'directories of others' sh -c 'ls -A /var/lib/kestra/tasks | grep -v "^$(basename "$PWD")$" | grep .'
attempt 'a file in storage' touch /var/lib/kestra/storage/mine
attempt 'a flow file' touch /etc/kestra/flows/mine.yaml
attempt 'another control group' sh -c 'echo $$ >/sys/fs/cgroup/cgroup.procs'
attempt 'limits of its own group' sh -c 'echo max >/sys/fs/cgroup/$(cut -d: -f3 /proc/self/cgroup)/pids.max'
attempt 'root by su' su -c true
attempt 'another user' setpriv --reuid kestra-worker true
attempt 'a mount' mount -t tmpfs tmpfs /mnt
attempt 'a device' mknod /var/tmp/device b 8 0
attempt 'root in a namespace that sees storage' unshare -Urm sh -c 'ls -A /var/lib/kestra/storage | grep .'
attempt 'a writable control group by a namespace' unshare -Urm mount -o remount,rw,bind /sys/fs/cgroup
echo home $(cd && pwd) $(touch ~/mine && ls ~)
"""
FLOW = """id: boundaries
namespace: system.test
tasks:
  - id: attack
    type: io.kestra.plugin.scripts.shell.Commands
    warningOnStdErr: false
%s    inputFiles:
      attack.sh: |
%s
    commands: ["bash attack.sh"]
"""


def run(machine, properties=""):
    script = "\n".join("        " + line for line in ATTACK.strip().split("\n"))
    code, body = machine.request("POST", "/api/v1/flows", FLOW % (properties, script), "application/x-yaml")
    if code != 200:
        code, body = machine.request("PUT", "/api/v1/flows/system.test/boundaries", FLOW % (properties, script), "application/x-yaml")
    check(code == 200, "the attack is stored as a flow", body)
    state, execution, logs = machine.run_flow("system.test", "boundaries")
    return state, [str(line).split(" ", 1)[-1] for line in logs]


def attack(machine, properties, name):
    state, lines = run(machine, properties)
    broken = [line for line in lines if line.startswith("BROKEN")]
    check(len([line for line in lines if line.startswith("held")]) > 25, "all attacks were tried, " + name, (state, lines))
    check(not broken, "and none succeeded, " + name, broken)
    return lines


def boundaries(machine, packages):
    machine.shell("umask 077; printf 'correct horse' >/etc/kestra/secrets/BOUNDARY; systemctl restart kestra-worker")
    until(lambda: machine.health("worker"), 30)
    lines = attack(machine, "", "without a sandbox")
    who = next((line for line in lines if line.startswith("who")), "")
    check(who == "who kestra-task kestra-task kestra-task", "tasks are kestra-task, and in no other group", who)
    check(any(re.fullmatch(r"(Cap\w+: *0+ +){4}NoNewPrivs: *1 *", line) for line in lines), "and have no capability", lines)
    check("home /var/lib/kestra-task mine" in lines, "and a home", lines[-1:])
    attack(machine, "    sandbox: {privatePids: true, privateTmp: true}\n", "in a sandbox")
    state, lines = run(machine, '    sandbox: {user: "0"}\n')
    check(state == "FAILED" and any("superuser" in line for line in lines), "a flow does not make itself root", lines)
    groups = machine.shell("adduser --quiet --system --group reader; adduser --quiet kestra-task reader; systemctl restart kestra-worker; echo done")
    until(lambda: machine.health("worker"), 30)
    state, lines = run(machine)
    check("who kestra-task kestra-task kestra-task,reader" in lines, "administrators give it groups", (groups, lines[:1]))
    machine.shell("deluser --quiet kestra-task reader; rm /etc/kestra/secrets/BOUNDARY; systemctl restart kestra-worker")
    until(lambda: machine.health("worker"), 30)
    denied = machine.shell("setpriv --reuid kestra-worker --regid kestra-roles --clear-groups psql -d kestra -c 'DELETE FROM setting' 2>&1")
    check("permission denied" in denied, "the worker's database user does not touch settings", denied)
    modes = machine.shell("stat -c '%U %a' /var/lib/kestra /var/lib/kestra/storage /var/lib/kestra/tasks")
    check(modes.split() == ["kestra-worker", "711", "kestra-worker", "710", "kestra-worker", "1730"], "storage is closed, tasks' directories can be reached", modes)
