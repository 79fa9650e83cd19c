# Beside ../pair.c: two ends inside one program.

import socket, threading


def answer(s):
    for line in s.makefile():
        s.sendall(f"{line.rstrip()} to you\n".encode())


def ask():
    a, b = socket.socketpair()
    with a, b:
        other = threading.Thread(target=answer, args=[b])
        other.start()
        a.sendall(b"good morning\n")
        print(a.makefile().readline(), end="")
        a.shutdown(socket.SHUT_WR)
        other.join()


try:
    ask()
except OSError as e:
    raise SystemExit(str(e))
