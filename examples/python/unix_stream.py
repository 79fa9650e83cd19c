# Beside ../unix_stream.c: local sockets: a path or a name instead of a port.

import os, socket, sys, threading


def serve_one(s):
    conn, _ = s.accept()
    with conn:
        if line := conn.makefile().readline():
            conn.sendall(f"you said: {line}".encode())


def meet(path):
    with socket.socket(socket.AF_UNIX) as s:
        if not path.startswith("\0") and os.path.exists(path):
            os.unlink(path)
        s.bind(path)
        s.listen()
        server = threading.Thread(target=serve_one, args=[s])
        server.start()
        with socket.socket(socket.AF_UNIX) as c:
            c.connect(path)
            c.sendall(b"hello\n")
            c.shutdown(socket.SHUT_WR)
            print(c.makefile().readline(), end="")
        server.join()
    if not path.startswith("\0"):
        os.unlink(path)


try:
    meet(sys.argv[1] if len(sys.argv) > 1 else "\0pier-example")
except OSError as e:
    sys.exit(str(e))
