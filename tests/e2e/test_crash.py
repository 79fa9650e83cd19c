"""The hub is killed, as by a power cut, while people talk and files come in. What anyone was told to be there is there
afterwards, what was half there cannot be seen, and `pier put` goes on where it was."""

import hashlib
import json
import random
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

MIB = 1 << 20
SIZE = 48 * MIB
UNDER_WAY = 16 * MIB  # what may be lost of an upload: both sockets' buffers, and the pieces that are being stored
HEADS = MIB  # of all requests of one upload, and far more than they need
OLD = b"what was there before\n"


class Relay:
    """Stands between clients and the hub, counts the bytes that go up, and kills the hub at a count of them."""

    def __init__(self, hub, port):
        self.hub, self.port, self.url = hub, port, f"http://127.0.0.1:{port}"
        self.up, self.kill_at, self.delay = 0, None, 0
        self.killed = threading.Event()
        self.door = socket.create_server(("127.0.0.1", port))
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                client, _ = self.door.accept()
            except OSError:
                return
            self.threads.append(threading.Thread(target=self.link, args=(client,)))
            self.threads[-1].start()

    def link(self, client):
        """From one client to the hub; both ends are closed when either breaks, whatever is still unread."""
        with client:
            try:
                server = socket.create_connection(("127.0.0.1", self.hub.port), timeout=30)
            except OSError:
                return
            with server:
                down = threading.Thread(target=self.carry, args=(server, client))
                down.start()
                self.carry(client, server, self.count)
                down.join()

    def count(self, n):
        self.up += n
        if self.kill_at is not None and self.up >= self.kill_at:
            self.kill_at = None
            time.sleep(self.delay)
            self.hub.kill()
            self.killed.set()

    @staticmethod
    def carry(source, target, count=lambda n: None):
        try:
            while more := source.recv(65536):
                target.sendall(more)
                count(len(more))
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for s in (source, target):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        for thread in self.threads:
            thread.join(10)


