# Beside ../sniff.c: every frame of an interface.

import socket, sys

if len(sys.argv) < 3:
    sys.exit("usage: sniff INTERFACE COUNT")
try:
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
except OSError as e:
    print(f"no packet socket here: {e}", file=sys.stderr)
    sys.exit(77)
try:
    with s:
        s.bind((sys.argv[1], 3))
        print("listening", flush=True)
        s.settimeout(10)
        for _ in range(int(sys.argv[2])):
            frame, (name, protocol, kind, hardware, address) = s.recvfrom(65536)
            mac = address.hex(":")
            print(f"{len(frame):5} bytes, packet:{name}:0x{protocol:04x}:{mac}")
except OSError as e:
    sys.exit(f"{sys.argv[1]}: {e}")
