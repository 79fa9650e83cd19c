# Beside ../../tests/contract/file.c: a file for whoever comes.

import socketserver, sys


class Give(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(30)
        with open(sys.argv[1], "rb") as f:
            self.request.sendfile(f)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(2)
    with Server(("", 8000), Give) as server:
        server.serve_forever()
