#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One suite for all drivers of internal storage, against real servers. Ends with `N passed, N failed`.

    tests/storage/run.py [--large] [--bench] [--only PART-OF-NAME] [local|s3|gcs|azure]…

--large adds one object of 1 GiB, --bench the numbers against curl (cp for local). KESTRA_BUILD: what was built (build/).
"""
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import servers  # noqa: E402

PROGRAM = os.path.join(os.environ.get("KESTRA_BUILD") or os.path.join(HERE, "../../build"), "storage-case")
FLAT_KIB = 40 * 1024  # the buffers of libcurl, the program itself; an upload has one part more
SECRETS = ("very-secret-1", "very-wrong-1", servers.AZURE_KEY, "PRIVATE KEY", "sig=", "session-secret", "imds-secret", "web-secret",
           "container-secret", "azure-secret")


class Local:
    name, port = "local", 0

    def __init__(self, directory):
        self.directory = directory

    def settings(self, port=None):
        return {"storage.type": "local"}

    def unfinished(self):
        return os.listdir(os.path.join(self.directory, "spool", ".upload"))

    def stop(self):
        pass


class Suite:
    def __init__(self, directory, store, options):
        self.directory, self.store, self.options = directory, store, options
        self.seconds = []  # of the last round trip, up and down
        self.file = self.make_file("twenty", 20)

    def make_file(self, name, mebibytes):
        path = os.path.join(self.directory, name)
        if not os.path.exists(path):
            with open(path, "wb") as file:
                for _ in range(mebibytes):
                    file.write(os.urandom(1024 * 1024))
        return path

    def start(self, settings, *arguments, **options):
        path = os.path.join(self.directory, "settings.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"storage.local.base-path": os.path.join(self.directory, "spool")} | settings, file)
        skew = ["--skew", str(options.pop("skew"))] if "skew" in options else []
        return subprocess.Popen([PROGRAM, *skew, path, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def run(self, settings, *arguments, **options):
        """(status, standard output, standard error)"""
        timeout = options.pop("timeout", 300)
        process = self.start(settings, *arguments, **options)
        out, err = process.communicate(timeout=timeout)
        for secret in SECRETS:
            assert secret not in out + err, f"a secret is shown: {err}"
        return process.returncode, out, err

    def good(self, *arguments, settings=None, **options):
        status, out, err = self.run(settings or self.store.settings(), *arguments, **options)
        assert status == 0, f"{arguments}: {err}"
        return out

    def bad(self, wanted, *arguments, settings=None, **options):
        status, _, err = self.run(settings or self.store.settings(), *arguments, **options)
        assert status == 1 and re.search(wanted, err), f"{arguments}: status {status}, {err}"
        return err

    def round_trip(self, settings=None, file=None, timeout=300):
        back, file = os.path.join(self.directory, "back"), file or self.file
        sizes, self.seconds = [], []
        for arguments in (("put", "kestra:///t/big", file), ("get", "kestra:///t/big", back)):
            begin = time.monotonic()
            sizes.append(int(re.search(r"rss (\d+)", self.good(*arguments, settings=settings, timeout=timeout)).group(1)))
            self.seconds.append(time.monotonic() - begin)
        assert subprocess.run(["cmp", file, back], check=False).returncode == 0, "other bytes came back"
        return sizes

    def through(self, fault, count):
        """Settings for the store behind a proxy that breaks things, and the proxy."""
        port = servers.free_port()
        command = [sys.executable, os.path.join(HERE, "fault-proxy.py"), str(port), str(self.store.port), fault, str(count)]
        return self.store.settings(port), servers.Server(self.directory, "proxy", command, port)

    def behind(self, fault, count, run):
        # the look whether the proxy listens is a connection too
        settings, proxy = self.through(fault, count + (":" not in fault))
        try:
            run(settings)
        finally:
            proxy.kill()

    # --- for every driver ---

    def test_cases(self):
        for case in ("basics", "names", "ranges", "prefix", "steps", "broken-source"):
            self.good(case)

    def test_many(self):
        print("   ", self.good("many").splitlines()[0])

    def test_parts(self):
        self.round_trip()
        assert not self.store.unfinished(), "parts were left"
        self.good("leave", "kestra:///t/big")

    def test_large(self):
        """1 GiB. fake-gcs-server hashes the whole session anew with each chunk (8 MiB: 0.04 s for the first, 1.07 s for the 37th),
        so it gets larger ones than Google needs."""
        if not self.options.large:
            return
        part = (32 if self.store.name == "gcs" else 8) * 1024 * 1024
        sizes = self.round_trip(self.store.settings() | {"storage.part-size": part}, self.make_file("large", 1024), 900)
        print(f"    1 GiB: {sizes[0]} KiB up, {sizes[1]} KiB down; {self.seconds[0]:.0f} s up, {self.seconds[1]:.0f} s down")
        assert sizes[0] < FLAT_KIB + part // 1024 and sizes[1] < FLAT_KIB, f"memory is not flat: {sizes} KiB"

    # --- for buckets ---

    def remote_wrong_key(self):
        self.bad("refused .*(403|400|401)", "put", "kestra:///t/wrong", self.file, settings=self.store.settings() | self.store.wrong_key)
        self.bad("outcome 1", "stat", "kestra:///t/wrong")

    def remote_no_bucket(self):
        name = {"s3": "storage.s3.bucket", "gcs": "storage.gcs.bucket", "azure": "storage.azure.container"}[self.store.name]
        self.bad("404", "put", "kestra:///t/x", self.file, settings=self.store.settings() | {name: "not-there"})

    def remote_clock(self):
        for skew in (-7200, 7200):
            self.good("basics", skew=skew)

    def remote_busy(self):
        begin = time.monotonic()
        self.behind("busy", 2, lambda settings: self.good("basics", settings=settings))
        assert time.monotonic() - begin >= 2, "Retry-After was not waited for"
        self.behind("throttle", 2, lambda settings: self.good("basics", settings=settings))
        self.behind("busy", 3, lambda settings: self.bad("503", "list", "kestra:///t", settings=settings | {"storage.attempts": 2}))

    def remote_cut(self):
        self.good("put", "kestra:///t/big", self.file)
        self.behind("cut-down:3000000", 2, lambda settings: self.round_trip(settings))
        self.behind("cut-up:5000000", 1, lambda settings: self.round_trip(settings))
        assert not self.store.unfinished(), "parts were left"

    def remote_cut_for_good(self):
        """A download that cannot be finished fails and says why: nobody takes its first half for the whole."""
        back = os.path.join(self.directory, "back")
        self.behind("cut-down:3000000", 1000, lambda settings: self.bad(
            "storage at http.*(transfer|reset|Recv|recv)", "get", "kestra:///t/big", back, settings=settings | {"storage.attempts": 2}))

    def remote_killed(self):
        """The server dies in the middle of an upload, and comes back or does not."""
        for comes_back in (True, False):
            settings = self.store.settings() | {"storage.attempts": 8 if comes_back else 2}
            reader, writer = os.pipe()
            process = self.start(settings, "put", f"kestra:///t/killed-{comes_back}", f"/dev/fd/{reader}", pass_fds=[reader])
            os.close(reader)
            with open(writer, "wb") as pipe:
                pipe.write(os.urandom(12 * 1024 * 1024))
                pipe.flush()
                self.store.servers[0].kill()
                if comes_back:
                    time.sleep(1)
                    self.store.servers[0].start()
                try:
                    pipe.write(os.urandom(8 * 1024 * 1024))
                    pipe.flush()
                except BrokenPipeError:
                    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            _, err = process.communicate(timeout=120)
            if not comes_back:
                assert process.returncode == 1 and "storage" in err, err
                self.store.servers[0].start()
            status, out, _ = self.run(self.store.settings(), "stat", f"kestra:///t/killed-{comes_back}")
            whole = status == 0 and out.startswith(f"{20 * 1024 * 1024}\n")
            assert whole == (process.returncode == 0), f"exit {process.returncode}, but {out}{err}"
            assert whole or status == 1, "a part of an object is there"
            print(f"    server killed, {'back after 1 s' if comes_back else 'gone'}: {'whole' if whole else err.strip()}")

    def remote_killed_reading(self):
        """The server dies in the middle of a download: the reader gets all bytes when it comes back, and else learns that it has not."""
        whole = self.make_file("sixty-four", 64)  # much more than the sockets on the way hold
        self.good("put", "kestra:///t/killed", whole)
        self.store.settle("t/killed")
        with open(whole, "rb") as file:
            wanted = file.read()
        for comes_back in (True, False):
            settings = self.store.settings() | {"storage.attempts": 8 if comes_back else 2}
            reader, writer = os.pipe()
            process = self.start(settings, "get", "kestra:///t/killed", f"/dev/fd/{writer}", pass_fds=[writer])
            os.close(writer)
            with open(reader, "rb") as pipe:  # its other end stands still until it is read: most of the object is not sent yet
                got = pipe.read(1024 * 1024)
                self.store.servers[0].kill()
                if comes_back:
                    self.store.servers[0].start()
                got += pipe.read()
            _, err = process.communicate(timeout=120)
            assert wanted.startswith(got), "other bytes came back"
            assert (len(got) == len(wanted)) == (process.returncode == 0) == comes_back, f"exit {process.returncode}, {len(got)} bytes: {err}"
            assert comes_back or "storage" in err, err
        self.store.servers[0].start()

    def remote_no_batch(self):
        """A store that does not know how to delete many objects at once."""
        self.behind("no-batch", 1000, lambda settings: self.good("prefix", settings=settings | {"storage.attempts": 1}))

    def remote_nobody(self):
        port = servers.free_port()
        self.bad("storage at http.*", "list", "kestra:///t", settings=self.store.settings(port) | {"storage.attempts": 1})

    # --- for one ---

    def s3_tls(self):
        directory = tempfile.mkdtemp(dir=self.directory)
        servers.make_certificates(directory)
        store = servers.S3(directory, tls=True)
        try:
            trusted = {"storage.ca-file": os.path.join(directory, "ca.crt")}
            self.good("basics", settings=store.settings() | trusted)
            self.round_trip(store.settings() | trusted)
            self.bad("certificate", "list", "kestra:///t", settings=store.settings())
            self.good("basics", settings=store.settings() | {"storage.tls-verify": False})
        finally:
            store.stop()

    def s3_plain(self):
        """For stores that do not know x-amz-checksum."""
        self.round_trip(self.store.settings() | {"storage.s3.checksums": False})

    # --- credentials that are not set but found ---

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def without(self, *names, store=None):
        return {name: value for name, value in (store or self.store).settings().items() if name not in names}

    def found(self, settings, surroundings, *variables):
        """With each set of variables the storage works, and asks once for what its many requests need."""
        for some in variables:
            before = surroundings.given()
            self.good("names", settings=settings, env=os.environ | some)
            assert surroundings.given() == before + 1, f"{some}: asked {surroundings.given() - before} times"

    def s3_surroundings(self):
        around = servers.Surroundings(self.directory)
        settings = self.without("storage.s3.access-key", "storage.s3.secret-key")
        web = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/kestra", "AWS_ENDPOINT_URL_STS": f"{around.address}/sts"}
        container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{around.address}/container"}
        ec2 = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": around.address + "/"}
        nothing = {"AWS_EC2_METADATA_DISABLED": "true"}
        try:
            self.found(settings, around, web | {"AWS_WEB_IDENTITY_TOKEN_FILE": self.write("web", "web-secret\n")} | ec2,
                       container | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-secret"},
                       container | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": self.write("container", "container-secret")}, ec2)
            self.found(settings | {"storage.s3.endpoint": f"http://localhost:{self.store.port}"}, around,
                       ec2 | {"http_proxy": "http://127.0.0.1:1", "no_proxy": "localhost"})
            before = around.given()
            self.good("basics", settings=settings, env=os.environ | ec2 | {"AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "very-secret-1"})
            self.good("basics", env=os.environ | ec2)
            assert around.given() == before, "keys that are set were not taken"
            # versitygw refuses every session token: it has got one, and after that another
            before = around.given()
            self.bad("InvalidToken", "list", "kestra:///t", settings=settings,
                     env=os.environ | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{around.address}/session"})
            assert around.given() == before + 2, "keys that were refused were not replaced"
            self.bad("environment: AWS_SECRET_ACCESS_KEY is not set; web identity: .*/missing: No such file.*; container: .* are not set; "
                     "EC2 instance: AWS_EC2_METADATA_DISABLED is set", "list", "kestra:///t", settings=settings,
                     env=os.environ | nothing | web | {"AWS_ACCESS_KEY_ID": "x", "AWS_WEB_IDENTITY_TOKEN_FILE": f"{self.directory}/missing"})
            self.bad("container: the server refused GET /container: 403 wrong_request", "list", "kestra:///t", settings=settings,
                     env=os.environ | nothing | container)
            self.bad("EC2 instance: the server at http://127.0.0.1:1: .*onnect", "list", "kestra:///t", settings=settings,
                     env=os.environ | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"})
        finally:
            around.stop()

    def s3_refresh(self):
        """Keys that end are replaced before they do."""
        around = servers.Surroundings(self.directory, lifetime=2)
        try:
            self.good("many", settings=self.without("storage.s3.access-key", "storage.s3.secret-key"),
                      env=os.environ | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": around.address})
            assert around.given() > 1, "nothing was asked for again"
        finally:
            around.stop()

    def gcs_surroundings(self):
        settings = self.without("storage.gcs.service-account")
        key = self.write("account.json", self.store.settings()["storage.gcs.service-account"])
        self.good("basics", settings=settings, env=os.environ | {"GCE_METADATA_HOST": f"127.0.0.1:{self.store.port}"})
        self.good("basics", settings=settings, env=os.environ | {"GOOGLE_APPLICATION_CREDENTIALS": key, "GCE_METADATA_HOST": "127.0.0.1:1"})
        self.bad("GOOGLE_APPLICATION_CREDENTIALS: it is not the JSON text of a service account's key.*; metadata server: the server at "
                 "http://127.0.0.1:1:", "list", "kestra:///t", settings=settings,
                 env=os.environ | {"GOOGLE_APPLICATION_CREDENTIALS": "/etc/hostname", "GCE_METADATA_HOST": "127.0.0.1:1"})

    def azure_surroundings(self):
        directory = tempfile.mkdtemp(dir=self.directory)
        servers.make_certificates(directory)
        store, around = servers.Azure(directory, tls=True), servers.Surroundings(directory)
        settings = self.without("storage.azure.shared-key-account-access-key", store=store)
        settings |= {"storage.ca-file": os.path.join(directory, "ca.crt")}
        application = {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "me", "AZURE_AUTHORITY_HOST": around.address}
        try:
            self.found(settings, around, {"AZURE_POD_IDENTITY_AUTHORITY_HOST": around.address},
                       application | {"AZURE_CLIENT_SECRET": "azure-secret"},
                       application | {"AZURE_FEDERATED_TOKEN_FILE": self.write("federated", "azure-secret")})
            self.bad("client secret: the server refused POST /tenant/oauth2/v2.0/token: 403 wrong_request; workload identity: .* is not set; "
                     "managed identity: the server at http://127.0.0.1:1:", "list", "kestra:///t", settings=settings,
                     env=os.environ | application | {"AZURE_CLIENT_SECRET": "wrong", "AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1"})
        finally:
            around.stop()
            store.stop()

    def azure_sas(self):
        self.good("basics", settings=self.store.sas_settings())
        self.round_trip(self.store.sas_settings())
        text = f"DefaultEndpointsProtocol=http;AccountName=testaccount;AccountKey={servers.AZURE_KEY};" \
               f"BlobEndpoint=http://127.0.0.1:{self.store.port}/testaccount;"
        self.good("basics", settings={"storage.type": "azure", "storage.azure.container": "bucket",
                                      "storage.azure.connection-string": text})

    def azure_held(self):
        """A batch of which one part fails: why is said, and the rest is gone."""
        for name in "abc":
            self.good("put", f"kestra:///t/held/{name}", "/etc/hostname")
        self.store.lease("t/held/a")
        self.bad("t/held/a: 412 LeaseIdMissing", "delete", "kestra:///t/held")
        assert self.good("list", "kestra:///t/held").splitlines()[:-1] == ["kestra:///t/held/a"]

    def gcs_tokens(self):
        """One token serves many requests; one that was revoked is replaced."""
        def count():
            return int(urllib.request.urlopen(f"http://127.0.0.1:{self.store.port}/_tokens").read())
        before = count()
        self.good("names")
        assert count() == before + 1, "more than one token for one process"

    def local_full(self):
        """A disk that is full: the reason is said, the old object stays, nothing is left."""
        self.good("put", "kestra:///t/full", "/etc/hostname")
        before = self.good("stat", "kestra:///t/full").splitlines()[0]

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024, 1024 * 1024))
        self.bad("File too large", "put", "kestra:///t/full", self.file, preexec_fn=limit)
        assert self.good("stat", "kestra:///t/full").splitlines()[0] == before
        assert not self.store.unfinished(), "a part was left"

    def wrong_settings(self):
        for settings, wanted in (({"storage.type": "ftp"}, "not local, s3, gcs or azure"),
                                 ({"storage.type": "s3"}, "storage.s3.bucket is not set"),
                                 ({"storage.type": "gcs", "storage.gcs.bucket": "b", "storage.gcs.service-account": "{}"}, "private_key"),
                                 ({"storage.type": "azure", "storage.azure.container": "c"}, "neither storage.azure.endpoint")):
            self.bad(wanted, "list", "kestra:///t", settings=settings)

    local_settings = wrong_settings

    def reference(self, file, back):
        """The same by curl with one request, or cp."""
        if self.store.name == "local":
            return [["cp", file, back + ".1"], ["cp", file, back + ".2"]]
        up, down = self.store.curl("reference")
        curl = ["curl", "--silent", "--show-error", "--fail", "--output"]
        return [[*curl, "/dev/null", "--upload-file", file, *up], [*curl, back, *down]]

    def bench(self):
        """MB/s up and down of 256 MiB, medians of three, ours and the reference's in turn."""
        file, back = self.make_file("quarter", 256), os.path.join(self.directory, "back")
        cases = (("put", "kestra:///t/bench", file), ("get", "kestra:///t/bench", back))
        for arguments, command in zip(cases, self.reference(file, back)):
            times = ([], [])
            for _ in range(3):
                for kind, run in enumerate((lambda case=arguments: self.good(*case),
                                            lambda case=command: subprocess.run(case, check=True))):
                    begin = time.monotonic()
                    run()
                    times[kind].append(time.monotonic() - begin)
            ours, theirs = (256 * 1.048576 / statistics.median(kind) for kind in times)
            print(f"    {self.store.name} {arguments[0]}: {ours:.0f} MB/s, {command[0]} {theirs:.0f} MB/s")

    def all(self):
        kinds = ("test", "local" if self.store.name == "local" else "remote", self.store.name)
        names = [name for name in type(self).__dict__ if name.split("_", 1)[0] in dict.fromkeys(kinds)]
        names += ["bench"] if self.options.bench else []
        return [(name, getattr(self, name)) for name in names if self.options.only in name]


STORES = {"local": Local, "s3": servers.S3, "gcs": servers.Gcs, "azure": servers.Azure}


def main():
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--bench", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("stores", nargs="*")
    options = parser.parse_args()
    passed = failed = 0
    for name in options.stores or STORES:
        directory = tempfile.mkdtemp(prefix=f"kestra-storage-{name}-")
        store = STORES[name](directory)
        try:
            for title, test in Suite(directory, store, options).all():
                begin = time.monotonic()
                try:
                    test()
                    passed += 1
                    print(f"ok - {name} {title} ({time.monotonic() - begin:.1f} s)", flush=True)
                except Exception:  # pylint: disable=broad-except
                    failed += 1
                    print("    " + traceback.format_exc().replace("\n", "\n    "))
                    print(f"not ok - {name} {title}", flush=True)
        finally:
            store.stop()
            shutil.rmtree(directory, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
