#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files of executions over the API: whole and in ranges, and without being held in the webserver's memory; and storage that does
not answer, which holds nobody up but who waits for it."""
import hashlib
import http.client
import os
import socket
import threading
import urllib.parse

from client import URL, call, check, finish, put_flow, run, until

HOME = os.environ["KESTRA_HOME"]
MEBIBYTES = 200
FLOW = """id: files
namespace: integration.files
tasks:
  - id: make
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    outputFiles: ["small.txt", "large.bin", "empty"]
    commands:
      - printf 0123456789 > small.txt
      - "head -c %dM /dev/zero | tr '\\\\0' 'x' > large.bin"
      - ": > empty"
""" % MEBIBYTES


def resident_mib(role):
    with open("%s/run/%s.pid" % (HOME, role)) as file:
        pid = file.read().strip()
    with open("/proc/%s/status" % pid) as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def fetch(execution, uri, headers=None, method="GET", each=None):
    """(status, headers, body or its length); each is called after every piece."""
    where = urllib.parse.urlsplit(URL)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    connection.request(method, "/api/v1/executions/%s/file?path=%s" % (execution, urllib.parse.quote(uri)), headers=headers or {})
    answer = connection.getresponse()
    if not each:
        body = answer.read()
    else:
        body, digest = 0, hashlib.sha256()
        for piece in iter(lambda: answer.read(1 << 20), b""):
            body += len(piece)
            digest.update(piece)
            each()
        answer.headers["X-Digest"] = digest.hexdigest()
    connection.close()
    return answer.status, answer.headers, body


def ranges(execution, uri):
    status, headers, body = fetch(execution, uri)
    check((status, body) == (200, b"0123456789"), "the whole file", (status, body))
    check(headers["Accept-Ranges"] == "bytes" and headers["Content-Length"] == "10", "says that it has ranges", headers.items())
    for asked, expected, where in (("bytes=2-5", b"2345", "bytes 2-5/10"), ("bytes=7-", b"789", "bytes 7-9/10"),
                                   ("bytes=-2", b"89", "bytes 8-9/10"), ("bytes=0-99", b"0123456789", "bytes 0-9/10")):
        status, headers, body = fetch(execution, uri, {"Range": asked})
        check((status, body, headers["Content-Range"]) == (206, expected, where), asked, (status, body, headers["Content-Range"]))
    status, headers, body = fetch(execution, uri, {"Range": "bytes=10-"})
    check(status == 416 and headers["Content-Range"] == "bytes */10", "a range behind the end: 416", (status, body))
    status, headers, body = fetch(execution, uri, {"Range": "bytes=0-1,3-4"})
    check((status, body) == (200, b"0123456789"), "several ranges: the whole", (status, body))
    status, headers, body = fetch(execution, uri, {"Range": "bytes=0-1"}, "HEAD")
    check((status, body, headers["Content-Length"]) == (206, b"", "2"), "HEAD says the same without a body", (status, headers.items()))
    status, headers, body = fetch(execution, uri + ".not")
    check(status == 404, "no such file: 404", (status, body))


READS = """id: reads
namespace: integration.files
tasks: [{id: say, type: io.kestra.plugin.core.log.Log, message: "{{ read('hangs') }}"}]
"""
OTHER = """id: other
namespace: integration.files
tasks:
  - {id: returns, type: io.kestra.plugin.core.debug.Return, format: "{{ read('answers') }}"}
  - {id: writes, type: io.kestra.plugin.scripts.shell.Commands, taskRunner: {type: io.kestra.plugin.core.runner.Process},
     commands: ["echo 1 > file"], outputFiles: [file]}
"""


def is_healthy(role):
    """Whether the role answers at its own socket within a time in which a loop that waits would not."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect("%s/run/%s.sock" % (HOME, role))
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return connection.recv(100).startswith(b"HTTP/1.1 200")


