# Beside ../names.c: all that names can be asked.

import socket, sys, threading

PROTOCOLS = {n: name for name, n in vars(socket).items() if name.startswith("IPPROTO_")}


def tell_host(name):
    host, aliases, addrs = socket.gethostbyname_ex(name)
    print(f"{name} is {host}")
    for alias in aliases:
        print(f"  alias {alias}")
    for addr in addrs:
        try:
            back, _ = socket.getnameinfo((addr, 0), socket.NI_NAMEREQD)
            print(f"  {addr}, which is {back}")
        except socket.gaierror:
            print(f"  {addr}")
    print(f"  in full {socket.getfqdn(name)}")


def tell_ways(host, service):
    for family, kind, protocol, _, addr in socket.getaddrinfo(host, service, type=socket.SOCK_STREAM):
        print(family.name, kind.name, PROTOCOLS[protocol], f"{addr[0]}:{addr[1]}")


if len(sys.argv) != 3:
    sys.exit("usage: names HOST SERVICE")
print(f"I am {socket.gethostname()}")
try:
    print(f"{sys.argv[2]} is port {socket.getservbyname(sys.argv[2], 'tcp')}")
except OSError:
    pass
try:
    print(f"port 443 is {socket.getservbyport(443, 'tcp')}")
except OSError:
    pass
try:
    print(f"tcp is protocol {socket.getprotobyname('tcp')}")
except OSError:
    pass
failed = ["timed out"]


def tell():
    try:
        tell_host(sys.argv[1])
        tell_ways(sys.argv[1], sys.argv[2])
        failed.clear()
    except OSError as e:
        failed[:] = [e]


asking = threading.Thread(target=tell, daemon=True)
asking.start()
asking.join(5)
if failed:
    sys.exit(f"{sys.argv[1]}: {failed[0]}")
