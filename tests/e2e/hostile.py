"""Two hundred who mean no good: hostile.py PORT SECONDS [CLIENTS]. Not a test but what test_hostile.py sets on a hub.

Each client is of one kind and comes again and again until the time is over; each kind comes from an address of its own,
127.0.1.N, but for those who guess passwords: they come from many. "eve" has an account. Prints, as JSON, what every kind has done; "leaks" are answers that nobody should get."""

import asyncio
import base64
import collections
import json
import random
import socket
import struct
import sys
import time

STAY = 4  # s of one visit, at most
KINDS = []
LEAKS = []
EVE = base64.b64encode(b"eve:secret").decode()
GOOD_NAMES = [f"good{i}" for i in range(20)] + ["newcomer", "keeper"]


def kind(visit):
    KINDS.append(visit)
    return visit


class Peer:
    """One connection, which does what no sane program does."""

    def __init__(self, port, source, small=False):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        if small:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.socket.bind((source, 0))
        self.port, self.loop = port, asyncio.get_running_loop()

    async def connect(self):
        await self.loop.sock_connect(self.socket, ("127.0.0.1", self.port))

    async def send(self, data):
        await self.loop.sock_sendall(self.socket, data.encode() if isinstance(data, str) else data)

    async def read(self):
        """One piece of what there is; b"" at the end."""
        return await self.loop.sock_recv(self.socket, 65536)

    async def answer(self, within=1.0):
        """All that comes in this time."""
        seen, end = b"", time.monotonic() + within
        while (left := end - time.monotonic()) > 0:
            try:
                more = await asyncio.wait_for(self.read(), left)
            except TimeoutError:
                break
            if not more:
                break
            seen += more
        return seen

    async def login(self, name, password):
        await self.answer(0.7)
        await self.send(f"{name}\n{password}\n")

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


# ---- Too little ------------------------------------------------------------------------------------------------------


@kind
async def half_a_request(p, chance):
    await p.send(chance.choice(["G", "GET /", "GET / HTTP/1.1\r\n", "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Le"]))
    await asyncio.sleep(STAY)


@kind
async def a_byte_a_second(p, chance):
    whole = f"PUT /drip HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {EVE}\r\nContent-Length: 1000000\r\n\r\n"
    already = chance.randrange(len(whole) + 1)
    await p.send(whole[:already])
    for byte in (whole + "x" * STAY)[already : already + STAY]:
        await asyncio.sleep(1)
        await p.send(byte)


@kind
async def connect_and_vanish(p, chance):
    if chance.random() < 0.5:
        await asyncio.sleep(0.01)


@kind
async def resets(p, chance):
    await p.send(chance.choice(["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HT", "eve\nsecret\nhello\n", "\r\n"]))
    await asyncio.sleep(chance.random() * 0.05)
    p.reset()


@kind
async def crowd(p, chance):
    others = [Peer(p.port, p.socket.getsockname()[0]) for _ in range(40)]
    try:
        for other in others:
            await other.connect()
        await asyncio.sleep(STAY)
    finally:
        for other in others:
            other.socket.close()


# ---- Too much --------------------------------------------------------------------------------------------------------


@kind
async def endless_line(p, chance):
    while True:
        await p.send(b"x" * 65536)


@kind
async def huge_headers(p, chance):
    await p.send("GET / HTTP/1.1\r\nHost: x\r\n")
    line = chance.choice([b"X: " + b"y" * 100000, b"A: b\r\n" * 5000, b"Z" * 65536, b" folded\r\n" * 1000])
    while True:
        await p.send(line)


@kind
async def endless_body(p, chance):
    login = chance.choice([f"Authorization: Basic {EVE}\r\n", ""])
    name = chance.randrange(4)
    await p.send(f"PUT /endless{name} HTTP/1.1\r\nHost: x\r\n{login}Transfer-Encoding: chunked\r\n\r\n")
    while True:
        await p.send(b"10000\r\n" + b"b" * 65536 + b"\r\n")
        await asyncio.sleep(0.005)


@kind
async def random_bytes(p, chance):
    for _ in range(50):
        await p.send(chance.randbytes(chance.randrange(1, 3000)))
        await asyncio.sleep(0.02)


@kind
async def telnet_flood(p, chance):
    asks = b"".join(bytes((255, chance.randrange(251, 255), chance.randrange(256))) for _ in range(2000))
    while True:
        await p.send(chance.choice([asks, b"\xff\xfa\x18" + b"q" * 5000, b"\xff" * 4096]))


@kind
async def pipeline(p, chance):
    while True:
        await p.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nHEAD /shared HTTP/1.1\r\nHost: x\r\n\r\n" * 200)


@kind
async def noise(p, chance):
    await p.login("eve", "secret")
    await p.send(f"/join pair{chance.randrange(10)}\n")
    while True:
        await p.send(chance.choice(["spam " * 300, "/who", "/history 200", "/rooms", "/join dev", "/nothing"]) + "\n")


