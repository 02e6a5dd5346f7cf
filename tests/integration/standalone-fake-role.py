#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for a role, under its name, in the test of the supervisor: takes its sockets as systemd would pass them, says
READY, writes down when it starts and stops, and leaves a child behind that only a kill of its whole tree ends."""
import os, signal, socket, subprocess, sys

name = os.path.basename(sys.argv[0])
if name == "kestra-migrate":
    sys.exit(0)
assert os.environ["LISTEN_PID"] == str(os.getpid())
names = os.environ["LISTEN_FDNAMES"].split(":")
sockets = [socket.socket(fileno=3 + i) for i in range(int(os.environ["LISTEN_FDS"]))]
assert len(names) == len(sockets)
if name == "kestra-webserver":
    assert names == ["webserver", "http", "management"], names
    assert sockets[1].family == socket.AF_INET
instance = os.path.basename(sockets[0].getsockname())[:-len(".sock")]
record = open(os.environ["FAKE_RECORD"], "a")


def say(word):
    record.write("%s %s\n" % (word, instance))
    record.flush()


def stop(*_):
    say("stop")
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
subprocess.Popen(["setsid", "sleep", "4242"])
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(os.environ["NOTIFY_SOCKET"])
say("start")
notify.send(b"STATUS=fake\nREADY=1\nWATCHDOG=1")
while True:
    signal.pause()
