"""Two hundred hostile clients (hostile.py) beside good ones, who notice nothing: their lines come in order and in time,
their files come and go whole, and the hub is afterwards what it was before."""

import asyncio
import base64
import hashlib
import json
import os
import pathlib
import random
import select
import shutil
import socket
import sqlite3
import subprocess
import sys
import time

import pytest

SECONDS = int(os.environ.get("PIER_E2E_HOSTILE_SECONDS", "20"))
HOSTILE = 200
PAIRS = 10
PACE = 0.3  # s between two lines of a person: below the hub's 240 a minute
LATE_MAX = 0.5  # s, of 99 lines in 100
LOGIN_MAX = 5  # s from the connection to the first line that is heard
RSS_MORE_MAX = 150 << 20  # of which 38 MiB may be Argon2id and 64 MiB bodies of uploads
SETTLED = 30  # s after which nothing is left of who has gone
SHARED = 8 << 20
MIB = 1 << 20


def rss(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmRSS"))


def fds(pid):
    return sorted(os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))


# ---- Good people -----------------------------------------------------------------------------------------------------


class Member:
    """Logged in by text, in a room."""

    @classmethod
    async def enter(cls, hub, name, room):
        self = cls()
        self.name, self.heard = name, []
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", hub.port)
        self.say(name)
        self.say("secret")
        self.say(f"/join {room}")
        while f"* You are in {room}," not in await self.line():
            pass
        return self

    def say(self, text):
        self.writer.write(text.encode() + b"\n")

    async def line(self):
        line = await self.reader.readline()
        assert line.endswith(b"\n"), f"{self.name} was cut off after {line!r}"
        return line.decode()

    async def listen_to(self, partner):
        """Notes when each of the partner's lines came; who else is in the room does not matter."""
        while True:
            line = await self.line()
            if line.startswith(f"{partner}: "):
                self.heard.append((int(line.split()[1]), time.monotonic()))

    async def leave(self):
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            pass


async def chat(member, partner, until, said):
    """Says numbered lines; at the end the partner must have them all, in order."""
    listener = asyncio.create_task(member.listen_to(partner.name))
    for number in range(1_000_000):
        if time.monotonic() > until:
            break
        said.append(time.monotonic())
        member.say(f"{number} from {member.name}")
        await asyncio.sleep(PACE * random.uniform(0.9, 1.1))
    return listener


class Web:
    """Requests of one user, each on a conn of its own."""

    def __init__(self, hub, name):
        self.port, self.login = hub.port, base64.b64encode(f"{name}:secret".encode()).decode()

    async def ask(self, method, path, body=b"", **fields):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {self.login}\r\nConnection: close\r\n"
        head += "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in fields.items())
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        top, _, content = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return int(top.split()[1]), top.decode(), content


async def download(web, whole, until, done):
    chance = random.Random(3)
    while time.monotonic() < until:
        first = chance.randrange(len(whole))
        last = min(first + chance.choice([1, 4096, 300_000, MIB]), len(whole)) - 1
        status, top, content = await web.ask("GET", "/shared", Range=f"bytes={first}-{last}")
        assert status == 206, top
        assert content == whole[first : last + 1]
        done["ranges"] += 1
        await asyncio.sleep(0.1)


async def upload(web, name, until, done):
    chance = random.Random(4)
    while time.monotonic() < until:
        body = chance.randbytes(chance.choice([0, 1000, 300_000, 2 * MIB]))
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        status, top, _ = await web.ask("PUT", f"/{name}", body, Repr_Digest=f"sha-256=:{digest}:")
        assert status in (201, 204), top
        status, top, content = await web.ask("GET", f"/{name}")
        assert status == 200 and content == body
        assert f"sha-256=:{digest}:" in top
        done["uploads"] += 1
        await asyncio.sleep(0.3)


async def come_and_go(hub, keeper, until, took):
    """Who comes while all this goes on is let in, heard, and may leave."""
    while time.monotonic() < until:
        began = time.monotonic()
        member = await Member.enter(hub, "newcomer", "hall")
        member.say(f"{len(took)} here I am")
        while len(keeper.heard) == len(took):
            await asyncio.sleep(0.01)
        took.append(time.monotonic() - began)
        await member.leave()
        await asyncio.sleep(1)


# ---- All together ----------------------------------------------------------------------------------------------------


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def check_lines(speaker, listener, said, late):
    assert [number for number, _ in listener.heard] == list(range(len(said))), f"{speaker.name} → {listener.name}"
    late += [when - said[number] for number, when in listener.heard]


async def sample(pid, until, seen):
    while time.monotonic() < until:
        seen.append(rss(pid))
        await asyncio.sleep(0.1)


