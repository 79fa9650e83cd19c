"""pier get: from our hub, from other servers, and from servers that break."""

import base64
import hashlib
import http.server
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

USER, PASSWORD = "alice", "correct horse"


def sha256(data):
    return "sha-256=:" + base64.b64encode(hashlib.sha256(data).digest()).decode() + ":"


class Shaky(http.server.ThreadingHTTPServer):
    """Serves `data` under any name: with ranges, an ETag and a digest, and cut after `cut` bytes as often as `cuts` says."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.data, self.tag, self.digest = b"", '"1"', None
        self.cut, self.cuts, self.answers, self.fields = 0, 0, [], {}
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.seen = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        s = self.server
        s.seen.append(dict(self.headers, path=self.path))
        if s.answers:
            status, fields, body = s.answers.pop(0)
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        first = 0
        same = s.tag and self.headers.get("If-Range") == s.tag
        if self.headers.get("Range") and same:
            first = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        if first and first >= len(s.data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(s.data)}")
            self.send_header("Content-Length", "0")
        else:
            self.send_response(206 if first else 200)
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(s.data) - 1}/{len(s.data)}")
            self.send_header("Content-Length", str(len(s.data) - first))
        if s.tag:
            self.send_header("ETag", s.tag)
        if s.digest:
            self.send_header("Repr-Digest", s.digest)
        for name, value in s.fields.items():
            self.send_header(name, value)
        self.end_headers()
        body = s.data[first:]
        if s.cuts:
            s.cuts -= 1
            self.wfile.write(body[:s.cut])
            self.close_connection = True
        else:
            self.wfile.write(body)


@pytest.fixture
def server():
    shaky = Shaky()
    yield shaky
    shaky.shutdown()
    shaky.server_close()


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def get(pier, folder, *args, **more):
    return pier("get", *args, cwd=folder, **more)


def test_a_file_of_the_hub_arrives_checked(start_hub, pier, tmp_path):
    hub = start_hub()
    hub.add_user(USER, PASSWORD)
    data = os.urandom(5_000_000)
    subprocess.run(["curl", "-sSf", "-u", f"{USER}:{PASSWORD}", "-T", "-", f"{hub.url}/a%20b.bin"], input=data, check=True,
                   capture_output=True)
    down = tmp_path / "down"
    down.mkdir()
    done = get(pier, down, f"{hub.url}/a%20b.bin")
    assert names(down) == ["a b.bin"] and (down / "a b.bin").read_bytes() == data
    assert done.stdout == done.stderr == ""
    done = get(pier, down, "--json", "-o", "two", f"127.0.0.1:{hub.port}/a%20b.bin")
    first, last = map(json.loads, done.stdout.splitlines())
    assert first["ev"] == "open" and first["size"] == len(data)
    assert last["ev"] == "close" and last["status"] == 0 and last["sha256"] == hashlib.sha256(data).hexdigest()
    assert (down / "two").read_bytes() == data
    assert get(pier, down, "-o", "-", f"{hub.url}/a%20b.bin", text=False).stdout == data
    assert "sha-256 ok" in get(pier, down, "-v", f"{hub.url}/a%20b.bin").stderr


def test_a_large_file_that_nobody_hashed_yet_is_checked_too(start_hub, pier, tmp_path):
    hub = start_hub()
    with open(hub.folder / "files" / "large", "wb") as f:
        f.truncate(300 << 20)
    assert "sha-256 ok" in get(pier, tmp_path, "-v", f"{hub.url}/large").stderr
    assert (tmp_path / "large").stat().st_size == 300 << 20


def test_pythons_server_serves_us_too(pier, tmp_path, free_port):
    port = free_port()
    data = os.urandom(300_000)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "x.bin").write_bytes(data)
    (tmp_path / "down").mkdir()
    server = subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
                              cwd=tmp_path / "src", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        get(pier, tmp_path / "down", f"http://127.0.0.1:{port}/x.bin")
        get(pier, tmp_path / "down", f"http://127.0.0.1:{port}/")
        assert names(tmp_path / "down") == ["index.html", "x.bin"]
        assert (tmp_path / "down" / "x.bin").read_bytes() == data
        assert "404" in get(pier, tmp_path / "down", f"http://127.0.0.1:{port}/nope", status=1).stderr
    finally:
        server.kill()
        server.wait()


def test_a_cut_is_gone_on_with(server, pier, tmp_path):
    server.data, server.cut, server.cuts = os.urandom(4_000_000), 900_000, 3
    server.digest = sha256(server.data)
    get(pier, tmp_path, f"{server.url}/x")
    assert (tmp_path / "x").read_bytes() == server.data and names(tmp_path) == ["x"]
    assert [s.get("Range") for s in server.seen] == [None, "bytes=900000-", "bytes=1800000-", "bytes=2700000-"]


def test_a_later_run_goes_on_too(server, pier, tmp_path):
    server.data, server.cut, server.cuts = os.urandom(1_000_000), 600_000, 1
    server.digest = sha256(server.data)
    done = get(pier, tmp_path, f"{server.url}/x", "--retry=0", status=6)
    assert done.stderr and names(tmp_path) == ["x.part", "x.part.from"]
    done = get(pier, tmp_path, f"{server.url}/x", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["resumed"] == 600_000
    assert (tmp_path / "x").read_bytes() == server.data and names(tmp_path) == ["x"]


def test_a_killed_client_goes_on(server, pier, tmp_path):
    server.data = os.urandom(60_000_000)
    server.digest = sha256(server.data)
    child = subprocess.Popen([pier.path, "get", f"{server.url}/x"], cwd=tmp_path)
    while not (tmp_path / "x.part").exists() or (tmp_path / "x.part").stat().st_size < 1_000_000:
        time.sleep(0.001)
    child.kill()
    child.wait()
    assert not (tmp_path / "x").exists()
    done = get(pier, tmp_path, f"{server.url}/x", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["resumed"] >= 1_000_000
    assert (tmp_path / "x").read_bytes() == server.data


def test_two_versions_are_never_mixed(server, pier, tmp_path):
    server.data, server.cut, server.cuts = b"a" * 1_000_000, 600_000, 1
    get(pier, tmp_path, f"{server.url}/x", "--retry=0", status=6)
    server.data, server.tag = b"b" * 1_000_000, '"2"'
    get(pier, tmp_path, f"{server.url}/x")
    assert (tmp_path / "x").read_bytes() == server.data


def test_without_a_validator_it_begins_anew(server, pier, tmp_path):
    server.data, server.cut, server.cuts, server.tag = b"a" * 1_000_000, 600_000, 1, None
    get(pier, tmp_path, f"{server.url}/x", "--retry=0", status=6)
    server.data = b"b" * 1_000_000
    get(pier, tmp_path, f"{server.url}/x")
    assert (tmp_path / "x").read_bytes() == server.data


def test_another_urls_part_is_not_taken(server, pier, tmp_path):
    server.data, server.cut, server.cuts = b"a" * 1_000_000, 600_000, 1
    get(pier, tmp_path, "-o", "x", f"{server.url}/one", "--retry=0", status=6)
    server.data = b"b" * 1_000_000  # the same tag, as another server might use
    get(pier, tmp_path, "-o", "x", f"{server.url}/two")
    assert (tmp_path / "x").read_bytes() == server.data


def test_a_part_that_was_whole_is_only_put_into_place(server, pier, tmp_path):
    server.data = os.urandom(100_000)
    (tmp_path / "x.part").write_bytes(server.data)
    (tmp_path / "x.part.from").write_text(f'{server.url}/x\n"1"\n')
    server.digest = sha256(server.data)
    get(pier, tmp_path, f"{server.url}/x")
    assert (tmp_path / "x").read_bytes() == server.data and names(tmp_path) == ["x"]


def test_a_wrong_digest_leaves_the_old_file(server, pier, tmp_path):
    (tmp_path / "x").write_text("old")
    server.data, server.digest = b"new", sha256(b"other")
    done = get(pier, tmp_path, f"{server.url}/x", status=8)
    assert "digest differs" in done.stderr and names(tmp_path) == ["x"]
    assert (tmp_path / "x").read_text() == "old"
    assert get(pier, tmp_path, "-o", "-", f"{server.url}/x", status=8).stdout == "new"


def test_a_redirect_is_followed_but_not_forever(server, pier, tmp_path):
    server.data = b"there"
    server.answers = [(302, {"Location": "/two"}, b""), (307, {"Location": f"{server.url}/three"}, b"moved"),
                      (301, {"Location": "four?x=1"}, b"")]
    get(pier, tmp_path, f"{server.url}/one")
    assert (tmp_path / "one").read_bytes() == b"there"
    assert [s["path"] for s in server.seen] == ["/one", "/two", "/three", "/four?x=1"]
    server.answers = [(302, {"Location": "/again"}, b"")] * 20
    assert "more than 10" in get(pier, tmp_path, f"{server.url}/loop", status=1).stderr
    server.answers = [(302, {"Location": server.url.replace("http:", "https:")}, b"")]
    assert "does not speak TLS" in get(pier, tmp_path, f"{server.url}/tls", status=1).stderr


def test_a_password_stays_with_its_server(server, pier, tmp_path):
    other = Shaky()
    other.data = b"x"
    server.answers = [(302, {"Location": f"{other.url}/y"}, b"")]
    get(pier, tmp_path, server.url.replace("//", "//bob:secret@") + "/x")
    assert server.seen[0]["Authorization"].startswith("Basic ") and "Authorization" not in other.seen[0]
    other.shutdown()
    other.server_close()


def test_a_busy_server_is_asked_again(server, pier, tmp_path):
    server.data = b"x"
    server.answers = [(503, {}, b"busy"), (500, {}, b"oops")]
    get(pier, tmp_path, f"{server.url}/x")
    assert len(server.seen) == 3
    server.answers = [(403, {"Content-Type": "text/plain"}, b"not \x1b[31myou\nsecond line")]
    said = get(pier, tmp_path, f"{server.url}/x", status=4).stderr
    assert "403: not [31myou" in said and "\x1b" not in said and "second" not in said


@pytest.mark.parametrize("answer", [
    (206, {"Content-Range": "bytes 5-9/10"}, b"56789"), (304, {}, b""), (204, {}, b""),
])
def test_an_answer_that_was_not_asked_for_is_an_error(server, pier, tmp_path, answer):
    server.answers = [answer]
    get(pier, tmp_path, f"{server.url}/x", "--retry=0", status=1)
    assert names(tmp_path) == []


def test_the_server_does_not_choose_where(server, pier, tmp_path):
    server.data = b"x"
    server.fields = {"Content-Disposition": 'attachment; filename="../evil"'}
    down = tmp_path / "down"
    down.mkdir()
    for path in ["/%2e%2e%2fevil", "/..%2fevil", "/a/..", "/%1b%5b31m", "/x%00y", "/%ff"]:
        get(pier, down, server.url + path)
    assert names(down) == ["index.html"] and names(tmp_path) == ["down"]
    (tmp_path / "folder").mkdir()
    get(pier, tmp_path, "-o", "folder/", f"{server.url}/a", f"{server.url}/b")
    assert names(tmp_path / "folder") == ["a", "b"]
    get(pier, tmp_path, "-o", "folder", f"{server.url}/a", status=9)
    get(pier, tmp_path, "-o", "nowhere/x", f"{server.url}/a", status=9)
    get(pier, tmp_path, "-o", "one", f"{server.url}/a", f"{server.url}/b", status=2)


def test_errors_say_what_is_wrong(pier, tmp_path, free_port):
    assert "refused" in get(pier, tmp_path, f"http://127.0.0.1:{free_port()}/x", status=4).stderr
    assert "refused" in get(pier, tmp_path, f"https://127.0.0.1:{free_port()}/x", status=4).stderr
    assert "no http URL" in get(pier, tmp_path, "ftp://127.0.0.1/x", status=2).stderr
    get(pier, tmp_path, status=2)
    get(pier, tmp_path, "http://no-such-name.invalid/x", status=3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        get(pier, tmp_path, "-w", "300ms", "--retry=0", f"http://127.0.0.1:{silent.getsockname()[1]}/x", status=5)
        assert time.monotonic() - began < 5
    assert names(tmp_path) == []


def test_a_host_of_any_language_is_asked_for_as_dns_has_it(server, pier, tmp_path):
    server.data = b"found"
    get(pier, tmp_path, f"http://ＬＯＣＡＬｈｏｓｔ:{server.server_port}/x")
    assert (tmp_path / "x").read_bytes() == b"found"
    assert server.seen[0]["Host"] == f"localhost:{server.server_port}"
    assert "no host name" in get(pier, tmp_path, f"http://{'例' * 64}/x", status=2).stderr


def test_progress_is_one_line_that_goes(server, pier, tmp_path):
    server.data = os.urandom(80_000_000)
    leader, follower = pty.openpty()
    child = subprocess.Popen([pier.path, "get", f"{server.url}/x"], cwd=tmp_path, stdin=follower, stdout=follower,
                             stderr=follower, env={**os.environ, "COLUMNS": "80", "TERM": "xterm"})
    os.close(follower)
    shown = b""
    try:
        while more := os.read(leader, 65536):
            shown += more
    except OSError:
        pass
    os.close(leader)
    assert child.wait() == 0
    assert b"\n" not in shown
    assert shown == b"" or shown.endswith(b"\r\x1b[K")
