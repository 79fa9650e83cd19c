"""The contract programs, unchanged, over real sockets."""

import http.server
import random
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest


def dial(port, **options):
    return socket.create_connection(("127.0.0.1", port), timeout=20, **options)


def read_all(s):
    return b"".join(iter(lambda: s.recv(65536), b""))


@pytest.fixture
def program(build):
    """program(name, *args) starts a contract program, which must end well when told to stop."""
    running = []

    def start(name, *args):
        running.append(subprocess.Popen([build / "tests/contract" / f"contract_{name}", *args]))
        return running[-1]

    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(20) for process in running] == [0] * len(running)


@pytest.fixture
def tcp_program(program):
    """Starts one that listens, and waits until it does. The ports are those in the sources."""

    def start(name, port, *args):
        while True:
            process = program(name, *args)
            while process.poll() is None:
                try:
                    dial(port).close()
                    return
                except OSError:
                    time.sleep(0.02)
            pytest.fail(f"{name} does not listen on port {port}")

    return start


def test_echo_gives_back_a_mebibyte_sent_in_odd_pieces(tcp_program):
    tcp_program("echo", 7000)
    sent, chance = random.Random(1).randbytes(1 << 20), random.Random(2)

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


@pytest.mark.within(90)
def test_chat_cuts_the_one_who_never_reads_and_only_that_one(tcp_program):
    tcp_program("chat", 7000)
    speaker, *readers = [dial(7000) for _ in range(49)]
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", 7000))
    while True:  # everyone has joined when everyone hears
        speaker.sendall(b"ready?\n")
        time.sleep(0.1)
        if len(select.select(readers, [], [], 0)[0]) == len(readers):
            break
    prefix = f"127.0.0.1:{speaker.getsockname()[1]}: ".encode()
    speaker.sendall(b"go\n")
    for r in readers:
        heard = b""
        while not heard.endswith(prefix + b"go\n"):
            heard += r.recv(4096)

    line = b"x" * 480 + b"\n"
    batch = (prefix + line) * 20
    for _ in range(600):  # more than any socket holds for the deaf one
        speaker.sendall(line * 20)
        for r in readers:
            got = b""
            while len(got) < len(batch):
                more = r.recv(len(batch) - len(got))
                assert more, "a reader was cut off"
                got += more
            assert got == batch
    deaf.settimeout(20)
    heard = 0
    try:
        while more := deaf.recv(65536):
            heard += len(more)
    except ConnectionResetError:
        pass
    assert heard < 600 * len(batch)
    for s in (speaker, *readers, deaf):
        s.close()


def test_upper_keeps_the_bounds_of_datagrams_large_and_empty(program):
    program("upper")
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
        s.settimeout(10)
        for size in (65507, 0, 1, 1472):
            sent = b"abcdefg"[:1] * size
            s.send(sent)
            assert s.recv(65536) == sent.upper()


def test_login_asks_until_the_password_is_right(tcp_program):
    tcp_program("login", 9999)
    with dial(9999) as s:
        s.sendall("zhao\r\n错\nzhao\n123\n".encode())
        assert read_all(s).decode() == "请输入用户名:请输入密码:用户名或密码输入错误\n请输入用户名:请输入密码:登录成功\n"


def frame(message):
    return struct.pack(">I", len(message)) + message


def test_framed_refuses_what_is_too_long_and_serves_on(tcp_program):
    tcp_program("framed", 7001)
    with dial(7001) as s:
        for piece in (frame(b"") + frame(b"hello"), frame(b"x" * (1 << 20))):
            s.sendall(piece)
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == frame(b"0 bytes") + frame(b"5 bytes") + frame(b"1048576 bytes")
    with dial(7001) as s:
        s.sendall(struct.pack(">I", (1 << 20) + 1))
        try:
            assert read_all(s) == b""
        except ConnectionResetError:
            pass
    with dial(7001) as s:
        s.sendall(frame(b"still there?"))
        assert s.recv(100) == frame(b"12 bytes")


@pytest.mark.within(240)
def test_file_gives_a_gibibyte_to_eight_at_once(tcp_program, tmp_path):
    block = random.Random(3).randbytes((1 << 20) - 8)
    with open(tmp_path / "big", "wb") as f:
        for i in range(1024):
            f.write(struct.pack(">Q", i) + block)
    tcp_program("file", 8000, tmp_path / "big")
    # -d: stdin is not read, so that it does not end before the file does
    fetch = f"nc -d 127.0.0.1 8000 | cmp - {tmp_path / 'big'}"
    clients = [subprocess.Popen(["sh", "-c", fetch]) for _ in range(8)]
    assert [c.wait() for c in clients] == [0] * 8
    (tmp_path / "big").unlink()


def run(build, name, *urls):
    start = time.monotonic()
    done = subprocess.run([build / "tests/contract" / f"contract_{name}", *urls], capture_output=True, text=True)
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


def test_client_reads_an_answer_to_its_end(build, web):
    done, _ = run(build, "client", web)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("HTTP/1.0 200 OK\r\n")


def test_client_gives_up_after_three_seconds(build, silent):
    done, took = run(build, "client", silent)
    assert done.returncode == 1 and 2.9 < took < 4 and "timed out" in done.stderr.lower()


def test_many_asks_all_and_the_first_failure_cancels_the_rest(build, web, silent, free_port):
    done, _ = run(build, "many", web, web)
    assert done.returncode == 0 and done.stdout.count("HTTP/1.0 200 OK") == 2
    done, took = run(build, "many", silent, f"tcp://127.0.0.1:{free_port()}")
    assert done.returncode == 1 and took < 1.5
