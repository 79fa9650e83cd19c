# Beside ../proxied.c: behind a proxy.

import ipaddress, socketserver, sys


class Greet(socketserver.StreamRequestHandler):
    timeout = 5

    def handle(self):
        host, port = self.client_address
        if ipaddress.ip_address(host).is_loopback:
            words = self.rfile.readline(108).split()
            if words[:1] != [b"PROXY"] or len(words) != 6:
                return
            host, port = words[2].decode(), int(words[4])
        self.wfile.write(f"you are {host}:{port}\n".encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    with Server(("", int(sys.argv[1]) if len(sys.argv) > 1 else 7016), Greet) as server:
        server.serve_forever()
