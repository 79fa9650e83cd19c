"""What Python's socket costs for the same 64 bytes over a socketpair."""

import json
import socket
import time

TIMES, RUNS, SIZE = 4000, 25, 64


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


found = {}
for what, kind, step in (
    ("stream, send + recv", socket.SOCK_STREAM, plain),
    ("datagram, send + recv", socket.SOCK_DGRAM, plain),
    ("datagram, sendmsg + recvmsg", socket.SOCK_DGRAM, message),
):
    a, b = socket.socketpair(socket.AF_UNIX, kind)
    found[f"{what}, on a thread"] = cost(step(a, b, bytes(SIZE)))
    a.close()
    b.close()
print(json.dumps(found))
