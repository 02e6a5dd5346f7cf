#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The conversations of tests/api against a server: see tests/api/README.md for their form.

An answer is compared as a pattern: objects by the members that are given ("!name": absent, "=": exactly these members),
lists item by item, "*" matches anything, "$name" remembers a text and later must be the same one, "~text" is contained.
"""
import glob
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request

from client import check, finish

BASE = os.environ["KESTRA_URL"].rstrip("/")
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api")


def substitute(text, names):
    return re.sub(r"\$\{(\w+)\}", lambda match: names[match.group(1)], text)


def differs(pattern, value, names, path=""):
    """None, or where and how value does not fit."""
    if isinstance(pattern, str):
        if pattern == "*":
            return None
        if pattern.startswith("~"):
            wanted = substitute(pattern[1:], names)
            return None if isinstance(value, str) and wanted in value else f"{path}: {value!r} does not contain {wanted!r}"
        if re.fullmatch(r"\$\w+", pattern):
            if pattern[1:] not in names:
                names[pattern[1:]] = value
                return None
            pattern = names[pattern[1:]]
        else:
            pattern = substitute(pattern, names)
    if isinstance(pattern, dict) and isinstance(value, dict):
        for key, want in pattern.items():
            if key == "=":
                if sorted(value) != sorted(want):
                    return f"{path}: members {sorted(value)}, expected {sorted(want)}"
            elif key.startswith("!"):
                if key[1:] in value:
                    return f"{path}.{key[1:]} is there"
            elif key not in value:
                return f"{path}.{key} is missing"
            else:
                found = differs(want, value[key], names, f"{path}.{key}")
                if found:
                    return found
        return None
    if isinstance(pattern, list) and isinstance(value, list):
        if len(pattern) != len(value):
            return f"{path}: {len(value)} items, expected {len(pattern)}: {json.dumps(value)[:200]}"
        for index, (want, item) in enumerate(zip(pattern, value)):
            found = differs(want, item, names, f"{path}[{index}]")
            if found:
                return found
        return None
    return None if pattern == value else f"{path}: {value!r}, expected {pattern!r}"


def send(method, path, headers, body):
    request = urllib.request.Request(BASE + path, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def multipart(lines):
    boundary, parts = "b0undary", []
    for line in lines:
        name, text = line.split("=", 1)
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n')
    return f"multipart/form-data; boundary={boundary}", ("".join(parts) + f"--{boundary}--\r\n").encode()


def parse(text):
    """Steps of {line, method, path, headers, body, form, status, expected, type, until}."""
    steps = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split(None, 2)
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("| ") or line == "|":
            steps[-1]["body"].append(line[2:])
        elif line.startswith("+ "):
            steps[-1]["form"].append(line[2:])
        elif line.startswith("> "):
            name, value = line[2:].split(":", 1)
            steps[-1]["headers"][name] = value.strip()
        elif line.startswith("< "):
            name, value = line[2:].split(":", 1)
            steps[-1]["answer_headers"][name] = value.strip()
        elif words[0].isdigit() or words[0] == "until":
            step = steps[-1]
            step["until"] = words[0] == "until"
            rest = line[len("until"):].strip() if step["until"] else line
            status, _, expected = rest.partition(" ")
            step["status"], step["expected"] = int(status), expected.strip()
        elif line.startswith("  "):
            steps[-1]["expected"] += " " + line.strip()
        else:
            steps.append({"line": number, "method": words[0], "path": words[1], "headers": {}, "answer_headers": {},
                          "body": [], "form": [], "status": 200, "expected": "", "until": False})
    return steps


def attempt(step, names):
    headers = dict(step["headers"])
    body = substitute("\n".join(step["body"]) + "\n", names).encode() if step["body"] else None
    if step["form"]:
        headers["Content-Type"], body = multipart([substitute(line, names) for line in step["form"]])
    status, answered, raw = send(step["method"], substitute(step["path"], names), headers, body)
    text = raw.decode("utf8", "replace")
    if status != step["status"]:
        return f"HTTP {status}, expected {step['status']}: {text[:300]}"
    for name, value in step["answer_headers"].items():
        if substitute(value, names) not in (answered.get(name) or ""):
            return f"header {name}: {answered.get(name)!r}, expected {value!r}"
    expected = step["expected"]
    if expected.startswith(("{", "[")) and expected.endswith(("}", "]")):
        try:
            return differs(json.loads(expected), json.loads(text), names)
        except ValueError as error:
            return f"{error}: {text[:200]}"
    expected = substitute(expected, names)
    if expected == "empty":
        return None if text == "" else f"not empty: {text[:200]}"
    return None if expected in text else f"{text[:300]!r} does not contain {expected!r}"


def run(step, names):
    end = time.monotonic() + (15 if step["until"] else 0)
    while True:
        fresh = dict(names)
        problem = attempt(step, fresh)
        if not problem:
            names.update(fresh)
            return None
        if time.monotonic() >= end:
            return problem
        time.sleep(0.1)


for file in sorted(glob.glob(os.path.join(HERE, sys.argv[1] if len(sys.argv) > 1 else "*.talk"))):
    remembered = {}
    with open(file, encoding="utf8") as conversation:
        for item in parse(conversation.read()):
            trouble = run(item, remembered)
            name = f"{os.path.basename(file)}:{item['line']} {item['method']} {item['path']}"
            check(not trouble, name, trouble or "")
finish()
