"""pier listen: one client or many, services, and paths that are put right at the end."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest


class Listener:
    """`pier listen` at an endpoint, known to listen."""

    def __init__(self, pier, *args):
        self.process = subprocess.Popen(
            [pier.path, "listen", "-v", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        line = self.process.stderr.readline().decode()
        assert line.startswith("pier: listening on "), line
        self.where = line.removeprefix("pier: listening on ").strip()
        self.port = int(self.where.rsplit(":", 1)[1]) if ":" in self.where else None

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def type(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def end_stdin(self):
        self.process.stdin.close()
        self.process.stdin = None

    def end(self, sig=signal.SIGTERM):
        """Ends it; gives status and what is left of its stdout."""
        if self.process.poll() is None and sig:
            self.process.send_signal(sig)
        out, _ = self.process.communicate(timeout=10)
        return self.process.returncode, out


@pytest.fixture
def listen(pier):
    started = []

    def start(*args):
        started.append(Listener(pier, *args))
        return started[-1]

    yield start
    for listener in started:
        if listener.process.poll() is None:
            listener.process.kill()
        listener.process.communicate()


def read_all(s):
    return b"".join(iter(lambda: s.recv(65536), b""))


def exactly(s, n):
    got = b""
    while len(got) < n:
        more = s.recv(n - len(got))
        assert more, got
        got += more
    return got


def events(out):
    return [json.loads(line) for line in out.splitlines()]


# ---- One client ------------------------------------------------------------------------------------------------------


def test_once_talks_both_ways_and_ends(listen):
    one = listen("--once", "127.0.0.1:0")
    with one.connect() as s:
        s.sendall(b"from the client\n")
        one.type(b"from the listener\n")
        assert exactly(s, 18) == b"from the listener\n"
        s.shutdown(socket.SHUT_WR)
        one.end_stdin()
        assert read_all(s) == b""
    assert one.process.wait(5) == 0
    assert one.process.stdout.read() == b"from the client\n"


def test_once_shuts_the_door_behind_the_first(listen):
    one = listen("--once", "127.0.0.1:0")
    with one.connect():
        time.sleep(0.2)
        with pytest.raises(ConnectionRefusedError):
            one.connect()


def test_once_on_udp_talks_with_the_first_who_sends(listen):
    one = listen("--once", "--linger=300ms", "udp://127.0.0.1:0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect(("127.0.0.1", one.port))
        s.send(b"hello")
        one.type(b"answer")
        assert s.recv(100) == b"answer"
        one.end_stdin()
        assert one.process.wait(5) == 0
    assert one.process.stdout.read() == b"hello"


@pytest.mark.parametrize("peer", [["nc", "-N"], ["ncat"], ["socat", "-"]])
def test_files_from_real_clients_arrive_whole(peer, listen):
    data = os.urandom(1 << 20)
    one = listen("--once", "127.0.0.1:0")
    where = [f"TCP:127.0.0.1:{one.port}"] if peer[0] == "socat" else ["127.0.0.1", str(one.port)]
    one.end_stdin()
    client = subprocess.Popen([*peer, *where], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    client.stdin.write(data)
    client.stdin.close()
    assert one.end(sig=None) == (0, data)
    client.wait(5)


# ---- Many ------------------------------------------------------------------------------------------------------------


def test_what_is_typed_goes_to_all_and_what_they_send_is_shown(listen):
    many = listen("127.0.0.1:0")
    with many.connect() as a, many.connect() as b:
        a.sendall(b"from a\n")
        assert os.read(many.process.stdout.fileno(), 100) == b"from a\n"
        many.type(b"to all\n")
        assert exactly(a, 7) == exactly(b, 7) == b"to all\n"
        many.end_stdin()  # we have said it all, and they hear that
        assert read_all(a) == read_all(b) == b""


def test_stdin_waits_for_the_first_client(listen):
    many = listen("127.0.0.1:0")
    many.type(b"early\n")
    time.sleep(0.3)
    with many.connect() as a:
        assert exactly(a, 6) == b"early\n"


def test_an_empty_stdin_does_not_end_the_clients(pier, listen):
    many = listen("127.0.0.1:0")
    many.end_stdin()
    with many.connect() as a:
        a.settimeout(0.5)
        with pytest.raises(TimeoutError):
            a.recv(1)
    assert many.end()[0] == -signal.SIGTERM


def test_a_client_that_never_reads_is_cut_and_the_others_go_on(listen):
    hub = listen("--hub", "127.0.0.1:0")
    with hub.connect() as stuck, hub.connect() as good, hub.connect() as talker:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        piece, heard = b"x" * 65535 + b"\n", 0
        for _ in range(400):
            talker.sendall(piece)
            heard += len(exactly(good, len(piece)))
        assert heard == 400 * len(piece)


def test_the_hub_passes_lines_among_the_clients(listen):
    hub = listen("--hub", "127.0.0.1:0")
    with hub.connect() as a, hub.connect() as b, hub.connect() as c:
        time.sleep(0.2)
        a.sendall(b"hello\n")
        assert exactly(b, 6) == exactly(c, 6) == b"hello\n"
        b.sendall(b"hi\n")
        assert exactly(a, 3) == b"hi\n"


def test_fifty_at_once_are_all_served(listen):
    echo = listen("--echo", "127.0.0.1:0")
    clients = [echo.connect() for _ in range(50)]
    for i, s in enumerate(clients):
        s.sendall(b"%03d" % i)
    assert [exactly(s, 3) for s in clients] == [b"%03d" % i for i in range(50)]
    for s in clients:
        s.close()


def test_max_turns_the_next_away(listen):
    echo = listen("--echo", "--max=1", "127.0.0.1:0")
    with echo.connect() as first:
        first.sendall(b"x")
        exactly(first, 1)
        with echo.connect() as second:
            assert second.recv(1) == b""
        first.sendall(b"y")
        assert exactly(first, 1) == b"y"


def test_json_numbers_the_clients(listen):
    many = listen("--json", "127.0.0.1:0")
    with many.connect() as a:
        a.sendall(b"x")
        time.sleep(0.2)
    time.sleep(0.2)
    status, out = many.end(signal.SIGINT)
    told = events(out)
    assert status == -signal.SIGINT
    assert [(e["ev"], e.get("conn")) for e in told] == [("listening", None), ("open", 1), ("data", 1), ("close", 1), ("close", None)]
    assert told[-1]["received"] == 1 and told[2]["text"] == "x"


def test_hex_shows_who_when_and_what(listen):
    many = listen("-x", "-t", "127.0.0.1:0")
    with many.connect() as a:
        a.sendall(b"\x01\x03hi")
        time.sleep(0.2)
    time.sleep(0.2)
    out = many.end()[1].decode()
    assert re.search(r"^\d\d:\d\d:\d\d\.\d{3}  1 \+ 127\.0\.0\.1:\d+$", out, re.M)
    assert re.search(r"1 ←    4  01 03 68 69 +\.\.hi$", out, re.M)


# ---- Services --------------------------------------------------------------------------------------------------------


def test_upper_discard_and_reply(listen, tmp_path):
    with listen("--upper", "127.0.0.1:0").connect() as s:
        s.sendall("aé1z\n".encode())
        assert exactly(s, 6) == "Aé1Z\n".encode()
    with listen("--discard", "127.0.0.1:0").connect() as s:
        s.sendall(b"x" * 100000)
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b""
    (tmp_path / "page").write_bytes(b"p" * 300000)
    with listen(f"--reply={tmp_path}/page", "127.0.0.1:0").connect() as s:
        s.sendall(b"whatever")
        assert read_all(s) == b"p" * 300000


def test_udp_services_answer_every_peer(listen, tmp_path):
    (tmp_path / "page").write_bytes(b"page")
    for args, sent, wanted in (
        (["--upper"], b"abc", b"ABC"),
        (["--echo"], b"", b""),
        (["--echo"], b"z" * 65507, b"z" * 65507),
        ([f"--reply={tmp_path}/page"], b"?", b"page"),
    ):
        service = listen(*args, "udp://127.0.0.1:0")
        for _ in range(3):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(5)
                s.sendto(sent, ("127.0.0.1", service.port))
                assert s.recv(70000) == wanted


def test_exec_is_the_connection(listen):
    data = os.urandom(1 << 20)
    service = listen("--exec=cat", "127.0.0.1:0")
    with service.connect() as s:
        sender = os.fork()
        if sender == 0:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            os._exit(0)
        assert read_all(s) == data
        os.waitpid(sender, 0)


def test_exec_knows_its_peer_and_may_fail(listen):
    service = listen("--exec=echo $PIER_PEER; exit 3", "127.0.0.1:0")
    for _ in range(2):
        with service.connect() as s:
            assert read_all(s).decode() == "%s:%d\n" % s.getsockname()


def test_exec_children_are_reaped(listen):
    service = listen("--exec=true", "127.0.0.1:0")
    for _ in range(5):
        with service.connect() as s:
            assert read_all(s) == b""
    children = subprocess.run(["ps", "-o", "stat=", "--ppid", str(service.process.pid)], capture_output=True, text=True).stdout
    assert "Z" not in children


def test_exec_that_minds_no_signal_does_not_hold_us_up(listen):
    service = listen("--exec=trap '' TERM; echo up; while :; do sleep 0.1; done", "127.0.0.1:0")
    with service.connect() as s:
        assert exactly(s, 3) == b"up\n"
        assert service.end()[0] == -signal.SIGTERM


# ---- Paths -----------------------------------------------------------------------------------------------------------


def test_a_unix_path_is_gone_at_the_end(listen, tmp_path):
    path = f"{tmp_path}/s"
    service = listen("--echo", f"unix:{path}")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b"x")
        assert exactly(s, 1) == b"x"
    assert os.path.exists(path)
    assert service.end()[0] == -signal.SIGTERM
    assert not os.path.exists(path)


def test_a_dead_path_is_taken_over_and_a_living_one_is_not(pier, listen, tmp_path):
    path = f"{tmp_path}/s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    listen("--echo", f"unix:{path}")
    done = pier("listen", "--echo", f"unix:{path}", status=9)
    assert "a living server has this socket" in done.stderr
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b"x")
        assert exactly(s, 1) == b"x"


def test_seqpacket_keeps_messages_apart(listen, tmp_path):
    listen("--echo", f"seqpacket:{tmp_path}/q")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(5)
        s.connect(f"{tmp_path}/q")
        for message in (b"one", b"two" * 1000):
            s.send(message)
            assert s.recv(10000) == message


def test_unixgram_answers_a_peer_by_its_path(listen, pier, tmp_path):
    listen("--echo", f"unixgram:{tmp_path}/d")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.bind(f"{tmp_path}/me")
        for message in (b"one", b"two" * 1000):
            s.sendto(message, f"{tmp_path}/d")
            assert s.recvfrom(10000) == (message, f"{tmp_path}/d")
    assert pier("connect", "--linger=1s", f"unixgram:{tmp_path}/d", input="three").stdout == "three"


# ---- Refusals --------------------------------------------------------------------------------------------------------


def test_a_port_in_use_says_what_to_do(pier, listen):
    first = listen("--echo", "127.0.0.1:0")
    done = pier("listen", "--echo", f"127.0.0.1:{first.port}", status=9)
    assert "in use" in done.stderr and "ss -lntup" in done.stderr


@pytest.mark.parametrize("wrong", [[], ["--hub", "--echo", ":0"], ["--once", "--echo", ":0"], ["--exec=cat", "udp://:0"], ["x"]])
def test_what_cannot_be_meant_is_a_usage_error(pier, wrong):
    done = pier("listen", *wrong, status=2)
    assert done.stderr.startswith("pier: ") and done.stderr.count("\n") == 1


def test_nothing_is_said_without_v(pier, free_port):
    port = free_port()
    process = subprocess.Popen([pier.path, "listen", "--echo", f"127.0.0.1:{port}"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(0.4)
    process.terminate()
    assert process.communicate(timeout=5)[1] == b""
