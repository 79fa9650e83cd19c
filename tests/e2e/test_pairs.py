"""Each example beside its Python: both are the same program, and they speak with each other."""

import hashlib
import os
import pathlib
import pwd
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.usefixtures("a_network_of_our_own")  # the ports of those of tests/contract are fixed

SIDES = ["c", "python"]
CONTRACT = ("file", "framed", "login", "many")
both = pytest.mark.parametrize("side", SIDES)
crossed = pytest.mark.parametrize("server, client", [(a, b) for a in SIDES for b in SIDES if "python" in (a, b)])


def door(side, port, scheme="tcp"):
    """Where to listen, as an argument."""
    return [f"{scheme}://127.0.0.1:{port}"] if side == "c" else [str(port)]


def to(side, port, scheme="tcp"):
    """Whom to dial."""
    return [f"{scheme}://localhost:{port}"] if side == "c" else ["localhost", str(port)]


@pytest.fixture
def command(build, top):
    def of(side, name):
        if side == "python":
            return [sys.executable, str(top / f"examples/python/{name}.py")]
        return [str(build / (f"tests/contract/contract_{name}" if name in CONTRACT else f"examples/{name}"))]

    return of


@pytest.fixture
def run(command):
    """run(side, "pair", …) runs one to its end and gives what it printed; 77 is: not on this machine."""

    def program(side, name, *args, status=0, input=""):
        line = [*command(side, name), *map(str, args)]
        done = subprocess.run(line, capture_output=True, input=input.encode(), timeout=25)
        said = done.stderr.decode()
        if done.returncode == 77:
            pytest.skip(said)
        assert "Sanitizer" not in said and "runtime error" not in said, said
        assert done.returncode == status, f"{line} ended with {done.returncode}: {done.stdout.decode()}{said}"
        return done.stdout.decode()

    return program


@pytest.fixture
def begin(start, command):
    """begin(side, "echo", …) starts one that goes on; Python knows no other end than being killed."""
    running = []

    def program(side, name, *args, port=None):
        path, *rest = [*command(side, name), *map(str, args)]
        running.append((side, start(path, *rest)))
        return running[-1][1].listens(port) if port else running[-1][1]

    yield program
    for side, one in running:
        if side == "python":
            one.process.kill()
            one.process.wait()


def dial(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def talk(port, text):
    with dial(port) as s:
        s.sendall(text)
        s.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: s.recv(65536), b""))


def udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until_bound(*ports):
    while not all(re.search(rf": (0100007F|0{{8}}):{port:04X}", pathlib.Path("/proc/net/udp").read_text()) for port in ports):
        time.sleep(0.02)  # the test's deadline ends it


# ---- Those that run to their end say the same


@pytest.mark.parametrize("name, args", [
    ("glued", []),
    ("multicast", ["239.255.74.37:7437"]),
    ("pair", []),
    ("pool", ["30000"]),
    ("reader", []),
    ("resolve", ["127.0.0.1", "localhost"]),
    ("seqpacket", []),
    ("tcp_states", []),
    ("unix_stream", []),
])
def test_both_print_the_same(run, name, args):
    plain = [re.sub(r"\b\d{4,5}\b(?! primes)", "PORT", run(side, name, *args)) for side in SIDES]
    assert plain[0] and plain[0] == plain[1]


