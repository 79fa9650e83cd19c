"""The program as people meet it: `pier` commands, a running hub, and what one types at it."""

import ctypes
import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import time

import pytest

REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
ENV = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "dumb", "TZ": "UTC"}


LISTENS = re.compile(rb"^  \S+ +\S*:(\d+)$", re.MULTILINE)  # the hub's first word: "  listens   [::]:7437"


def run_openssl(*args, **more):
    return subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, **more).stdout


class Authority:
    """Makes certificates with the openssl command."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key, self.pem = folder / f"{name}.key", folder / f"{name}.pem"
        run_openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2,
                "-keyout", self.key, "-out", self.pem, "-subj", f"/CN={name}")

    def issue(self, name, names="DNS:localhost,IP:127.0.0.1", rsa=0, more=(), days=2):
        """Gives the paths of a certificate and its key."""
        base = self.folder / f"{name}-{self.name}"
        kind = [f"rsa:{rsa}"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        request = run_openssl("req", "-newkey", *kind, "-nodes", "-keyout", f"{base}.key", "-subj", f"/CN={name}")
        extra = self.folder / "extensions"
        extra.write_text("\n".join([f"subjectAltName={names}", *more]))
        run_openssl("x509", "-req", "-CA", self.pem, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                "-extfile", extra, "-out", f"{base}.pem", input=request)
        return f"{base}.pem", f"{base}.key"


@pytest.fixture(scope="session")
def openssl():
    """openssl("x509", …) gives what the command prints."""
    return run_openssl


@pytest.fixture(scope="session")
def authority():
    """authority(folder, name) makes certificates there."""
    return Authority


@pytest.fixture(scope="session")
def ca(tmp_path_factory):
    """Whom tests believe."""
    return Authority(tmp_path_factory.mktemp("ca"), "Ours")


@pytest.fixture(scope="module")
def a_network_of_our_own():
    """For programs whose ports are fixed. Root gets a network namespace for them, so that whoever uses the ports on this
    machine is not in the way; others take the ports as they are. Gives whether it is ours alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    ours = libc.unshare(CLONE_NEWNET) == 0
    if ours:
        with socket.socket() as s:
            fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    yield ours
    if ours:
        assert libc.setns(before, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    os.close(before)


class Talk:
    """A text conversation: what a person with nc does and sees."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.seen = ""

    def say(self, line):
        self.socket.sendall(line.encode() + b"\n")

    def expect(self, text, within=10):
        """Reads until `text` has come; gives all that came up to its end."""
        end = time.monotonic() + within
        while text not in self.seen:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                more = self.socket.recv(65536)
            except TimeoutError:
                more = None
            assert more, f"no {text!r} but {self.seen!r}, then {'silence' if more is None else 'the end'}"
            self.seen += more.decode()
        before, _, self.seen = self.seen.partition(text)
        return before + text

    def login(self, name, password):
        self.expect(":")
        self.say(name)
        self.expect(":")
        self.say(password)

    def close(self):
        self.socket.close()


class Program:
    """A program of the build that runs beside the test; `said` is what it has written so far."""

    def __init__(self, path, args, log):
        self.log = log
        with open(log, "ab") as out:
            self.process = subprocess.Popen([path, *args], stdin=subprocess.PIPE, stdout=out, stderr=out, env=ENV)
        self.pid = self.process.pid

    @property
    def said(self):
        return self.log.read_text(errors="replace")

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def expect(self, text, times=1):
        """Waits until it has said `text`; the test's deadline ends it."""
        while self.said.count(text) < times:
            assert self.process.poll() is None or self.said.count(text) >= times, f"no {text!r} but {self.said!r}"
            time.sleep(0.02)

    def listens(self, port):
        """Waits until it takes TCP connections."""
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return self
            except OSError:
                assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.said}"
                time.sleep(0.02)

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def end(self, ask=signal.SIGTERM, status=0):
        """Asks it to end (None: it ends of itself); it must do so well and without a sanitizer's report."""
        if ask and self.process.returncode is None:
            self.process.send_signal(ask)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"{self.process.args} did not end within 20 s: {self.said}")
        assert not REPORT.search(self.said), self.said
        assert self.process.returncode == status, f"{self.process.args} ended with {self.process.returncode}: {self.said}"


class Hub:
    """`pier serve` on a folder of its own and a port of 127.0.0.1: 0 is one that the kernel gives."""

    def __init__(self, pier, folder, port=0):
        self.pier, self.folder, self.port = pier, folder, port
        self.log = folder.with_name(folder.name + ".log")
        self.process, self.talks = None, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, *options):
        """Starts it, or starts it again on the same port, and waits until it says where it listens."""
        command = [self.pier.path, "serve", self.folder, f"--listen=tcp://127.0.0.1:{self.port}", "--lang=en", *options]
        with open(self.log, "ab") as log:
            before = log.tell()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=ENV)
        while not (where := re.search(rb"^  \S+ +.*:(\d+)$", self.log.read_bytes()[before:], re.MULTILINE)):
            assert self.process.poll() is None, f"the hub ended with {self.process.returncode}: {self.said()}"
            time.sleep(0.02)  # the test's deadline ends it
        self.port = int(where[1])
        return self

    def said(self):
        return self.log.read_text(errors="replace")

    def add_user(self, name, password):
        self.pier("user", "add", f"--data={self.folder}", name, input=password + "\n")

    def talk(self):
        self.talks.append(Talk(self.port))
        return self.talks[-1]

    def kill(self):
        """As a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """As an administrator would; the hub must end well and, under a sanitizer, without a report."""
        for talk in self.talks:
            talk.close()
        if self.process is None or self.process.returncode == -signal.SIGKILL:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"the hub did not end within 20 s of SIGTERM: {self.said()}")
        assert status == 0, f"the hub ended with {status}: {self.said()}"
        assert not REPORT.search(self.said()), self.said()


@pytest.fixture(scope="session")
def pier(build):
    """Runs a command to its end: pier("get", url, status=4). Gives the subprocess.CompletedProcess, with text unless
    text=False. `status` is what it must exit with; None allows any. `pier.path` is the program."""

    def run(*args, status=0, text=True, env=None, **more):
        done = subprocess.run([run.path, *args], capture_output=True, text=text, env={**ENV, **(env or {})}, **more)
        errors = done.stderr if text else done.stderr.decode(errors="replace")
        assert not REPORT.search(errors), errors
        assert status in (None, done.returncode), f"exit status {done.returncode}, not {status}: {errors}"
        return done

    run.path = build / "cli" / "pier"
    return run


@pytest.fixture
def start(build, tmp_path):
    """start("examples/who", url, …) starts a program of the build. What still runs at the end of the test must end well
    when it is told to stop."""
    running = []

    def start_program(path, *args):
        running.append(Program(build / path, args, tmp_path / f"said{len(running)}"))
        return running[-1]

    yield start_program
    for program in running:
        if program.process.returncode is None:
            program.end()


@pytest.fixture
def start_hub(pier, tmp_path):
    """Starts hubs: start_hub("--open", …). All are stopped and checked at the end of the test."""
    hubs = []

    def start(*options, folder=None, port=0):
        hubs.append(Hub(pier, folder or tmp_path / f"hub{len(hubs)}", port))
        return hubs[-1].start(*options)

    yield start
    for hub in hubs:
        hub.stop()


@pytest.fixture
def hub(start_hub):
    """A hub with the default options."""
    return start_hub()
