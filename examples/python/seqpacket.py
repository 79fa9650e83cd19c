# Beside ../seqpacket.c: a connection that keeps messages apart.

import os, socket, sys, threading


def count(s):
    conn, _ = s.accept()
    with conn:
        while m := conn.recv(65536):
            print(f"[{m.decode()}]")


def send_three(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        if not path.startswith("\0") and os.path.exists(path):
            os.unlink(path)
        s.bind(path)
        s.listen()
        server = threading.Thread(target=count, args=[s])
        server.start()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as c:
            c.connect(path)
            for m in (b"one", b"two", b"three"):
                c.send(m)
        server.join()
    if not path.startswith("\0"):
        os.unlink(path)


try:
    send_three(sys.argv[1] if len(sys.argv) > 1 else "\0pier-seq")
except OSError as e:
    sys.exit(str(e))
