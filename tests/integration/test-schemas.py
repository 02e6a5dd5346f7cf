#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every schema that the server gives is a JSON Schema, each $ref in it leads somewhere, and our examples fit."""
import glob
import json
import os
import sys
import urllib.request

sys.path.append("/usr/lib/python3/dist-packages")  # of Debian, also for another interpreter that comes first in PATH
import jsonschema  # noqa: E402
import yaml  # noqa: E402

BASE = os.environ["KESTRA_URL"]
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
passed = failed = 0


def check(fine, what):
    global passed, failed
    passed, failed = passed + bool(fine), failed + (not fine)
    print("%s - %s" % ("ok" if fine else "not ok", what))


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def leads_somewhere(schema, reference):
    for part in reference.removeprefix("#/").split("/"):
        if not isinstance(schema, dict) or part not in schema:
            return False
        schema = schema[part]
    return True


for kind in ("flow", "task", "trigger", "template", "plugindefault"):
    for query in ("", "?arrayOf=true"):
        with urllib.request.urlopen("%s/api/v1/plugins/schemas/%s%s" % (BASE, kind, query), timeout=30) as answer:
            schema = json.load(answer)
        jsonschema.Draft7Validator.check_schema(schema)
        dangling = sorted({r for r in references(schema) if not leads_somewhere(schema, r)})
        check(not dangling, "%s%s %s" % (kind, query, dangling or ""))
with urllib.request.urlopen(BASE + "/api/v1/plugins/schemas/flow", timeout=30) as answer:
    validator = jsonschema.Draft7Validator(json.load(answer))
examples = sorted(glob.glob(os.path.join(TOP, "share/examples/*.yaml")))
check(examples, "there are examples")
for path in examples:
    with open(path, encoding="utf-8") as file:
        for flow in yaml.safe_load_all(file):
            error = jsonschema.exceptions.best_match(validator.iter_errors(flow))
            check(error is None, "%s %s" % (os.path.basename(path), error.message[:300] if error else ""))
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