SAY = {
    "address": (["10.1.2.3", "224.0.0.1", "::1", "9.9.9.9"], ["10.1.2.3", "10.0.0.0/8", "private", "class A", "class D",
                                                             "multicast", "::1", "loopback", "9.9.9.9  global"]),
    "ancillary": ([], ['"hello" came to 127.0.0.7 by lo, with 5 hops left, ', " ms ago, flags "]),
    "deadline": ([], ["time-out: ", " after 0.2 s\n", "deadline: ", " after 0.3 s\n"]),
    "handshake": ([], ["connect: the handshake\n  client -> server  SYN  seq 0\n  server -> client  SYN|ACK  seq 0 ack 1\n",
                       "send\n  client -> server  PSH|ACK  seq 1 ack 1, 5 bytes\n", "  client -> server  FIN|ACK  seq 6 ack 1"]),
    "interfaces": ([], [" lo: mtu ", "127.0.0.1/8", "loopback"]),
    "names": (["localhost", "http"], ["I am ", "http is port 80\n", "port 443 is https\n", "tcp is protocol 6\n",
                                      "localhost is localhost\n", "  127.0.0.1", "  in full ",
                                      "AF_INET SOCK_STREAM IPPROTO_TCP 127.0.0.1:80\n"]),
    "ping": (["127.0.0.1"], ["64 bytes from 127.0.0.1 in ", " ms\n"]),
}


@both
@pytest.mark.parametrize("name", SAY)
def test_both_tell(run, side, name):
    args, wanted = SAY[name]
    said = run(side, name, *args)
    assert all(piece in said for piece in wanted), said


@both
def test_pass_fd(run, side, tmp_path):
    (tmp_path / "file").write_text("what is in it")
    assert run(side, "pass_fd", tmp_path / "file") == "a file, which begins: what is in it\n"


@both
def test_tried(run, begin, free_port, side):
    port = free_port()
    begin("c", "echo", *door("c", port), port=port)
    assert f"127.0.0.1:{port} after " in run(side, "tried", *to(side, port))
    run(side, "tried", *to(side, free_port()), status=1)


@both
def test_sniff(begin, side):
    sniffer = begin(side, "sniff", "lo", "3")
    while "listening" not in sniffer.said:
        if sniffer.process.poll() is not None:
            pytest.skip("no right to packet sockets")
        time.sleep(0.02)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _ in range(3):
            s.sendto(b"x", ("127.0.0.1", 9))
    sniffer.process.wait(20)
    assert sniffer.said.count(" bytes, packet:lo:0x") == 3, sniffer.said


# ---- Servers give the same answers


