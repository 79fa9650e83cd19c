"""TLS with real peers: openssl, curl, ncat, socat and Python on the other side."""

import http.server
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

BYTES = 64 << 20


@pytest.fixture(scope="module")
def localhost(ca):
    return ca.issue("localhost")


@pytest.fixture
def echo(start, free_port, localhost):
    """echo() starts examples/tls_echo; gives it and its port. What listens has seen one plain conn come and go."""

    def begin(cert=localhost, *more):
        port = free_port()
        return start("examples/tls_echo", f"tls://127.0.0.1:{port}", *cert, *more).listens(port), port

    return begin


@pytest.fixture
def client(build, ca):
    """client(port, "text") runs examples/tls_client; gives what it printed and said."""

    def run(port, text="hello\n", host="localhost", trust=ca.pem, own=(), status=0):
        done = subprocess.run([build / "examples/tls_client", f"tls://{host}:{port}", trust, *own], input=text,
                              capture_output=True, text=True, timeout=60)
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        assert done.returncode == status, done.stderr
        return done.stdout, done.stderr

    return run


@pytest.fixture
def peer(free_port):
    """peer(lambda port: command) runs somebody else's server; gives its port."""
    running = []

    def begin(command, **more):
        port = free_port()
        running.append(subprocess.Popen(list(map(str, command(port))), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, **more))
        for _ in range(500):
            if running[-1].poll() is not None:
                pytest.fail(running[-1].stdout.read().decode())
            if f":{port:04X} 00000000:0000 0A" in open("/proc/net/tcp").read() + open("/proc/net/tcp6").read().replace(
                    "00000000000000000000000000000000:0000 0A", "00000000:0000 0A"):
                return port
            time.sleep(0.02)
        pytest.fail("it does not listen")

    yield begin
    for process in running:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def s_client(port, ca, *more, text=b"hello\n"):
    process = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-CAfile",
                                ca.pem, "-verify_return_error", *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    for chunk in text.splitlines(True):  # its commands are a chunk of their own
        process.stdin.write(chunk)
        process.stdin.flush()
        time.sleep(0.5)
    process.stdin.close()
    out = process.stdout.read().decode(errors="replace")
    process.stdout.close()
    process.wait(20)
    return out


def python(port, ca, host="localhost", **more):
    context = ssl.create_default_context(cafile=ca.pem)
    for name, value in more.items():
        setattr(context, name, value)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20), server_hostname=host)


# ---- Others' clients -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_s_client_is_answered(echo, ca, version):
    server, port = echo()
    out = s_client(port, ca, version, "-alpn", "other,echo", text=b"hello from openssl\n")
    assert "hello from openssl" in out and "Verification: OK" in out and "ALPN protocol: echo" in out
    server.expect(": TLSv1." + version[-1])


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_s_client_resumes_its_session(echo, ca, tmp_path, version):
    _, port = echo()
    s_client(port, ca, version, "-sess_out", tmp_path / "session", text=b"x\n")
    assert "Reused, TLSv1" in s_client(port, ca, version, "-sess_in", tmp_path / "session", text=b"x\n")


def test_renegotiation_is_refused(echo, ca):
    _, port = echo()
    assert "no renegotiation" in s_client(port, ca, "-tls1_2", text=b"hello\nR\n")


def test_key_updates_of_the_peer_are_followed(echo, ca):
    _, port = echo()
    out = s_client(port, ca, "-tls1_3", text=b"one\nK\n")
    assert "KEYUPDATE" in out and "one" in out


def test_ncat_and_socat_are_answered(echo, ca):
    _, port = echo()
    for command in (["ncat", "--ssl-verify", "--ssl-trustfile", ca.pem, "localhost", port],
                    ["socat", "-t5", "-", f"OPENSSL:localhost:{port},cafile={ca.pem}"]):
        done = subprocess.run(list(map(str, command)), input=b"hello\n", capture_output=True, timeout=30)
        assert done.stdout == b"hello\n", done.stderr


def test_python_is_answered_both_ways_in_bulk(echo, ca):
    _, port = echo()
    block = os.urandom(1 << 20)
    with python(port, ca) as s:

        def send():
            for _ in range(BYTES >> 20):
                s.sendall(block)

        sender = threading.Thread(target=send)
        sender.start()
        for _ in range(BYTES >> 20):
            got = bytearray()
            while len(got) < len(block):
                got += s.recv(len(block) - len(got))
            assert got == block
        sender.join()


