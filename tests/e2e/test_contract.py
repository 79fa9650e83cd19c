"""The contract programs, unchanged, over real sockets."""

import collections
import http.server
import os
import random
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

pytestmark = pytest.mark.usefixtures("a_network_of_our_own")  # the ports of these programs are fixed


def dial(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def read_all(s):
    return b"".join(iter(lambda: s.recv(65536), b""))


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def serve(start):
    """serve("echo", 7000) starts one that listens; at the end of the test it must have closed what it opened."""
    serving = []

    def begin(name, port, *args):
        program = start(f"tests/contract/contract_{name}", *args).listens(port)
        time.sleep(0.1)  # until the conn that asked has gone
        serving.append((program, program.fds()))
        return program

    yield begin
    for program, before in serving:
        if program.process.returncode is None:
            assert wait_for(lambda: program.fds() <= before), f"{program.fds()} descriptors are open; {before} were"


# ---- echo


@pytest.mark.parametrize("seed", range(3))
def test_echo_gives_back_a_mebibyte_sent_in_odd_pieces(serve, seed):
    serve("echo", 7000)
    chance = random.Random(seed)
    sent = chance.randbytes(1 << 20)

    def send(s):
        rest = memoryview(sent)
        while rest:
            n = chance.choice([1, 3, 17, 999, 4097, 65537])
            s.sendall(rest[:n])
            rest = rest[n:]
        s.shutdown(socket.SHUT_WR)

    with dial(7000) as s:
        sender = threading.Thread(target=send, args=(s,))
        sender.start()
        assert read_all(s) == sent
        sender.join()


def test_echo_survives_two_hundred_who_leave_rudely(serve):
    program = serve("echo", 7000)
    before = program.fds()
    for i in range(200):
        s = dial(7000)
        s.sendall(b"x" * 5000)
        if i % 2:  # close(2) with SO_LINGER 0 is a reset
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    with dial(7000) as s:
        s.sendall(b"still there?")
        assert s.recv(100) == b"still there?"
    assert wait_for(lambda: program.fds() <= before)


# ---- chat


class Member:
    """One in the room who speaks numbered lines, and reads."""

    def __init__(self):
        self.socket = dial(7000)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.name = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.said, self.rest = 0, b""
        self.heard = collections.defaultdict(list)
        self.lines = 0

    def say(self, count, width=400):
        text = b"".join(b"%d %s\n" % (self.said + i, b"x" * width) for i in range(count))
        self.said += count
        self.socket.sendall(text)

    def read(self):
        more = self.socket.recv(1 << 20)
        assert more, f"{self.name} was cut off"
        *lines, self.rest = (self.rest + more).split(b"\n")
        for line in lines:
            who, _, text = line.decode().partition(": ")
            self.heard[who].append(int(text.partition(" ")[0]))
        self.lines += len(lines)


def hear(members, total):
    """Reads until everyone has heard all that the others have said."""
    late = {m.socket: m for m in members if m.lines < total - m.said}
    while late:
        for s in select.select(late, [], [])[0]:
            late[s].read()
            if late[s].lines >= total - late[s].said:
                del late[s]


def gather(members):
    """Until everyone is in the room: then everyone hears the first."""
    first, *others = members
    deaf_to = {m.socket: m for m in others}
    while deaf_to:
        first.say(1)
        time.sleep(0.1)
        for s in select.select(deaf_to, [], [], 0)[0]:
            del deaf_to[s]
    for m in others:  # how much each heard of that depends on when it came
        while first.said - 1 not in m.heard[first.name]:
            m.read()
        m.lines = first.said


@pytest.mark.within(120)
def test_chat_brings_all_to_all_and_cuts_only_the_one_who_never_reads(serve):
    program = serve("chat", 7000)
    empty = program.fds()
    members = [Member() for _ in range(49)]
    gather(members)
    assert len(os.listdir(f"/proc/{program.pid}/task")) >= min(2, len(os.sched_getaffinity(0)))
    before = {m.name: m.said for m in members}

    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", 7000))
    assert wait_for(lambda: program.fds() == empty + 50)
    while program.fds() == empty + 50:  # a few lines a round: no reader is ever slow, but one
        for m in members:
            m.say(2)
        hear(members, sum(m.said for m in members))
    for m in members:
        m.say(2)
    hear(members, sum(m.said for m in members))

    for m in members:
        for other in members:
            told = [n for n in m.heard[other.name] if n >= before[other.name]]
            wanted = [] if other is m else list(range(before[other.name], other.said))
            assert told == wanted, f"{m.name} did not hear {other.name} whole and in order"
    assert program.fds() == empty + 49
    for s in (deaf, *(m.socket for m in members)):
        s.close()


# ---- upper


def test_upper_keeps_the_bounds_of_datagrams_large_and_empty(start):
    start("tests/contract/contract_upper")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", 9999))
        s.settimeout(0.2)
        while True:
            try:
                s.send(b"ready")
                assert s.recv(100) == b"READY"
                break
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.02)
        s.settimeout(0.3)
        try:  # answers to those that were given up too early
            while True:
                s.recv(100)
        except TimeoutError:
            pass
        s.settimeout(10)
        for size in (65507, 0, 1, 1472, 16384, 16385, 0, 65507):
            sent = (b"abcdefg" * 10000)[:size]
            s.send(sent)
            assert s.recv(65536) == sent.upper()


