"""Every example runs, and does what its first lines say."""

import hashlib
import pathlib
import random
import socket
import subprocess
import threading
import time

import pytest


@pytest.fixture
def run(build):
    """run("pair", …) runs an example to its end and gives what it printed."""

    def example(name, *args, status=0, input=""):
        done = subprocess.run([build / "examples" / name, *args], capture_output=True, input=input.encode())
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()  # text=True would change CR
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        assert done.returncode == status, f"{name} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout, done.stderr

    return example


@pytest.fixture
def serve(start, free_port):
    """serve("echo") starts an example that listens on a free TCP port; gives it and its port."""

    def begin(name, *args):
        port = free_port()
        return start(f"examples/{name}", *args, f"tcp://127.0.0.1:{port}").listens(port), port

    return begin


def talk(port, text):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(text)
        s.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: s.recv(65536), b""))


def udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def bound(port):
    """True when somebody has this UDP port of 127.0.0.1."""
    return f": 0100007F:{port:04X}" in pathlib.Path("/proc/net/udp").read_text()


def wait_until(condition):
    while not condition():  # the test's deadline ends it
        time.sleep(0.02)


def test_echo(serve):
    _, port = serve("echo")
    assert talk(port, b"hello\n") == b"hello\n"


def test_upper_serves_tcp_and_udp_with_one_handler(serve, start):
    _, port = serve("upper")
    assert talk(port, b"hello\n") == b"HELLO\n"
    port = udp_port()
    start("examples/upper", f"udp://127.0.0.1:{port}")
    wait_until(lambda: bound(port))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", port))
        s.settimeout(10)
        s.send(b"hello")
        assert s.recv(100) == b"HELLO"


def test_who_tells_of_a_client_bound_to_a_chosen_port(serve, run, free_port):
    who, port = serve("who")
    ours = f"127.0.0.1:{free_port()}"
    told, _ = run("source", f"tcp://127.0.0.1:{port}", ours)
    assert told == f"{ours} -> 127.0.0.1:{port}\nwelcome, {ours}\n"
    who.expect(f"listening on 127.0.0.1:{port}\n")
    who.expect(f"{ours} connected\n")
    who.expect(f"{ours} left\n")
    _, why = run("source", f"tcp://127.0.0.1:{free_port()}", ours, status=1)
    assert "refused" in why


def test_chat_among_many_who_type_and_read_at_once(serve, start):
    _, port = serve("chat_server")
    ann, bob, eve = (start("examples/chat_client", f"tcp://127.0.0.1:{port}") for _ in range(3))
    while "hello" not in bob.said or "hello" not in eve.said:  # until both are in the room
        ann.type("hello")
        time.sleep(0.05)
    bob.type("你好, ann")
    for other in (ann, eve):
        other.expect(": 你好, ann\n")
    eve.process.stdin.close()  # Ctrl-D
    eve.end(None)
    for other in (ann, bob):
        other.expect(" left\n")
    assert "你好" not in bob.said
    for one in (ann, bob):
        one.process.stdin.close()
        one.end(None)


def test_udp_talk_goes_both_ways_at_once(start):
    one, two = udp_port(), udp_port()
    ann = start("examples/udp_talk", f"127.0.0.1:{one}", f"udp://127.0.0.1:{two}")
    ann.type("anybody there?")  # nobody: she must be able to go on
    time.sleep(0.2)
    bob = start("examples/udp_talk", f"127.0.0.1:{two}", f"udp://127.0.0.1:{one}")
    wait_until(lambda: bound(one) and bound(two))
    ann.type("hello")
    bob.type("你好")
    ann.expect(": 你好\n")
    bob.expect(": hello\n")
    assert "anybody" not in bob.said
    for one in (ann, bob):
        one.process.stdin.close()
        one.end(None)


def test_udp_chat_ends_on_q_on_both_sides(start, run):
    port = udp_port()
    server = start("examples/udp_q_server", f"udp://127.0.0.1:{port}")
    wait_until(lambda: bound(port))
    told, _ = run("udp_q_client", f"udp://127.0.0.1:{port}", input="hello\nquit?\nQ\nnever said\n")
    assert told == "5 bytes, thank you\n5 bytes, thank you\n"
    server.end(None)
    assert server.said.endswith(": Q\n") and "never" not in server.said


def test_glued_shows_run_together_messages_and_the_cures(run):
    told, _ = run("glued")
    assert told.splitlines() == [
        "raw     [onetwothree]",
        "lines   [one] [two] [three]",
        "len16   [one] [two] [three]",
        "len32   [one] [two] [three]",
        'header  {"size": 11} [hello world]',
    ]


def test_file_comes_whole_with_progress_and_md5(serve, run, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    data = random.Random(7).randbytes(3_000_001)
    (folder / "some 文件.bin").write_bytes(data)
    (folder / "empty").touch()
    (tmp_path / "secret").write_text("not yours")
    _, port = serve("file_server", folder)
    url, into = f"tcp://127.0.0.1:{port}", tmp_path / "got"

    told, progress = run("file_client", url, "some 文件.bin", into)
    assert into.read_bytes() == data and "\r100%" in progress
    assert told == f"some 文件.bin  3000001 bytes  {hashlib.md5(data).hexdigest()}\n"
    run("file_client", url, "empty", into)
    assert into.read_bytes() == b""
    for name in ("../secret", "/etc/passwd", "nothing", "."):
        into.unlink(missing_ok=True)
        run("file_client", url, name, into, status=1)
        assert not into.exists()


def lying_server(answer):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener, listener.accept()[0] as s:
            s.recv(1000)
            s.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    "answer, why",
    [
        (b"5 " + b"0" * 32 + b"\nhello", "digest"),
        (b"6 " + hashlib.md5(b"hello").hexdigest().encode() + b"\nhello", "not what was promised"),
        (b"5 " + hashlib.md5(b"hello").hexdigest().encode() + b"\nhello world", "not what was promised"),
        (b"-1 no\n", "-1 no"),
        (b"", "no answer"),
        (b"x" * 10000, "too long"),
    ],
    ids=["digest", "short", "long", "refused", "nothing", "endless"],
)
def test_file_client_believes_only_what_was_promised(run, tmp_path, answer, why):
    _, said = run("file_client", lying_server(answer), "file", tmp_path / "got", status=1)
    assert why in said and not (tmp_path / "got").exists()


