"""pier put: to our hub, through crashes of either side, and to servers that know only PUT."""

import hashlib
import http.server
import json
import os
import pty
import socket
import subprocess
import threading
import time

import pytest

USER, PASSWORD = "alice", "correct horse"
ENV = {"PIER_PASSWORD": PASSWORD}


@pytest.fixture
def hub(start_hub):
    hub = start_hub()
    hub.add_user(USER, PASSWORD)
    return hub


def put(pier, *args, env=ENV, **more):
    return pier("put", *args, env=env, **more)


def stored(hub, name):
    return (hub.folder / "files" / name).read_bytes()


def partial(hub):
    """The offsets of unfinished uploads."""
    found = []
    for p in (hub.folder / "partial").iterdir():
        if not p.name.endswith(".terms"):
            try:
                found.append(p.stat().st_size)
            except FileNotFoundError:
                pass
    return found


def until(what, within=20):
    end = time.monotonic() + within
    while not what():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.001)


@pytest.mark.parametrize("size", [0, 1, 100_000, 5_000_000])
def test_a_file_is_stored_and_checked(hub, pier, tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "文 件.bin").write_bytes(data)
    done = put(pier, tmp_path / "文 件.bin", f"{hub.url}/in/", "--user", USER)
    assert done.stdout == done.stderr == "" and stored(hub, "in/文 件.bin") == data
    done = put(pier, tmp_path / "文 件.bin", f"http://{USER}@127.0.0.1:{hub.port}/named", "--json")
    said = json.loads(done.stdout)
    assert said["ev"] == "close" and said["status"] == 0 and said["sha256"] == hashlib.sha256(data).hexdigest()
    assert stored(hub, "named") == data and partial(hub) == []


def test_many_files_and_one_that_is_there(hub, pier, tmp_path):
    for name in ["a", "b", "c"]:
        (tmp_path / name).write_text(name * 1000)
    put(pier, tmp_path / "a", tmp_path / "b", tmp_path / "c", hub.url, "-u", USER)
    assert [stored(hub, n)[:1] for n in "abc"] == [b"a", b"b", b"c"]
    done = put(pier, "-v", tmp_path / "a", f"{hub.url}/", "-u", USER)
    assert "it was there already" in done.stderr
    put(pier, tmp_path / "a", tmp_path / "b", f"{hub.url}/one", "-u", USER, status=2)


def test_the_ways_to_a_password(hub, pier, tmp_path):
    (tmp_path / "x").write_text("x")
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    put(pier, tmp_path / "x", f"{hub.url}/1", "-u", USER, "--password-file", tmp_path / "secret", env={})
    put(pier, tmp_path / "x", f"http://{USER}:correct%20horse@127.0.0.1:{hub.port}/2", env={})
    assert "log in" in put(pier, tmp_path / "x", f"{hub.url}/3", status=4).stderr
    assert "log in" in put(pier, tmp_path / "x", f"{hub.url}/3", "-u", USER, env={"PIER_PASSWORD": "wrong"}, status=4).stderr
    put(pier, tmp_path / "x", f"{hub.url}/3", "-u", USER, "--password-file", tmp_path / "none", status=9)
    assert "PIER_PASSWORD" in put(pier, tmp_path / "x", f"{hub.url}/3", "-u", USER, env={}, status=2,
                                  start_new_session=True).stderr
    assert not (hub.folder / "files" / "3").exists()


def test_a_password_is_typed_without_echo(hub, pier, tmp_path):
    (tmp_path / "x").write_text("x")
    pid, leader = pty.fork()
    if pid == 0:
        os.execv(pier.path, [str(pier.path), "put", str(tmp_path / "x"), f"{hub.url}/x", "-u", USER])
    shown = b""
    while b"Password for alice: " not in shown:
        shown += os.read(leader, 1000)
    os.write(leader, PASSWORD.encode() + b"\n")
    try:
        while more := os.read(leader, 1000):
            shown += more
    except OSError:
        pass
    os.close(leader)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert PASSWORD.encode() not in shown and stored(hub, "x") == b"x"


def large(tmp_path, mib=200):
    """A file that takes a moment, and its digest."""
    block, whole = os.urandom(1 << 20), hashlib.sha256()
    with open(tmp_path / "large", "wb") as f:
        for i in range(mib):
            piece = i.to_bytes(8, "big") + block[8:]
            f.write(piece)
            whole.update(piece)
    return tmp_path / "large", whole.hexdigest()


def digest(path):
    whole = hashlib.sha256()
    with open(path, "rb") as f:
        while piece := f.read(1 << 20):
            whole.update(piece)
    return whole.hexdigest()


@pytest.mark.within(60)
def test_the_hub_is_killed_and_the_upload_goes_on(hub, pier, tmp_path):
    path, right = large(tmp_path)
    child = subprocess.Popen([pier.path, "put", "--json", path, f"{hub.url}/large", "-u", USER],
                             env={**os.environ, **ENV}, stdout=subprocess.PIPE, text=True)
    until(lambda: any(size > 10_000_000 for size in partial(hub)))
    hub.kill()
    assert partial(hub)[0] < 200 << 20 and list((hub.folder / "files").iterdir()) == []
    hub.start()
    said = json.loads(child.communicate()[0])
    assert child.returncode == 0 and said["sent"] < 390 << 20
    assert digest(hub.folder / "files" / "large") == right and partial(hub) == []