class Chat:
    """One speaks without a pause; what the other has heard is what the hub has promised to keep."""

    def __init__(self, hub):
        self.speaker, self.listener = (self.enter(hub, name) for name in ("zhao", "li"))
        self.heard, self.base = [], random.randrange(1 << 30)
        self.threads = [threading.Thread(target=work) for work in (self.speak, self.listen)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def enter(hub, name):
        talk = hub.talk()
        talk.login(name, "secret")
        talk.expect("* You are in lobby")
        talk.expect("\n")
        return talk

    def speak(self):
        try:
            for i in range(100000):
                self.speaker.say(f"{self.base}-{i}")
                time.sleep(0.002)
        except OSError:
            pass

    def listen(self):
        rest = b""
        try:
            self.listener.socket.settimeout(30)
            while more := self.listener.socket.recv(65536):
                *lines, rest = (rest + more).split(b"\n")
                self.heard += [line.decode() for line in lines if not line.startswith(b"* ")]
        except OSError:
            pass

    def end(self):
        for thread in self.threads:
            thread.join()
        assert self.heard, "nobody heard anything before the kill"
        assert self.heard == [f"zhao: {self.base}-{i}" for i in range(len(self.heard))]

    def check(self, hub):
        """After the restart: the history begins with all that was heard, in that order."""
        with sqlite3.connect(hub.folder / "pier.db") as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            lines = db.execute("SELECT who, text FROM said WHERE text LIKE ? ORDER BY id", (f"{self.base}-%",))
            kept = [f"{who}: {text}" for who, text in lines]
        assert kept[: len(self.heard)] == self.heard
        assert kept == [f"zhao: {self.base}-{i}" for i in range(len(kept))]
        reader = hub.talk()
        reader.login("li", "secret")
        assert kept[-1] + "\n" in reader.expect("* You are in lobby")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("crash") / "source"
    path.write_bytes(random.Random(1).randbytes(SIZE))
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def sha256(source):
    return hashlib.sha256(source.read_bytes()).hexdigest()


@pytest.fixture
def busy(start_hub):
    hub = start_hub("--rate=1000000")
    for name in ("zhao", "li"):
        hub.add_user(name, "secret")
    (hub.folder / "files").mkdir(exist_ok=True)
    (hub.folder / "files" / "old").write_bytes(OLD)
    yield hub
    for path in (hub.folder / "files").iterdir():
        path.unlink()


@pytest.fixture
def relay(busy, free_port):
    relay = Relay(busy, free_port())
    yield relay
    relay.close()


def curl_put(source, url):
    command = ["curl", "-sS", "--fail", "-u", "zhao:secret", "-T", str(source), url]
    return subprocess.run(command, capture_output=True, text=True)


def get(url):
    """The file's bytes, or None where there is none."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read()
    except urllib.error.HTTPError as e:
        assert e.code == 404
        return None


def visible(hub):
    """name: SHA-256 of what lies under files/."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (hub.folder / "files").rglob("*")}


def check_no_torn_file(hub, name, whole, before=None):
    """`name` has its new content, whole, or what was there before; the hub, started again, agrees. Gives which."""
    digest = {None: None, OLD: hashlib.sha256(OLD).hexdigest()}
    lies = visible(hub)
    assert lies.keys() <= {"old", name}
    assert lies.get(name) in (whole, digest[before])
    hub.start("--rate=1000000")
    assert visible(hub) == lies
    shown = get(f"{hub.url}/{name}")
    assert (shown and hashlib.sha256(shown).hexdigest()) == lies.get(name)
    ask = urllib.request.Request(hub.url, headers={"Accept": "application/json"})
    with urllib.request.urlopen(ask, timeout=30) as answer:
        assert {entry["name"] for entry in json.load(answer)["entries"]} == lies.keys()
    assert not list((hub.folder / "partial").glob("put-*"))
    return lies.get(name) == whole


@pytest.mark.within(60)
@pytest.mark.parametrize("name", ["new", "old"])
@pytest.mark.parametrize("share", [0, 0.05, 0.5, 0.99])
def test_a_kill_during_a_put_tears_no_file_and_forgets_no_line(busy, relay, source, sha256, share, name):
    chat = Chat(busy)
    while len(chat.heard) < 50:
        time.sleep(0.01)
    relay.kill_at = share * SIZE
    assert curl_put(source, f"{relay.url}/{name}").returncode != 0
    chat.end()
    assert not check_no_torn_file(busy, name, sha256, OLD if name == "old" else None)
    chat.check(busy)


@pytest.mark.within(90)
def test_a_kill_during_the_last_step_of_a_put_leaves_all_or_nothing(busy, relay, source, sha256):
    outcomes = []
    for delay in (0, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32):
        relay.up, relay.kill_at, relay.delay = 0, SIZE, delay
        relay.killed.clear()
        told = curl_put(source, f"{relay.url}/new").returncode == 0
        assert relay.killed.wait(20)
        there = check_no_torn_file(busy, "new", sha256)
        assert there or not told  # what was said to be stored is stored
        outcomes.append(there)
        if there:
            (busy.folder / "files" / "new").unlink()
    print(outcomes)


def put(pier, source, url, *options, status=0):
    done = pier(
        "put", "--json", *options, "--user=zhao", source, url, status=status, env={"PIER_PASSWORD": "secret"}, timeout=120
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.within(60)
@pytest.mark.parametrize("share", [0, 0.05, 0.5, 0.95, 1])
def test_put_goes_on_after_a_kill(busy, relay, pier, source, sha256, share):
    chat = Chat(busy)
    relay.kill_at = share * SIZE
    first = put(pier, source, f"{relay.url}/new", "--retry=0", status=None)
    chat.end()
    whole = check_no_torn_file(busy, "new", sha256)
    chat.check(busy)
    assert first["status"] != 0 and not whole

    relay.up = 0
    second = put(pier, source, f"{relay.url}/new")
    assert second["sha256"] == sha256 and second["sent"] + second["resumed"] == SIZE
    assert second["resumed"] >= share * SIZE - UNDER_WAY
    assert second["sent"] <= relay.up <= second["sent"] + HEADS  # what was resumed did not go over the wire again
    assert visible(busy)["new"] == sha256 and hashlib.sha256(get(f"{busy.url}/new")).hexdigest() == sha256
    assert not list((busy.folder / "partial").iterdir())


@pytest.mark.within(120)
def test_one_put_outlives_three_kills(busy, relay, pier, source, sha256):
    def keep_alive():
        for share in (0.4, 0.7, 0.95):
            relay.killed.wait(60)
            time.sleep(0.5)
            relay.killed.clear()
            relay.kill_at = share * SIZE if share < 0.95 else None
            busy.start("--rate=1000000")

    relay.kill_at = 0.3 * SIZE
    keeper = threading.Thread(target=keep_alive)
    keeper.start()
    done = put(pier, source, f"{relay.url}/new", "--retry=20")
    keeper.join()
    assert done["status"] == 0 and done["sha256"] == sha256
    assert relay.up <= SIZE + 3 * UNDER_WAY + HEADS
    assert visible(busy)["new"] == sha256


@pytest.mark.within(60)
def test_get_goes_on_after_a_kill(busy, relay, pier, source, sha256, tmp_path):
    (busy.folder / "files" / "new").write_bytes(source.read_bytes())
    copy = tmp_path / "copy"
    getter = subprocess.Popen([pier.path, "get", "--retry=20", "-o", copy, f"{relay.url}/new"])
    part = tmp_path / "copy.part"
    while getter.poll() is None and not (part.exists() and part.stat().st_size > SIZE // 4):
        time.sleep(0.001)
    busy.kill()
    assert not copy.exists() or hashlib.sha256(copy.read_bytes()).hexdigest() == sha256
    busy.start()
    assert getter.wait(60) == 0
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == sha256
    copy.unlink()
