# Beside ../echo.c: a server that sends back what it gets.

import socketserver, sys


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(60)
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    with Server(("", int(sys.argv[1]) if len(sys.argv) > 1 else 7000), Echo) as server:
        server.serve_forever()
