# Beside ../ancillary.c: what comes beside a datagram.

import socket, struct, sys, time

IP_PKTINFO, SO_TIMESTAMPNS = 8, 35


def ask():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    s.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    s.setsockopt(socket.IPPROTO_IP, 12, 1)
    s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    s.bind(("0.0.0.0", 0))
    return s


def tell(s):
    data, items, flags, _ = s.recvmsg(64, 4 * socket.CMSG_SPACE(32))
    to = by = hops = when = None
    for level, kind, value in items:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            by, _, to = struct.unpack("i4s4s", value)
        elif (level, kind) == (socket.IPPROTO_IP, socket.IP_TTL):
            (hops,) = struct.unpack("i", value)
        elif (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, ns = struct.unpack("qq", value)
            when = seconds * 10**9 + ns
    cut = " (cut)" if flags & socket.MSG_TRUNC else ""
    print(f'"{data.decode()}"{cut} came to {socket.inet_ntoa(to)} by {socket.if_indextoname(by)}, with {hops} hops left,',
          f"{(time.time_ns() - when) / 1e6:.3f} ms ago, flags {socket.MsgFlag(flags)!r}")


try:
    with ask() as s, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 5)
        out.sendto(b"hello", ("127.0.0.7", s.getsockname()[1]))
        tell(s)
except OSError as e:
    sys.exit(str(e))
