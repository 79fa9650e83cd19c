# Beside ../handshake.c: TCP's handshake and teardown, made visible.

import ctypes, socket, struct, sys, time

FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]
first = [0, 0]


def tell(p):
    source, dest, seq, ack, offset, flags = struct.unpack("!HHIIBB", p[20:34])
    up = dest == port
    if flags & 2:
        first[up] = seq
    data = struct.unpack("!H", p[2:4])[0] - (p[0] & 15) * 4 - (offset >> 4) * 4
    words = "|".join(name for i, name in enumerate(FLAGS) if flags & 1 << i)
    line = f"  {'client -> server' if up else 'server -> client'}  {words}  seq {(seq - first[up]) & 0xffffffff}"
    if flags & 16:
        line += f" ack {(ack - first[not up]) & 0xffffffff}"
    print(line + (f", {data} bytes" if data else ""))


def show(call):
    print(call)
    end = time.monotonic() + 0.1
    while (left := end - time.monotonic()) > 0:
        wire.settimeout(left)
        try:
            p = wire.recv(40)
        except TimeoutError:
            break
        if len(p) == 40 and p[9] == socket.IPPROTO_TCP:
            tell(p)
    print()


try:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
except OSError as e:
    print(f"no packet socket here: {e}", file=sys.stderr)
    sys.exit(77)
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in (
    (0xb1, 0, 0, 0),
    (0x48, 0, 0, 0),
    (0x15, 2, 0, port),
    (0x48, 0, 0, 2),
    (0x15, 0, 1, port),
    (6, 0, 0, 40),
    (6, 0, 0, 0))))
wire.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HL", 7, ctypes.addressof(code)))
wire.setsockopt(263, 23, 1)
wire.bind(("lo", 0x0800))
client = socket.create_connection(("127.0.0.1", port))
show("connect: the handshake")
server, _ = listener.accept()
client.sendall(b"hello")
show("send")
server.recv(100)
client.shutdown(socket.SHUT_WR)
show("shutdown: one direction ends")
server.close()
show("close: the other, too")
client.close()
listener.close()
wire.close()
