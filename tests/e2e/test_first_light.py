"""From an empty folder to people who talk, share a file and find it in a browser, with the programs that they have."""

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import threading
import time

import pytest

LATE_MAX = 1.0  # s that a line may take at the 95th percentile: it waits for the disk that the large file fills
EACH = 0.02  # s from one line of a person to the next
MIB = 1 << 20


def size_of_the_file():
    text = os.environ.get("PIER_E2E_BYTES", "1g").lower()
    unit = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}.get(text[-1], 1)
    return int(text.rstrip("kmg")) * unit


def make_file(path, size):
    """Bytes that do not repeat; gives their SHA-256."""
    block, digest = random.Random(7).randbytes(MIB - 8), hashlib.sha256()
    with open(path, "wb") as f:
        for at in range(0, size, MIB):
            piece = (at.to_bytes(8, "big") + block)[: size - at]
            digest.update(piece)
            f.write(piece)
    return digest.hexdigest()


class Nc:
    """A person at `nc localhost PORT`."""

    def __init__(self, port, name, password):
        self.name = name
        self.process = subprocess.Popen(
            ["nc", "localhost", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self.until(b"User name: ")
        self.type(name)
        self.until(b"Password: ")
        self.type(password)
        self.until(b"Logged in.\n")
        self.until(b"* You are in lobby")
        self.until(b"\n")
        self.heard = []  # (when, line)
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")

    def until(self, text):
        seen = b""
        while not seen.endswith(text):
            byte = self.process.stdout.read(1)
            assert byte, f"no {text!r} but {seen!r}"
            seen += byte

    def listen(self):
        rest = b""
        while more := self.process.stdout.read(65536):
            now = time.monotonic()
            *lines, rest = (rest + more).split(b"\n")
            self.heard += [(now, line.decode()) for line in lines]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.listener.join()
        self.process.stdin.close()
        self.process.stdout.close()


class Conversation:
    """Two people who say numbered lines to one another until told to stop."""

    def __init__(self, one, other):
        self.people, self.said, self.over = (one, other), {}, threading.Event()
        self.talker = threading.Thread(target=self.talk)
        self.talker.start()

    def talk(self):
        while not self.over.is_set():
            for person in self.people:
                number = len(self.said)
                self.said[f"{person.name}: line {number}"] = time.monotonic()
                person.type(f"line {number}")
            self.over.wait(EACH)

    def stop(self):
        """Gives (when said, how long it took) of every line; each must have come once, in its order."""
        self.over.set()
        self.talker.join()
        last = time.monotonic() + 10
        while time.monotonic() < last and sum(len(self.lines(p)) for p in self.people) < len(self.said):
            time.sleep(0.02)
        took = []
        for speaker, listener in (self.people, self.people[::-1]):
            lines = [line for line in self.said if line.startswith(speaker.name)]
            assert [line for _, line in self.lines(listener)] == lines
            took += [(self.said[line], when - self.said[line]) for when, line in self.lines(listener)]
        return sorted(took)

    @staticmethod
    def lines(person):
        return [(when, line) for when, line in person.heard if not line.startswith("* ")]


@pytest.fixture
def room(tmp_path):
    """A folder that does not outlive the test: large files."""
    folder = tmp_path / "room"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def first_hub(room, start_hub):
    """On an empty folder, at every address, with two people who have accounts."""
    hub = start_hub("--listen=:0", "--rate=100000", folder=room / "data")
    for name in ("zhao", "li"):
        hub.add_user(name, "secret")
    return hub


@pytest.fixture
def people(first_hub):
    both = [Nc(first_hub.port, name, "secret") for name in ("zhao", "li")]
    yield both
    for person in both:
        person.close()


def curl(*args):
    done = subprocess.run(["curl", "-sS", "--fail-with-body", *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.within(240)
def test_two_people_talk_while_a_large_file_comes_in_and_goes_out(first_hub, people, pier, room, bound):
    size, source, copy = size_of_the_file(), room / "source", room / "copy"
    sha256 = make_file(source, size)
    url = f"{first_hub.url}/%E7%AC%AC%E4%B8%80.bin"

    conversation, began = Conversation(*people), time.monotonic()
    answer = curl("-u", "zhao:secret", "-T", source, url)
    stored = time.monotonic()
    assert answer == f"stored, {size} bytes\n"
    said = json.loads(pier("get", "--json", "-o", copy, url).stdout.splitlines()[-1])
    fetched = time.monotonic()
    took = conversation.stop()

    assert said["ev"] == "close" and said["received"] == size
    assert said["sha256"] == sha256  # checked against what the hub said
    with open(copy, "rb") as f:
        assert hashlib.file_digest(f, "sha256").hexdigest() == sha256
    for what, start, end in (("put", began, stored), ("get", stored, fetched)):
        late = [t for when, t in took if start < when < end]
        assert late, f"nobody said a line during the {what}"
        p95 = sorted(late)[len(late) * 95 // 100]
        print(f"{what}: {size} bytes in {end - start:.2f} s; {len(late)} lines, p95 {p95 * 1e3:.1f} ms, max {max(late) * 1e3:.1f} ms")
        assert p95 < bound(LATE_MAX)

    listing = json.loads(curl("-H", "Accept: application/json", first_hub.url))
    (entry,) = listing["entries"]
    assert (entry["name"], entry["type"], entry["size"]) == ("第一.bin", "file", size)


def test_a_browser_lists_the_files_and_their_links_lead_there(first_hub, room):
    browser = shutil.which("chromium")
    if not browser:
        pytest.skip("chromium is not installed (Debian package chromium)")
    names = {"notes.txt": 5, "第一 课.pdf": 2048, "a&b <c>.bin": 3 * MIB}
    (first_hub.folder / "files").mkdir(exist_ok=True)
    for name, size in names.items():
        (first_hub.folder / "files" / name).write_bytes(os.urandom(size))
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync"
    page = subprocess.run(
        [browser, *flags.split(), f"--user-data-dir={room / 'browser'}", "--dump-dom", first_hub.url],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for shown in ("notes.txt", "第一 课.pdf", "a&amp;b &lt;c&gt;.bin", "5 B", "2.0 KiB", "3.0 MiB"):
        assert f">{shown}<" in page, page
    assert f"nc localhost {first_hub.port}" in page or f"nc 127.0.0.1 {first_hub.port}" in page
    links = re.findall(r'href="\./([^"]+)"', page)
    sizes = [len(subprocess.check_output(["curl", "-sS", "--fail", f"{first_hub.url}/{link}"])) for link in links]
    assert sorted(sizes) == sorted(names.values())
