# SPDX-License-Identifier: Apache-2.0
"""Every command of README.md and docs/operations.md, run as it is written there, in the order of the document.

A fenced block says what it is: `sh` has one command a line, and indented below it what is typed into it (its standard
input, or the editor of `systemctl edit`); `yaml` is settings, or a list of tasks; `sql` is for the database server."""
import os
import re
import textwrap

from harness import check, until

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PACKAGES = "/root/packages"

# What the document says is the administrator's to fill in, or belongs to another machine: (pattern, what stands here).
FILL_IN = (
    (r"\.\./kestra\*\.deb|\./kestra\*\.deb \./kestractl\*\.deb|\./kestra\*\.deb", PACKAGES + "/*.deb"),
    (r"^sudo ", ""),
    (r"\bshare/examples/", "/usr/share/kestra/examples/"),
    (r"host=db\.example\.org dbname=kestra user=kestra", "host=localhost dbname=kestra_net user=kestra_net"),
    (r"/etc/ssl/certs/ca-certificates\.crt", "/etc/postgresql/documents.crt"),
    (r"(ROLE|DATABASE|OWNER) kestra\b", r"\1 kestra_net"),
    (r"\bID\b", "{execution}"),
    (r"\bkestra-ROLE\b", "kestra-worker"),
)
# What is typed where the document does not show it.
TYPED = {
    "kestractl user password": "\n",
    "install -m 600 /dev/stdin /etc/kestra/secrets/SMTP_PASSWORD": "documents-secret",
    "systemd-creds encrypt --name=SECRET_SMTP_PASSWORD - /etc/kestra/SMTP_PASSWORD.cred": "documents-secret",
    "install -m 600 /dev/stdin /etc/kestra/s3.key": "documents-key",
}
# Commands that go on until Ctrl-C: they have to run for a moment and say something.
ENDLESS = re.compile(r"journalctl .*-f\b|journalctl -f\b")
# What other checks run: the build, the tests, a program of the network, and what needs a message that was set aside.
ELSEWHERE = re.compile(r"tools/|dpkg-buildpackage|rclone|\bpoison\b|purge-data|autoreconf")
# Inline code that is a command, not a name.
INLINE = re.compile(r"^(kestractl|systemctl|journalctl|systemd-cgls|adduser|id$)")

PREPARE = r"""
mkdir -p /srv/backup
adduser --quiet --disabled-password --gecos '' alice || true
cat >/usr/local/bin/documents-editor <<'END'
#!/bin/sh
# What `systemctl edit` opens: the text goes where its comment says that it belongs.
awk -v typed=/run/documents-typed '{ print } /^### Anything between here/ { while ((getline line < typed) > 0) print line }' "$1" >/run/documents-new
cat /run/documents-new >"$1"
END
chmod +x /usr/local/bin/documents-editor
"""
# The database server that the document speaks of, on this machine: TLS, passwords over TCP.
SERVER = r"""
cd /etc/postgresql/*/main
openssl req -new -x509 -days 2 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout documents.key -out /etc/postgresql/documents.crt 2>/dev/null
chown postgres documents.key && chmod 600 documents.key && chmod 644 /etc/postgresql/documents.crt
echo "ssl = on
ssl_cert_file = '/etc/postgresql/documents.crt'
ssl_key_file = '$PWD/documents.key'" >>postgresql.conf
systemctl restart postgresql
"""


def blocks(path):
    """(language, [lines], where) of each fenced block, and ("inline", [command], where) of commands within the text."""
    language, lines, found = None, [], []
    with open(os.path.join(SOURCE, path), encoding="utf8") as file:
        for number, line in enumerate(file.read().split("\n"), 1):
            if line.startswith("```"):
                if language is not None:
                    found.append((language, lines, "%s:%d" % (path, start)))
                language, lines, start = (None, [], 0) if language is not None else (line[3:].strip(), [], number)
            elif language is not None:
                lines.append(line)
            else:
                for code in re.findall(r"`([^`]+)`", line):
                    if INLINE.match(code) and " " in code:
                        found.append(("inline", [code], "%s:%d" % (path, number)))
    return found


def commands(lines):
    """(command, what is typed into it) of a block of commands."""
    found = []
    for line in lines:
        if line.startswith("    ") and found:
            found[-1][1].append(line[4:])
        elif line.strip():
            found.append((re.sub(r"\s+# .*$", "", line).strip(), []))
    return [(command, "\n".join(typed) + "\n" if typed else TYPED.get(command)) for command, typed in found]