def waits_in_pipe(path):
    """Nobody has it open, but somebody waits to read: then opening it to write succeeds at once."""
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def hanging_storage(execution, uri):
    """A pipe in place of a file: who opens it waits until there is a writer, as for a store that does not answer."""
    files = HOME + "/storage/integration/files/_files"
    os.makedirs(files, exist_ok=True)
    with open(files + "/answers", "w") as file:
        file.write("at once")
    os.mkfifo(files + "/hangs")
    pipe = HOME + "/storage/" + uri[len("kestra:///"):]
    os.unlink(pipe)
    os.mkfifo(pipe)
    answers = []
    reader = threading.Thread(target=lambda: answers.append(fetch(execution, uri)[0]))
    reader.start()
    status, hanging = run("integration.files", "reads", wait=False)
    check(status == 200, "a task reads what does not come", hanging)
    running = until(lambda: call("GET", "/api/v1/executions/" + hanging["id"])[1]["state"]["current"] == "RUNNING", 30)
    check(running and is_healthy("worker"), "the worker answers while a task and a request wait for storage")
    status, body = run("integration.files", "other")
    check(status == 200 and body["state"]["current"] == "SUCCESS" and body["taskRunList"][0]["outputs"]["value"] == "at once",
          "other tasks go on, also with storage", body)
    check(fetch(body["id"], body["taskRunList"][1]["outputs"]["outputFiles"]["file"])[2] == b"1\n", "and other requests")
    check(not answers and call("GET", "/api/v1/executions/" + hanging["id"])[1]["state"]["current"] == "RUNNING", "both still wait")
    writers = [until(lambda: waits_in_pipe(path), 30) for path in (pipe, files + "/hangs")]
    check(all(writers), "the storage answers again", writers)
    reader.join(30)
    check(len(answers) == 1 and answers[0] != 200, "a pipe is no file", answers)
    ended = until(lambda: call("GET", "/api/v1/executions/" + hanging["id"])[1]["state"]["current"] == "FAILED", 30)
    check(ended, "which the task says too", call("GET", "/api/v1/logs/" + hanging["id"])[1])
    for writer in writers:
        os.close(writer)


def main():
    for flow in (READS, OTHER):
        check(put_flow(flow)[0] == 200, "a flow is stored")
    check(put_flow(FLOW)[0] == 200, "a flow is stored")
    status, body = run("integration.files", "files", timeout=120)
    check(status == 200 and body["state"]["current"] == "SUCCESS", "it makes files", body)
    uris = body["taskRunList"][0]["outputs"]["outputFiles"]
    ranges(body["id"], uris["small.txt"])
    check(fetch(body["id"], uris["empty"])[2] == b"", "an empty file is empty")
    idle, peak = resident_mib("webserver"), [0]

    def look():
        peak[0] = max(peak[0], resident_mib("webserver"))

    status, headers, length = fetch(body["id"], uris["large.bin"], each=look)
    expected = hashlib.sha256(b"x" * (MEBIBYTES << 20)).hexdigest()
    check(status == 200 and length == MEBIBYTES << 20 and headers["X-Digest"] == expected, "a large file comes whole", (status, length))
    print("# %d MiB through the webserver: %.1f MiB before, %.1f MiB at most" % (MEBIBYTES, idle, peak[0]))
    check(peak[0] - idle < 8, "and is not held in memory", (idle, peak))
    status, headers, part = fetch(body["id"], uris["large.bin"], {"Range": "bytes=%d-" % ((MEBIBYTES << 20) - 5)})
    check((status, part) == (206, b"xxxxx"), "its end alone", (status, part))
    where = urllib.parse.urlsplit(URL)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    connection.request("GET", "/api/v1/executions/%s/file?path=%s" % (body["id"], urllib.parse.quote(uris["large.bin"])))
    connection.getresponse().read(1000)
    connection.close()  # in the middle
    check(call("GET", "/api/v1/executions/" + body["id"])[0] == 200, "a client that leaves does no harm")
    hanging_storage(body["id"], uris["empty"])
    finish()


main()
