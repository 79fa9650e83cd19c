"""Every example runs, and does what its first lines say."""

import hashlib
import os
import pathlib
import pwd
import random
import shutil
import socket
import struct
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


def test_upper_serves_datagrams_at_a_path_too(start, tmp_path):
    start("examples/upper", f"unixgram:{tmp_path}/door")
    wait_until((tmp_path / "door").exists)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(tmp_path / "me"))  # who has no name gets no answer
        s.settimeout(10)
        s.sendto(b"hello", str(tmp_path / "door"))
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


@pytest.fixture
def tftpd(tmp_path):
    """A real TFTP server, Debian's atftpd, over a folder; gives "127.0.0.1:PORT" and the folder."""
    program = shutil.which("atftpd", path="/usr/sbin:/usr/bin")
    if not program:
        pytest.skip("no atftpd here")
    folder, port = tmp_path / "boot", udp_port()
    folder.mkdir()
    who = pwd.getpwuid(os.getuid()).pw_name
    command = [program, "--daemon", "--no-fork", f"--user={who}", "--bind-address=127.0.0.1", f"--port={port}", folder]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        wait_until(lambda: bound(port) or daemon.poll() is not None)
        yield f"127.0.0.1:{port}", folder
        daemon.terminate()


@pytest.mark.parametrize("size", [0, 1, 1427, 1428, 1429, 200_000])
def test_tftp_get_downloads_from_a_real_server(tftpd, run, tmp_path, size):
    where, folder = tftpd
    data = random.Random(size).randbytes(size)
    (folder / "image").write_bytes(data)
    run("tftp_get", where, "image", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == data


def test_tftp_get_tells_what_the_server_says(tftpd, run, tmp_path):
    _, why = run("tftp_get", tftpd[0], "nothing", tmp_path / "got", status=1)
    assert "not found" in why and not (tmp_path / "got").exists()


def test_tftp_get_survives_loss_doubles_strangers_and_a_server_without_options(run, tmp_path):
    """By RFC 1350 alone, in blocks of 512: each second packet is lost, some come twice, a stranger meddles."""
    data = random.Random(3).randbytes(1300)
    door, stranger = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    door.bind(("127.0.0.1", 0))

    def serve():
        with door, stranger, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            door.recvfrom(600)
            want, client = door.recvfrom(600)  # the first was lost
            assert want == b"\0\1image\0octet\0blksize\x001428\0"
            for block in range(1, 4):
                packet = struct.pack("!HH", 3, block) + data[512 * (block - 1) : 512 * block]
                own.bind(("127.0.0.1", 0)) if block == 1 else None
                own.sendto(packet, client)
                stranger.sendto(struct.pack("!HH", 3, block + 1) + b"lies", client)
                own.sendto(packet, client)
                while own.recvfrom(600)[0] != struct.pack("!HH", 4, block):
                    pass

    server = threading.Thread(target=serve)
    server.start()
    run("tftp_get", f"127.0.0.1:{door.getsockname()[1]}", "image", tmp_path / "got")
    server.join()
    assert (tmp_path / "got").read_bytes() == data


def test_tftp_get_takes_an_agreement_that_comes_twice_for_one(run, tmp_path):
    """RFC 2347 §3: the OACK is acknowledged by block 0. Its double is no data."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))

        def serve():
            _, client = door.recvfrom(600)
            for _ in range(2):
                door.sendto(b"\0\6blksize\x00512\0", client)
            while door.recvfrom(600)[0] != b"\0\4\0\0":
                pass
            door.sendto(b"\0\3\0\1all of it", client)
            while door.recvfrom(600)[0] != b"\0\4\0\1":
                pass

        server = threading.Thread(target=serve)
        server.start()
        run("tftp_get", f"127.0.0.1:{door.getsockname()[1]}", "image", tmp_path / "got")
        server.join()
    assert (tmp_path / "got").read_bytes() == b"all of it"


def test_handshake_shows_what_goes_over_the_wire(build):
    done = subprocess.run([build / "examples" / "handshake"], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(done.stderr)
    up, down = "  client -> server  ", "  server -> client  "
    step = [s.partition("\n")[2] for s in done.stdout.split("\n\n")]
    assert step[0] == f"{up}SYN  seq 0\n{down}SYN|ACK  seq 0 ack 1\n{up}ACK  seq 1 ack 1"
    assert step[1].startswith(f"{up}PSH|ACK  seq 1 ack 1, 5 bytes")
    assert step[2].startswith(f"{up}FIN|ACK  seq 6 ack 1")
    assert f"{down}FIN|ACK  seq 1 ack 7\n{up}ACK  seq 7 ack 2" in step[3]


def test_tcp_states_are_those_of_the_standard(run):
    told = [line.split() for line in run("tcp_states")[0].splitlines()]
    ends = [(words[words.index("client") + 1], words[-1]) for words in told if "client" in words]
    assert ends == [
        ("CLOSED", "CLOSED"),
        ("CLOSED", "LISTEN"),
        ("ESTABLISHED", "ESTABLISHED"),
        ("FIN-WAIT-2", "CLOSE-WAIT"),
        ("CLOSED", "CLOSED"),
    ]


def test_address_tells_classes_and_special_blocks(run):
    out, err = run("address", "10.1.2.3", "224.0.0.1", "8.8.8.8", "::1", "300.1.1.1", status=1)
    assert "10.0.0.0/8           private (RFC 1918 §3)\n" in out and "class D (RFC 1112 §4)\n" in out
    assert "8.8.8.8  global\n" in out and "::1/128              loopback (RFC 4291 §2.5.3)\n" in out
    assert err == "300.1.1.1 is no address\n"


def test_names_asks_all_that_can_be_asked(run):
    out, _ = run("names", "localhost", "http")
    for line in ("http is port 80", "port 443 is https", "tcp is protocol 6", "AF_INET SOCK_STREAM IPPROTO_TCP 127.0.0.1:80"):
        assert line + "\n" in out
    assert f"I am {socket.gethostname()}\n" in out and "  127.0.0.1" in out
    assert "name not found" in run("names", "nobody.invalid", "http", status=1)[1]


def test_udp_talk_speaks_other_charsets(start, run):
    """Chinese text goes over the wire in GB2312, two bytes a character, and comes out as UTF-8."""
    mine = udp_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        ann = start("examples/udp_talk", f"127.0.0.1:{mine}", f"udp://127.0.0.1:{other.getsockname()[1]}", "GB2312")
        ann.type("你好, bob")
        other.settimeout(10)
        assert other.recv(100) == "你好, bob".encode("gb2312")
        other.sendto("再见".encode("gb2312"), ("127.0.0.1", mine))
        ann.expect(": 再见\n")
        ann.process.stdin.close()  # Ctrl-D
        ann.end(None)
    assert "no charset" in run("udp_talk", "127.0.0.1:0", "udp://127.0.0.1:9", "klingon", status=2)[1]


def test_isolated_crashes_alone(serve):
    server, port = serve("isolated")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as other:
        lines = other.makefile("rw")
        lines.write("hello\n")
        lines.flush()
        process, _, said = lines.readline().partition(" ")
        assert said == "heard: hello\n" and int(process) != server.pid
        assert talk(port, b"crash\n") == b""
        server.expect(": its process crashed\n")
        lines.write("still here\n")
        lines.flush()
        assert lines.readline() == f"{process} heard: still here\n"
        lines.close()


def test_guarded_lets_in_whom_it_should(start, free_port):
    port, barred = free_port(), free_port()
    start("examples/guarded", "192.0.2.0/24", f"tcp://127.0.0.1:{port}").listens(port)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as first:
        while (said := first.makefile().readline()) == "one at a time\n":  # the probe of listens() is still there
            first = socket.create_connection(("127.0.0.1", port), timeout=10)
        assert said.startswith("welcome, 127.0.0.1:")
        assert talk(port, b"") == b"one at a time\n"
    start("examples/guarded", "127.0.0.0/8", f"tcp://127.0.0.1:{barred}").listens(barred)
    try:
        with socket.create_connection(("127.0.0.1", barred), timeout=10) as s:
            assert s.recv(100) == b""
    except ConnectionResetError:
        pass  # closed at once, before it was spoken to


def test_doors_lead_to_one_handler(start, free_port, tmp_path):
    ports, path = [free_port(), free_port()], str(tmp_path / "door")
    start("examples/doors", *(f"tcp://127.0.0.1:{p}" for p in ports), f"unix:{path}").listens(ports[0])
    for port in ports:
        assert talk(port, b"") == f"you came by 127.0.0.1:{port}\n".encode()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        assert s.makefile().read() == f"you came by {path}\n"


def test_once_serves_one_or_gives_up(start, run, free_port):
    port = free_port()
    once = start("examples/once", "10", f"tcp://127.0.0.1:{port}").listens(port)  # who asks is the one
    once.end(None)
    assert run("once", "1", "tcp://127.0.0.1:0", status=1)[0] == "nobody came\n"


def test_clock_strikes_for_all(serve):
    _, port = serve("clock")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as a:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as b:
            for s in (a, b):
                times = [float(line) for line, _ in zip(s.makefile(), range(3))]
                assert 0.4 < times[1] - times[0] < 5 and abs(times[2] - time.time()) < 5


def test_proxied_believes_the_proxy(serve):
    _, port = serve("proxied")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 4321 80\r\n")
        assert s.makefile().read() == "you are 192.0.2.7:4321\n"


def test_tried_tells_of_each_address(run, serve, free_port):
    _, port = serve("echo")
    assert f"127.0.0.1:{port} after " in run("tried", f"tcp://localhost:{port}")[0]
    out, why = run("tried", f"tcp://127.0.0.1:{free_port()}", status=1)
    assert out.endswith(" ms: Connection refused\n") and "refused" in why


def test_reader_reads_as_files_are_read(run):
    assert run("reader")[0].splitlines() == [
        "input: 0",
        "some: as it comes",
        "input: 1",
        "ahead: na",
        "line: name",
        "eight: 12345678",
        "clause: zero",
        "clause: one",
        "clause: two",
    ]


def test_handle_does_what_sockets_do(run, tmp_path):
    (tmp_path / "file").write_text("the first line\nthe second\n")
    assert run("handle", tmp_path / "file")[0].splitlines()[1:] == [
        "inheritable 1",
        f"IPv6 {socket.has_ipv6:d}, both {socket.has_dualstack_ipv6():d}",
        "time-out 5 s",
        "twins: -1 1 1",
        "Resource temporarily unavailable",
        "Connection timed out after 0.05 s",
        "ahead: hello, world",
        "all: hello, world",
        "[head body] [one] [two]",
        "26 bytes: the first line",
        "Broken pipe: gone 1",
    ]


def test_tasks_wait_for_each_other(run):
    assert run("tasks")[0].splitlines() == [
        "once",
        "5 jobs done",
        "the sleeper: Operation canceled",
        "sum 500000500000",
        "right brought 7",
    ]


def test_echo_takes_its_socket_from_systemd(build):
    """As docs/guide/systemd starts it: a socket that listens already is descriptor 3."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port, fd = listening.getsockname()[1], listening.fileno()
        shell = f'exec 3<&{fd}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" systemd:'
        with subprocess.Popen(["bash", "-c", shell, build / "examples" / "echo"], pass_fds=[fd]) as echo:
            assert talk(port, b"hello\n") == b"hello\n"
            echo.terminate()
            assert echo.wait(20) == 0


def test_options_are_set_where_they_belong(run):
    told = dict(line.split(None, 1) for line in run("options")[0].replace("by number", "number").splitlines())
    for option in ("reuse", "buffers", "linger", "nodelay", "keepalive", "number", "broadcast", "hops", "credentials"):
        assert told[option] == "set", told
    assert told["v6only"] == "Protocol not available" and told["peer"] == f"uid {os.getuid()}"
    assert told["now"] == "131072 bytes, linger 0"


def test_relay_stands_between(serve, start, free_port):
    _, port = serve("echo")
    door = free_port()
    start("examples/relay", f"tcp://127.0.0.1:{door}", f"tcp://127.0.0.1:{port}").listens(door)
    data = random.Random(9).randbytes(2_000_000)
    with socket.create_connection(("127.0.0.1", door), timeout=10) as s:
        sender = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
        sender.start()
        assert b"".join(iter(lambda: s.recv(65536), b"")) == data
        sender.join()
