"""The hub's chat, as people with nc, ncat and telnet have it."""

import re
import signal
import socket
import sqlite3
import struct
import subprocess
import threading
import time

import pytest

ASK_NAME, ASK_PASSWORD = "请输入用户名:".encode(), "请输入密码:".encode()
LOGGED_IN, WRONG = "登录成功\n".encode(), "用户名或密码输入错误\n".encode()


class Raw:
    """A conversation in bytes."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)

    def send(self, data):
        self.socket.sendall(data)

    def exactly(self, wanted):
        """The next bytes are these."""
        got = b""
        while len(got) < len(wanted):
            more = self.socket.recv(len(wanted) - len(got))
            assert more, f"the end after {got!r}, not {wanted!r}"
            got += more
        assert got == wanted

    def until_the_end(self):
        return b"".join(iter(lambda: self.socket.recv(65536), b""))


@pytest.fixture
def users(hub):
    for name in ("zhao", "li", "wang"):
        hub.add_user(name, "secret")
    return hub


def enter(hub, name, password="secret"):
    talk = hub.talk()
    talk.login(name, password)
    talk.expect("* You are in lobby")
    talk.expect("\n")
    return talk


def client(command, hub, text):
    """Types `text` into a real client and gives what it printed."""
    done = subprocess.run([*command, "127.0.0.1", str(hub.port)], input=text, capture_output=True, text=True, timeout=30)
    return done.stdout


# ---- Talking ---------------------------------------------------------------------------------------------------------


def test_two_people_talk(users):
    zhao, li = enter(users, "zhao"), enter(users, "li")
    zhao.expect("* li came in\n")
    zhao.say("hello")
    assert li.expect("zhao: hello\n") == "zhao: hello\n"
    li.say("你好，赵")
    assert zhao.expect("\n") == "li: 你好，赵\n"  # and nothing of one's own before it
    li.say("/quit")
    li.expect("Bye.\n")
    zhao.expect("* li left\n")


def test_who_is_silent_for_half_a_second_is_greeted(users):
    start = time.monotonic()
    users.talk().expect("User name: ")
    assert 0.4 < time.monotonic() - start < 3


def test_a_line_with_only_q_leaves(users):
    zhao = enter(users, "zhao")
    zhao.say("Q")
    zhao.expect("Bye.\n")
    assert zhao.socket.recv(1) == b""


@pytest.mark.parametrize("command", [["nc", "-N"], ["nc", "-q", "1"], ["ncat"]], ids=" ".join)
def test_what_a_pipe_says_before_it_ends_is_delivered(users, command):
    li = enter(users, "li")
    seen = client(command, users, "zhao\nsecret\nhi from a pipe\n")
    li.expect("* zhao came in\nzhao: hi from a pipe\n* zhao left\n")
    assert "Logged in.\n" in seen


def test_a_last_line_without_an_end_is_delivered(users):
    li = enter(users, "li")
    client(["nc", "-N"], users, "zhao\nsecret\nno newline")
    li.expect("zhao: no newline\n")


def test_telnet_talks_too(users):
    li = enter(users, "li")
    telnet = subprocess.Popen(
        ["telnet", "127.0.0.1", str(users.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    for line in ("zhao", "secret", "hello from telnet"):
        telnet.stdin.write(line + "\n")
    telnet.stdin.flush()
    li.expect("zhao: hello from telnet\n")
    li.say("hello telnet")
    for line in telnet.stdout:
        if line == "li: hello telnet\n":
            break
    telnet.stdin.close()
    telnet.wait(20)
    telnet.stdout.close()


def test_a_telnet_peer_is_asked_to_hide_the_password_and_nobody_else_is(users):
    peer = Raw(users.port)
    peer.send(b"\xff\xfd\x03")  # IAC DO SUPPRESS-GO-AHEAD
    peer.exactly(b"User name: \xff\xfc\x03")
    peer.send(b"zhao\r\n")
    peer.exactly(b"\xff\xfb\x01Password: ")
    peer.send(b"\xff\xfd\x01secret\r\n")
    peer.exactly(b"\xff\xfc\x01\r\nLogged in.\n")

    plain = Raw(users.port)
    plain.exactly(b"User name: ")
    plain.send(b"zhao\n")
    plain.exactly(b"Password: ")
    plain.send(b"secret\n")
    plain.exactly(b"Logged in.\n")


def test_one_person_at_two_terminals_is_one_person(users):
    li = enter(users, "li")
    one, two = enter(users, "zhao"), enter(users, "ZHAO")
    one.say("/who")
    one.expect("* In lobby, 2: ")
    one.say("from one")
    two.expect("zhao: from one\n")
    li.say("/msg zhao psst")
    for talk in (one, two):
        talk.expect("[private] li: psst\n")
    one.say("/quit")
    one.expect("Bye.\n")
    two.say("still here")
    assert li.expect("still here\n") == "* zhao came in\nzhao: from one\nzhao: still here\n"


# ---- The login dialogue ----------------------------------------------------------------------------------------------


def test_the_dialogue_in_chinese_is_byte_exact(start_hub):
    hub = start_hub("--lang=zh")
    hub.add_user("zhao", "secret")
    peer = Raw(hub.port)
    peer.exactly(ASK_NAME)
    peer.send(b"zhao\n")
    peer.exactly(ASK_PASSWORD)
    peer.send(b"wrong!\n")
    peer.exactly(WRONG + ASK_NAME)
    peer.send(b"nobody\n")
    peer.exactly(ASK_PASSWORD)
    peer.send(b"secret\n")
    peer.exactly(WRONG + ASK_NAME)
    peer.send(b"zhao\n")
    peer.exactly(ASK_PASSWORD)
    peer.send(b"secret\n")
    peer.exactly(LOGGED_IN + "* 你在大厅，共 1 人。".encode())


def test_three_wrong_passwords_end_the_conn_and_each_takes_longer(users):
    talk = users.talk()
    times = []
    for _ in range(3):
        talk.login("zhao", "wrong!")
        start = time.monotonic()
        talk.expect("Wrong user name or password.\n")
        times.append(time.monotonic() - start)
    talk.expect("Too many tries. Bye.\n")
    assert talk.socket.recv(1) == b""
    assert times[0] < times[1] < times[2]


def test_guessing_on_many_conns_is_braked(start_hub):
    hub = start_hub("--logins=4")
    hub.add_user("zhao", "secret")
    seen = "".join(client(["nc", "-N"], hub, "x\nwrong!\n" * 3) for _ in range(2))
    assert seen.count("Wrong user name or password.\n") == 4
    assert "Too many failed logins lately." in seen


def test_who_is_new_can_register_where_that_is_allowed(start_hub):
    hub = start_hub("--open")
    talk = hub.talk()
    talk.expect("/register NAME\n")
    for line in ("/register 韩梅梅", "secret", "different", "/register 韩梅梅", "short", "/register a/b"):
        talk.say(line)
    talk.expect("The two differ.")
    talk.expect("A password has 6 to 128 bytes.\n")
    talk.expect('"a/b" cannot be a name')
    for line in ("/register 韩梅梅", "secret", "secret"):
        talk.say(line)
    talk.expect("Registered.\nLogged in.\n")
    talk.expect("* You are in lobby")

    again = hub.talk()
    for line in ("/register 韩梅梅", "secret", "secret"):
        again.say(line)
    again.expect('"韩梅梅" is taken.')
    again.say("韩梅梅")
    again.say("secret")
    again.expect("Logged in.\n")


def test_who_is_new_is_told_whom_to_ask_where_it_is_not(users):
    talk = users.talk()
    talk.say("/register sun")
    talk.expect("pier user add NAME\n")


def test_a_changed_password_holds_at_once(users, pier):
    enter(users, "zhao")
    pier("user", "passwd", f"--data={users.folder}", "zhao", input="different\n")
    talk = users.talk()
    talk.login("zhao", "secret")
    talk.expect("Wrong user name or password.\n")
    enter(users, "zhao", "different")


# ---- Rooms and commands ----------------------------------------------------------------------------------------------


def test_rooms_are_apart(users):
    zhao, li, wang = (enter(users, name) for name in ("zhao", "li", "wang"))
    zhao.say("/join Dev")
    zhao.expect("* You are in dev, 1 here.")
    li.expect("* zhao left\n")
    li.say("/join dev")
    zhao.expect("* li came in\n")
    wang.say("not for dev")
    li.say("for dev")
    assert zhao.expect("for dev\n") == "li: for dev\n"
    zhao.say("/rooms")
    zhao.expect("* dev: 2\n* lobby: 1\n")
    zhao.say("/who lobby")
    zhao.expect("* In lobby, 1: wang\n")
    zhao.say("/who nowhere")
    zhao.expect('Nobody is in a room "nowhere".')
    zhao.say("/join 大厅")
    zhao.expect("* You are in lobby, 2 here.")


def test_a_private_line_reaches_one_person_and_no_history(users):
    zhao, li, wang = (enter(users, name) for name in ("zhao", "li", "wang"))
    zhao.say("/msg LI see you  at six")
    li.expect("[private] zhao: see you  at six\n")
    zhao.say("/msg sun hi")
    zhao.expect("sun is not here")
    zhao.say("/msg li")
    zhao.expect("Type: /msg NAME TEXT\n")
    zhao.say("to all")
    wang.expect("zhao: to all\n")
    wang.say("/history")
    assert "see you" not in wang.expect("zhao: to all\n")


def test_history_is_shown_on_joining_and_on_request(start_hub):
    hub = start_hub("--history=3")
    for name in ("zhao", "li"):
        hub.add_user(name, "secret")
    zhao = enter(hub, "zhao")
    for i in range(1, 6):
        zhao.say(f"line {i}")
    zhao.say("/history 5")
    assert re.findall(r"\[\d\d:\d\d\] zhao: (line \d)\n", zhao.expect("line 5\n")) == [f"line {i}" for i in range(1, 6)]
    zhao.say("/history 0")
    zhao.expect("N from 1 to 200\n")
    li = hub.talk()
    li.login("li", "secret")
    assert re.findall(r"zhao: (line \d)", li.expect("* You are in lobby")) == ["line 3", "line 4", "line 5"]


def test_an_unknown_command_is_explained_and_two_slashes_say_one(users):
    zhao, li = enter(users, "zhao"), enter(users, "li")
    zhao.expect("came in\n")
    zhao.say("/dance")
    zhao.expect("There is no command /dance. /help lists them")
    zhao.say("/help")
    assert "/join ROOM" in zhao.expect("with a slash.\n")
    zhao.say("//etc/hosts")
    li.expect("zhao: /etc/hosts\n")


def test_nothing_is_missed_and_nothing_comes_twice_on_joining(start_hub):
    hub = start_hub("--rate=100000", "--history=200")
    for name in ("zhao", "li"):
        hub.add_user(name, "secret")
    zhao, stop = enter(hub, "zhao"), threading.Event()

    def talk():
        n = 0
        while not stop.is_set() and n < 150:
            n += 1
            zhao.say(f"<{n}>")
            time.sleep(0.005)

    talker = threading.Thread(target=talk)
    talker.start()
    li = enter(hub, "li")
    for room in ("dev", "lobby") * 4:
        li.say(f"/join {room}")
        seen = li.expect(f"* You are in {room}")
    stop.set()
    talker.join()
    zhao.say("<end>")
    seen += li.expect("<end>")
    numbers = [int(n) for n in re.findall(r"zhao: <(\d+)>", seen)]
    assert numbers == list(range(1, len(numbers) + 1))


# ---- Lines that are none ---------------------------------------------------------------------------------------------


def test_a_line_that_is_too_long_is_dropped_whole_and_the_talk_goes_on(users):
    zhao, li = enter(users, "zhao"), enter(users, "li")
    zhao.say("x" * 2000)
    li.expect("zhao: " + "x" * 2000 + "\n")
    zhao.say("y" * 100000 + " tail")
    zhao.expect("A line has at most 2000 bytes.")
    zhao.say("short")
    assert li.expect("\n") == "zhao: short\n"


def test_a_line_without_an_end_costs_the_conn(users):
    zhao = enter(users, "zhao")
    with pytest.raises(OSError):
        while True:
            zhao.socket.sendall(b"x" * 65536)
    enter(users, "li")


def test_what_is_not_utf8_is_told_and_not_delivered(users):
    zhao, li = enter(users, "zhao"), enter(users, "li")
    zhao.socket.sendall("你好\n".encode("gb2312"))
    zhao.expect("That was not UTF-8 and was not delivered.")
    zhao.say("\x1b[31mred\u202e")
    assert li.expect("\n") == "zhao: [31mred\n"


def test_ten_bad_lines_on_end_cost_the_conn(users):
    zhao = enter(users, "zhao")
    zhao.socket.sendall(b"\xff\xff\n" * 10)
    zhao.expect("Too many such lines. Bye.\n")


def test_who_talks_too_fast_is_slowed_and_loses_nothing(start_hub):
    hub = start_hub("--rate=240")
    for name in ("zhao", "li"):
        hub.add_user(name, "secret")
    zhao, li = enter(hub, "zhao"), enter(hub, "li")
    start = time.monotonic()
    zhao.socket.sendall(b"".join(b"line %d\n" % i for i in range(70)))
    seen = li.expect("line 69\n")
    assert time.monotonic() - start > 1.5
    assert seen == "".join(f"zhao: line {i}\n" for i in range(70))


def test_who_pastes_and_is_gone_is_not_waited_for(start_hub):
    hub = start_hub("--rate=60")
    for name in ("zhao", "li"):
        hub.add_user(name, "secret")
    zhao, li = enter(hub, "zhao"), enter(hub, "li")
    zhao.socket.sendall(b"".join(b"line %d\n" % i for i in range(200)))  # three minutes of them
    li.expect("zhao: line 15\n")
    zhao.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    zhao.close()  # by a reset, which the hub sees when it next has something for zhao
    li.say("are you there?")
    assert "line 20" not in li.expect("* zhao left\n")


@pytest.mark.within(60)
def test_who_never_reads_is_cut_and_the_others_notice_nothing(start_hub):
    hub = start_hub("--rate=10000000")
    for name in ("zhao", "li", "deaf"):
        hub.add_user(name, "secret")
    li = enter(hub, "li")
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", hub.port))
    deaf.sendall(b"deaf\nsecret\n")
    li.expect("* deaf came in\n")
    mouths, count = [enter(hub, "zhao") for _ in range(4)], 1000

    def talk(mouth, who):
        for i in range(count):
            who.say(f"{mouth}-{i} " + "x" * 1900)

    def listen(who):  # the mouths hear each other
        try:
            while who.socket.recv(1 << 20):
                pass
        except OSError:
            pass

    threads = [threading.Thread(target=talk, args=(n, who)) for n, who in enumerate(mouths)]
    threads += [threading.Thread(target=listen, args=(who,)) for who in mouths]
    for thread in threads:
        thread.start()
    seen, left = [[] for _ in mouths], False
    while not left or sum(map(len, seen)) < count * len(mouths):
        line = li.expect("\n")
        if match := re.match(r"zhao: (\d)-(\d+) x{1900}\n", line):
            seen[int(match[1])].append(int(match[2]))
        left = left or line == "* deaf left\n"
    assert seen == [list(range(count))] * len(mouths)
    for who in mouths:
        who.socket.shutdown(socket.SHUT_WR)
    for thread in threads:
        thread.join()
    deaf.close()


def test_too_many_conns_of_one_host_are_told(start_hub):
    hub = start_hub("--max-per-host=3")
    time.sleep(0.2)  # the look whether it listens is over
    talks = [hub.talk() for _ in range(3)]
    for talk in talks:
        talk.expect("User name: ")
    hub.talk().expect("Too many connections.")
    talks[0].say("Q")
    talks[0].expect("Bye.\n")
    talks[0].close()
    time.sleep(0.2)
    hub.talk().expect("User name: ")


# ---- Starting and stopping -------------------------------------------------------------------------------------------


def test_sigterm_says_goodbye_and_ends_well(users):
    zhao, nobody = enter(users, "zhao"), users.talk()
    nobody.expect("User name: ")
    zhao.socket.sendall(b"half a li")
    users.process.send_signal(signal.SIGTERM)
    zhao.expect("* The hub is going down. Bye.\n")
    nobody.expect("* The hub is going down. Bye.\n")
    assert zhao.socket.recv(1) == b""
    assert users.process.wait(20) == 0


@pytest.mark.within(90)
def test_after_a_kill_the_history_has_every_line_that_anyone_has_heard(start_hub):
    hub = start_hub("--rate=1000000")
    names = [f"user{i}" for i in range(6)]
    for name in names:
        hub.add_user(name, "secret")
    talks = {name: enter(hub, name) for name in names}
    heard, lock = set(), threading.Lock()

    def talk(name):
        try:
            for i in range(100000):
                talks[name].say(f"{name}-{i} 一二三")
                time.sleep(0.001)
        except OSError:
            pass

    def listen(name):
        s, rest = talks[name].socket, talks[name].seen.encode()
        try:
            while more := s.recv(65536):
                *lines, rest = (rest + more).split(b"\n")
                with lock:
                    heard.update(line.decode() for line in lines)
        except OSError:
            pass

    threads = [threading.Thread(target=work, args=(name,)) for work in (talk, listen) for name in names]
    for thread in threads:
        thread.start()
    time.sleep(2)
    hub.kill()
    for thread in threads:
        thread.join()
    said = {line for line in heard if re.fullmatch(r"user\d: user\d-\d+ 一二三", line)}
    assert len(said) > 100

    hub.start("--rate=1000000")
    with sqlite3.connect(hub.folder / "pier.db") as db:
        stored = [f"{who}: {text}" for who, text in db.execute("SELECT who, text FROM said ORDER BY id")]
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert said <= set(stored)
    assert len(stored) == len(set(stored))
    assert all(re.fullmatch(r"(user\d): \1-\d+ 一二三", line) for line in stored)
    for name in names:  # each one's lines in the order they were said, without a gap
        own = [int(re.search(r"-(\d+) ", line)[1]) for line in stored if line.startswith(name + ":")]
        assert own == list(range(len(own)))
    li = hub.talk()
    li.login("user0", "secret")
    assert stored[-1] in li.expect("* You are in lobby")


def test_one_folder_has_one_hub(users, pier, free_port):
    done = pier("serve", users.folder, f"--listen=127.0.0.1:{free_port()}", "--lang=en", status=None, timeout=20)
    assert done.returncode != 0
    assert "is in use by another hub" in done.stderr


def test_a_folder_that_cannot_be_used_is_said_so(pier, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = pier("serve", tmp_path / "file", "--lang=en", status=None, timeout=20)
    assert done.returncode != 0
    assert "cannot be used" in done.stderr


def test_a_hub_needs_a_stream(pier, tmp_path):
    done = pier("serve", tmp_path, "--listen=udp://127.0.0.1:7437", "--lang=en", status=None, timeout=20)
    assert done.returncode != 0
    assert "the hub needs a stream" in done.stderr
