#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What internal storage cannot hold is refused when it is given, with the reason; only a worker that does not answer is called
one."""
import os
import signal
import subprocess

from client import call, check, finish, until

HOME = os.environ["KESTRA_HOME"]
KV = "/api/v1/namespaces/integration.refusals/kv/"
FILES = "/api/v1/namespaces/integration.refusals/files"
LARGE = 16 * 1024 * 1024


def put(key, value):
    return call("PUT", KV + key, value, "application/json", timeout=60)


def says(answer, status, words, name):
    check(answer[0] == status and words in str(answer[1]), name, "%s %s" % (answer[0], str(answer[1])[:300]))


def upload(name):
    body = '--b\r\nContent-Disposition: form-data; name="fileContent"; filename="x"\r\n\r\ntext\r\n--b--\r\n'
    return call("POST", FILES + "?path=/" + name, body, "multipart/form-data; boundary=b")


def test_values():
    says(put("large", '"%s"' % ("x" * (LARGE + 1))), 413, "%d bytes at most" % LARGE, "a value that cannot be given back is not taken")
    check(put("largest", '"%s"' % ("x" * (LARGE - 2)))[0] == 200, "the largest is")
    status, body = call("GET", KV + "largest", timeout=60)
    check(status == 200 and len(body["value"]) == LARGE - 2, "and is given back", status)


def test_names():
    check(put("k" * 242, "1")[0] == 200, "a long key is taken")
    check(call("GET", KV + "k" * 242)[1]["value"] == 1, "and found")
    for method in ("GET", "PUT", "DELETE"):
        answer = call(method, KV + "k" * 243, "1" if method == "PUT" else None, "application/json")
        says(answer, 422, "the key has 242 bytes at most", "%s of a longer one is told" % method)
    says(call("GET", "/api/v1/namespaces/%s/kv" % ("n" * 256)), 422, "255", "a namespace that is no name of a directory is told")
    check(upload("f" * 255)[0] == 200, "a long name of a file is taken")
    says(upload("f" * 256), 422, "255 bytes at most", "a longer one is told")
    says(call("GET", FILES + "?path=/" + "f" * 256), 422, "255 bytes at most", "also when it is asked for")


def end_storage_children():
    """They hold the directory that was there before."""
    with open(HOME + "/run/worker.pid") as file:
        children = subprocess.run(["pgrep", "-P", file.read().strip(), "-f", "kestra-run storage"], capture_output=True, text=True,
                                  check=False).stdout.split()
    for pid in children:
        os.kill(int(pid), signal.SIGKILL)


def test_full():
    storage = HOME + "/storage"
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=777", "tmpfs", storage],
                                           capture_output=True, check=False).returncode != 0:
        print("# nothing can be mounted here: a full storage is not tried")
        return
    end_storage_children()
    try:
        says(put("fills", '"%s"' % ("x" * 1000000)), 507, "Internal storage is full", "a full storage is told")
    finally:
        subprocess.run(["umount", "-l", storage], check=True)
        end_storage_children()


def test_no_worker():
    with open(HOME + "/run/worker.pid") as file:
        pid = int(file.read())
    os.rename(HOME + "/run/worker.sock", HOME + "/run/away.sock")
    try:
        says(call("GET", KV + "largest"), 503, "no worker answers", "a worker that does not answer is told")
    finally:
        os.rename(HOME + "/run/away.sock", HOME + "/run/worker.sock")
    check(pid > 0 and until(lambda: call("GET", KV + "largest", timeout=60)[0] == 200, 30), "and asked again")


def main():
    test_values()
    test_names()
    test_full()
    test_no_worker()
    finish()


main()
