# Beside ../tftp_get.c: a download by TFTP, with block size.

import os, socket, struct, sys, time

BLOCK, TRIES = 1428, 5
RRQ, DATA, ACK, ERROR, OACK = 1, 3, 4, 5, 6


class Refused(Exception):
    pass


class Download:
    def __init__(self, s, server):
        self.s, self.server, self.full, self.block = s, server, 0, 0

    def hear(self, until):
        while True:
            self.s.settimeout(max(0.001, until - time.monotonic()))
            data, sender = self.s.recvfrom(4 + BLOCK)
            if not self.full and sender[0] == self.server[0]:
                self.server = sender
            if len(data) < 4 or sender != self.server:
                continue
            op, number = struct.unpack("!HH", data[:4])
            if op == ERROR:
                raise Refused(data[4:].rstrip(b"\0").decode(errors="replace"))
            if op == DATA and number == (self.block + 1) & 0xffff:
                return op, data
            if op == OACK and not self.full:
                return op, data

    def ask(self, what):
        for _ in range(TRIES):
            self.s.sendto(what, self.server)
            try:
                return self.hear(time.monotonic() + 1)
            except TimeoutError:
                pass
        raise TimeoutError("timed out")

    def run(self, name, file):
        op, data = self.ask(b"\0\1" + name.encode() + b"\0octet\0blksize\0%d\0" % BLOCK)
        self.full = 512
        if op == OACK:
            words = data[2:].split(b"\0")
            if words[0].lower() == b"blksize":
                self.full = int(words[1])
            if not 8 <= self.full <= BLOCK:
                raise Refused("a block size that nobody asked for")
            op, data = self.ask(struct.pack("!HH", ACK, 0))
        while True:
            file.write(data[4:])
            self.block += 1
            ack = struct.pack("!HH", ACK, self.block & 0xffff)
            if len(data) - 4 < self.full:
                return self.s.sendto(ack, self.server)
            op, data = self.ask(ack)


if len(sys.argv) != 5:
    sys.exit("usage: tftp_get ADDRESS PORT NAME INTO")
host, port, name, into = sys.argv[1:]
try:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, open(into, "wb") as file:
        Download(s, (host, int(port))).run(name, file)
except (OSError, Refused) as e:
    os.remove(into)
    sys.exit(f"{name}: {e}")