@pytest.mark.within(60)
def test_the_client_is_killed_and_the_next_goes_on(hub, pier, tmp_path):
    path, right = large(tmp_path)
    child = subprocess.Popen([pier.path, "put", path, f"{hub.url}/large", "-u", USER], env={**os.environ, **ENV})
    until(lambda: any(size > 10_000_000 for size in partial(hub)))
    child.kill()
    child.wait()
    assert list((hub.folder / "files").iterdir()) == []
    said = json.loads(put(pier, "--json", path, f"{hub.url}/large", "-u", USER).stdout)
    assert said["resumed"] >= 10_000_000 and said["resumed"] + said["sent"] == 200 << 20
    assert digest(hub.folder / "files" / "large") == right and partial(hub) == []


@pytest.mark.within(60)
def test_both_are_killed_and_the_next_goes_on(hub, pier, tmp_path):
    path, right = large(tmp_path)
    child = subprocess.Popen([pier.path, "put", path, f"{hub.url}/large", "-u", USER], env={**os.environ, **ENV})
    until(lambda: any(size > 10_000_000 for size in partial(hub)))
    hub.kill()
    child.kill()
    child.wait()
    hub.start()
    said = json.loads(put(pier, "--json", path, f"{hub.url}/large", "-u", USER).stdout)
    assert said["resumed"] >= 10_000_000
    assert digest(hub.folder / "files" / "large") == right and partial(hub) == []


def test_a_file_that_changed_is_another_upload(hub, pier, tmp_path):
    (tmp_path / "x").write_bytes(b"a" * 3_000_000)
    child = subprocess.Popen([pier.path, "put", tmp_path / "x", f"{hub.url}/x", "-u", USER], env={**os.environ, **ENV})
    child.wait()
    (tmp_path / "x").write_bytes(b"b" * 3_000_000)
    put(pier, tmp_path / "x", f"{hub.url}/x", "-u", USER)
    assert stored(hub, "x") == b"b" * 3_000_000


def test_a_hub_that_takes_less_says_so(start_hub, pier, tmp_path):
    hub = start_hub("--upload-max=1m")
    hub.add_user(USER, PASSWORD)
    (tmp_path / "x").write_bytes(b"x" * 2_000_000)
    assert "413" in put(pier, tmp_path / "x", f"{hub.url}/x", "-u", USER, status=1).stderr
    assert partial(hub) == []


def test_errors_say_what_is_wrong(hub, pier, tmp_path, free_port):
    (tmp_path / "x").write_text("x")
    (tmp_path / "d").mkdir()
    assert "refused" in put(pier, tmp_path / "x", f"http://127.0.0.1:{free_port()}/", status=4).stderr
    assert "No such file" in put(pier, tmp_path / "none", hub.url, "-u", USER, status=9).stderr
    put(pier, tmp_path / "d", hub.url, "-u", USER, status=9)
    put(pier, tmp_path / "x", status=2)
    put(pier, tmp_path / "x", f"{hub.url}/a/../b", "-u", USER, status=1)
    (tmp_path / "link").symlink_to(tmp_path / "x")
    put(pier, tmp_path / "link", hub.url, "-u", USER)
    assert stored(hub, "link") == b"x"


class OnlyPut(http.server.BaseHTTPRequestHandler):
    """As servers are that never heard of resumable uploads."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_PUT(self):
        self.server.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_other_servers_get_a_plain_put(pier, tmp_path, size):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OnlyPut)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    server.status = 201
    data = os.urandom(size)
    (tmp_path / "x").write_bytes(data)
    assert "gave no digest" in put(pier, "-v", tmp_path / "x", f"http://127.0.0.1:{server.server_port}/").stderr
    assert server.body == data
    server.status = 403
    put(pier, tmp_path / "x", f"http://127.0.0.1:{server.server_port}/", status=4)
    server.shutdown()
    server.server_close()


def test_a_server_that_answers_early_is_heard(pier, tmp_path):
    (tmp_path / "x").write_bytes(os.urandom(30_000_000))
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                c, _ = listener.accept()
            except OSError:
                return
            with c:
                while (head := c.recv(65536)):
                    if head.startswith((b"HEAD", b"POST")):
                        c.sendall(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
                        continue
                    c.sendall(b"HTTP/1.1 413 Too much\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbig\n")
                    end = time.monotonic() + 3
                    while time.monotonic() < end and c.recv(1 << 20):
                        pass
                    break

    threading.Thread(target=serve, daemon=True).start()
    said = put(pier, tmp_path / "x", f"http://127.0.0.1:{listener.getsockname()[1]}/x", status=1).stderr
    assert "413: big" in said
    listener.close()