# ---- Never listening -------------------------------------------------------------------------------------------------


async def deaf_download(p, chance):
    await p.send("GET /shared HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(STAY)


async def deaf_member(p, chance):
    await p.send(f"eve\nsecret\n/join pair{chance.randrange(10)}\n")
    await asyncio.sleep(0.5)
    for _ in range(STAY * 10):
        await p.send("/history 200\n" * 20)
        await asyncio.sleep(0.1)


DEAF = {kind(deaf_download), kind(deaf_member)}


# ---- Untrue ----------------------------------------------------------------------------------------------------------


@kind
async def login_flood(p, chance):
    name = chance.choice([*GOOD_NAMES, "nobody", "root"])
    if chance.random() < 0.5:
        guess = base64.b64encode(f"{name}:guess{chance.random()}".encode()).decode()
        await p.send(f"PUT /x HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {guess}\r\nContent-Length: 1\r\n\r\nx" * 5)
    else:
        await p.send(f"{name}\nguess{chance.random()}\n" * 3)
    answer = await p.answer()
    if b" 201 " in answer or b" 204 " in answer or b"Logged in" in answer:
        LEAKS.append(["login", name])


SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
SMUGGLING = [
    f"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
    f"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345{SMUGGLED}",
    f"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
    f"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{SMUGGLED}",
    f"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
    f"Content-Length: +5\r\n\r\n12345{SMUGGLED}",
    f"Content-Length: 0x5\r\n\r\n12345{SMUGGLED}",
    f"Content-Length: 99999999999999999999\r\n\r\n{SMUGGLED}",
    f"Content-Length:\r\n 5\r\n\r\n12345{SMUGGLED}",
    f"Transfer-Encoding: chunked\r\n\r\n-1\r\n{SMUGGLED}",
    f"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{SMUGGLED}",
    f"Transfer-Encoding: chunked\r\n\r\n1;{'e' * 20000}\r\nx\r\n0\r\n\r\n{SMUGGLED}",
    f"Transfer-Encoding: chunked\r\n\r\n5\r\n123456\r\n0\r\n\r\n{SMUGGLED}",
    f"X: a\rContent-Length: 5\r\n\r\n12345{SMUGGLED}",
    f"X: \0\r\n\r\n{SMUGGLED}",
]


@kind
async def smuggling(p, chance):
    await p.send("POST /smuggle HTTP/1.1\r\nHost: x\r\n" + chance.choice(SMUGGLING))
    answer = await p.answer()
    if answer.count(b"HTTP/1.1 ") > 1:
        LEAKS.append(["smuggling", answer[:2000].decode(errors="replace")])


PATHS = ["/../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fpier.db", "/./../pier.db", "//etc/passwd"]
PATHS += ["/shared/../../pier.db", "/%00/etc/passwd", "/..\\pier.db", "/.pier/../../pier.db", "/%c0%ae%c0%ae/pier.db", "/link"]


@kind
async def other_peoples_files(p, chance):
    method = chance.choice(["GET", "GET", "PUT", "DELETE"])
    await p.send(f"{method} {chance.choice(PATHS)} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {EVE}\r\n")
    await p.send("Content-Length: 0\r\nConnection: close\r\n\r\n")
    answer = await p.answer()
    if b"root:" in answer or b"SQLite" in answer:
        LEAKS.append(["path", answer[:500].decode(errors="replace")])


@kind
async def upload_hoard(p, chance):
    for _ in range(20):
        await p.send(
            f"POST /hoard{chance.random()} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {EVE}\r\nUpload-Complete: ?0\r\n"
            f"Upload-Length: {chance.choice([1, 10**6, 10**12])}\r\nContent-Length: 0\r\n\r\n"
        )
        await p.answer(0.1)


# ---- All of them -----------------------------------------------------------------------------------------------------


async def visit(which, port, source, chance):
    p = Peer(port, source, small=which in DEAF)
    try:
        async with asyncio.timeout(STAY):
            await p.connect()
            await which(p, chance)
    finally:
        p.socket.close()


async def client(number, port, until, done):
    which, chance = KINDS[number % len(KINDS)], random.Random(number)
    source = f"127.0.1.{1 + number % len(KINDS)}"
    many = which is login_flood
    await asyncio.sleep(chance.random())
    while time.monotonic() < until:
        try:
            await visit(which, port, f"127.0.2.{chance.randrange(1, 255)}" if many else source, chance)
            done[which.__name__, "ended"] += 1
        except TimeoutError:
            done[which.__name__, "stayed"] += 1
        except OSError as e:
            done[which.__name__, type(e).__name__] += 1
        await asyncio.sleep(0.02)


async def main(port, seconds, clients=200):
    done, until = collections.Counter(), time.monotonic() + seconds
    await asyncio.gather(*(client(i, port, until, done) for i in range(clients)))
    kinds = collections.defaultdict(dict)
    for (name, how), count in done.items():
        kinds[name][how] = count
    print(json.dumps({"kinds": kinds, "leaks": LEAKS}))


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
