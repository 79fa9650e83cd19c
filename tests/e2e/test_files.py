"""Files over HTTP, as curl, wget, browsers and rude clients see them."""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

USER, PASSWORD = "alice", "correct horse"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@pytest.fixture
def hub(start_hub):
    hub = start_hub()
    hub.add_user(USER, PASSWORD)
    return hub


def ask(hub, method, path, body=None, **fields):
    """One request by http.client, which does not tidy paths. Gives (status, fields, body)."""
    conn = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=20)
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    conn.request(method, path, body=body, headers=headers)
    answer = conn.getresponse()
    try:
        return answer.status, answer.headers, answer.read()
    finally:
        conn.close()


def put(hub, path, body, **fields):
    return ask(hub, "PUT", path, body, Authorization=BASIC, **fields)


def raw(hub, text, wait=5):
    """Sends bytes as they are and gives all that comes back until the end."""
    with socket.create_connection(("127.0.0.1", hub.port), timeout=wait) as s:
        s.sendall(text if isinstance(text, bytes) else text.encode())
        s.shutdown(socket.SHUT_WR)
        came = b""
        while more := s.recv(65536):
            came += more
        return came


def sha256(data):
    return "sha-256=:" + base64.b64encode(hashlib.sha256(data).digest()).decode() + ":"


def md5(data):
    return "md5=:" + base64.b64encode(hashlib.md5(data).digest()).decode() + ":"


def files(hub):
    """All that is visible, as names beneath files/."""
    top = hub.folder / "files"
    return sorted(str(p.relative_to(top)) for p in top.rglob("*") if p.is_file())


def partial(hub):
    return sorted(p.name for p in (hub.folder / "partial").iterdir())


def nothing_partial(hub):
    """The hub answers before it clears up."""
    until(lambda: partial(hub) == [])
    return True


def until(what, within=10):
    end = time.monotonic() + within
    while not (found := what()):
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)
    return found


# ---- Storing and fetching


def test_curl_stores_and_fetches(hub, tmp_path):
    data = os.urandom(3_000_001)
    (tmp_path / "a.bin").write_bytes(data)
    login = ["curl", "-sSf", "-u", f"{USER}:{PASSWORD}"]
    subprocess.run([*login, "-T", tmp_path / "a.bin", f"{hub.url}/dir/a%20b.bin"], check=True, capture_output=True)
    got = subprocess.run(["curl", "-sSf", f"{hub.url}/dir/a%20b.bin"], check=True, capture_output=True).stdout
    assert got == data
    assert files(hub) == ["dir/a b.bin"] and nothing_partial(hub)


@pytest.mark.skipif(not shutil.which("wget"), reason="wget is not here")
def test_wget_goes_on_where_it_was_cut(hub, tmp_path):
    data = os.urandom(2_000_000)
    assert put(hub, "/w.bin", data)[0] == 201
    (tmp_path / "w.bin").write_bytes(data[:700_000])
    subprocess.run(["wget", "-q", "-c", f"{hub.url}/w.bin"], cwd=tmp_path, check=True)
    assert (tmp_path / "w.bin").read_bytes() == data


def test_a_put_says_what_it_stored(hub):
    status, fields, _ = put(hub, "/x.txt", b"hello")
    assert status == 201
    assert fields["Repr-Digest"] == f"{sha256(b'hello')}, {md5(b'hello')}"
    status, again, _ = put(hub, "/x.txt", b"hello!")
    assert status == 204 and again["ETag"] != fields["ETag"]
    status, fields, body = ask(hub, "GET", "/x.txt")
    assert (status, body) == (200, b"hello!")
    assert fields["Repr-Digest"].startswith(sha256(b"hello!")) and fields["ETag"] == again["ETag"]
    assert fields["Content-Type"] == "text/plain; charset=utf-8"
    status, head, body = ask(hub, "HEAD", "/x.txt")
    assert status == 200 and body == b"" and head["Content-Length"] == "6" and head["ETag"] == fields["ETag"]


