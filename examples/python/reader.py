# Beside ../reader.c: reading as from a file: lines, exactly n, peek, a parser.

import io, select, socket


def clause(f):
    text = b""
    while (byte := f.read(1)) != b";":
        if not byte:
            raise EOFError
        text += byte
    return text.decode()


a, b = socket.socketpair()
with a, b:
    print("input:", len(select.select([b], [], [], 0.01)[0]))
    a.sendall(b"as it comes")
    text = bytearray(32)
    n = b.recv_into(text)
    print("some:", text[:n].decode())
    f = b.makefile("rb")
    a.sendall(b"name\n12345678one;two;")
    print("input:", len(select.select([b], [], [], 0.01)[0]))
    print("ahead:", f.peek(2)[:2].decode())
    print("line:", f.readline().decode().rstrip())
    print("eight:", f.read(8).decode())
    a.shutdown(socket.SHUT_WR)
    f = io.BytesIO(b"zero;" + f.read())
    try:
        while True:
            print("clause:", clause(f))
    except EOFError:
        pass
