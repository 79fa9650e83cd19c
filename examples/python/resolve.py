# Beside ../resolve.c: name look-ups.

import socket, sys, threading

found, failed = {}, 0


def ask(name):
    try:
        found[name] = socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM)
    except socket.gaierror as e:
        found[name] = e


for name in sys.argv[1:]:
    asking = threading.Thread(target=ask, args=[name], daemon=True)
    asking.start()
    asking.join(5)
    answer = found.get(name, TimeoutError("timed out"))
    if isinstance(answer, OSError):
        failed = 1
        print(f"{name}: {answer}", file=sys.stderr)
    else:
        for *_, addr in answer:
            print(f"{name}  {addr[0]}")
sys.exit(failed)
