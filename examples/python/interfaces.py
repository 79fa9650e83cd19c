# Beside ../interfaces.c: interfaces, their addresses, and what those are.

import fcntl, ipaddress, socket, struct


def ask(s, name, what):
    try:
        return fcntl.ioctl(s, what, struct.pack("256s", name.encode()))
    except OSError:
        return None


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    for index, name in socket.if_nameindex():
        mtu, flags, mac = (ask(s, name, what) for what in (0x8921, 0x8913, 0x8927))
        (mtu,) = struct.unpack("i", mtu[16:20])
        (bits,) = struct.unpack("H", flags[16:18])
        print(f"{index} {name}: mtu {mtu}, {mac[18:24].hex(':')} {bits:#x}")
        if (addr := ask(s, name, 0x8915)) and (mask := ask(s, name, 0x891b)):
            a = ipaddress.ip_interface(f"{socket.inet_ntoa(addr[20:24])}/{socket.inet_ntoa(mask[20:24])}")
            kinds = [k for k in ("loopback", "private", "link_local", "multicast") if getattr(a, "is_" + k)]
            print(f"    {a}", *kinds)
    with open("/proc/net/if_inet6") as f:
        for line in f:
            addr, index, bits, _, _, name = line.split()
            a = ipaddress.ip_interface(f"{ipaddress.ip_address(bytes.fromhex(addr))}/{int(bits, 16)}")
            print(f"    {name} {a}", *[k for k in ("loopback", "private", "link_local") if getattr(a, "is_" + k)])
