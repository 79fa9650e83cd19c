# Beside ../upper.c: one handler for TCP and UDP: upper-case echo.

import socketserver, sys


class Upper(socketserver.StreamRequestHandler):
    timeout = 30

    def handle(self):
        while data := self.request.recv(65536):
            self.wfile.write(data.upper())


class UpperPacket(socketserver.DatagramRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.read().upper())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    if sys.argv[1] == "udp":
        server = socketserver.ThreadingUDPServer(("", int(sys.argv[2])), UpperPacket)
    else:
        server = Server(("", int(sys.argv[2])), Upper)
    with server:
        server.serve_forever()
