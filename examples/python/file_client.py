# Beside ../file_client.c: file transfer with size, progress and MD5: the client.

import hashlib, os, socket, sys


def receive(f, size, into):
    md5, got = hashlib.md5(), 0
    while got < size and (data := f.read1(min(65536, size - got))):
        md5.update(data)
        into.write(data)
        got += len(data)
        print(f"\r{100 * got / size:3.0f}%", end="", file=sys.stderr)
    return got, md5.hexdigest()


if len(sys.argv) != 5:
    sys.exit("usage: file_client HOST PORT NAME INTO")
host, port, name, path = sys.argv[1:]
try:
    with socket.create_connection((host, int(port)), 30) as s:
        s.sendall(name.encode() + b"\n")
        f = s.makefile("rb")
        head = f.readline(256).decode().rstrip("\n")
        try:
            size, theirs = head.split()
            size = int(size)
        except ValueError:
            sys.exit(f"{name}: {head or 'no answer'}")
        if size < 0:
            sys.exit(f"{name}: {head}")
        with open(path, "wb") as into:
            got, ours = receive(f, size, into)
except OSError as e:
    sys.exit(str(e))
if got != size or ours != theirs:
    os.remove(path)
    sys.exit(f"\n{name}: not what was promised")
print(file=sys.stderr)
print(f"{name}  {size} bytes  {ours}")
