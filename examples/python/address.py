# Beside ../address.c: what an address is: its class, the special blocks.

import ipaddress, sys

blocks = [ipaddress.ip_network(n) for n in (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")]
failed = 0
for text in sys.argv[1:]:
    try:
        a = ipaddress.ip_address(text)
    except ValueError:
        failed = 1
        print(f"{text} is no address", file=sys.stderr)
        continue
    print(text + ("  global" if a.is_global else ""))
    for name in ("private", "loopback", "link_local", "multicast", "reserved", "unspecified"):
        if getattr(a, "is_" + name):
            print(f"  {name}")
    for block in blocks:
        if a.version == 4 and a in block:
            print(f"  {block}")
    if a.version == 4:
        first = a.packed[0]
        print("  class", "A" if first < 128 else "B" if first < 192 else "C" if first < 224 else "D" if first < 240 else "E")
sys.exit(failed)
