# Beside ../once.c: one client, or nobody.

import socketserver, sys


class Greet(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"you are the only one\n")


class Server(socketserver.TCPServer):
    allow_reuse_address = True
    timed_out = False

    def handle_timeout(self):
        self.timed_out = True
        print("nobody came")


with Server(("", int(sys.argv[2]) if len(sys.argv) > 2 else 7014), Greet) as server:
    server.timeout = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    server.handle_request()
sys.exit(server.timed_out)