@pytest.mark.parametrize("url", ["unix:@pier-test-stream", "unix:{}/s"])
def test_unix_stream(run, tmp_path, url):
    assert run("unix_stream", url.format(tmp_path))[0] == "you said: hello\n"
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("url", ["seqpacket:@pier-test-seq", "seqpacket:{}/s"])
def test_seqpacket_keeps_messages_apart(run, tmp_path, url):
    assert run("seqpacket", url.format(tmp_path))[0] == "[one]\n[two]\n[three]\n"


def test_resolve(run):
    assert "127.0.0.1  127.0.0.1\n" in run("resolve", "127.0.0.1")[0]
    assert run("resolve", "localhost")[0]
    assert run("resolve", "nobody.invalid", status=1)[1] == "nobody.invalid: name not found\n"


def test_pair(run):
    assert run("pair")[0] == "good morning to you\n"


def test_ask_all_waits_for_the_slowest_two_seconds_at_most(serve, run, free_port):
    _, port = serve("echo")
    good, bad = f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{free_port()}"
    assert f"{good}: hello\n" in run("ask_all", good, good)[0]
    told, _ = run("ask_all", good, bad)
    assert f"{good}: hello\n" in told and "refused" in told
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        told, _ = run("ask_all", good, f"tcp://127.0.0.1:{silent.getsockname()[1]}", status=1)
        assert 1.9 < time.monotonic() - start < 3
        assert f"{good}: hello\n" in told


def test_pool_loses_no_job(run):
    for n, primes in ((0, 0), (3, 1), (10000, 1229), (10001, 1229), (1000000, 78498)):
        assert run("pool", str(n))[0] == f"{primes} primes below {n}\n"
    assert "at most" in run("pool", "5000000000", status=2)[1]


def test_sensors_are_remembered_between_reports(serve):
    sensors, port = serve("sensors")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as roof, socket.create_connection(
        ("127.0.0.1", port), timeout=10
    ) as cellar:
        heard = roof.makefile("rw")
        for report, answer in (("20", "mean of 1: 20.00"), ("22", "mean of 2: 21.00"), ("-6", "mean of 3: 12.00")):
            heard.write(report + "\n")
            heard.flush()
            assert heard.readline() == answer + "\n"
        cellar.sendall(b"9\n" + b"x" * 100)  # longer than any report
        assert cellar.makefile().read() == "mean of 1: 9.00\n"
        heard.close()
        roof.close()
        sensors.expect("left after 1 reports: Message too long\n")
        sensors.expect("left after 3 reports\n")


def test_deadline(run):
    assert run("deadline")[0] == (
        "time-out: Connection timed out after 0.2 s\ndeadline: Connection timed out after 0.3 s\n"
    )


def test_every_example_has_a_test(top):
    tests = "".join(p.read_text() for p in (top / "tests/e2e").glob("test_*.py"))
    names = {p.stem for p in (top / "examples").glob("*.c")}
    assert {n for n in names if f'"{n}"' not in tests and f"examples/{n}" not in tests} == set()


def test_ping_asks_by_a_raw_socket(build):
    done = subprocess.run([build / "examples" / "ping", "127.0.0.1"], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("64 bytes from 127.0.0.1 in ")


def test_sniff_sees_what_goes_over_an_interface(build):
    with subprocess.Popen([build / "examples" / "sniff", "lo", "3"], stdout=subprocess.PIPE, text=True) as sniffer:
        if sniffer.stdout.readline() == "":
            assert sniffer.wait() == 77
            pytest.skip("no right to packet sockets")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _ in range(3):
                s.sendto(b"x", ("127.0.0.1", 9))
        lines = sniffer.stdout.read().splitlines()
        assert sniffer.wait() == 0
    assert len(lines) == 3 and all("bytes, packet:lo:0x" in line for line in lines)


def test_pass_fd_reads_what_another_has_opened(run, tmp_path):
    (tmp_path / "file").write_text("what is in it")
    assert run("pass_fd", str(tmp_path / "file"))[0] == "a file, which begins: what is in it\n"


def test_multicast_is_heard_by_every_member(run):
    out, _ = run("multicast", f"239.255.74.37:{udp_port()}")
    assert [line.split(":")[1] for line in out.splitlines()] == [" hello, all"] * 2


def test_ancillary_tells_where_a_datagram_came_in(run):
    out, _ = run("ancillary")
    assert out.startswith('"hello" came to 127.0.0.7 by lo, with 5 hops left')


def test_interfaces_knows_loopback(run):
    out, _ = run("interfaces")
    assert " lo: mtu " in out and "127.0.0.1/8  loopback (RFC 1122 §3.2.1.3)" in out
