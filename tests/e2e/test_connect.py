"""pier connect: what netcats get wrong, each as one promise, against real sockets and real peers."""

import json
import os
import re
import socket
import struct
import subprocess
import threading
import time

import pytest


@pytest.fixture
def serve():
    """serve(handler) accepts one peer on a fresh port and gives it to handler in a thread; gives the endpoint."""
    threads = []

    def start(handler, family=socket.AF_INET, kind=socket.SOCK_STREAM, address=("127.0.0.1", 0)):
        listener = socket.socket(family, kind)
        listener.bind(address)
        if kind != socket.SOCK_DGRAM:
            listener.listen()

        def work():
            with listener:
                if kind == socket.SOCK_DGRAM:
                    return handler(listener)
                peer, _ = listener.accept()
                with peer:
                    handler(peer)

        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()
        if family == socket.AF_INET:
            return "%s:%d" % listener.getsockname()
        return address

    yield start
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def read_all(peer):
    return b"".join(iter(lambda: peer.recv(65536), b""))


def events(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def open_stdin(pier, *args, **more):
    """The command with a stdin that stays open."""
    return subprocess.Popen([pier.path, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


# ---- Endings ---------------------------------------------------------------------------------------------------------


def test_a_reply_long_after_our_end_arrives(pier, serve):
    def late(peer):
        asked = read_all(peer)  # ends only because we were told that stdin had
        time.sleep(1.5)
        peer.sendall(b"you said " + asked)

    done = pier("connect", serve(late), input="hello\n")
    assert done.stdout == "you said hello\n" and done.stderr == ""


def test_a_server_that_speaks_late_is_heard_without_stdin(pier, serve):
    def late(peer):
        time.sleep(1.5)
        peer.sendall(b"at last\n")

    assert pier("connect", serve(late), stdin=subprocess.DEVNULL).stdout == "at last\n"


def test_when_the_peer_closes_we_exit_though_stdin_is_open(pier, serve):
    process = open_stdin(pier, "connect", serve(lambda peer: peer.sendall(b"bye\n")))
    assert process.wait(5) == 0
    assert process.stdout.read() == b"bye\n" and process.stderr.read() == b""


def test_a_reset_is_told_from_an_end(pier, serve):
    def reset(peer):
        peer.sendall(b"half")
        assert peer.recv(1)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    done = pier("connect", serve(reset), input="x", status=6)
    assert done.stdout == "half" and "reset by the peer" in done.stderr


def test_when_nobody_reads_stdout_we_exit(pier, serve):
    def flood(peer):
        try:
            while True:
                peer.sendall(bytes(65536))
        except OSError:
            pass

    process = open_stdin(pier, "connect", serve(flood))
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(5) == 9


def test_when_nobody_reads_stdout_we_exit_also_with_nothing_to_write(pier, serve):
    process = open_stdin(pier, "connect", serve(read_all))
    time.sleep(0.3)
    process.stdout.close()
    assert process.wait(5) == 9
    assert process.stderr.read() == b""


def test_without_a_stdin_the_peer_is_heard(pier, serve):
    url = serve(lambda peer: peer.sendall(read_all(peer) + b"heard\n"))
    done = subprocess.run(["sh", "-c", f'exec 0<&-; "{pier.path}" connect {url}'], capture_output=True, timeout=10)
    assert (done.returncode, done.stdout) == (0, b"heard\n")


def test_without_a_stdout_nothing_is_lost_in_silence(pier, serve):
    url = serve(lambda peer: peer.sendall(b"lost\n"))
    done = subprocess.run(
        ["sh", "-c", f'exec 1>&-; "{pier.path}" connect {url}'], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=10
    )
    assert done.returncode == 9 and b"stdout" in done.stderr


def test_a_full_disk_is_told(pier, serve):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [pier.path, "connect", serve(lambda peer: peer.sendall(b"data"))],
            stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=10,
        )
    assert done.returncode == 9 and b"No space left" in done.stderr


def test_until_stdin_does_not_wait_for_the_peer(pier, serve):
    gone = threading.Event()
    url = serve(lambda peer: (read_all(peer), gone.set()))
    began = time.monotonic()
    pier("connect", "--until=stdin", url, input="x")
    assert time.monotonic() - began < 1.5 and gone.wait(3)


def test_until_both_goes_on_sending_after_the_peer_has_ended(pier, serve):
    heard = []

    def half(peer):
        peer.shutdown(socket.SHUT_WR)
        heard.append(read_all(peer))

    process = open_stdin(pier, "connect", "--until=both", serve(half))
    time.sleep(0.4)
    process.stdin.write(b"still here")
    process.stdin.close()
    assert process.wait(5) == 0
    time.sleep(0.1)
    assert heard == [b"still here"]


# ---- Why it could not ------------------------------------------------------------------------------------------------


def test_refused_timed_out_and_no_such_name_are_three_statuses(pier, free_port):
    refused = pier("connect", f"127.0.0.1:{free_port()}", status=4)
    assert re.fullmatch(r"pier: 127\.0\.0\.1 port \d+: refused \(.*\)\n", refused.stderr) and refused.stdout == ""
    assert "nosuch.invalid: name not found" in pier("connect", "nosuch.invalid:80", status=3).stderr

    with socket.socket() as full:  # a queue that is full answers nobody: listen(2), tcp(7)
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address, waiting = full.getsockname(), []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(address)
        time.sleep(0.1)
        began = time.monotonic()
        late = pier("connect", "-w", "700ms", "%s:%d" % address, status=5)
        assert "no answer in 700 ms" in late.stderr and time.monotonic() - began < 3
        for s in waiting:
            s.close()


def test_a_socket_file_without_a_server_is_refused(pier, tmp_path):
    assert "no such socket" in pier("connect", f"unix:{tmp_path}/none", status=4).stderr
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{tmp_path}/dead")
    assert "refused" in pier("connect", f"unix:{tmp_path}/dead", status=4).stderr


def test_silence_ends_it_only_when_asked(pier, serve):
    process = open_stdin(pier, "connect", "--idle=400ms", serve(read_all))
    assert process.wait(5) == 5
    assert b"nothing came or went for 400 ms" in process.stderr.read()


def test_a_deadline_ends_even_a_busy_talk(pier, serve):
    def tick(peer):
        try:
            while True:
                peer.sendall(b".")
                time.sleep(0.05)
        except OSError:
            pass

    process = open_stdin(pier, "connect", "--deadline=500ms", serve(tick))
    assert process.wait(5) == 5
    assert b"deadline" in process.stderr.read() and len(process.stdout.read()) > 3


@pytest.mark.parametrize("wrong", [[], ["a:1", "b:2"], ["nonsense"], ["tcp://:99999"], ["--bogus", "a:1"], ["--until=never", "a:1"]])
def test_what_cannot_be_meant_is_a_usage_error(pier, wrong):
    done = pier("connect", *wrong, status=2)
    assert done.stderr.startswith("pier: ") and done.stderr.count("\n") == 1


# ---- What goes and comes ---------------------------------------------------------------------------------------------


def test_a_bare_endpoint_means_connect(pier, serve):
    assert pier(serve(lambda peer: peer.sendall(read_all(peer))), input="x").stdout == "x"
    assert "in" in pier("--json", serve(lambda peer: peer.sendall(read_all(peer))), input="x").stdout


def test_bytes_of_every_kind_arrive_whole_both_ways(pier, serve):
    data = os.urandom(8 << 20)

    def echo(peer):
        while got := peer.recv(65536):
            peer.sendall(got)

    assert pier("connect", serve(echo), input=data, text=False).stdout == data


def test_crlf_is_made_once_however_it_is_read(pier, serve):
    heard = []
    process = open_stdin(pier, "connect", "-C", serve(lambda peer: heard.append(read_all(peer))))
    for piece in (b"one\n", b"two\r", b"\nthree\r\n"):
        process.stdin.write(piece)
        process.stdin.flush()
        time.sleep(0.2)
    process.stdin.close()
    assert process.wait(5) == 0 and heard == [b"one\r\ntwo\r\nthree\r\n"]


def test_json_tells_all_and_ends_with_the_status(pier, serve):
    url = serve(lambda peer: peer.sendall(b"\xff" + read_all(peer)))
    told = events(pier("connect", "--json", url, input="hi\n"))
    assert [e["ev"] for e in told] == ["open", "data", "data", "close"]
    assert all(list(e)[0] == "ev" and e["t"] >= 0 for e in told)
    assert (told[0]["proto"], told[0]["peer"]) == ("tcp", url)
    assert (told[1]["dir"], told[1]["len"], told[1]["text"]) == ("out", 3, "hi\n")
    assert (told[2]["dir"], told[2]["hex"]) == ("in", "ff68690a")
    assert (told[3]["sent"], told[3]["received"], told[3]["status"], told[3]["why"]) == (3, 4, 0, "peer closed")


def test_json_tells_of_failure_as_well(pier, free_port):
    told = events(pier("connect", "--json", f"127.0.0.1:{free_port()}", status=4))
    assert [e["ev"] for e in told] == ["error", "close"]
    assert "refused" in told[0]["why"] and told[1]["status"] == 4


def test_hex_is_shown_and_typed(pier, serve):
    url = serve(lambda peer: peer.sendall(read_all(peer)[::-1]))
    shown = pier("connect", "-x", "--send=hex", url, input="01 03 0a\n").stdout
    assert "→    3  01 03 0a" in shown and "←    3  0a 03 01" in shown
    assert re.search(r"^\d\d:\d\d:\d\d\.\d{3}  ←", pier("-t", serve(lambda p: p.sendall(b"x\n")), input="").stdout)
    pier("connect", "--send=hex", serve(read_all), input="01 0\n", status=2)


def test_no_option_no_noise_and_v_tells(pier, serve):
    told = pier("connect", "-v", serve(lambda peer: peer.sendall(read_all(peer))), input="x").stderr
    assert "connected to 127.0.0.1:" in told and "sent 1, received 1 bytes" in told


# ---- Datagrams -------------------------------------------------------------------------------------------------------


def test_the_largest_datagram_goes_and_comes_whole(pier, serve, tmp_path):
    def echo(server):
        got, peer = server.recvfrom(70000)
        server.sendto(got, peer)

    data = os.urandom(65507)
    (tmp_path / "data").write_bytes(data)
    url = "udp://" + serve(echo, kind=socket.SOCK_DGRAM)
    with open(tmp_path / "data", "rb") as stdin:
        assert pier("connect", url, stdin=stdin, text=False).stdout == data


def test_an_empty_datagram_ends_nothing(pier, serve):
    def answer(server):
        _, peer = server.recvfrom(100)
        for reply in (b"before", b"", b" after"):
            server.sendto(reply, peer)

    told = events(pier("connect", "--json", "udp://" + serve(answer, kind=socket.SOCK_DGRAM), input="x"))
    assert [e["text"] for e in told if e.get("dir") == "in"] == ["before", "", " after"]


def test_an_unreachable_udp_port_is_refused(pier, free_port):
    done = pier("connect", f"udp://127.0.0.1:{free_port()}", input="x", status=4)
    assert "refused" in done.stderr


def test_answers_may_come_for_half_a_second_and_no_longer(pier, serve):
    def answer(server):
        _, peer = server.recvfrom(100)
        time.sleep(0.25)
        server.sendto(b"late", peer)
        time.sleep(1)

    began = time.monotonic()
    assert pier("connect", "udp://" + serve(answer, kind=socket.SOCK_DGRAM), input="x").stdout == "late"
    assert time.monotonic() - began < 2.5


def test_without_anything_said_a_datagram_socket_does_not_linger(pier, free_port):
    began = time.monotonic()
    pier("connect", "--linger=5s", f"udp://127.0.0.1:{free_port()}", stdin=subprocess.DEVNULL)
    assert time.monotonic() - began < 2


# ---- This machine's sockets ------------------------------------------------------------------------------------------


def test_unix_abstract_and_seqpacket(pier, serve, tmp_path):
    def echo(peer):
        peer.sendall(read_all(peer))

    path = f"{tmp_path}/s"
    serve(echo, family=socket.AF_UNIX, address=path)
    assert pier("connect", f"unix:{path}", input="path").stdout == "path"

    name = f"pier-test-{os.getpid()}"
    serve(echo, family=socket.AF_UNIX, address="\0" + name)
    assert pier("connect", f"unix:@{name}", input="abstract").stdout == "abstract"

    path = f"{tmp_path}/q"
    serve(lambda peer: peer.send(peer.recv(100) + b"!"), family=socket.AF_UNIX, kind=socket.SOCK_SEQPACKET, address=path)
    assert pier("connect", f"seqpacket:{path}", input="message").stdout == "message!"


# ---- Real peers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", [["nc", "-l", "-N"], ["ncat", "-l"], ["socat", "-"]])
def test_half_close_with(peer, pier, free_port, tmp_path):
    port = free_port()
    (tmp_path / "ours").write_text("from us\n")
    where = [f"TCP-LISTEN:{port},reuseaddr,bind=127.0.0.1"] if peer[0] == "socat" else ["127.0.0.1", str(port)]
    server = subprocess.Popen([*peer, *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    server.stdin.write(b"from the server\n")
    server.stdin.close()
    for _ in range(100):  # until it listens
        with open(tmp_path / "ours") as ours:  # the peer ends its side at once, and what is ready here still goes
            done = pier("connect", f"127.0.0.1:{port}", stdin=ours, status=None)
        if done.returncode != 4:
            break
        time.sleep(0.05)
    assert (done.returncode, done.stdout) == (0, "from the server\n")
    assert server.stdout.read() == b"from us\n"
    server.wait(5)


# ---- Through proxies ----


@pytest.fixture
def proxy(request):
    """proxy("microsocks", …) starts a real one on a free port of 127.0.0.1, and gives that port."""
    running = []

    def start(*command):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        running.append(subprocess.Popen([arg.replace("PORT", str(port)) for arg in command], stderr=subprocess.DEVNULL))
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return port
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise AssertionError(f"{command[0]} does not listen")

    yield start
    for process in running:
        process.kill()
        process.wait()


def answer(peer):
    peer.sendall(peer.recv(100).upper())
    peer.recv(1)


PROXIES = [
    ("socks5://", ["microsocks", "-i", "127.0.0.1", "-p", "PORT"]),
    ("socks5://ann:s%40fe@", ["microsocks", "-i", "127.0.0.1", "-p", "PORT", "-u", "ann", "-P", "s@fe"]),
    ("http://", ["ncat", "-l", "-k", "127.0.0.1", "PORT", "--proxy-type", "http"]),
    ("http://ann:s%40fe@", ["ncat", "-l", "-k", "127.0.0.1", "PORT", "--proxy-type", "http", "--proxy-auth", "ann:s@fe"]),
]


@pytest.mark.parametrize("scheme,command", PROXIES, ids=["socks", "socks password", "http", "http password"])
def test_real_proxies_are_gone_through(pier, serve, proxy, scheme, command):
    port = proxy(*command)
    args = [pier.path, "connect", f"--proxy={scheme}127.0.0.1:{port}", serve(answer)]
    # Its stdin stays open: these proxies take a half-close for the end of both directions.
    with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(b"through\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"THROUGH\n"


def test_what_a_real_proxy_refuses_is_told(pier, proxy):
    port = proxy("microsocks", "-i", "127.0.0.1", "-p", "PORT", "-u", "ann", "-P", "safe")
    done = pier("connect", f"--proxy=socks5://127.0.0.1:{port}", "127.0.0.1:9", input="", status=None)
    assert done.returncode != 0
    assert f"(proxy 127.0.0.1:{port}: it wants a user and a password)" in done.stderr
    done = pier("connect", f"--proxy=socks5://ann:safe@127.0.0.1:{port}", "127.0.0.1:9", input="", status=None)
    assert "connect to 127.0.0.1:9: Connection refused (proxy" in done.stderr
    assert "safe" not in done.stderr
