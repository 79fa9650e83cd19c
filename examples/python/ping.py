# Beside ../ping.c: a raw socket: ICMP echo.

import os, socket, struct, sys, time


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def ask(s, to):
    head = struct.pack("!BBHHH", 8, 0, 0, 7437, 1)
    data = bytes(56)
    head = struct.pack("!BBHHH", 8, 0, checksum(head + data), 7437, 1)
    s.sendto(head + data, (to, 0))


def answer(s, to, raw):
    while True:
        data, (sender, _) = s.recvfrom(1500)
        skip = (data[0] & 15) * 4 if raw else 0
        if skip + 8 > len(data) or sender != to:
            continue
        kind, _, _, _, number = struct.unpack("!BBHHH", data[skip:skip + 8])
        if kind == 0 and number == 1:
            return len(data) - skip


if len(sys.argv) < 2:
    sys.exit("usage: ping ADDRESS")
to, raw = sys.argv[1], True
try:
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
except PermissionError:
    try:
        s, raw = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP), False
    except PermissionError as e:
        print(f"no ping socket here: {e}", file=sys.stderr)
        sys.exit(77)
try:
    with s:
        s.settimeout(3)
        began = time.monotonic()
        ask(s, to)
        n = answer(s, to, raw)
        print(f"{n} bytes from {to} in {(time.monotonic() - began) * 1e3:.3f} ms")
except OSError as e:
    sys.exit(f"{to}: {e}")
