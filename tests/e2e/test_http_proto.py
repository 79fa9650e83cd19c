"""The library's HTTP against those of others: its server (examples/mirror) with curl and http.client, its client
(examples/fetch) with http.server."""

import http.client
import http.server
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

TEXT = bytes(range(256)) * 8192  # 2 MiB: more than any buffer on the way


@pytest.fixture
def mirror(build):
    """The mirror on a free port: its process, with .port. It must end well, and soon, when told to."""
    process = subprocess.Popen([build / "examples/mirror", "tcp://127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    process.port = int(re.search(r":(\d+)$", process.stdout.readline().strip()).group(1))
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stdout.close()


def curl(mirror, *args, path="/", **more):
    url = f"http://127.0.0.1:{mirror.port}{path}"
    return subprocess.run(["curl", "-sS", "--max-time", "20", *args, url], capture_output=True, check=True, **more).stdout


def dial(mirror):
    return socket.create_connection(("127.0.0.1", mirror.port), timeout=10)


def read_all(s):
    return b"".join(iter(lambda: s.recv(65536), b""))


def read_until(s, end):
    got = b""
    while end not in got:
        more = s.recv(65536)
        assert more, got
        got += more
    return got


# ---- The server -----------------------------------------------------------------------------------------------------


def test_curl_gets_what_it_asked(mirror):
    assert b"User-Agent: curl/" in curl(mirror, path="/a%20b?c")
    head = curl(mirror, "--head")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nDate: ") and head.endswith(b"\r\n\r\n")
    assert b"X: y\n" in curl(mirror, "--http1.0", "-H", "X: y")


@pytest.mark.parametrize("how", [
    ("--data-binary", "@-"),  # with a length; above 1 MiB curl waits to be invited
    ("--data-binary", "@-", "-H", "Expect:"),
    ("--data-binary", "@-", "--http1.0"),
    ("-T", "-"),  # chunked
    ("-T", "-", "-H", "Expect:"),
])
def test_curl_gets_back_the_body_it_sent(mirror, how):
    assert curl(mirror, *how, input=TEXT).endswith(TEXT)


def test_curl_is_invited_to_send_its_body(mirror):
    done = subprocess.run(
        ["curl", "-svT", "-", "-H", "Expect: 100-continue", "--expect100-timeout", "15", f"http://127.0.0.1:{mirror.port}/"],
        input=b"hello", capture_output=True, check=True, timeout=10)
    assert b"< HTTP/1.1 100 Continue" in done.stderr and done.stdout.endswith(b"hello")


def test_one_conn_carries_many_requests(mirror):
    nowhere = ("-o", "/dev/null") * 3
    url = f"http://127.0.0.1:{mirror.port}/"
    assert curl(mirror, *nowhere, "-w", "%{num_connects}", url, url) == b"100"


def test_http_client_asks_in_every_way(mirror):
    h = http.client.HTTPConnection("127.0.0.1", mirror.port, timeout=10)
    for _ in range(3):
        h.request("POST", "/", body=iter([b"a" * 10, b"b" * 100000]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
        assert h.getresponse().read().endswith(b"a" * 10 + b"b" * 100000)
        h.request("HEAD", "/")
        assert h.getresponse().read() == b""
    h.close()


def test_requests_in_one_segment_and_byte_by_byte_are_answered(mirror):
    one = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    last = one.replace(b"Host: h", b"Host: h\r\nConnection: close")
    with dial(mirror) as s:
        s.sendall(one * 50 + last)
        assert read_all(s).count(b"hello\r\n0\r\n\r\n") == 51
    with dial(mirror) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in one + last:
            s.sendall(bytes([byte]))
        assert read_all(s).count(b"HTTP/1.1 200 OK\r\n") == 2


@pytest.mark.parametrize("said, status", [
    (b"hello\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET /" + b"a" * 20000, 414),
    (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 20000, 431),
    (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100 + b"\r\n", 431),
    (b"GET / HTTP/3.0\r\n\r\n", 505),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n", 400),
])
def test_a_request_that_is_none_is_answered_once_and_the_conn_ends(mirror, said, status):
    with dial(mirror) as s:
        s.sendall(said)
        answer = read_all(s)
    assert answer.startswith(b"HTTP/1.1 %d " % status) and answer.count(b"\r\nDate: ") == 1


def test_a_stopping_server_ends_idle_conns_and_lets_a_request_finish(mirror):
    with dial(mirror) as idle, dial(mirror) as busy, dial(mirror) as unbegun:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        read_until(idle, b"\r\n0\r\n\r\n")
        busy.sendall(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        read_until(busy, b"Transfer-Encoding: chunked\n\r\n")
        unbegun.sendall(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
        read_until(unbegun, b"Content-Length: 5\n\r\n")
        mirror.send_signal(signal.SIGTERM)
        assert read_all(idle) == b""
        for said, heard in ((b"5\r\nhello\r\n", b"hello"), (b"5\r\nworld\r\n", b"world")):
            time.sleep(0.1)
            busy.sendall(said)
            read_until(busy, heard)
        busy.sendall(b"0\r\n\r\n")
        unbegun.sendall(b"12345")
        assert read_all(busy).endswith(b"0\r\n\r\n") and read_all(unbegun).endswith(b"5\r\n12345\r\n0\r\n\r\n")
    assert mirror.wait(4) == 0


# ---- The client -----------------------------------------------------------------------------------------------------


class Pages(http.server.BaseHTTPRequestHandler):
    """One body, its end told in every way."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(404 if self.path == "/missing" else 200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(TEXT), 100003):
                part = TEXT[at : at + 100003]
                self.wfile.write(b"%X;note=x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\nX-Trailer: y\r\n\r\n")
            return
        if self.path == "/end":
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(TEXT) + (self.path == "/short")))
        self.end_headers()
        self.wfile.write(TEXT)
        self.close_connection = self.path in ("/end", "/short")

    def log_message(self, *_):
        pass


@pytest.fixture
def pages():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetch(build, *args):
    return subprocess.run([build / "examples/fetch", *args], capture_output=True, text=True)


@pytest.mark.parametrize("how", ["/length", "/chunked", "/end"])
def test_fetch_saves_a_page_however_its_end_is_told(build, pages, tmp_path, how):
    done = fetch(build, pages + how, tmp_path / "page")
    assert (done.returncode, done.stdout, done.stderr) == (0, "200 OK\n", "")
    assert (tmp_path / "page").read_bytes() == TEXT


def test_fetch_says_what_went_wrong(build, pages, tmp_path, free_port):
    done = fetch(build, pages + "/short", tmp_path / "page")
    assert done.returncode == 1 and "stopped inside a message" in done.stderr
    done = fetch(build, pages + "/missing", tmp_path / "none")
    assert done.returncode == 1 and done.stdout == "404 Not Found\n" and not (tmp_path / "none").exists()
    done = fetch(build, f"http://127.0.0.1:{free_port()}/", tmp_path / "none")
    assert done.returncode == 1 and "refused" in done.stderr
    done = fetch(build, "ftp://localhost/", tmp_path / "none")
    assert done.returncode == 1 and "ftp://localhost/: not an endpoint" in done.stderr
    assert fetch(build).returncode == 2