@both
@pytest.mark.parametrize("name, args, sent, answer", [
    ("echo", [], b"hello\n", b"hello\n"),
    ("once", ["10"], b"", b"you are the only one\n"),
    ("proxied", [], b"PROXY TCP4 192.0.2.7 192.0.2.1 4321 80\r\n", b"you are 192.0.2.7:4321\n"),
    ("sensors", [], b"20\n22\n", b"mean of 1: 20.00\nmean of 2: 21.00\n"),
    ("upper", None, b"hello\n", b"HELLO\n"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_servers_answer(begin, free_port, side, name, args, sent, answer):
    port = free_port()
    args = ["tcp"] if args is None and side == "python" else args or []
    begin(side, name, *args, *door(side, port), port=None if name == "once" else port)
    while name == "once" and f":{port:04X} 00000000:0000 0A" not in pathlib.Path("/proc/net/tcp").read_text():
        time.sleep(0.02)
    assert talk(port, sent) == answer


@both
def test_upper_takes_datagrams(begin, side):
    port = udp_port()
    begin(side, "upper", *(door("c", port, "udp") if side == "c" else ["udp", port]))
    until_bound(port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", port))
        s.settimeout(10)
        s.send(b"hello")
        assert s.recv(100) == b"HELLO"


@both
def test_doors(begin, free_port, tmp_path, side):
    port, path = free_port(), str(tmp_path / "door")
    doors = [f"tcp://127.0.0.1:{port}", f"unix:{path}"] if side == "c" else [f"127.0.0.1:{port}", path]
    begin(side, "doors", *doors, port=port)
    assert talk(port, b"") == f"you came by 127.0.0.1:{port}\n".encode()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        assert s.makefile().read() == f"you came by {path}\n"


@both
def test_clock(begin, free_port, side):
    port = free_port()
    begin(side, "clock", *door(side, port), port=port)
    with dial(port) as s:
        times = [float(line) for line, _ in zip(s.makefile(), range(2))]
    assert 0 < times[1] - times[0] < 5


@both
def test_guarded(begin, free_port, side):
    port = free_port()
    begin(side, "guarded", "192.0.2.0/24", *door(side, port), port=port)
    with dial(port) as first:
        while (said := first.makefile().readline()) == "one at a time\n":  # the probe of listens() is still there
            first = dial(port)
        assert said.startswith("welcome, 127.0.0.1:")
        assert talk(port, b"") == b"one at a time\n"


@both
def test_isolated(begin, free_port, side):
    port = free_port()
    server = begin(side, "isolated", *door(side, port), port=port)
    with dial(port) as s:
        lines = s.makefile("rw")
        lines.write("hello\n")
        lines.flush()
        process, _, said = lines.readline().partition(" ")
        assert said == "heard: hello\n" and int(process) != server.pid
        with dial(port) as other:
            other.sendall(b"crash\n")
            assert other.recv(100) == b""
        server.expect(": its process crashed\n")
        lines.close()


@both
def test_login(begin, side):
    begin(side, "login", port=9999)
    user, password = "请输入用户名:".encode(), "请输入密码:".encode()
    assert talk(9999, b"li\n1\nzhao\n123\n") == (
        user + password + "用户名或密码输入错误\n".encode() + user + password + "登录成功\n".encode())


@both
def test_framed(begin, side):
    begin(side, "framed", port=7001)
    with dial(7001) as s:
        for m in (b"a", b"b" * 1000):
            s.sendall(struct.pack("!I", len(m)) + m)
            answer = b"%d bytes" % len(m)
            assert s.recv(100) == struct.pack("!I", len(answer)) + answer


@both
def test_file(begin, tmp_path, side):
    data = random.Random(4).randbytes(1_000_000)
    (tmp_path / "file").write_bytes(data)
    begin(side, "file", tmp_path / "file", port=8000)
    assert talk(8000, b"") == data


# ---- Two programs speak with each other, whichever each is written in


@crossed
def test_file_transfer(begin, run, free_port, tmp_path, server, client):
    folder, into, port = tmp_path / "folder", tmp_path / "got", free_port()
    folder.mkdir()
    data = random.Random(8).randbytes(1_000_001)
    (folder / "some 文件").write_bytes(data)
    (tmp_path / "secret").write_text("not yours")
    begin(server, "file_server", folder, *door(server, port), port=port)
    told = run(client, "file_client", *to(client, port), "some 文件", into)
    assert told == f"some 文件  1000001 bytes  {hashlib.md5(data).hexdigest()}\n" and into.read_bytes() == data
    for name in ("../secret", "nothing"):
        into.unlink(missing_ok=True)
        run(client, "file_client", *to(client, port), name, into, status=1)
        assert not into.exists()


@crossed
def test_chat(begin, free_port, server, client):
    port = free_port()
    begin(server, "chat_server", *door(server, port), port=port)
    ann, bob = (begin(client, "chat_client", *to(client, port)) for _ in range(2))
    while "hello" not in bob.said:
        ann.type("hello")
        time.sleep(0.05)
    bob.type("你好")
    ann.expect(": 你好\n")
    bob.process.stdin.close()
    bob.end(None)
    ann.expect(" left\n")
    ann.process.stdin.close()
    ann.end(None)


@crossed
def test_udp_talk(begin, server, client):
    one, two = udp_port(), udp_port()
    peers = []
    for side, mine, theirs in ((server, one, two), (client, two, one)):
        there = f"udp://127.0.0.1:{theirs}" if side == "c" else f"127.0.0.1:{theirs}"
        peers.append(begin(side, "udp_talk", f"127.0.0.1:{mine}", there, "GB2312"))
    until_bound(one, two)
    ann, bob = peers
    ann.type("再见")
    bob.expect(f"127.0.0.1:{one}: 再见\n")
    bob.type("hello")
    ann.expect(f"127.0.0.1:{two}: hello\n")
    for one in peers:
        one.process.stdin.close()
        one.end(None)


@crossed
def test_udp_q(begin, run, server, client):
    port = udp_port()
    there = begin(server, "udp_q_server", *door(server, port, "udp"))
    until_bound(port)
    args = [f"udp://127.0.0.1:{port}"] if client == "c" else ["127.0.0.1", port]
    assert run(client, "udp_q_client", *args, input="hello\nQ\nnever said\n") == "5 bytes, thank you\n"
    there.end(None)
    assert there.said.endswith(": Q\n")


@crossed
def test_who_and_source(begin, run, free_port, server, client):
    port, mine = free_port(), free_port()
    there = begin(server, "who", *door(server, port), port=port)
    if client == "c":
        said = run(client, "source", f"tcp://127.0.0.1:{port}", f"127.0.0.1:{mine}")
    else:
        said = run(client, "source", "127.0.0.1", port, "127.0.0.1", mine)
    assert said == f"127.0.0.1:{mine} -> 127.0.0.1:{port}\nwelcome, 127.0.0.1:{mine}\n"
    there.expect(f"127.0.0.1:{mine} connected\n")
    there.expect(f"127.0.0.1:{mine} left\n")


@crossed
def test_relay_to_an_echo(begin, free_port, server, client):
    """Here the client is the relay, which asks the server for its own client."""
    port, middle = free_port(), free_port()
    begin(server, "echo", *door(server, port), port=port)
    begin(client, "relay", *door(client, middle), *to(client, port), port=middle)
    data = random.Random(5).randbytes(50_000)
    assert talk(middle, data) == data


@crossed
def test_asking(begin, run, free_port, server, client):
    port = free_port()
    begin(server, "echo", *door(server, port), port=port)
    where = f"tcp://127.0.0.1:{port}" if client == "c" else f"127.0.0.1:{port}"
    assert run(client, "ask_all", where, where) == f"{where}: hello\n" * 2
    assert run(client, "many", where) == f"{where}  HEAD / HTTP/1.0\n"


@crossed
def test_tls(begin, run, free_port, tmp_path, server, client):
    port, key, cert = free_port(), tmp_path / "key", tmp_path / "pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    begin(server, "tls_echo", *door(server, port, "tls"), cert, key, port=port)
    assert run(client, "tls_client", *to(client, port, "tls"), cert, input="hello\n") == "hello\n"


@crossed
def test_web(begin, run, free_port, tmp_path, server, client):
    port = free_port()
    begin(server, "mirror", *door(server, port), port=port)
    assert "200" in run(client, "fetch", f"http://127.0.0.1:{port}/a?b", tmp_path / "page")
    assert f"host: 127.0.0.1:{port}" in (tmp_path / "page").read_text().lower()


# ---- Against somebody else's server


@both
@pytest.mark.parametrize("size", [0, 1428, 100_000])
def test_tftp_get(run, tmp_path, side, size):
    program = shutil.which("atftpd", path="/usr/sbin:/usr/bin")
    if not program:
        pytest.skip("no atftpd here")
    folder, port, data = tmp_path / "boot", udp_port(), random.Random(size).randbytes(size)
    folder.mkdir()
    (folder / "image").write_bytes(data)
    line = [program, "--daemon", "--no-fork", f"--user={pwd.getpwuid(os.getuid()).pw_name}", "--bind-address=127.0.0.1",
            f"--port={port}", folder]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        until_bound(port)
        where = [f"127.0.0.1:{port}"] if side == "c" else ["127.0.0.1", port]
        run(side, "tftp_get", *where, "image", tmp_path / "got")
        run(side, "tftp_get", *where, "nothing", tmp_path / "none", status=1)
        daemon.terminate()
    assert (tmp_path / "got").read_bytes() == data and not (tmp_path / "none").exists()


def test_every_python_is_run(top):
    tests = pathlib.Path(__file__).read_text()
    assert {p.stem for p in (top / "examples/python").glob("*.py") if f'"{p.stem}"' not in tests} == set()
