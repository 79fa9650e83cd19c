# Beside ../tried.c: what a dial tries, one address after another.

import socket, sys, time

host, port = sys.argv[1:]
tried = []
for family, kind, protocol, _, addr in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
    began = time.monotonic()
    s = socket.socket(family, kind, protocol)
    s.settimeout(5)
    err = None
    try:
        s.connect(addr)
    except OSError as e:
        err = e
        s.close()
    print(f"{addr[0]}:{addr[1]} after {(time.monotonic() - began) * 1e3:.0f} ms: {err or 'connected'}")
    if not err:
        break
sys.exit(err and f"{host}: {err}")
