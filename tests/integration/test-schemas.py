#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every schema that the server gives is a JSON Schema, and each $ref in it leads somewhere."""
import json
import os
import sys
import urllib.request

import jsonschema

BASE = os.environ["KESTRA_URL"]
passed = failed = 0


def check(fine, what):
    global passed, failed
    passed, failed = passed + fine, failed + (not fine)
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
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