def test_a_thousand_conns_at_once(echo, ca):
    server, port = echo()
    context = ssl.create_default_context(cafile=ca.pem)
    conns = []
    for _ in range(1000):
        conns.append(context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=30), server_hostname="localhost"))
    for i, s in enumerate(conns):
        s.sendall(b"%d\n" % i)
    for i, s in enumerate(conns):
        assert s.recv(100) == b"%d\n" % i
        s.close()


def test_a_client_certificate_is_asked_for_and_told(echo, ca, authority):
    server, port = echo(ca.issue("localhost"), ca.pem)
    cert, key = ca.issue("ann")
    assert "hello" in s_client(port, ca, "-cert", cert, "-key", key)
    server.expect("with CN=ann until 20")
    s_client(port, ca)
    server.expect("verify 127.0.0.1:")
    server.expect("the client showed no certificate")
    other = authority(ca.folder, "Theirs")
    cert, key = other.issue("eve")
    s_client(port, ca, "-cert", cert, "-key", key)
    server.expect("issued by CN=Theirs, whom we do not know")


def test_a_dribbled_handshake_is_understood(echo, ca):
    _, port = echo()
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=ca.pem)
    tls = context.wrap_bio(theirs, ours, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def dribble():
            for byte in ours.read():
                s.send(bytes([byte]))

        def pump(call):
            while True:
                try:
                    return call()
                except ssl.SSLWantReadError:
                    dribble()
                    theirs.write(s.recv(65536))

        pump(tls.do_handshake)
        tls.write(b"hello")
        dribble()
        assert pump(lambda: tls.read(5)) == b"hello"


def test_a_client_that_just_goes_is_told(echo, ca):
    server, port = echo()
    s = python(port, ca)
    s.sendall(b"half of what")
    assert s.recv(4) == b"half"
    raw = socket.socket(fileno=s.detach())
    raw.shutdown(socket.SHUT_WR)  # a FIN without close_notify
    server.expect("it ended without close_notify: what came may have been cut")
    raw.close()
    s = python(port, ca)
    s.sendall(b"x")
    s.recv(1)
    raw = socket.socket(fileno=s.detach())
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()  # a RST
    server.expect("reset by peer")


def test_plain_http_and_old_tls_are_told(echo):
    server, port = echo()
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(100)
    server.expect(": the peer speaks plain HTTP\n")
    subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
                   input=b"", capture_output=True, timeout=20)
    server.expect("no common version of TLS")


# ---- Others' servers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_s_server_is_understood(peer, client, ca, version):
    cert, key = ca.issue("localhost", rsa=2048)
    port = peer(lambda port: ["openssl", "s_server", "-accept", port, "-cert", cert, "-key", key, "-rev", "-quiet", version])
    out, said = client(port, "hello\n")
    assert out == "olleh\n" and said.startswith("TLSv1." + version[-1]) and "with CN=localhost until 20" in said


def test_ncat_socat_and_python_serve_us(peer, client, ca, localhost):
    cert, key = localhost
    port = peer(lambda port: ["ncat", "-l", "-k", "--ssl", "--ssl-cert", cert, "--ssl-key", key, "-e", "/bin/cat", "127.0.0.1", port])
    assert client(port)[0] == "hello\n"
    port = peer(lambda port: ["socat", f"OPENSSL-LISTEN:{port},reuseaddr,fork,cert={cert},key={key},verify=0", "EXEC:cat"])
    assert client(port)[0] == "hello\n"


@pytest.fixture
def python_server(localhost):
    """python_server(handler) serves one client after the other under TLS; gives the port."""
    listeners = []

    def begin(handler, cert=localhost, context=None):
        context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*cert)
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def work():
            while True:
                try:
                    s, _ = listener.accept()
                except OSError:
                    return
                try:
                    handler(context.wrap_socket(s, server_side=True))
                except (OSError, ssl.SSLError):
                    s.close()

        threading.Thread(target=work, daemon=True).start()
        return listener.getsockname()[1]

    yield begin
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def answer(s):
    s.sendall(s.recv(1000))
    s.unwrap().close()


