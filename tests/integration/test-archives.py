#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ZIP archives: flows and namespace files go out and come in again; what is dangerous or broken is refused whole, by name."""
import io
import stat
import struct
import urllib.parse
import urllib.request
import zipfile

from client import URL, call, check, finish

NAMESPACE = "integration.archives"
FILES = "/api/v1/namespaces/%s/files" % NAMESPACE


def flow(name, namespace=NAMESPACE, text="done"):
    return "id: %s\nnamespace: %s\ntasks:\n  - id: say\n    type: io.kestra.plugin.core.debug.Return\n    format: %s\n" % (name, namespace, text)


def archive(entries, compression=zipfile.ZIP_DEFLATED):
    """entries: (name or ZipInfo, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in entries:
            file.writestr(name, content, compression)
    return buffer.getvalue()


def upload(path, field, name, content):
    body = (b'--b\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: application/octet-stream\r\n\r\n'
            % (field.encode(), name.encode()) + content + b"\r\n--b--\r\n")
    return call("POST", path, body, "multipart/form-data; boundary=b", 60)


def import_flows(content, name="flows.zip"):
    return upload("/api/v1/flows/import", "fileUpload", name, content)


def put_files(content, name="files.zip", path="/ignored"):
    return upload(FILES + "?path=" + path, "fileContent", name, content)


def download(path, method="GET", body=None):
    request = urllib.request.Request(URL + path, body, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return zipfile.ZipFile(io.BytesIO(answer.read()))


def source(name, namespace=NAMESPACE):
    return (call("GET", "/api/v1/flows/%s/%s?source=true" % (namespace, name))[1] or {}).get("source")


def flows():
    big = "# " + "x" * 100000 + "\n" + flow("big")
    entries = [("a.yml", flow("a")), ("deep/down/b.yaml", flow("b")), ("d/", ""), ("README.md", "no flow"),
               ("broken.yml", "id: [\n"), ("two.yml", flow("c") + "---\n" + flow("d")), ("big.yml", big)]
    for compression in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        answer = import_flows(archive(entries, compression))
        check(answer == (200, ["broken.yml"]), "flows of an archive are stored, failures are named", answer)
    check([source(name) is not None for name in "abcd"] == [True] * 4, "each of them")
    check(source("big") == big.strip(), "a long one whole", len(source("big") or ""))
    check(import_flows(flow("e").encode(), "flow.yml") == (200, []) and source("e"), "a YAML file still goes")
    out = download("/api/v1/flows/export/by-query?namespace=" + NAMESPACE)
    check(out.testzip() is None and sorted(out.namelist()) == ["%s.%s.yml" % (NAMESPACE, name) for name in ("a", "b", "big", "c", "d", "e")],
          "and comes out again", out.namelist())
    check(out.read(NAMESPACE + ".big.yml").decode() == source("big"), "as its source")
    ids = '[{"namespace":"%s","id":"b"}]' % NAMESPACE
    out = download("/api/v1/flows/export/by-ids", "POST", ids.encode())
    check(out.namelist() == [NAMESPACE + ".b.yml"], "by its id", out.namelist())
    check(download("/api/v1/flows/export/by-query?namespace=nothing.here").namelist() == [], "no flow is an empty archive")


def read(path):
    return call("GET", FILES + "?path=" + urllib.parse.quote(path))


def files():
    check(put_files(archive([("dir/", ""), ("dir/ä b.txt", "hello"), ("top.bin", bytes(range(256)) * 1000), ("empty", ""),
                             ("_flows/inside.yml", flow("inside", "another.namespace"))])) == (200, None), "an archive is taken apart")
    check(read("/dir/ä b.txt") == (200, "hello"), "its files are there", read("/dir/ä b.txt"))
    check(source("inside") == flow("inside"), "its flow is one of this namespace", source("inside"))
    check(read("/ignored")[0] == 404, "the path does not matter")
    out = download(FILES + "/export")
    check(out.testzip() is None and {"dir/ä b.txt", "top.bin", "empty", "_flows/inside.yml"} <= set(out.namelist()), "all of it comes out again",
          out.namelist())
    check(out.read("top.bin") == bytes(range(256)) * 1000, "byte by byte")
    answer = put_files(flow("alone", "wherever").encode(), "alone.yml", "/_flows/alone.yml")
    check(answer == (200, None) and source("alone") == flow("alone"), "a flow alone is put the same way", answer)
    answer = put_files(b"id: [", "alone.yml", "/_flows/alone.yml")
    check(answer[0] == 422, "a wrong one is refused", answer)
    answer = put_files(archive([("first.txt", "x"), ("_flows/wrong.yml", "id: wrong\n")]))
    check(answer[0] == 422 and read("/first.txt")[0] == 404, "and leaves the files of its archive out", answer)


def special(name, kind):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info


def patched(content, offset, form, *values):
    """The first entry's record in the central directory with something else at the offset."""
    at = content.index(b"PK\x01\x02") + offset
    return content[:at] + struct.pack(form, *values) + content[at + struct.calcsize(form):]