def test_empty_and_chunked_bodies(hub):
    assert put(hub, "/empty", b"")[0] == 201
    assert ask(hub, "GET", "/empty")[2] == b""
    data = os.urandom(1_500_000)
    status, fields, _ = put(hub, "/chunked", iter([data[:1], data[1:70_000], data[70_000:]]))
    assert status == 201 and fields["Repr-Digest"].startswith(sha256(data))
    assert ask(hub, "GET", "/chunked")[2] == data


def test_a_file_is_removed_by_its_owner_in_spirit(hub):
    assert put(hub, "/d/gone", b"x")[0] == 201
    assert ask(hub, "DELETE", "/d/gone")[0] == 401
    assert ask(hub, "DELETE", "/d/gone", Authorization=BASIC)[0] == 204
    assert ask(hub, "DELETE", "/d/gone", Authorization=BASIC)[0] == 404
    assert ask(hub, "DELETE", "/d/", Authorization=BASIC)[0] == 400
    assert ask(hub, "DELETE", "/d", Authorization=BASIC)[0] == 409


def test_who_is_not_logged_in_stores_nothing(hub):
    status, fields, _ = ask(hub, "PUT", "/x", b"data")
    assert status == 401 and fields["WWW-Authenticate"] == 'Basic realm="pier", charset="UTF-8"'
    wrong = "Basic " + base64.b64encode(b"alice:wrong password").decode()
    assert ask(hub, "PUT", "/x", b"data", Authorization=wrong)[0] == 401
    assert ask(hub, "PUT", "/x", b"data", Authorization="Basic !!!")[0] == 401
    assert ask(hub, "POST", "/x", b"", Upload_Complete="?0")[0] == 401
    assert files(hub) == [] and nothing_partial(hub)


def test_guessing_is_braked(start_hub):
    hub = start_hub("--logins=3")
    hub.add_user(USER, PASSWORD)
    wrong = "Basic " + base64.b64encode(b"alice:wrong password").decode()
    seen = [ask(hub, "PUT", "/x", b"", Authorization=wrong) for _ in range(6)]
    assert seen[0][0] == 401 and seen[-1][0] == 429 and seen[-1][1]["Retry-After"]


# ---- Conditions and ranges


