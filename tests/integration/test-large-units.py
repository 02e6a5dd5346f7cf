#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What goes from role to role is bounded by bytes and not only by count: many large values pass through executor and worker
in portions, and neither grows by more than a few of them."""
import os

from client import call, check, finish, put_flow, run, until

HOME = os.environ["KESTRA_HOME"]
READERS, RESULTS = 500, 30
GROWTH_MAX_MIB = 130
READ = """id: read
namespace: integration.large
tasks:
  - {id: big, type: io.kestra.plugin.core.debug.Return, format: "{%% for i in range(1, 1000) %%}%s{%% endfor %%}"}
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    concurrencyLimit: 0
    values: "{{ range(1, %d) }}"
    tasks:
      - {id: reader, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.big.value | length }}"}
""" % ("x" * 1000, READERS)
WRITE = """id: write
namespace: integration.large
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    concurrencyLimit: 0
    values: "{{ range(1, %d) }}"
    tasks:
      - {id: writer, type: io.kestra.plugin.core.debug.Return, format: "{%% for i in range(1, 5000) %%}%s{%% endfor %%}"}
""" % (RESULTS, "x" * 1000)


def pid_of(role):
    with open("%s/run/%s.pid" % (HOME, role)) as file:
        return int(file.read())


def memory(role, name="VmHWM"):
    with open("/proc/%d/status" % pid_of(role)) as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(name + ":"))


def forget_peak(role):
    with open("/proc/%d/clear_refs" % pid_of(role), "w") as file:
        file.write("5")


def execute(flow, roles):
    before = {role: (pid_of(role), memory(role, "VmRSS")) for role in roles}
    for role in roles:
        forget_peak(role)
    execution = run("integration.large", flow, wait=False)[1]["id"]

    def state():
        return call("GET", "/api/v1/executions/%s/state" % execution)[1]

    def ended():
        status, body = call("GET", "/api/v1/executions/%s" % execution, timeout=60)
        return body if status == 200 and body["state"]["current"] in ("SUCCESS", "FAILED", "KILLED") else None

    body = until(ended, 240, 1)
    check(body and body["state"]["current"] == "SUCCESS", "%s: it succeeds" % flow, body and body["state"]["current"])
    for role in roles:
        pid, resident = before[role]
        check(pid_of(role) == pid, "%s: the %s has not ended meanwhile" % (flow, role))
        growth = memory(role) - resident
        print("# %s: %s: %.0f MiB before, grew by %.0f, now %.0f" % (flow, role, resident, growth, memory(role, "VmRSS")))
    return {role: memory(role) - before[role][1] for role in roles}


def main():
    for flow in (READ, WRITE):
        check(put_flow(flow)[0] == 200, "a flow is stored")
    growth = execute("read", ("executor", "worker"))
    check(growth["executor"] < GROWTH_MAX_MIB, "jobs of %d MB in all cost the executor no more than %d MiB" % (READERS, GROWTH_MAX_MIB),
          growth["executor"])
    check(growth["worker"] < GROWTH_MAX_MIB, "and the worker", growth["worker"])
    growth = execute("write", ("worker",))
    check(growth["worker"] < GROWTH_MAX_MIB, "results of %d MB in all cost the worker no more than %d MiB" % (RESULTS * 5, GROWTH_MAX_MIB),
          growth["worker"])
    finish()


main()
