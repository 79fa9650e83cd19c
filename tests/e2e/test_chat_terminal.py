"""pier chat at a terminal: tmux is the terminal, and what it shows is what a person sees."""

import os
import shutil
import subprocess
import time

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")


class Screen:
    """A program on a terminal of its own."""

    def __init__(self, folder, command, columns=60, rows=24, **env):
        self.tmux = ["tmux", "-u", "-S", str(folder / f"tmux{columns}"), "-f", "/dev/null"]
        settings = {"TERM": "screen-256color", "LC_ALL": "C.UTF-8", "XDG_STATE_HOME": str(folder / "state"), **env}
        words = ["env", *(f"{k}={v}" for k, v in settings.items()), *map(str, command)]
        quoted = " ".join("'" + w.replace("'", "'\\''") + "'" for w in words)
        script = f"trap : INT; {quoted}; echo \"status $?\"; stty -a | grep -qw -- icanon && echo sane; exec sleep 1000"
        self.run("new-session", "-d", "-x", str(columns), "-y", str(rows), "bash", "-c", script)

    def run(self, *args):
        return subprocess.run([*self.tmux, *args], check=True, capture_output=True, text=True, timeout=10).stdout

    def keys(self, *keys):
        self.run("send-keys", *keys)

    def type(self, text, enter=True):
        self.run("send-keys", "-l", text)
        if enter:
            self.keys("Enter")

    def rows(self):
        return [row.rstrip() for row in self.run("capture-pane", "-p").splitlines() if row.strip()]

    def until(self, text):
        """Waits until `text` is there; gives the rows. The test's deadline ends it."""
        end = time.monotonic() + 10
        while not any(text in row for row in self.rows()):
            assert time.monotonic() < end, f"no {text!r} in {self.rows()}"
            time.sleep(0.05)
        time.sleep(0.1)
        return self.rows()

    def close(self):
        subprocess.run([*self.tmux, "kill-server"], capture_output=True)


@pytest.fixture
def users(hub):
    for name in ("lin", "梅"):
        hub.add_user(name, "secret")
    return hub


@pytest.fixture
def chat(pier, users, tmp_path):
    """chat(*args) joins the hub at a terminal."""
    screens = []

    def start(*args, **more):
        screens.append(Screen(tmp_path, [pier.path, "chat", *args, f"127.0.0.1:{users.port}"], **more))
        return screens[-1]

    yield start
    for screen in screens:
        screen.close()


@pytest.fixture
def lin(chat):
    """lin, logged in by hand."""
    screen = chat()
    screen.until("User name:")
    screen.type("lin")
    screen.until("Password:")
    screen.type("secret")
    screen.until("You are in lobby")
    return screen


def say(hub, *lines):
    """梅 comes in, says this, and goes."""
    talk = hub.talk()
    talk.login("梅", "secret")
    talk.expect("You are in lobby")
    for line in lines:
        talk.say(line)
    talk.say("/quit")
    talk.expect("Bye.")


def test_a_password_is_never_shown(chat):
    screen = chat()
    screen.until("User name:")
    screen.type("lin")
    screen.until("Password:")
    screen.type("secret", enter=False)
    time.sleep(0.3)
    assert "secret" not in "".join(screen.rows())
    screen.keys("x", "BSpace", "Enter")
    rows = screen.until("You are in lobby")
    assert "User name: lin" in rows and "Password:" in rows and "secret" not in "".join(rows)


def test_a_line_that_comes_leaves_the_half_typed_one_intact_below(lin, users):
    lin.type("half a li", enter=False)
    say(users, "hello lin", "second line")
    rows = lin.until("* 梅 left")
    assert rows[-4:] == ["梅: hello lin", "梅: second line", "* 梅 left", "> half a li"]
    lin.type("ne")
    say(users, "got it?")
    assert "> half a line" in lin.until("got it?")


def test_chinese_is_typed_edited_and_kept_whole(lin, users):
    lin.type("你好，我正在写一句话", enter=False)
    lin.keys("Left", "Left", "BSpace")
    say(users, "中文也行")
    rows = lin.until("* 梅 left")
    assert rows[-1] == "> 你好，我正在写句话" and "梅: 中文也行" in rows
    other = users.talk()
    other.login("梅", "secret")
    other.expect("You are in lobby")
    lin.keys("Enter")
    other.expect("lin: 你好，我正在写句话\n")


