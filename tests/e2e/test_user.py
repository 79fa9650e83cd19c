"""pier user: accounts, beside a running hub and without one."""

import json
import os
import pty
import subprocess
import time

import pytest


@pytest.fixture
def user(pier, tmp_path):
    """user("add", "lin", input="…") on a folder of the test's own."""

    def run(verb, *args, **more):
        return pier("user", verb, f"--data={tmp_path}/data", *args, **more)

    return run


def names(user):
    return [json.loads(line)["name"] for line in user("list", "--json").stdout.splitlines()]


def at_terminal(pier, args, *answers):
    """Runs the command on a terminal and types each answer when something is asked. Gives status and what was seen."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(pier.path, [str(pier.path), *args])
    seen = b""
    for answer in answers:
        while not seen.rstrip(b" ").endswith(b":"):
            seen += os.read(fd, 1000)
        time.sleep(0.2)
        os.write(fd, answer)
        seen += b"\n"
    try:
        while more := os.read(fd, 1000):
            seen += more
    except OSError:  # EIO: the other side is closed
        pass
    os.close(fd)
    return os.waitpid(pid, 0)[1], seen.decode()


def test_accounts_come_and_go(user):
    user("add", "lin", input="secret1\n")
    user("add", "梅", input="secret2\n")
    assert names(user) == ["lin", "梅"]
    assert "lin" in user("list").stdout
    user("remove", "LIN")
    assert names(user) == ["梅"]
    user("passwd", "梅", input="secret3\n")


def test_one_name_has_one_account_however_it_is_spelled(user):
    user("add", "Lin", input="secret1\n")
    done = user("add", "lin", input="secret2\n", status=1)
    assert "Lin is there already" in done.stderr and "passwd" in done.stderr


def test_who_is_not_there_is_not_changed(user):
    user("add", "lin", input="secret1\n")
    for verb in ("passwd", "remove"):
        assert "no account mei" in user(verb, "mei", input="secret1\n", status=1).stderr


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a@b", "a:b", "x" * 33, "system", "\x1b[31m"])
def test_names_that_cannot_be_are_refused(user, name):
    assert "cannot be a name" in user("add", name, input="secret1\n", status=2).stderr


@pytest.mark.parametrize("password", ["short", "x" * 129, ""])
def test_passwords_have_a_length(user, password):
    done = user("add", "lin", input=password + "\n", status=2)
    assert "password" in done.stderr and "bytes" in done.stderr


def test_without_a_password_nothing_is_made(user):
    assert "no password on stdin" in user("add", "lin", stdin=subprocess.DEVNULL, status=2).stderr
    assert names(user) == []


def test_a_terminal_is_asked_twice_and_shows_nothing(pier, user, tmp_path):
    args = ["user", "add", f"--data={tmp_path}/data", "lin"]
    status, seen = at_terminal(pier, args, b"geheimnis\n", b"geheimnis\n")
    assert status == 0 and "Password for lin:" in seen and "Once more:" in seen and "lin may come in" in seen
    assert "geheimnis" not in seen
    assert names(user) == ["lin"]


def test_two_passwords_that_differ_change_nothing(pier, user, tmp_path):
    user("add", "mei", input="secret1\n")
    status, seen = at_terminal(pier, ["user", "add", f"--data={tmp_path}/data", "lin"], b"geheimnis\n", b"geheimnix\n")
    assert os.waitstatus_to_exitcode(status) == 2 and "differ" in seen
    assert names(user) == ["mei"]


def test_ctrl_c_at_the_password_ends_it_and_makes_nothing(pier, user, tmp_path):
    user("add", "mei", input="secret1\n")
    status, _ = at_terminal(pier, ["user", "add", f"--data={tmp_path}/data", "lin"], b"gehei\x03")
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == 2
    assert names(user) == ["mei"]


def test_it_works_beside_a_running_hub(pier, hub):
    hub.add_user("lin", "secret1")
    talk = hub.talk()
    talk.login("lin", "secret1")
    talk.expect("Logged in.")
    pier("user", "passwd", f"--data={hub.folder}", "lin", input="secret2\n")
    talk = hub.talk()
    talk.login("lin", "secret2")
    talk.expect("Logged in.")


@pytest.mark.parametrize("wrong", [[], ["ad", "lin"], ["frobnicate"], ["add"], ["add", "a", "b"], ["list", "lin"]])
def test_what_cannot_be_meant_is_a_usage_error(pier, wrong):
    done = pier("user", *wrong, status=2)
    assert done.stderr.startswith("pier: user") and done.stderr.count("\n") == 1


def test_a_folder_without_a_hub_is_told(pier, tmp_path):
    done = pier("user", "list", f"--data={tmp_path}/none", status=9)
    assert "no hub's data there" in done.stderr and "--data=DIR" in done.stderr
    assert not (tmp_path / "none").exists()
