# Beside ../relay.c: standing between two.

import socket, socketserver, sys, threading


def copy(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)


class Relay(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection((sys.argv[2], int(sys.argv[3]))) as there:
            back = threading.Thread(target=copy, args=[there, self.request])
            back.start()
            copy(self.request, there)
            back.join()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    with Server(("", int(sys.argv[1])), Relay) as server:
        server.serve_forever()
