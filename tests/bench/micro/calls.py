"""What Python's socket costs for the same 64 bytes over a socketpair."""

import json
import os
import socket
import struct
import threading
import time

TIMES, RUNS, SIZE = 2000, 25, 64


def cost(step):
    best = float("inf")
    for _ in range(RUNS):
        began = time.perf_counter_ns()
        for _ in range(TIMES):
            step()
        best = min(best, (time.perf_counter_ns() - began) / TIMES)
    return round(best, 1)


def plain(a, b, data):
    return lambda: (a.send(data), b.recv(SIZE))


def message(a, b, data):
    return lambda: (a.sendmsg([data]), b.recvmsg(SIZE))


def asking(a, b, data):
    return lambda: (a.getsockname(), a.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))


def talk(a, b, data):
    """Each waits for the other."""

    def echo():
        while got := b.recv(SIZE):
            b.send(got)

    threading.Thread(target=echo, daemon=True).start()
    return lambda: (a.send(data), a.recv(SIZE))


def talk_in_time(a, b, data):
    a.settimeout(60)
    b.settimeout(60)
    return talk(a, b, data)


def meeting(a, b, data):
    listener = socket.create_server(("127.0.0.1", 0))
    at_once = struct.pack("ii", 1, 0)

    def step():
        with socket.socket() as c:
            c.connect(listener.getsockname())
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            listener.accept()[0].close()

    return step


os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # as pier_calls does
found = {}
for what, kind, step in (
    ("stream, send + recv", socket.SOCK_STREAM, plain),
    ("datagram, send + recv", socket.SOCK_DGRAM, plain),
    ("datagram, sendmsg + recvmsg", socket.SOCK_DGRAM, message),
    ("getsockname + getsockopt", socket.SOCK_STREAM, asking),
    ("tcp, socket + connect + accept + close", socket.SOCK_STREAM, meeting),
    ("two threads in turn, beside recv that blocks", socket.SOCK_STREAM, talk),
    ("two threads in turn, with time-outs, beside poll + recv", socket.SOCK_STREAM, talk_in_time),
):
    a, b = socket.socketpair(socket.AF_UNIX, kind)
    found[f"{what}, on a thread"] = cost(step(a, b, bytes(SIZE)))
    a.close()
    b.close()
print(json.dumps(found))