def test_each_refusal_tells_its_reason(python_server, client, ca, tmp_path, authority):
    serve = lambda *args, **more: python_server(answer, cert=ca.issue(*args, **more))
    strange = authority(tmp_path, "Theirs")
    cases = [
        (serve("wrong", names="DNS:a.example,DNS:b.example"), "host name does not match: certificate is for a.example, b.example"),
        (python_server(answer, cert=strange.issue("strange")), "issued by CN=Theirs, whom we do not know; give .ca=… or .pin=…"),
        (serve("mail", more=["extendedKeyUsage=emailProtection"]), "purpose"),
    ]
    for port, reason in cases:
        _, said = client(port, status=1)
        assert f"verify tls://localhost:{port}: " in said and reason in said


def test_an_expired_and_a_self_signed_certificate_are_refused(python_server, client, ca, tmp_path, openssl):
    alone = tmp_path / "alone.pem"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "alone.key", "-out", alone, "-days", 2,
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    port = python_server(answer, cert=(alone, tmp_path / "alone.key"))
    assert f"verify tls://localhost:{port}: self-signed certificate; give .ca=… or .pin=…" in client(port, status=1)[1]
    assert client(port, trust=alone)[0] == "hello\n"
    (tmp_path / "index").write_text("")
    (tmp_path / "serial").write_text("77\n")
    (tmp_path / "ca.cnf").write_text(f"[ca]\ndefault_ca=c\n[c]\ndatabase={tmp_path}/index\nserial={tmp_path}/serial\n"
                                     f"new_certs_dir={tmp_path}\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n"
                                     "[p]\ncommonName=supplied\n[e]\nsubjectAltName=DNS:localhost\n")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "old.key", "-out", tmp_path / "old.csr", "-subj", "/CN=localhost")
    openssl("ca", "-batch", "-config", tmp_path / "ca.cnf", "-cert", ca.pem, "-keyfile", ca.key, "-in", tmp_path / "old.csr",
            "-out", tmp_path / "old.pem", "-startdate", "20240101000000Z", "-enddate", "20250101000000Z", "-notext")
    port = python_server(answer, cert=(tmp_path / "old.pem", tmp_path / "old.key"))
    assert f"verify tls://localhost:{port}: certificate expired on 2025-01-01" in client(port, status=1)[1]


@pytest.mark.parametrize("how", ["FIN", "RST"])
def test_a_server_that_just_goes_is_told(python_server, client, how):
    def cut(s):
        s.recv(1000)
        s.sendall(b"half of a li")
        raw = socket.socket(fileno=s.detach())
        if how == "RST":
            time.sleep(0.2)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()

    _, said = client(python_server(cut), status=1)
    assert "ended without close_notify" in said if how == "FIN" else "reset by peer" in said


def test_a_plain_server_is_told(client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def greet():
            s, _ = listener.accept()
            with s:
                s.sendall(b"220 mail.example ESMTP\r\n")
                s.recv(1000)

        threading.Thread(target=greet, daemon=True).start()
        _, said = client(listener.getsockname()[1], status=1)
    assert "the peer does not speak TLS" in said


# ---- HTTPS -----------------------------------------------------------------------------------------------------------


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"safe and sound\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def test_https_is_fetched_and_verified(build, pier, ca, localhost, tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*localhost)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url, page = f"https://localhost:{server.server_port}/x", tmp_path / "page"
    env = {**os.environ, "SSL_CERT_FILE": str(ca.pem)}
    try:
        done = subprocess.run([build / "examples/fetch", url, page], capture_output=True, text=True, env=env, timeout=30)
        assert (done.returncode, done.stdout, done.stderr) == (0, "200 OK\n", "")
        assert page.read_text() == "safe and sound\n"
        pier("get", "-o", tmp_path / "got", url, env={"SSL_CERT_FILE": str(ca.pem)})
        assert (tmp_path / "got").read_text() == "safe and sound\n"
        done = pier("get", "-o", tmp_path / "not", url, status=7)
        assert "issued by CN=Ours, whom we do not know" in done.stderr and not (tmp_path / "not").exists()
    finally:
        server.shutdown()
        server.server_close()


def test_pier_connect_speaks_tls(pier, echo, ca):
    _, port = echo()
    trusting = {"SSL_CERT_FILE": str(ca.pem)}
    assert pier("connect", f"tls://localhost:{port}", input="hello\n", env=trusting).stdout == "hello\n"
    done = pier("connect", f"tls://localhost:{port}", input="hello\n", status=7)
    assert re.search(r"verify tls://localhost:\d+: issued by CN=Ours, whom we do not know", done.stderr)
