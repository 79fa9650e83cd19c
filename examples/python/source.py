# Beside ../source.c: a client bound to a port of its choice.

import socket, sys

if len(sys.argv) != 5:
    sys.exit("usage: source HOST PORT MY-HOST MY-PORT")
host, port, mine, my_port = sys.argv[1:]
try:
    with socket.socket() as s:
        s.bind((mine, int(my_port)))
        s.connect((host, int(port)))
        print("%s:%d ->" % s.getsockname(), "%s:%d" % s.getpeername())
        s.sendall(b"hello\n")
        f = s.makefile()
        if line := f.readline():
            print(line, end="")
except OSError as e:
    sys.exit(f"{host}:{port}: {e}")
