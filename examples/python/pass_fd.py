# Beside ../pass_fd.c: a descriptor goes to another process.

import os, socket, sys, threading


def give(s, path):
    with open(path, "rb") as f:
        socket.send_fds(s, [b"a file"], [f.fileno()])


def take(s):
    data, fds, flags, _ = socket.recv_fds(s, 64, 1)
    if not fds:
        raise OSError("no descriptor came")
    with open(fds[0], "rb") as f:
        print(f"{data.decode()}, which begins: {f.read(64).decode()}")


if len(sys.argv) < 2:
    sys.exit("usage: pass_fd FILE")
a, b = socket.socketpair()
with a, b:
    giver = threading.Thread(target=give, args=[a, sys.argv[1]])
    giver.start()
    b.settimeout(3)
    try:
        take(b)
    except OSError as e:
        sys.exit(str(e))
    finally:
        giver.join()
