# Beside ../udp_q_server.c: UDP chat that ends on Q: the server.

import socket, sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(("", int(sys.argv[1]) if len(sys.argv) > 1 else 7003))
    while True:
        data, (host, port) = s.recvfrom(65535)
        print(f"{host}:{port}: {data.decode(errors='replace')}", flush=True)
        if data == b"Q":
            break
        try:
            s.sendto(f"{len(data)} bytes, thank you".encode(), (host, port))
        except OSError as e:
            print(e, file=sys.stderr)
