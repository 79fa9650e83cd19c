# Beside ../multicast.c: a group hears one speaker.

import socket, struct, sys


def join(group, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((group, port))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership(group))
    return s


def membership(group):
    return struct.pack("4s4si", socket.inet_aton(group), bytes(4), lo)


def speak(group, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("4s4si", bytes(4), bytes(4), lo))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        s.sendto(b"hello, all", (group, port))


group, port = (sys.argv[1] if len(sys.argv) > 1 else "239.255.74.37:7437").split(":")
lo = socket.if_nametoindex("lo")
try:
    with join(group, int(port)) as a, join(group, int(port)) as b:
        speak(group, int(port))
        for i, s in enumerate((a, b), 1):
            data, (host, _) = s.recvfrom(64)
            print(f"member {i} hears {host}: {data.decode()}")
            s.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, membership(group))
except OSError as e:
    sys.exit(str(e))
