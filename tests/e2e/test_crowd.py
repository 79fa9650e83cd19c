"""Fifty people in one room of the hub, who speak as fast as they can, with one among them who never reads: all hear all,
in one order, but that one, who alone is cut off. Told to stop meanwhile, the hub says good-bye, ends, and comes back."""

import re
import selectors
import signal
import socket
import sqlite3
import time

import pytest

PEOPLE = 50
LINES = 80  # of each; together more than a backlog and the socket buffers of one can hold
PADDING = "·" * 700  # 1,400 bytes
RATE = "--rate=1000000"


class Crowd:
    """People in the lobby, in one thread: what each has to say goes out as it can, what they hear is kept by name."""

    def __init__(self, hub, names):
        self.sockets, self.heard, self.rest, self.to_say = {}, {}, {}, {}
        for name in names:
            s = socket.create_connection(("127.0.0.1", hub.port), timeout=20)
            s.sendall(f"{name}\nsecret\n".encode())
            self.sockets[name], self.heard[name], self.rest[name], self.to_say[name] = s, [], b"", b""
        self.gone, self.selector = set(), selectors.DefaultSelector()
        for name, s in self.sockets.items():
            while b"* You are in lobby" not in self.rest[name] or not self.rest[name].endswith(b"\n"):
                self.rest[name] += s.recv(65536)
            self.rest[name] = b""
            s.setblocking(False)
            self.selector.register(s, selectors.EVENT_READ, name)

    def say(self, name, line):
        self.to_say[name] += line.encode() + b"\n"
        self.selector.modify(self.sockets[name], selectors.EVENT_READ | selectors.EVENT_WRITE, name)

    def turn(self):
        """What can be heard now; or else sent. Whoever spoke on while all fifty have to be heard by this one thread would fall
        behind by more than a backlog, and be cut off with good reason."""
        ready = self.selector.select(0.2)
        heard = [key.data for key, events in ready if events & selectors.EVENT_READ]
        for name in heard or [key.data for key, _ in ready]:
            try:
                self.hear(name) if heard else self.send(name)
            except ConnectionError:
                self.leave(name)

    def send(self, name):
        sent = self.sockets[name].send(self.to_say[name][:8192])
        self.to_say[name] = self.to_say[name][sent:]
        if not self.to_say[name]:
            self.selector.modify(self.sockets[name], selectors.EVENT_READ, name)

    def hear(self, name):
        more = self.sockets[name].recv(1 << 18)
        if not more:
            self.leave(name)
            return
        *lines, self.rest[name] = (self.rest[name] + more).split(b"\n")
        self.heard[name] += [line.decode() for line in lines]

    def leave(self, name):
        self.gone.add(name)
        self.selector.unregister(self.sockets[name])

    def close(self):
        for s in self.sockets.values():
            s.close()
        self.selector.close()


@pytest.fixture
def crowd(start_hub):
    hub = start_hub(RATE)
    names = [f"p{i}" for i in range(PEOPLE)]
    for name in names:
        hub.add_user(name, "secret")
    crowd = Crowd(hub, names)
    crowd.hub, crowd.names = hub, names
    yield crowd
    crowd.close()


def stored(hub):
    with sqlite3.connect(hub.folder / "pier.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [f"{who}: {text}" for who, text in db.execute("SELECT who, text FROM said ORDER BY id")]


def spoken(lines):
    return [line for line in lines if not line.startswith("* ")]


def come_deaf(hub, name):
    """Is let in, and never reads again."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(20)
    s.connect(("127.0.0.1", hub.port))
    s.sendall(f"{name}\nsecret\n".encode())
    seen = b""
    while b"* You are in lobby" not in seen:
        seen += s.recv(1)
    return s


@pytest.mark.within(120)
def test_only_the_one_who_never_reads_is_cut_off(crowd):
    hub = crowd.hub
    hub.add_user("deaf", "secret")
    deaf = come_deaf(hub, "deaf")
    for name in crowd.names:
        for i in range(LINES):
            crowd.say(name, f"{i} {PADDING}")
    all_heard = (PEOPLE - 1) * LINES
    while not crowd.gone and any(len(spoken(crowd.heard[name])) < all_heard for name in crowd.names):
        crowd.turn()
    while not crowd.gone and not all("* deaf left" in crowd.heard[name] for name in crowd.names):
        crowd.turn()
    assert not crowd.gone, "someone who reads was cut off"

    order = stored(hub)
    assert len(order) == len(set(order)) == PEOPLE * LINES
    for name in crowd.names:
        assert spoken(crowd.heard[name]) == [line for line in order if not line.startswith(name + ": ")]
        assert [line for line in order if line.startswith(name + ": ")] == [f"{name}: {i} {PADDING}" for i in range(LINES)]

    rest = b""
    try:
        while more := deaf.recv(1 << 16):  # what the kernel still held, and then the end
            rest += more
    except ConnectionError:
        pass
    deaf.close()
    assert len(rest) < all_heard * len(PADDING.encode())


@pytest.mark.within(120)
def test_sigterm_under_load_loses_no_line_that_was_heard_and_the_hub_comes_back(crowd):
    hub = crowd.hub
    for name in crowd.names:
        for i in range(LINES):
            crowd.say(name, f"{i} {PADDING}")
    while min(len(spoken(crowd.heard[name])) for name in crowd.names) < 200:
        crowd.turn()
    hub.process.send_signal(signal.SIGTERM)
    told = time.monotonic()
    while len(crowd.gone) < PEOPLE:
        crowd.turn()
    assert hub.process.wait(20) == 0
    print(f"stopped within {time.monotonic() - told:.2f} s")

    order = stored(hub)
    for name in crowd.names:
        said = spoken(crowd.heard[name])
        assert said == [line for line in order if not line.startswith(name + ": ")][: len(said)]
        own = [int(re.match(r"\w+: (\d+)", line)[1]) for line in order if line.startswith(name + ": ")]
        assert own == list(range(len(own)))
    assert sum("* The hub is going down. Bye." in crowd.heard[name] for name in crowd.names) >= PEOPLE * 9 // 10

    hub.start(RATE)
    one, other = hub.talk(), hub.talk()
    for talk, name in ((one, "p0"), (other, "p1")):
        talk.login(name, "secret")
        assert order[-1] in talk.expect("* You are in lobby")
    other.expect("\n")
    one.say("here again")
    other.expect("p0: here again\n")
