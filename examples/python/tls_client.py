# Beside ../tls_client.c: under TLS: the client.

import socket, ssl, sys

try:
    context = ssl.create_default_context(cafile=sys.argv[3] if len(sys.argv) > 3 else None)
    if len(sys.argv) > 4:
        context.load_cert_chain(sys.argv[4])
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as tcp:
        with context.wrap_socket(tcp, server_hostname=sys.argv[1]) as s:
            print(s.version(), s.cipher()[0], s.getpeercert(), file=sys.stderr)
            f = s.makefile()
            for line in sys.stdin:
                s.sendall(line.encode())
                print(f.readline(), end="", flush=True)
except OSError as e:
    sys.exit(str(e))
