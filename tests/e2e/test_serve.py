"""pier serve: what it tells a person when it opens, when it cannot, and when it closes."""

import os
import re
import signal
import socket
import subprocess
import time

import pytest


class Served:
    """`pier serve` in a folder, once it has said all that it says."""

    def __init__(self, pier, folder, port, args):
        self.log = folder.with_name(folder.name + ".log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [pier.path, "serve", f"--listen=127.0.0.1:{port}", *args, folder],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.PIPE, text=True,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
        while "http://" not in self.said():  # the test's deadline ends it
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.02)
        time.sleep(0.05)

    def said(self):
        return self.log.read_text()

    def close(self):
        """Closes it well; gives all that it said."""
        self.process.terminate()
        assert (self.process.communicate(timeout=20)[1], self.process.returncode) == ("", 0)
        return self.said()


@pytest.fixture
def serve(pier, tmp_path, free_port):
    started = []

    def start(*args, folder=tmp_path / "data", port=None):
        started.append(Served(pier, folder, port or free_port(), args))
        return started[-1]

    yield start
    for served in started:
        if served.process.poll() is None:
            served.process.kill()
            served.process.communicate()


def test_it_says_where_it_is_and_how_to_join(serve, tmp_path, free_port):
    port = free_port()
    said = serve(port=port).close()
    assert "The hub is open." in said and "The hub is closed." in said
    assert f"127.0.0.1:{port}" in said and f"{tmp_path}/data" in said
    assert f"nc 127.0.0.1 {port}" in said and f"http://127.0.0.1:{port}/" in said
    assert f"pier user add --data={tmp_path}/data NAME" in said


def test_it_says_so_in_chinese(serve):
    said = serve("--lang=zh").close()
    assert "服务已启动。" in said and "加入" in said and "服务已停止。" in said


def test_with_accounts_or_open_doors_no_one_is_told_to_make_one(pier, serve, tmp_path):
    assert "pier user add" not in serve("--open").close()
    pier("user", "add", f"--data={tmp_path}/data", "lin", input="secret\n")
    assert "pier user add" not in serve().close()


def test_how_to_join_is_true(pier, serve, tmp_path):
    pier("user", "add", f"--data={tmp_path}/data", "lin", input="secret\n")
    said = serve().said()
    host, port = re.search(r"nc (\S+) (\d+)", said).groups()
    talk = subprocess.run(["nc", "-N", host, port], input="lin\nsecret\n", capture_output=True, text=True, timeout=20)
    assert "Logged in." in talk.stdout
    page = subprocess.run(["curl", "-s", re.search(r"http://\S+", said)[0]], capture_output=True, timeout=20)
    assert page.returncode == 0 and page.stdout


def test_a_port_in_use_says_who_may_have_it_and_what_to_try(pier, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = pier("serve", f"--listen=127.0.0.1:{port}", f"{tmp_path}/data", status=9)
    assert f"127.0.0.1 port {port}: in use" in done.stderr
    assert "ss -lntp" in done.stderr and "--listen=" in done.stderr and done.stderr.count("\n") == 1


def test_one_folder_has_one_hub(pier, serve, tmp_path, free_port):
    serve()
    done = pier("serve", f"--listen=127.0.0.1:{free_port()}", f"{tmp_path}/data", status=None)
    assert done.returncode != 0 and "in use by another hub" in done.stderr and done.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_is_told(pier, tmp_path, free_port):
    (tmp_path / "file").write_text("")
    done = pier("serve", f"--listen=127.0.0.1:{free_port()}", f"{tmp_path}/file", status=9)
    assert f"{tmp_path}/file" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "wrong", [["a", "b"], ["--listen=nonsense"], ["--lang=fr"], ["--history=many"], ["--line-max=1g"], ["--line-max=9g"], ["--bogus"]]
)
def test_what_cannot_be_meant_is_told_at_once(pier, wrong, tmp_path):
    done = pier("serve", *wrong, status=None, cwd=tmp_path)
    assert done.returncode in (1, 2) and done.stderr.startswith("pier: ") and done.stderr.count("\n") == 1


def test_usr1_shows_who_is_there_and_the_hub_goes_on(start_hub):
    hub = start_hub("--open")
    talk = hub.talk()
    talk.expect(":")
    for times in (1, 2):
        hub.process.send_signal(signal.SIGUSR1)
        while len(re.findall(r"^worker 0: \d+ fibers, \d+ ready, \d+ ops under way$", hub.said(), re.M)) < times:
            time.sleep(0.02)
    assert re.search(r"^fiber \d+\.\d+ in \S+ waits for clients, for \d+\.\d+ s, by an op$", hub.said(), re.M)
    talk.say("lin")
    talk.expect(":")


def test_an_interrupt_closes_it_well(serve):
    process = serve().process
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


def test_a_second_signal_does_not_wait_for_a_talker(serve):
    served = serve("--grace=60s")
    process, port = served.process, int(re.search(r"nc \S+ (\d+)", served.said())[1])
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"GET / HT")  # inside a message: a gentle close would wait for its end
        time.sleep(0.3)
        process.terminate()
        time.sleep(0.3)
        process.terminate()
        process.wait(10)
