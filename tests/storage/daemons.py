#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemons with their storage in a bucket: files between tasks, over the API, and no secret where a task could see it.
Starts S3 and its own server (tools/with-server). Ends with `N passed, N failed`."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "../..")
sys.path[:0] = [HERE, os.path.join(TOP, "tests/integration")]
SECRET = "very-secret-1"

FLOW = """id: bucket
namespace: storage.test
tasks:
- id: write
  type: io.kestra.plugin.scripts.shell.Commands
  outputFiles: ["*.txt", "large.bin"]
  commands:
  - printf 'two\\none\\none\\n' >a.txt
  - head -c 20000000 /dev/zero >large.bin
  - tr '\\0' '\\n' </proc/self/environ
  - cat /proc/$PPID/cmdline
- id: unique
  type: io.kestra.plugin.core.storage.Concat
  files: ["{{ outputs.write.outputFiles['a.txt'] }}", "{{ outputs.write.outputFiles['a.txt'] }}"]
- id: size
  type: io.kestra.plugin.core.storage.Size
  uri: "{{ outputs.write.outputFiles['large.bin'] }}"
- id: read
  type: io.kestra.plugin.scripts.shell.Commands
  inputFiles:
    in.txt: "{{ outputs.unique.uri }}"
  commands:
  - 'echo "::{\\"outputs\\":{\\"lines\\":\\"$(wc -l <in.txt)\\"}}::"'
- id: kv
  type: io.kestra.plugin.core.kv.Set
  key: k
  value: stored
- id: kvread
  type: io.kestra.plugin.core.debug.Return
  format: "{{ kv('k') }} {{ read(outputs.write.outputFiles['a.txt']) | trim }}"
"""


def inside():
    import client
    bucket = os.environ["STORAGE_TEST_BUCKET"]
    status, body = client.put_flow(FLOW)
    client.check(status == 200, "the flow is taken", body)
    _, execution = client.run("storage.test", "bucket", timeout=120)
    client.check(execution.get("state", {}).get("current") == "SUCCESS", "files go from task to task", json.dumps(execution)[:2000])
    outputs = {run["taskId"]: run.get("outputs") or {} for run in execution.get("taskRunList", [])}
    client.check(outputs.get("size", {}).get("size") == 20000000, "an object of three parts has its size", outputs.get("size"))
    client.check(outputs.get("read", {}).get("vars", {}).get("lines", "").strip() == "6", "inputFiles come out of the bucket", outputs.get("read"))
    client.check(outputs.get("kvread", {}).get("value") == "stored two\none\none", "kv() and read() in the worker's process",
                 outputs.get("kvread"))
    uri = outputs["write"]["outputFiles"]["a.txt"]
    path = os.path.join(bucket, uri.removeprefix("kestra:///"))
    client.check(os.path.exists(path), "the key of the object is the path of its URI", path)
    status, text = client.call("GET", f"/api/v1/executions/{execution['id']}/file?path={uri}")
    client.check(status == 200 and text == "two\none\none\n", "the API gives the file", (status, text))
    _, logs = client.call("GET", f"/api/v1/logs/{execution['id']}")
    client.check(SECRET not in json.dumps(logs) + json.dumps(execution), "no secret in a task's environment or log")
    shown = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
                    text = file.read()
            except OSError:
                continue
            if SECRET in text and "kestra" in text and "versitygw" not in text:
                shown.append((pid, name, text[:200]))
    client.check(not shown, "no secret in arguments or environment of a process", shown)
    client.finish()


def with_settings(directory, settings, environment):
    nested = {"kestra": {}}
    for name, value in settings.items():
        at = nested["kestra"]
        *parents, last = name.split(".")
        for parent in parents:
            at = at.setdefault(parent, {})
        at[last] = value
    path = os.path.join(directory, "kestra.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(nested, file)
    environment = os.environ | environment | {"STORAGE_TEST_BUCKET": os.path.join(directory, "s3/bucket")}
    return subprocess.run([os.path.join(TOP, "tools/with-server"), "--config", path, os.path.abspath(__file__)],
                          env=environment, check=False).returncode


def outside():
    """Once with keys that are set, once with those of the machine's role."""
    import servers
    directory = tempfile.mkdtemp(prefix="kestra-storage-daemons-")
    store, around = servers.S3(directory), servers.Surroundings(directory)
    try:
        settings = store.settings()
        found = {name: value for name, value in settings.items() if not name.endswith("-key")}
        return with_settings(directory, settings, {}) or with_settings(
            directory, found, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": around.address})
    finally:
        around.stop()
        store.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(inside() if "STORAGE_TEST_BUCKET" in os.environ else outside())
