# SPDX-License-Identifier: Apache-2.0
"""Packages: built, judged by lintian, installed, upgraded, removed, installed again, purged."""
import glob
import os
import re
import shutil
import subprocess

import operation
from harness import HERE, ROLES, check, until

NAMES = ["kestra", "kestra-common", "kestra-ui", "kestractl"] + ["kestra-" + role for role in ROLES]
SOURCE = os.path.dirname(os.path.dirname(HERE))
INSIDE = "/root/packages"
SETTLE = 30  # seconds within which all roles have to be UP


class Packages:
    def __init__(self, directory, prebuilt):
        self.directory = os.path.join(directory, "build")
        self.tree = os.path.join(self.directory, "kestra")
        self.prebuilt = prebuilt

    def build(self):
        """Builds in a copy of the sources, so that the tree of the developer stays clean. True when there are packages."""
        if self.prebuilt:
            self.directory = os.path.abspath(self.prebuilt)
            return check(self.files(), "packages lie in " + self.directory)
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.tree)
        listing = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z", "-co", "--exclude-standard"],
                                 stdout=subprocess.PIPE, check=True).stdout
        for name in listing.decode().split("\0"):
            source, target = os.path.join(SOURCE, name), os.path.join(self.tree, name)
            if name and os.path.isfile(source):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(source, target)
        if not self.package("dpkg-buildpackage -us -uc -b builds"):
            return False
        names = sorted(os.path.basename(file).split("_")[0] for file in self.files())
        check(names == sorted(NAMES), "all packages are there", names)
        changes = glob.glob(os.path.join(self.directory, "*.changes"))
        judged = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", *changes], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        check(judged.returncode == 0, "lintian has no error and no warning", judged.stdout)
        return True

    def package(self, name, *options):
        log = os.path.join(self.directory, "log")
        with open(log, "w") as file:
            environment = dict(os.environ, DEB_BUILD_OPTIONS="nocheck noddebs parallel=2", LC_ALL="C.UTF-8")
            done = subprocess.run(["dpkg-buildpackage", "-us", "-uc", "-b", *options], cwd=self.tree, env=environment,
                                  stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        with open(log, errors="replace") as file:
            return check(done.returncode == 0, name, file.read())

    def rebuild(self, version):
        """The same sources under a higher version; only what goes into the packages is made again."""
        for file in self.files() + glob.glob(os.path.join(self.directory, "*.changes")):
            os.remove(file)
        changelog = os.path.join(self.tree, "debian", "changelog")
        with open(changelog) as file:
            text = file.read()
        with open(changelog, "w") as file:
            file.write(re.sub(r"\(.*?\)", "(%s)" % version, text.split("\n\n")[0], 1) +
                       "\n\n  * The next version.\n\n" + re.search(r"^ -- .*$", text, re.M).group() + "\n\n" + text)
        return self.package("the next version builds", "-nc")

    def files(self):
        return [file for file in sorted(glob.glob(os.path.join(self.directory, "*.deb"))) if "-dbgsym_" not in file]

    def copy(self, machine):
        machine.shell("rm -rf %s; mkdir -p %s" % (INSIDE, INSIDE))
        machine.call("copy", *self.files(), INSIDE + "/")


def apt(machine, command, timeout=180):
    return machine.shell("apt-get -y --no-install-recommends %s 2>&1; echo status $?" % command, timeout)


def version(machine):
    return machine.shell("dpkg-query -W -f '${Version}' kestra-worker")


def settled(machine):
    return until(machine.all_up, SETTLE, 0.2)


def failing(machine):
    """What a person would look at first when roles do not come up."""
    return machine.shell("systemctl --failed --no-legend; journalctl -b --no-pager -n 30 -p warning -u 'kestra*'")


def install(machine, packages):
    packages.copy(machine)
    text = apt(machine, "install %s/*.deb" % INSIDE)
    check(text.endswith("status 0"), "apt install ./*.deb", text)
    check("kestractl user password" in text, "the installation says how to log in", text)
    check(settled(machine), "all roles are UP", failing(machine))
    check(machine.is_active("kestra.target"), "kestra.target is active")
    check(machine.shell("systemctl is-system-running") == "running", "no unit has failed", failing(machine))
    logins = machine.shell("su postgres -c \"psql -Atc \\\"SELECT count(*) FROM pg_authid WHERE rolname LIKE 'kestra%' "
                           "AND rolpassword IS NULL\\\"\"")
    check(logins == "7", "database users exist and have no password", logins)
    owners = machine.shell("su postgres -c \"psql -At -d kestra -c \\\"SELECT DISTINCT tableowner FROM pg_tables "
                           "WHERE schemaname = 'public'\\\"\"")
    check(owners == "kestra", "tables belong to the user kestra", owners)
    denied = machine.shell("setpriv --reuid kestra-worker --regid kestra-roles --clear-groups "
                           "psql -d kestra -c 'CREATE TABLE mine (x int)' 2>&1")
    check("permission denied" in denied, "a role can't change the shape of the database", denied)


def upgrade(machine, packages):
    if packages.prebuilt:
        return
    machine.shell("echo '# kept by the administrator' >>/etc/kestra/kestra.yaml")
    before = version(machine)
    if not packages.rebuild("0.21.0-0kestra2"):
        return
    packages.copy(machine)
    processes = {role: machine.unit("kestra-%s.service" % role, "MainPID") for role in ROLES}
    running = operation.start_ticks(machine, 60)
    text = apt(machine, "-o Dpkg::Options::=--force-confold install %s/*.deb" % INSIDE)
    check(text.endswith("status 0"), "apt upgrades", text)
    check(version(machine) == "0.21.0-0kestra2" != before, "the next version is installed", version(machine))
    check(settled(machine), "all roles are UP after the upgrade", failing(machine))
    check("kept by the administrator" in machine.shell("cat /etc/kestra/kestra.yaml"), "the changed conffile is kept")
    check(machine.shell("stat -c '%U:%G %a' /etc/kestra/kestra.yaml") == "root:kestra-roles 640",
          "the configuration is not for everybody", machine.shell("ls -l /etc/kestra"))
    now = {role: machine.unit("kestra-%s.service" % role, "MainPID") for role in ROLES}
    check(now["worker"] == processes["worker"], "the worker is the same process", (processes, now))
    check(all(now[role] != processes[role] for role in ROLES if role != "worker"), "the other roles were restarted", (processes, now))
    program = machine.shell("readlink /proc/%s/exe" % now["worker"])
    check(program == "/usr/sbin/kestra-worker", "but runs the new program", program)
    operation.ticked(machine, running, 60, "a task that ran through the upgrade ends well")


def remove(machine, packages):
    text = apt(machine, "remove 'kestra*'")
    check(text.endswith("status 0"), "apt remove", text)
    left = machine.shell("systemctl list-units 'kestra-*' --no-legend; ls /run/kestra; pgrep -l kestra")
    check(left == "", "nothing runs or listens after the removal", left)
    check(machine.shell("ls /etc/kestra/kestra.yaml") == "/etc/kestra/kestra.yaml", "the configuration stays")
    text = apt(machine, "install %s/*.deb" % INSIDE)
    check(text.endswith("status 0"), "apt installs again", text)
    check(settled(machine), "all roles are UP again", failing(machine))
    check(executions(machine) > 0, "the executions are still there")


def executions(machine):
    status, body = machine.request("GET", "/api/v1/executions/search?size=1")
    return body.get("total", 0) if status == 200 and isinstance(body, dict) else 0


def databases(machine):
    return machine.shell("su postgres -c \"psql -Atc 'SELECT datname FROM pg_database'\"").split()


def purge(machine, packages):
    count = executions(machine)
    text = apt(machine, "purge 'kestra*'")
    check(text.endswith("status 0"), "apt purge", text)
    check("kestra" in databases(machine), "without an answer a purge leaves the database alone", databases(machine))
    check(machine.shell("ls -d /var/lib/kestra") == "/var/lib/kestra", "and the stored files")
    left = machine.shell("ls /etc/kestra/kestra.yaml /etc/systemd/system/*.wants/kestra* 2>/dev/null")
    check(left == "", "configuration and links are gone", left)
    text = apt(machine, "install %s/*.deb" % INSIDE)
    check(text.endswith("status 0") and settled(machine), "a later installation works", text + failing(machine))
    check(executions(machine) >= count > 0, "and goes on with what was there", (count, executions(machine)))
    machine.shell("echo kestra-common kestra-common/purge-data boolean true | debconf-set-selections")
    machine.shell("umask 077; echo purge-me >/etc/kestra/secrets/PURGED; echo purge-me >/etc/kestra/encryption.key; "
                  "echo 'id: mine' >/etc/kestra/flows/mine.yaml")
    text = apt(machine, "purge 'kestra*'")
    check(text.endswith("status 0"), "apt purge with the answer yes", text)
    check("kestra" not in databases(machine), "the database is dropped", databases(machine))
    check(machine.shell("ls -d /var/lib/kestra 2>/dev/null") == "", "the stored files are gone")
    check(machine.shell("grep -rl purge-me /etc/kestra") == "", "no secret is left", machine.shell("ls -lR /etc/kestra"))
    check(machine.shell("cat /etc/kestra/flows/mine.yaml") == "id: mine", "flow files are the administrator's: they stay")
    users = machine.shell("su postgres -c \"psql -Atc 'SELECT rolname FROM pg_roles'\" | grep kestra")
    check(users == "", "its users too", users)
    text = apt(machine, "install %s/*.deb" % INSIDE)
    check(text.endswith("status 0") and settled(machine), "and it can be installed from nothing again",
          text + failing(machine))
