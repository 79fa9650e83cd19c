"""examples/https with curl, openssl and Python: the library's HTTP over its TLS."""

import base64
import hashlib
import http.client
import os
import re
import signal
import ssl
import subprocess
import threading
import time

import pytest

BODY = 64 << 20


def pem(ca, name, names="DNS:localhost,IP:127.0.0.1", **more):
    """A certificate and its key in one file."""
    cert, key = ca.issue(name, names, **more)
    whole = ca.folder / f"{name}-both.pem"
    whole.write_text(open(cert).read() + open(key).read())
    return whole


@pytest.fixture(scope="module")
def site(ca):
    return pem(ca, "localhost")


@pytest.fixture
def https(build, site):
    """https(…) starts the server with more arguments; gives its port. It must end well when told to."""
    running = []

    def begin(*more, cert=site):
        running.append(subprocess.Popen([build / "examples/https", "tls://127.0.0.1:0", cert, *more], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return int(re.search(r":(\d+)$", running[-1].stdout.readline().strip()).group(1))

    yield begin
    for process in running:
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[1]
        assert process.returncode == 0 and said == ""


def curl(port, ca, *args, host="localhost", status=0, urls=1):
    url = f"https://{host}:{port}/"
    done = subprocess.run(["curl", "-sS", "-v", "--max-time", "60", "--resolve", f"{host}:{port}:127.0.0.1", "--cacert", ca.pem,
                           *map(str, args), *[url] * urls], capture_output=True)
    said = done.stderr.decode(errors="replace")
    assert done.returncode == status, said
    return done.stdout, said


def test_curl_believes_us_and_keeps_its_conn(https, ca):
    out, said = curl(https(), ca, "--http1.1", urls=3)
    assert out == b"TLSv1.3 TLS_AES_256_GCM_SHA384, http/1.1\n" * 3
    assert "server accepted" in said and said.count("Re-using existing connection") == 2


@pytest.mark.parametrize("version", [["--tlsv1.3"], ["--tls-max", "1.2"]])
def test_a_large_body_goes_both_ways(https, ca, tmp_path, version):
    body, got = tmp_path / "body", tmp_path / "got"
    body.write_bytes(os.urandom(1 << 20) * (BODY >> 20))
    curl(https(), ca, *version, "-X", "POST", "-T", body, "-o", got)
    first, _, rest = got.read_bytes().partition(b"\n")
    assert first.startswith(b"TLSv1.3" if "--tlsv1.3" in version else b"TLSv1.2")
    assert len(rest) == BODY and rest == body.read_bytes()


def test_who_does_not_know_our_authority_goes(https, ca, tmp_path, authority):
    port = https()
    _, said = curl(port, authority(tmp_path, "Theirs"), status=60)
    assert "unable to get local issuer certificate" in said
    _, said = curl(port, ca, host="elsewhere.example", status=60)
    assert "elsewhere.example" in said
    curl(port, ca)


def test_the_name_asked_for_chooses_the_certificate(https, ca):
    port = https(pem(ca, "other", "DNS:*.other.example"))
    assert "CN=localhost" in curl(port, ca)[1]
    assert "CN=other" in curl(port, ca, host="b.other.example")[1]


def test_a_client_is_known_by_its_certificate(https, ca, site, tmp_path, authority):
    port = https(site, ca.pem)
    cert, key = ca.issue("ann")
    assert b", with CN=ann until 20" in curl(port, ca, "--cert", cert, "--key", key)[0]
    assert b"with" not in curl(port, ca)[0]
    cert, key = authority(tmp_path, "Theirs").issue("eve")
    assert "alert" in curl(port, ca, "--cert", cert, "--key", key, status=56)[1]


def test_a_pinned_key_is_ours(https, ca, openssl):
    both = pem(ca, "pinned")
    der = openssl("pkey", "-pubin", "-outform", "der", input=openssl("x509", "-in", both, "-pubkey", "-noout"))
    ours, other = (base64.b64encode(digest).decode() for digest in (hashlib.sha256(der).digest(), bytes(32)))
    port = https(cert=both)
    curl(port, ca, "--pinnedpubkey", f"sha256//{ours}")
    curl(port, ca, "--pinnedpubkey", f"sha256//{other}", status=90)


def test_curl_resumes_its_session(https, ca):
    """Under TLS 1.3: under 1.2 curl takes no tickets, and we remember nobody."""
    out, _ = curl(https(), ca, "-H", "Connection: close", urls=3)
    first, *rest = out.decode().splitlines()
    assert "resumed" not in first and len(rest) == 2 and all(", resumed" in line for line in rest)


def test_s_client_reconnects_by_its_session(https, ca):
    out = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{https()}", "-CAfile", ca.pem, "-tls1_2", "-reconnect"],
                         input=b"", capture_output=True, timeout=30).stdout
    assert out.count(b"Reused, TLSv1.2") == 5


def test_certificates_are_replaced_under_load_and_no_request_fails(https, ca, tmp_path):
    live, failed, seen, over = tmp_path / "live.pem", [], set(), threading.Event()
    pems = [pem(ca, f"generation{i}", rsa=2048 if i % 2 else 0).read_text() for i in range(4)]
    live.write_text(pems[0])
    port = https(cert=live)

    def visit():
        context = ssl.create_default_context(cafile=ca.pem)
        while not over.is_set():
            try:
                conn = http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
                for _ in range(3):
                    conn.request("POST", "/", b"x" * 1000)
                    assert conn.getresponse().read().endswith(b"x" * 1000)
                seen.add(dict(pair[0] for pair in conn.sock.getpeercert()["subject"])["commonName"])
                conn.close()
            except Exception as e:
                failed.append(repr(e))

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    for v in visitors:
        v.start()
    for text in pems[1:]:
        (tmp_path / "next").write_text(text)
        (tmp_path / "next").rename(live)
        time.sleep(1.6)
    over.set()
    for v in visitors:
        v.join()
    assert failed == [] and seen == {f"generation{i}" for i in range(4)}


def test_a_broken_file_changes_nothing(build, ca, site, tmp_path):
    live = tmp_path / "live.pem"
    live.write_text(site.read_text())
    process = subprocess.Popen([build / "examples/https", "tls://127.0.0.1:0", live], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    port = int(re.search(r":(\d+)$", process.stdout.readline().strip()).group(1))
    live.write_text("no certificate at all\n")
    assert process.stderr.readline() == f"certificate {live}: there is none in it\n"
    curl(port, ca)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 0