async def good_people(hub, whole, start_hostile):
    """Gives what they have noticed."""
    names = [f"good{i}" for i in range(2 * PAIRS)]
    members = [await Member.enter(hub, name, f"pair{i // 2}") for i, name in enumerate(names)]
    keeper = await Member.enter(hub, "keeper", "hall")
    await (await Member.enter(hub, "newcomer", "hall")).leave()
    webs = [Web(hub, name) for name in names[:4]]
    for web in webs:
        assert (await web.ask("PUT", "/first", b"first"))[0] in (201, 204)
    noticed = {"base": rss(hub.process.pid), "rss": [], "late": [], "logins": [], "ranges": 0, "uploads": 0}

    hostile = start_hostile()
    until = time.monotonic() + SECONDS
    said = {name: [] for name in names}
    tasks = [
        *(chat(m, members[i ^ 1], until, said[m.name]) for i, m in enumerate(members)),
        *(download(web, whole, until, noticed) for web in webs[:2]),
        *(upload(web, f"good{i}", until, noticed) for i, web in enumerate(webs[2:])),
        come_and_go(hub, keeper, until, noticed["logins"]),
        sample(hub.process.pid, until, noticed["rss"]),
    ]
    hearing = asyncio.create_task(keeper.listen_to("newcomer"))
    listeners = (await asyncio.gather(*tasks))[: len(members)]
    await asyncio.sleep(2)  # for the last lines
    for task in (*listeners, hearing):
        if task.done():
            task.result()  # why it ended
        task.cancel()
    for i, member in enumerate(members):
        check_lines(member, members[i ^ 1], said[member.name], noticed["late"])
    for member in (*members, keeper):
        await member.leave()
    noticed["hostile"] = json.loads(hostile.communicate(timeout=30)[0])
    return noticed


def test_one_account_cannot_keep_all_others_from_storing_files(start_hub):
    hub = start_hub()
    for name in ("eve", "good"):
        hub.add_user(name, "secret")
    eve, good = Web(hub, "eve"), Web(hub, "good")
    for web in (eve, good):  # logged in lately, so that nobody waits for a hash
        assert asyncio.run(web.ask("PUT", "/first", b"first"))[0] in (201, 204)
    head = "PUT /{} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {}\r\nContent-Length: 1000\r\n\r\nx"
    slow = [socket.create_connection(("127.0.0.1", hub.port), timeout=10) for _ in range(100)]
    for i, s in enumerate(slow):
        s.sendall(head.format(i, eve.login).encode())
    time.sleep(1)
    answered, _, _ = select.select(slow, [], [], 0)  # those beyond eve's share
    assert answered and all(b"HTTP/1.1 503 " in s.recv(1000) for s in answered)
    status, top, _ = asyncio.run(good.ask("PUT", "/mine", b"mine"))
    assert status == 201, top
    for s in slow:
        s.close()


@pytest.fixture
def besieged(start_hub):
    hub = start_hub("--upload-max=32m")
    for name in [*(f"good{i}" for i in range(2 * PAIRS)), "keeper", "newcomer", "eve"]:
        hub.add_user(name, "secret")
    (hub.folder / "files").mkdir(exist_ok=True)
    (hub.folder / "files" / "shared").write_bytes(random.Random(5).randbytes(SHARED))
    (hub.folder / "files" / "link").symlink_to("/etc/passwd")
    yield hub
    shutil.rmtree(hub.folder / "files")


@pytest.mark.within(SECONDS + 100)
def test_good_people_notice_nothing_of_two_hundred_hostile_clients(besieged, bound, sanitized):
    hub, pid = besieged, besieged.process.pid
    attack = [sys.executable, pathlib.Path(__file__).with_name("hostile.py"), str(hub.port), str(SECONDS), str(HOSTILE)]
    attacks = []

    def start_hostile():
        attacks.append(subprocess.Popen(list(map(str, attack)), stdout=subprocess.PIPE, text=True))
        return attacks[0]

    before = fds(pid)
    try:
        noticed = asyncio.run(good_people(hub, (hub.folder / "files" / "shared").read_bytes(), start_hostile))
    finally:
        for process in attacks:
            process.kill()
            process.wait()

    late, more = noticed["late"], max(noticed["rss"]) - noticed["base"]
    p99 = percentile(late, 0.99)
    print(json.dumps(noticed["hostile"], indent=1))
    print(
        f"{len(late)} lines: p50 {percentile(late, 0.5) * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, max {max(late) * 1e3:.1f} ms;"
        f" {len(noticed['logins'])} logins, max {max(noticed['logins']):.2f} s; {noticed['ranges']} ranges,"
        f" {noticed['uploads']} uploads; {more / MIB:.1f} MiB more than {noticed['base'] / MIB:.1f} MiB"
    )
    assert not noticed["hostile"]["leaks"]
    assert len(noticed["hostile"]["kinds"]) >= 18, "not all of them came"
    assert p99 < bound(LATE_MAX)
    assert max(noticed["logins"]) < bound(LOGIN_MAX)
    assert noticed["ranges"] > SECONDS and noticed["uploads"] > SECONDS / 4
    assert sanitized or more < RSS_MORE_MAX
    assert not list((hub.folder / "files").glob("endless*"))
    assert {path.name for path in hub.folder.iterdir()} <= {"files", "partial", "lock", "pier.db", "pier.db-wal", "pier.db-shm"}
    with sqlite3.connect(hub.folder / "pier.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    settled = time.monotonic() + bound(SETTLED)
    while len(fds(pid)) > len(before) and time.monotonic() < settled:
        time.sleep(0.2)
    assert len(fds(pid)) <= len(before), sorted(set(fds(pid)) - set(before))
    assert not list((hub.folder / "partial").glob("put-*"))
