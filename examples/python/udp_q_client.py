# Beside ../udp_q_client.c: UDP chat that ends on Q: the client.

import socket, sys

try:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((sys.argv[1] if len(sys.argv) > 1 else "localhost", int(sys.argv[2]) if len(sys.argv) > 2 else 7003))
        s.settimeout(3)
        for line in sys.stdin:
            s.send(line.rstrip("\n").encode())
            if line == "Q\n":
                break
            data = s.recv(65535)
            print(data.decode())
except OSError as e:
    sys.exit(str(e))