def fill_in(text, execution):
    for pattern, instead in FILL_IN:
        text = re.sub(pattern, instead, text, flags=re.M)
    return text.replace("{execution}", execution)


def edit(machine, command, typed):
    """`systemctl edit` wants a terminal and an editor."""
    machine.write("/run/documents-typed", typed or "")
    return machine.run("env", "SYSTEMD_EDITOR=/usr/local/bin/documents-editor", "script", "-qec", command, "/dev/null")


def run(machine, command, typed, execution):
    if ELSEWHERE.search(command):
        return None
    command, typed = fill_in(command, execution), fill_in(typed, execution) if typed else None
    if command.startswith("systemctl edit"):
        return edit(machine, command, typed)
    if ENDLESS.search(command):
        done = machine.run("sh", "-c", "cd /root; timeout 3 sh -c %s; [ $? = 124 ]" % quote(command))
    else:
        done = machine.run("sh", "-c", "cd /root; " + command, input=typed, timeout=180)
    return done


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def settings(machine, lines, where):
    """A block may hold several documents that begin with the same word: each is a file of kestra.d, or a list of tasks."""
    text = "\n".join(lines)
    for part in re.split(r"\n(?=\w[\w-]*:)", text) if not text.startswith("- ") else [text]:
        if part.startswith("- "):
            flow = "id: documents\nnamespace: system.documents\ntasks:\n" + textwrap.indent(part, "  ").replace("script: …", "script: print(1)")
            done = machine.run("kestractl", "flow", "validate", "-", input=flow)
        else:
            machine.write("/etc/kestra/kestra.d/documents.yaml", part + "\n")
            done = machine.run("kestractl", "config", "check")
            machine.run("rm", "/etc/kestra/kestra.d/documents.yaml")
        check(done.returncode == 0, "%s: %s" % (where, part.split("\n")[0]), done.stdout)


PAUSED = """id: documents
namespace: system.documents
tasks:
  - id: wait
    type: io.kestra.plugin.core.flow.Pause
"""


def one_execution(machine):
    """One that runs until somebody ends it."""
    machine.write("/etc/kestra/flows/documents.yaml", PAUSED)
    until(lambda: machine.has_flow("system.documents", "documents"), 20)
    return machine.start("system.documents", "documents")[1]["id"]


def after_block(machine, where):
    check(until(machine.all_up, 60), "%s: all roles are UP afterwards" % where, machine.run("kestractl", "status").stdout)
    if machine.run("test", "-d", "/etc/systemd/system/kestra-.service.d").returncode == 0:
        known = machine.shell("su postgres -c \"psql -At kestra_net -c 'SELECT count(DISTINCT role) FROM instance'\"")
        check(known == "4", "%s: the roles are at the other database" % where, known)
        machine.shell("rm -r /etc/systemd/system/kestra-.service.d; systemctl daemon-reload; systemctl restart kestra-migrate; "
                      "systemctl restart kestra.target")
        check(until(machine.all_up, 60), "and come back to the first one")
        machine.shell("su postgres -c 'dropdb kestra_net && dropuser kestra_net'")


def documents(machine, packages):
    machine.shell(PREPARE, timeout=300)
    machine.shell(SERVER)
    execution = one_execution(machine)
    for path in ("README.md", "docs/operations.md"):
        for language, lines, where in blocks(path):
            if language == "yaml":
                settings(machine, lines, where)
            elif language == "sql":
                done = machine.run("su", "postgres", "-c", "psql -v ON_ERROR_STOP=1", input=fill_in("\n".join(lines), execution))
                check(done.returncode == 0, where + ": sql", done.stdout)
            elif language in ("sh", "inline"):
                for command, typed in commands(lines):
                    done = run(machine, command, typed, execution)
                    if done is not None:
                        check(done.returncode == 0, "%s: %s" % (where, command), done.stdout)
                if language == "sh":
                    after_block(machine, where)
    check(machine.shell("curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/ping") == "200", "port 8080 answers after them")
    # What was typed into editors here does not belong to the sections that follow.
    machine.shell("rm -rf /etc/systemd/system/kestra*.d /etc/kestra/s3.key; systemctl daemon-reload; systemctl restart kestra.target")
    check(until(machine.all_up, 60), "without the drop-ins of the documents all roles are UP")
