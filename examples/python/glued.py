# Beside ../glued.c: messages that run together (粘包) and the cures.

import json, socket, struct


def recv_exactly(s, n):
    data = b""
    while len(data) < n:
        part = s.recv(n - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def raw():
    a, b = socket.socketpair()
    with a, b:
        for m in (b"one", b"two", b"three"):
            a.sendall(m)
        a.shutdown(socket.SHUT_WR)
        yield b.recv(65536)


def lines():
    a, b = socket.socketpair()
    with a, b:
        for m in (b"one", b"two", b"three"):
            a.sendall(m + b"\n")
        a.shutdown(socket.SHUT_WR)
        for line in b.makefile("rb"):
            yield line.rstrip(b"\n")


def prefixed(head):
    a, b = socket.socketpair()
    with a, b:
        for m in (b"one", b"two", b"three"):
            a.sendall(struct.pack(head, len(m)) + m)
        a.shutdown(socket.SHUT_WR)
        try:
            while True:
                (n,) = struct.unpack(head, recv_exactly(b, struct.calcsize(head)))
                yield recv_exactly(b, n)
        except EOFError:
            pass


def show(title, messages):
    print(f"{title:7}", *(f"[{m.decode()}]" for m in messages))


def show_header_and_body():
    a, b = socket.socketpair()
    with a, b:
        a.sendall(json.dumps({"size": 11}).encode() + b"\n")
        a.sendall(b"hello world")
        a.sendall(b"and what comes next")
        a.shutdown(socket.SHUT_WR)
        f = b.makefile("rb")
        header = f.readline().decode().rstrip("\n")
        size = json.loads(header)["size"]
        body = f.read(size) if size < 32 else b""
        print(f"header  {header} [{body.decode()}]")


show("raw", raw())
show("lines", lines())
show("len16", prefixed("!H"))
show("len32", prefixed("!I"))
show_header_and_body()