def test_upper_keeps_its_peers_apart(start):
    start("tests/contract/contract_upper")
    peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
    for i, s in enumerate(peers):
        s.connect(("127.0.0.1", 9999))
        s.settimeout(0.5)
        while True:
            try:
                s.send(b"peer %d" % i)
                assert s.recv(100) == b"PEER %d" % i
                break
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.02)
    for s in peers:
        s.close()


# ---- login


def test_login_asks_until_the_password_is_right(serve):
    serve("login", 9999)
    nc = subprocess.Popen(["nc", "127.0.0.1", "9999"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    seen = b""
    for prompt, answer in (("请输入用户名:", "zhao"), ("请输入密码:", "错"), ("请输入用户名:", "zhao"), ("请输入密码:", "123")):
        while not seen.decode(errors="ignore").endswith(prompt):
            more = os.read(nc.stdout.fileno(), 4096)
            assert more, seen.decode()
            seen += more
        nc.stdin.write(answer.encode() + b"\n")
        nc.stdin.flush()
    nc.stdin.close()  # nc stays as long as somebody may type
    seen += nc.stdout.read()
    nc.wait()
    assert seen.decode() == "请输入用户名:请输入密码:用户名或密码输入错误\n请输入用户名:请输入密码:登录成功\n"


def test_login_takes_what_telnet_sends_at_once(serve):
    serve("login", 9999)
    with dial(9999) as s:
        s.sendall(b"zhao\r\n123\r\n")
        assert read_all(s).decode() == "请输入用户名:请输入密码:登录成功\n"


# ---- framed


def frame(message):
    return struct.pack(">I", len(message)) + message


def ask(s, message):
    s.sendall(frame(message))
    size = struct.unpack(">I", s.recv(4, socket.MSG_WAITALL))[0]
    return s.recv(size, socket.MSG_WAITALL).decode()


def test_framed_cuts_messages_at_their_length(serve):
    serve("framed", 7001)
    with dial(7001) as s:
        s.sendall(frame(b"") + frame(b"hello") + frame(b"x" * (1 << 20)))
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == frame(b"0 bytes") + frame(b"5 bytes") + frame(b"1048576 bytes")
    with dial(7001) as s:
        for byte in frame(b"slow"):
            s.sendall(bytes([byte]))
            time.sleep(0.01)
        assert s.recv(100) == frame(b"4 bytes")


@pytest.mark.parametrize("length", [(1 << 20) + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_framed_refuses_what_is_too_long_and_serves_on(serve, length):
    serve("framed", 7001)
    with dial(7001) as before, dial(7001) as s:
        assert ask(before, b"one") == "3 bytes"
        assert ask(s, b"three") == "5 bytes"
        s.sendall(struct.pack(">I", length) + b"x" * 1000)
        try:
            assert read_all(s) == b""
        except ConnectionResetError:
            pass
        assert ask(before, b"four") == "4 bytes"
        with dial(7001) as after:
            assert ask(after, b"x" * (1 << 20)) == "1048576 bytes"


# ---- file


@pytest.mark.within(240)
def test_file_gives_a_gibibyte_to_eight_at_once(serve, tmp_path):
    block = random.Random(3).randbytes((1 << 20) - 8)
    with open(tmp_path / "big", "wb") as f:
        for i in range(1024):
            f.write(struct.pack(">Q", i) + block)
    program = serve("file", 8000, tmp_path / "big")
    # -d: stdin is not read, so that it does not end before the file does
    fetch = f"nc -d 127.0.0.1 8000 | cmp - {tmp_path / 'big'}"
    clients = [subprocess.Popen(["sh", "-c", fetch]) for _ in range(8)]
    assert [c.wait() for c in clients] == [0] * 8
    (tmp_path / "big").unlink()
    peak = int(next(line.split()[1] for line in open(f"/proc/{program.pid}/status") if line.startswith("VmHWM")))
    assert peak < 512 * 1024, f"{peak} KiB for a file that need not pass through memory"


def test_file_ends_well_with_those_who_leave_in_the_middle(serve, tmp_path):
    (tmp_path / "some").write_bytes(bytes(8 << 20))
    program = serve("file", 8000, tmp_path / "some")
    before = program.fds()
    for _ in range(20):
        with dial(8000) as s:
            s.recv(1000)
    assert wait_for(lambda: program.fds() <= before)


# ---- client, many


def run(build, name, *urls, before=()):
    start = time.monotonic()
    program = build / "tests/contract" / f"contract_{name}"
    # TSan waits a second at the end of a program for threads that are left, such as one that looks a name up.
    env = {**os.environ, "TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", "") + " atexit_sleep_ms=0"}
    done = subprocess.run([*before, program, *urls], capture_output=True, env=env)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()  # text=True would change CR LF
    assert "Sanitizer" not in done.stderr, done.stderr
    return done, time.monotonic() - start


@pytest.fixture
def web():
    """A web server's URL for dial."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def silent():
    """One that accepts (the kernel does) and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def full():
    """One whose queue is full: it does not even take the connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(3)]
        for s in waiting:
            s.setblocking(False)
            s.connect_ex(listener.getsockname())
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        for s in waiting:
            s.close()


def gave_up_after_three_seconds(done, took):
    assert done.returncode == 1, done
    assert 2.9 < took < 3.6, took
    assert "timed out" in done.stderr, done.stderr


def test_client_reads_an_answer_to_its_end(build, web):
    done, _ = run(build, "client", web)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("HTTP/1.0 200 OK\r\n")


def test_client_gives_up_on_one_who_never_answers(build, silent):
    gave_up_after_three_seconds(*run(build, "client", silent))


def test_client_gives_up_on_one_who_never_accepts(build, full):
    gave_up_after_three_seconds(*run(build, "client", full))


def test_client_gives_up_on_a_name_server_that_never_answers(build, a_network_of_our_own, tmp_path):
    if not a_network_of_our_own:
        pytest.skip("needs root: a name server on port 53 of a network of our own")
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:30\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: files dns\n")
    mount = "".join(f"mount --bind {tmp_path}/{f} /etc/{f} && " for f in ("resolv.conf", "nsswitch.conf"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
        hole.bind(("127.0.0.1", 53))
        outside = ("unshare", "--mount", "sh", "-c", mount + 'exec "$@"', "sh")
        gave_up_after_three_seconds(*run(build, "client", "tcp://nobody.example:80", before=outside))
        assert hole.recv(512, socket.MSG_DONTWAIT), "nobody asked the name server"


def test_client_says_why_it_failed(build, free_port):
    done, took = run(build, "client", f"tcp://127.0.0.1:{free_port()}")
    assert done.returncode == 1 and "refused" in done.stderr and took < 1
    done, _ = run(build, "client", "nonsense")
    assert done.returncode == 1 and "not an endpoint" in done.stderr


def test_many_asks_all_at_once(build, web):
    done, _ = run(build, "many", web, web, web)
    assert done.returncode == 0 and done.stdout.count("HTTP/1.0 200 OK") == 3


def test_many_cancels_the_rest_at_the_first_failure(build, silent, free_port):
    done, took = run(build, "many", silent, silent, f"tcp://127.0.0.1:{free_port()}")
    assert done.returncode == 1 and took < 1.5


# ---- all that serve


@pytest.mark.parametrize("name, port", [("echo", 7000), ("chat", 7000), ("framed", 7001), ("login", 9999), ("file", 8000)])
def test_a_signal_ends_each_though_somebody_stays(serve, tmp_path, name, port):
    (tmp_path / "endless").touch()
    os.truncate(tmp_path / "endless", 1 << 40)
    program = serve(name, port, *[tmp_path / "endless"] if name == "file" else [])
    with dial(port), dial(port) as s:
        if name != "file":
            s.sendall(b"\0\0")  # in the middle of a message
        time.sleep(0.1)
        program.end(signal.SIGTERM)


def test_a_port_that_is_taken_is_said(serve, build):
    serve("echo", 7000)
    done, _ = run(build, "echo")
    assert done.returncode != 0 and "7000" in done.stderr and "in use" in done.stderr
