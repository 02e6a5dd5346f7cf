#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that breaks things: fault-proxy.py PORT TARGET-PORT FAULT COUNT

FAULT, for the first COUNT connections that it fits:
  busy        answers 503 with Retry-After: 1 and closes
  throttle    answers 429 and closes
  no-batch    answers 501 to a request whose first line names a batch and closes
  cut-down:N  closes behind N bytes of the server's
  cut-up:N    closes behind N bytes of the client's
"""
import socket
import sys
import threading

PORT, TARGET, FAULT, LEFT = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], [int(sys.argv[4])]
LIMIT = int(FAULT.partition(":")[2] or 0)
lock = threading.Lock()


def strikes():
    with lock:
        LEFT[0] -= 1
        return LEFT[0] >= 0


def refuse(client, status, more=""):
    client.sendall(f"HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
    client.shutdown(socket.SHUT_WR)
    while client.recv(65536):
        pass
    client.close()


def pump(source, sink, limit):
    moved = 0
    try:
        while data := source.recv(65536):
            moved += len(data)
            if limit and moved > limit and strikes():
                break
            if FAULT == "no-batch" and data.startswith(b"POST ") and b"batch" in data.partition(b"\r\n")[0] and strikes():
                refuse(source, "501 Not Implemented")
                break
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    if FAULT in ("busy", "throttle") and strikes():
        client.recv(65536)
        return refuse(client, *(("503 Slow Down", "Retry-After: 1\r\n") if FAULT == "busy" else ("429 Too Many Requests",)))
    server = socket.create_connection(("127.0.0.1", TARGET))
    for end in (client, server):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=pump, args=(client, server, LIMIT if FAULT.startswith("cut-up") else 0), daemon=True).start()
    pump(server, client, LIMIT if FAULT.startswith("cut-down") else 0)


listener = socket.create_server(("127.0.0.1", PORT))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