def refusals():
    plain = archive([("plain.txt", "hello " * 100)])
    twice = patched(archive([("one.txt", b"x" * 40000), ("two.txt", b"y" * 40000)], zipfile.ZIP_STORED), 20, "<II", 60000, 60000)
    cases = [
        ("a parent directory", archive([("good.txt", "x"), ("../up.txt", "x")]), "../up.txt"),
        ("one within the path", archive([("a/../../up.txt", "x")]), "a/../../up.txt"),
        ("an absolute path", archive([("/etc/passwd", "x")]), "/etc/passwd"),
        ("a backslash", archive([("a\\b", "x")]), "a\\b"),
        ("a control character", archive([("a\x01b", "x")]), "control"),
        ("a long name", archive([("n" * 1100, "x")]), "too long"),
        ("many directories", archive([("d/" * 40 + "x", "x")]), "too many directories"),
        ("a link", archive([(special("link", stat.S_IFLNK), "/etc/passwd")]), "link"),
        ("a device", archive([(special("null", stat.S_IFCHR), "")]), "null"),
        ("a bomb of one file", archive([("zeros", b"\0" * (20 << 20))]), "zeros: it is compressed more than 200 times"),
        ("a large file", archive([("large", b"\0" * (65 << 20))]), "large: it is larger than 64 MiB"),
        ("a bomb of many files", archive([("%d" % i, (b"%d" % i) * 100 + bytes(range(100, 256)) + b"\0" * 900000) for i in range(300)]), "larger than 256 MiB"),
        ("too many files", archive([("%d" % i, "") for i in range(10001)], zipfile.ZIP_STORED), "10000"),
        ("files that share bytes", twice, "overlaps"),
        ("an encrypted file", patched(plain, 8, "<H", 1), "plain.txt: it is encrypted"),
        ("another method", patched(plain, 10, "<H", 12), "plain.txt: it is damaged"),
        ("a wrong sum", patched(plain, 16, "<I", 1), "plain.txt: it is damaged"),
        ("a size that is too small", patched(plain, 24, "<I", 10), "plain.txt: it is damaged"),
        ("a size that is too large", patched(plain, 24, "<I", 10000), "plain.txt: it is damaged"),
        ("half an archive", plain[:-30], "not a ZIP archive"),
        ("no archive", b"hello", "not a ZIP archive"),
        ("nothing", b"", "not a ZIP archive"),
    ]
    for name, content, reason in cases:
        status, body = put_files(content, "bad.zip")
        check(status == 422 and reason in body["message"], "%s is refused" % name, (status, body))
    check(read("/good.txt")[0] == 404, "nothing of an archive that is refused stays")
    for name, content, reason in cases[:3] + cases[-3:]:
        status, body = import_flows(content)
        check(status == 422 and reason in body["message"], "%s is refused for flows too" % name, (status, body))
    check(call("GET", "/api/v1/flows/distinct-namespaces")[0] == 200, "the webserver goes on")


def main():
    flows()
    files()
    refusals()
    finish()


main()
