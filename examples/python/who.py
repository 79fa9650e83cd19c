# Beside ../who.c: who connects, and from where.

import socketserver, sys


class Who(socketserver.StreamRequestHandler):
    def handle(self):
        host, port = self.client_address
        print(f"{host}:{port} connected", flush=True)
        self.wfile.write(f"welcome, {host}:{port}\n".encode())
        while self.request.recv(65536):
            pass
        print(f"{host}:{port} left", flush=True)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    with Server(("", int(sys.argv[1]) if len(sys.argv) > 1 else 7001), Who) as server:
        print("listening on %s:%d" % server.server_address, flush=True)
        server.serve_forever()