def test_ranges_are_exact(hub):
    data = os.urandom(200_000)
    put(hub, "/r", data)
    for field, first, last in [("0-0", 0, 0), ("0-99", 0, 99), ("199999-", 199999, 199999), ("-5", 199995, 199999),
                               ("100-", 100, 199999), ("5-1000000", 5, 199999), ("-1000000", 0, 199999),
                               ("16383-16384", 16383, 16384), ("65535-150000", 65535, 150000)]:
        status, fields, body = ask(hub, "GET", "/r", Range=f"bytes={field}")
        assert status == 206 and fields["Content-Range"] == f"bytes {first}-{last}/200000"
        assert body == data[first:last + 1]
    status, fields, _ = ask(hub, "GET", "/r", Range="bytes=200000-")
    assert status == 416 and fields["Content-Range"] == "bytes */200000"
    for ignored in ["bytes=5-1", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes="]:
        status, _, body = ask(hub, "GET", "/r", Range=ignored)
        assert status == 200 and body == data


def test_who_has_it_already_gets_304(hub):
    put(hub, "/c", b"content")
    _, fields, _ = ask(hub, "GET", "/c")
    tag, date = fields["ETag"], fields["Last-Modified"]
    assert ask(hub, "GET", "/c", If_None_Match=tag)[0] == 304
    assert ask(hub, "HEAD", "/c", If_None_Match=f'"x", W/{tag}')[0] == 304
    assert ask(hub, "GET", "/c", If_Modified_Since=date)[0] == 304
    assert ask(hub, "GET", "/c", If_None_Match='"other"', If_Modified_Since=date)[0] == 200
    assert ask(hub, "GET", "/c", If_Match='"other"')[0] == 412
    assert ask(hub, "GET", "/c", Range="bytes=0-2", If_Range=tag)[::2] == (206, b"con")
    assert ask(hub, "GET", "/c", Range="bytes=0-2", If_Range='"other"')[::2] == (200, b"content")
    assert put(hub, "/c", b"new", If_None_Match="*")[0] == 412
    assert put(hub, "/c", b"new", If_Match=tag)[0] == 204
    assert put(hub, "/c", b"newer", If_Match=tag)[0] == 412
    assert ask(hub, "GET", "/c")[2] == b"new"


# ---- Digests


@pytest.mark.parametrize("fields", [
    {"Repr_Digest": sha256(b"other")}, {"Content_Digest": sha256(b"other")}, {"Repr_Digest": md5(b"other")},
    {"Content_MD5": base64.b64encode(hashlib.md5(b"other").digest()).decode()},
    {"Repr_Digest": f"{sha256(b'data')}, {md5(b'other')}"},
])
def test_a_digest_that_differs_stores_nothing(hub, fields):
    status, _, body = put(hub, "/x", b"data", **fields)
    assert status == 400 and b"digest differs" in body
    assert files(hub) == [] and nothing_partial(hub)


def test_a_digest_that_is_right_is_welcome(hub):
    both = f"sha-512=:AAAA:, {sha256(b'data')}, {md5(b'data')}"
    assert put(hub, "/x", b"data", Repr_Digest=both)[0] == 201
    status, _, body = put(hub, "/y", b"data", Repr_Digest="sha-256=:nonsense:")
    assert status == 400 and b"malformed" in body
    assert files(hub) == ["x"]


def test_a_digest_is_made_when_asked_for_and_remembered(hub):
    data = os.urandom(20_000_000)
    (hub.folder / "files" / "old.bin").write_bytes(data)
    assert ask(hub, "HEAD", "/old.bin")[1]["Repr-Digest"] is None
    assert ask(hub, "HEAD", "/old.bin", Want_Repr_Digest="sha-512=10")[1]["Repr-Digest"] is None
    right = f"{sha256(data)}, {md5(data)}"
    assert ask(hub, "HEAD", "/old.bin", Want_Repr_Digest="sha-256=10")[1]["Repr-Digest"] == right
    assert ask(hub, "HEAD", "/old.bin")[1]["Repr-Digest"] == right
    (hub.folder / "files" / "old.bin").write_bytes(b"changed")
    assert ask(hub, "HEAD", "/old.bin")[1]["Repr-Digest"] is None
    lines = ask(hub, "GET", "/old.bin?digest")[2].decode()
    assert f"SHA256 (old.bin) = {hashlib.sha256(b'changed').hexdigest()}\n" in lines
    assert f"MD5 (old.bin) = {hashlib.md5(b'changed').hexdigest()}\n" in lines


# ---- Folders


def test_a_browser_sees_a_page_without_script(hub):
    evil = "<img src=x onerror=alert(1)>.txt"
    put(hub, "/" + evil.replace("<", "%3C").replace(">", "%3E").replace(" ", "%20"), b"x")
    put(hub, "/%E6%96%87%E4%BB%B6%20%26%20co.txt", b"x" * 2048)
    put(hub, "/sub/x", b"x")
    status, fields, body = ask(hub, "GET", "/", Accept="text/html")
    page = body.decode()
    assert status == 200 and "default-src 'none'" in fields["Content-Security-Policy"]
    assert "<img" not in page and "&lt;img src=x onerror=alert(1)&gt;.txt" in page and "<script" not in page
    assert '<a href="./%E6%96%87%E4%BB%B6%20%26%20co.txt"><bdi>文件 &amp; co.txt</bdi></a>' in page
    assert "2.0 KiB" in page and '<a href="./sub/">' in page and f"nc 127.0.0.1 {hub.port}" in page
    assert page.index("./sub/") < page.index("co.txt")
    assert ask(hub, "GET", "/sub")[0] == 301 and ask(hub, "GET", "/sub")[1]["Location"] == "/sub/"
    assert ask(hub, "GET", "/sub/x/")[0] == 404


def test_a_page_speaks_chinese(start_hub):
    hub = start_hub("--lang=zh")
    page = ask(hub, "GET", "/")[2].decode()
    assert "<html lang=zh>" in page and "这里还没有文件" in page


def test_a_folder_in_order(hub):
    for name, size in [("b", 3), ("a", 1), ("c", 2)]:
        put(hub, f"/{name}", b"x" * size)

    def order(query):
        return [e["name"] for e in json.loads(ask(hub, "GET", f"/?json&{query}")[2])["entries"]]

    assert order("") == ["a", "b", "c"] and order("sort=name&order=down") == ["c", "b", "a"]
    assert order("sort=size") == ["a", "c", "b"] and order("sort=size&order=down") == ["b", "c", "a"]
    assert order("sort=time") == ["b", "a", "c"]


def test_json_for_programs_whatever_the_names(hub):
    top = os.fsencode(hub.folder / "files")
    for name in [b'quo"te\\', b"\xff\xfe", "文".encode(), b"line\nfeed", b"a:b"]:
        with open(os.path.join(top, name), "wb") as f:
            f.write(name)
    os.symlink("/etc/passwd", os.path.join(top, b"link"))
    os.mkfifo(os.path.join(top, b"fifo"))
    status, fields, body = ask(hub, "GET", "/", Accept="application/json")
    listing = json.loads(body)
    assert status == 200 and fields["Content-Type"] == "application/json"
    names = {e["name"]: e for e in listing["entries"]}
    assert set(names) == {'quo"te\\', "\ufffd\ufffd", "文", "line\nfeed", "a:b"} and listing["more"] is False
    assert ask(hub, "GET", names["\ufffd\ufffd"]["href"].removeprefix("."))[2] == b"\xff\xfe"
    assert ask(hub, "GET", "/fifo")[0] == 403


def test_a_large_folder_is_streamed(hub):
    for i in range(3000):
        (hub.folder / "files" / f"{i:04d}-{'x' * 100}").touch()
    assert len(json.loads(ask(hub, "GET", "/?json")[2])["entries"]) == 3000
    assert ask(hub, "GET", "/")[2].count(b"<tr>") == 3000 + 1


def test_scripts_of_guests_do_not_run_in_the_hubs_name(hub):
    for name in ["x.html", "x.svg", "x.xml", "x.xhtml"]:
        put(hub, f"/{name}", b"<script>alert(1)</script>")
        fields = ask(hub, "GET", f"/{name}")[1]
        assert fields["Content-Security-Policy"].startswith("sandbox;")
        assert fields["X-Content-Type-Options"] == "nosniff"


# ---- Nothing leads out


@pytest.mark.parametrize("path", [
    "/../secret", "/..%2fsecret", "/%2e%2e/secret", "/%2e%2e%2fsecret", "/a/../../secret", "/..", "/.%2e/",
    "/..%5c..%2fsecret", "/%2e%2e%2f%2e%2e%2fetc/passwd", "/x%00/../secret", "/%2fetc%2fpasswd", "/./secret",
])
def test_no_path_leads_out(hub, path):
    (hub.folder / "secret").write_text("secret")
    for method in ["GET", "HEAD", "DELETE"]:
        assert ask(hub, method, path, Authorization=BASIC)[0] == 400
    assert put(hub, path, b"evil")[0] == 400
    assert (hub.folder / "secret").read_text() == "secret"


def test_no_link_leads_out(hub, tmp_path):
    top = hub.folder / "files"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (top / "abs").symlink_to("/etc/passwd")
    (top / "rel").symlink_to("../pier.db")
    (top / "dir").symlink_to(outside)
    (top / "in").symlink_to("real")
    (top / "real").write_text("fine")
    assert ask(hub, "GET", "//etc/passwd")[0] == 404
    for path in ["/abs", "/rel", "/dir/secret", "/dir/", "/proc/self/root/etc/passwd"]:
        status, _, body = ask(hub, "GET", path)
        assert status in (403, 404) and b"secret" not in body and b"root:" not in body
    assert ask(hub, "GET", "/in")[::2] == (200, b"fine")
    assert put(hub, "/dir/new", b"evil")[0] in (403, 409)
    assert sorted(p.name for p in outside.iterdir()) == ["secret"]
    assert put(hub, "/abs", b"replaced")[0] in (201, 204, 403)
    assert "root:" in pathlib.Path("/etc/passwd").read_text()


@pytest.mark.parametrize("path,status", [
    ("/", 400), ("/x/", 400), ("/.pier/x", 403), ("/.pier", 403), ("/%ff", 403), ("/a%0ab", 400), ("/a%7f", 400),
    ("/" + "n" * 256, 400), ("/" + "d/" * 40 + "x", 400), ("/%zz", 400),
])
def test_names_that_cannot_be_stored(hub, path, status):
    assert put(hub, path, b"x")[0] == status
    assert files(hub) == []


def test_a_folder_is_no_file(hub):
    assert put(hub, "/a/b", b"x")[0] == 201
    assert put(hub, "/a", b"x")[0] == 409
    assert put(hub, "/a/b/c", b"x")[0] == 409
    assert files(hub) == ["a/b"] and nothing_partial(hub)


# ---- Rude and unlucky clients


HEAD = "PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: " + BASIC + "\r\n"


def test_a_body_cut_short_leaves_nothing(hub):
    came = raw(hub, HEAD.format(path="/cut") + "Content-Length: 1000000\r\n\r\n" + "x" * 500_000)
    assert b"201" not in came
    raw(hub, HEAD.format(path="/cut") + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    s = socket.create_connection(("127.0.0.1", hub.port))
    s.sendall((HEAD.format(path="/cut") + "Content-Length: 1000000\r\n\r\n" + "x" * 700_000).encode())
    until(lambda: partial(hub))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    s.close()  # a reset
    until(lambda: not partial(hub))
    assert files(hub) == []


def test_a_body_too_long_is_refused_before_it_comes(start_hub):
    hub = start_hub("--upload-max=1m")
    hub.add_user(USER, PASSWORD)
    came = raw(hub, HEAD.format(path="/big") + "Content-Length: 1048577\r\nExpect: 100-continue\r\n\r\n")
    assert b" 413 " in came and b"100 Continue" not in came
    assert put(hub, "/fits", b"x" * 1048576)[0] == 201
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    came = raw(hub, (HEAD.format(path="/big") + "Transfer-Encoding: chunked\r\n\r\n").encode() + chunk * 17 + b"0\r\n\r\n")
    assert b" 413 " in came
    assert files(hub) == ["fits"] and nothing_partial(hub)


def test_bodies_that_are_not_the_file_are_refused(hub):
    assert put(hub, "/x", b"abc", Content_Range="bytes 0-2/10")[0] == 400
    assert put(hub, "/x", b"abc", Content_Encoding="gzip")[0] == 415
    assert ask(hub, "POST", "/x", b"abc", Authorization=BASIC)[0] == 405
    assert ask(hub, "PATCH", "/x", b"abc", Authorization=BASIC)[0] == 405
    assert ask(hub, "TRACE", "/x")[0] in (405, 501)
    status, fields, _ = ask(hub, "OPTIONS", "/x")
    assert status == 204 and "PUT" in fields["Allow"] and "max-size=" in fields["Upload-Limit"]
    assert "application/partial-upload" in fields["Accept-Patch"]
    assert files(hub) == []


def test_a_slow_body_does_not_hold_others_up(hub):
    slow = [socket.create_connection(("127.0.0.1", hub.port)) for _ in range(12)]
    for i, s in enumerate(slow):
        s.sendall((HEAD.format(path=f"/slow{i}") + "Content-Length: 100\r\n\r\nx").encode())
    began = time.monotonic()
    assert put(hub, "/quick", b"x" * 100_000)[0] == 201
    assert ask(hub, "GET", "/quick")[0] == 200
    assert time.monotonic() - began < 5
    for s in slow:
        s.close()
    until(lambda: not partial(hub))
    assert files(hub) == ["quick"]


def test_too_many_bodies_at_a_time_are_told_to_wait(hub):
    logins = []
    for i in range(4):  # 16 of each user
        hub.add_user(f"user{i}", PASSWORD)
        logins.append("Basic " + base64.b64encode(f"user{i}:{PASSWORD}".encode()).decode())
    for login in [BASIC, *logins]:
        ask(hub, "DELETE", "/warm", Authorization=login)  # the password is hashed once, not 16 times
    held = [socket.create_connection(("127.0.0.1", hub.port)) for _ in range(64)]
    for i, s in enumerate(held):
        head = HEAD.format(path=f"/h{i}").replace(BASIC, logins[i % 4])
        s.sendall((head + "Content-Length: 100\r\n\r\nx").encode())
    until(lambda: len(partial(hub)) == 64)
    status, fields, _ = put(hub, "/one-more", b"x")
    assert status == 503 and fields["Retry-After"]
    for s in held:
        s.close()
    until(lambda: put(hub, "/one-more", b"x")[0] == 201)


def test_two_writers_never_tear_a_file(hub):
    size = 3_000_000
    bodies = [bytes([c]) * size for c in b"ABCD"]
    done = []
    writers = [threading.Thread(target=lambda b=b: done.append(put(hub, "/same", b)[0])) for b in bodies for _ in range(3)]
    for w in writers:
        w.start()
    while any(w.is_alive() for w in writers):
        status, _, body = ask(hub, "GET", "/same")
        assert status == 404 or body in bodies
    assert set(done) <= {201, 204} and len(done) == 12
    status, fields, body = ask(hub, "GET", "/same", Want_Repr_Digest="sha-256=10")
    assert body in bodies and fields["Repr-Digest"].startswith(sha256(body))
    assert nothing_partial(hub)


def test_a_reader_keeps_the_file_it_began_with(hub):
    old, new = os.urandom(8_000_000), os.urandom(8_000_000)
    put(hub, "/f", old)
    conn = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=20)
    conn.request("GET", "/f")
    answer = conn.getresponse()
    first = answer.read(1000)
    assert put(hub, "/f", new)[0] == 204
    assert first + answer.read() == old


@pytest.mark.skipif(os.geteuid() != 0, reason="a small tmpfs needs root")
def test_a_full_disk_is_said_and_nothing_is_torn(start_hub, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "pier-test", folder], capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        hub = start_hub(folder=folder)
        hub.add_user(USER, PASSWORD)
        assert put(hub, "/small", b"x" * 1000)[0] == 201
        came = raw(hub, (HEAD.format(path="/big") + "Content-Length: 30000000\r\n\r\n").encode() + b"x" * 30_000_000, wait=20)
        assert b" 507 " in came and b"disk is full" in came
        assert files(hub) == ["small"] and nothing_partial(hub)
        assert put(hub, "/small", b"y" * 1000)[0] == 204
        hub.stop()
        hub.process = None
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_hub_that_is_killed_leaves_no_torn_file(hub):
    s = socket.create_connection(("127.0.0.1", hub.port))
    s.sendall((HEAD.format(path="/torn") + "Content-Length: 10000000\r\n\r\n").encode() + b"x" * 5_000_000)
    until(lambda: any((hub.folder / "partial" / p).stat().st_size > 1_000_000 for p in partial(hub)))
    hub.kill()
    hub.start()
    assert files(hub) == [] and nothing_partial(hub)
    assert ask(hub, "GET", "/torn")[0] == 404


# ---- Resumable uploads, by hand


def begin(hub, path, length, data=None, method="POST", **fields):
    if data is not None:
        fields["Repr_Digest"] = sha256(data)
    return ask(hub, method, path, b"", Authorization=BASIC, Upload_Complete="?0", Upload_Length=str(length), **fields)


def append(hub, where, offset, body, complete="?1", **fields):
    fields = {"Content_Type": "application/partial-upload", **fields}
    return ask(hub, "PATCH", where, body, Authorization=BASIC, Upload_Offset=str(offset), Upload_Complete=complete, **fields)


def offset_of(hub, where):
    status, fields, _ = ask(hub, "HEAD", where, Authorization=BASIC)
    return int(fields["Upload-Offset"]) if status == 204 else None


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_an_upload_in_three_pieces(hub, method):
    data = os.urandom(2_000_000)
    status, fields, _ = begin(hub, "/r/x.bin", len(data), data, method)
    where = fields["Location"]
    assert status == 201 and fields["Upload-Offset"] == "0" and "max-size=" in fields["Upload-Limit"]
    status, fields, _ = append(hub, where, 0, data[:700_000], "?0")
    assert status == 204 and fields["Upload-Offset"] == "700000" and fields["Upload-Complete"] == "?0"
    assert files(hub) == [] and offset_of(hub, where) == 700_000
    assert append(hub, where, 700_000, data[700_000:700_001], "?0")[0] == 204
    status, fields, _ = append(hub, where, 700_001, data[700_001:])
    assert status == 201 and fields["Upload-Complete"] == "?1" and fields["Repr-Digest"].startswith(sha256(data))
    assert ask(hub, "GET", "/r/x.bin")[2] == data
    assert nothing_partial(hub) and offset_of(hub, where) is None


def test_who_forgot_everything_finds_the_upload_again(hub):
    data = os.urandom(500_000)
    where = begin(hub, "/x", len(data), data)[1]["Location"]
    append(hub, where, 0, data[:123_456], "?0")
    hub.kill()
    hub.start()
    status, fields, _ = begin(hub, "/x", len(data), data)
    assert status == 201 and fields["Location"] == where and fields["Upload-Offset"] == "123456"
    assert append(hub, where, 123_456, data[123_456:])[0] == 201
    assert ask(hub, "GET", "/x")[2] == data and nothing_partial(hub)


def test_an_upload_belongs_to_its_user(hub):
    hub.add_user("mallory", "another horse")
    where = begin(hub, "/x", 10, b"0123456789")[1]["Location"]
    other = "Basic " + base64.b64encode(b"mallory:another horse").decode()
    for method in ["HEAD", "PATCH", "DELETE"]:
        assert ask(hub, method, where, Authorization=other, Upload_Offset="0", Upload_Complete="?1",
                   Content_Type="application/partial-upload")[0] == 404
        assert ask(hub, method, where)[0] == 401
    assert ask(hub, "POST", "/x", b"", Authorization=other, Upload_Complete="?0", Upload_Length="10",
               Repr_Digest=sha256(b"0123456789"))[1]["Location"] != where


def test_offsets_and_lengths_must_agree(hub):
    where = begin(hub, "/x", 10)[1]["Location"]
    status, fields, body = append(hub, where, 5, b"56789")
    assert status == 409 and fields["Upload-Offset"] == "0" and json.loads(body)["expected-offset"] == 0
    status, _, body = append(hub, where, 0, b"01234")
    assert status == 400 and json.loads(body)["type"].endswith("#inconsistent-upload-length")
    assert append(hub, where, 0, b"0123456789abc", "?0")[0] == 400
    assert append(hub, where, 0, b"0123", "?0", Upload_Length="11")[0] == 400
    assert append(hub, where, 0, b"0123", "maybe")[0] == 400
    assert append(hub, where, 0, b"0123", "?0", Content_Type="text/plain")[0] == 415
    assert append(hub, where, 0, b"0123456789")[0] == 201
    assert ask(hub, "GET", "/x")[2] == b"0123456789"


def test_a_promise_not_kept_ends_the_upload(hub):
    where = begin(hub, "/x", 4, b"data")[1]["Location"]
    status, _, body = append(hub, where, 0, b"lies")
    assert status == 400 and b"digest differs" in body
    assert files(hub) == [] and nothing_partial(hub) and offset_of(hub, where) is None


def test_an_upload_is_given_up(hub):
    where = begin(hub, "/x", 4)[1]["Location"]
    assert ask(hub, "DELETE", where, Authorization=BASIC)[0] == 204
    assert ask(hub, "DELETE", where, Authorization=BASIC)[0] == 404
    assert nothing_partial(hub)


def test_one_request_with_a_way_back(hub):
    data = os.urandom(300_000)
    head = HEAD.format(path="/x") + f"Upload-Complete: ?1\r\nContent-Length: {len(data)}\r\n\r\n"
    came = raw(hub, head.encode() + data)
    assert came.startswith(b"HTTP/1.1 104 ") and b"Location: /.pier/uploads/" in came and b"\r\nHTTP/1.1 201 " in came
    assert ask(hub, "GET", "/x")[2] == data
    came = raw(hub, head.replace("/x", "/y").encode() + data[:200_000])
    where = came.decode().split("Location: ")[1].split("\r\n")[0]
    assert until(lambda: offset_of(hub, where)) == 200_000
    assert append(hub, where, 200_000, data[200_000:])[0] == 201
    assert ask(hub, "GET", "/y")[2] == data


def test_a_newer_request_takes_the_upload_over(hub):
    data = os.urandom(400_000)
    where = begin(hub, "/x", len(data), data)[1]["Location"]
    stuck = socket.create_connection(("127.0.0.1", hub.port))
    stuck.sendall((f"PATCH {where} HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\nContent-Type: application/partial-upload\r\n"
                   f"Upload-Offset: 0\r\nUpload-Complete: ?1\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data[:100_000])
    time.sleep(0.2)
    began = time.monotonic()
    offset = offset_of(hub, where)
    assert offset == 100_000 and time.monotonic() - began < 3
    assert append(hub, where, offset, data[offset:])[0] == 201
    assert ask(hub, "GET", "/x")[2] == data
    stuck.close()


def test_unfinished_uploads_are_bounded(hub):
    first = begin(hub, "/u0", 10, b"0123456789")[1]["Location"]
    for i in range(1, 33):
        assert begin(hub, f"/u{i}", 10, b"0123456789")[0] == 201
    assert len(partial(hub)) == 64  # 32 uploads, two files each
    assert offset_of(hub, first) is None


def test_stale_uploads_are_swept_at_the_start(hub):
    old = begin(hub, "/old", 10, b"0123456789")[1]["Location"]
    young = begin(hub, "/young", 10, b"0123456789")[1]["Location"]
    hub.kill()
    day_ago = time.time() - 25 * 3600
    os.utime(hub.folder / "partial" / old.rsplit("/", 1)[1], (day_ago, day_ago))
    (hub.folder / "partial" / "put-rest").write_text("x")
    (hub.folder / "partial" / ("f" * 32 + ".terms")).write_text("torn")
    hub.start()
    assert offset_of(hub, old) is None and offset_of(hub, young) == 0
    assert partial(hub) == [young.rsplit("/", 1)[1], young.rsplit("/", 1)[1] + ".terms"]


# ---- As large as it gets


@pytest.mark.within(120)
def test_a_large_file_both_ways(hub, pier, tmp_path):
    """PIER_TEST_LARGE is its size in MiB, 1024 unless set; 0 skips."""
    mib = int(os.environ.get("PIER_TEST_LARGE", "1024"))
    if not mib:
        pytest.skip("PIER_TEST_LARGE=0")
    block = os.urandom(1 << 20)
    whole = hashlib.sha256()
    with open(tmp_path / "large", "wb") as f:
        for i in range(mib):
            piece = i.to_bytes(8, "big") + block[8:]
            f.write(piece)
            whole.update(piece)
    subprocess.run(["curl", "-sSf", "-u", f"{USER}:{PASSWORD}", "-T", tmp_path / "large", f"{hub.url}/large"],
                   check=True, capture_output=True)
    said = ask(hub, "HEAD", "/large")[1]["Repr-Digest"]
    assert base64.b64encode(whole.digest()).decode() in said
    (tmp_path / "large").unlink()
    pier("get", f"{hub.url}/large", cwd=tmp_path)
    assert (tmp_path / "large").stat().st_size == mib << 20
    rss = int(next(line for line in open(f"/proc/{hub.process.pid}/status") if line.startswith("VmHWM")).split()[1])
    assert rss < 300_000 or "PIER_BUILD" in os.environ  # sanitizers take their own