@pytest.mark.parametrize("columns", [40, 41])
def test_a_line_of_several_rows_stays_whole(chat, users, columns):
    screen = chat("--user", "lin", columns=columns, PIER_PASSWORD="secret")
    screen.until("You are in lobby")
    typed = "长长的一行中文要超过四十列的宽度才行所以再写几个字然后 and some ascii too, to make three rows of it"
    screen.type(typed, enter=False)
    screen.keys(*["Left"] * 40)
    say(users, "one", "a line that is longer than forty columns, so it takes two rows")
    screen.until("* 梅 left")
    screen.keys("C-e")
    time.sleep(0.2)
    text = "".join(screen.rows())
    assert text.count("> 长长的") == 1 and text.count("three rows of it") == 1
    assert "".join(text.split()).endswith("".join(typed.split()))
    screen.keys("Enter")


def test_user_and_password_come_from_outside(chat):
    screen = chat("--user", "lin", PIER_PASSWORD="secret")
    rows = screen.until("You are in lobby")
    assert "User name: lin" in rows and "secret" not in "".join(rows)


def test_history_is_found_again_and_has_no_password(lin, chat, tmp_path):
    lin.type("something I said")
    time.sleep(0.2)
    lin.keys("Up")
    assert lin.until("something I said")[-1] == "> something I said"
    lin.keys("C-u")
    lin.type("/quit")
    rows = lin.until("status 0")
    assert "Bye." in rows and "sane" in lin.until("sane")
    path = tmp_path / "state" / "pier" / "chat_history"
    kept = subprocess.run(["cat", path], capture_output=True, text=True).stdout
    assert "something" in kept and "secret" not in kept
    assert os.stat(path).st_mode & 0o777 == 0o600 and os.stat(path.parent).st_mode & 0o777 == 0o700

    again = chat("--user", "lin", columns=61, PIER_PASSWORD="secret")
    again.until("You are in lobby")
    again.keys("Up", "Up")
    again.until("> something I said")


def test_nobody_can_act_on_the_terminal(lin, users):
    talk = users.talk()
    talk.login("梅", "secret")
    talk.expect("You are in lobby")
    talk.say("\x1b]0;title\x07 \x1b[2J \u202egnp.exe")
    rows = lin.until("exe")
    assert any("title" in row for row in rows) and "User name: lin" in rows


def test_names_have_colours_unless_they_are_not_wanted(lin, users, chat):
    say(users, "hello")
    lin.until("* 梅 left")
    assert "\x1b[" in lin.run("capture-pane", "-p", "-e")
    plain = chat("--user", "lin", columns=61, PIER_PASSWORD="secret", NO_COLOR="1")
    say(users, "hello")
    plain.until("* 梅 left")
    assert "\x1b[" not in plain.run("capture-pane", "-p", "-e")


def test_ctrl_d_leaves_and_ctrl_c_restores_the_terminal(lin, chat):
    lin.keys("C-d")
    assert "status 0" in lin.until("status") and "sane" in lin.until("sane")
    other = chat(columns=61)
    other.until("User name:")
    other.type("lin")
    other.until("Password:")
    other.keys("C-c")
    assert "status 130" in other.until("status") and "sane" in other.until("sane")


def test_when_the_hub_goes_the_person_is_told(lin, users):
    lin.type("half a li", enter=False)
    users.stop()
    rows = lin.until("status")
    assert "* The hub is going down. Bye." in rows and "status 0" in rows and "sane" in lin.until("sane")


def test_ten_lines_pasted_at_once_are_ten_lines(lin, users):
    other = users.talk()
    other.login("梅", "secret")
    other.expect("You are in lobby")
    lin.run("set-buffer", "".join(f"line {i}\n" for i in range(10)))
    lin.run("paste-buffer")
    for i in range(10):
        other.expect(f"lin: line {i}\n")


def test_scripts_get_plain_bytes(pier, users):
    where = f"127.0.0.1:{users.port}"
    done = pier("chat", "-u", "lin", where, input="hello from a script\n/quit\n", env={"PIER_PASSWORD": "secret"})
    assert "Logged in." in done.stdout and "Bye." in done.stdout and "\x1b" not in done.stdout and done.stderr == ""
    assert "set PIER_PASSWORD" in pier("chat", "-u", "lin", where, input="", status=2).stderr
    assert "lin: hello from a script" in pier("chat", where, input="lin\nsecret\n/quit\n").stdout  # the history


def test_a_hub_that_is_not_there_is_refused(pier, free_port):
    assert "refused" in pier("chat", f"127.0.0.1:{free_port()}", status=4).stderr
    assert "name not found" in pier("chat", "nosuch.invalid", status=3).stderr
    pier("chat", "a", "b", status=2)
