# Beside ../clock.c: something from time to time.

import socketserver, sys, threading, time

clients, lock = set(), threading.Lock()


class Listen(socketserver.StreamRequestHandler):
    def handle(self):
        with lock:
            clients.add(self.request)
        try:
            while self.request.recv(65536):
                pass
        finally:
            with lock:
                clients.discard(self.request)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

    def service_actions(self):
        with lock:
            for s in clients:
                try:
                    s.sendall(f"{time.time():.1f}\n".encode())
                except OSError:
                    pass


if __name__ == "__main__":
    with Server(("", int(sys.argv[1]) if len(sys.argv) > 1 else 7015), Listen) as server:
        server.serve_forever(poll_interval=0.5)
