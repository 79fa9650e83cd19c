# Beside ../isolated.c: a process for each client.

import os, socketserver, sys


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if line.rstrip() == b"crash":
                os.abort()
            self.wfile.write(b"%d heard: %s" % (os.getpid(), line))


class Server(socketserver.ForkingTCPServer):
    allow_reuse_address = True
    peers = {}

    def process_request(self, request, client_address):
        before = set(self.active_children or ())
        super().process_request(request, client_address)
        for pid in set(self.active_children) - before:
            self.peers[pid] = client_address

    def collect_children(self, *, blocking=False):
        for pid in list(self.active_children or ()):
            done, status = os.waitpid(pid, 0 if blocking else os.WNOHANG)
            if done:
                self.active_children.discard(pid)
                host, port = self.peers.pop(pid)
                if os.WIFSIGNALED(status):
                    print(f"{host}:{port}: its process crashed", flush=True)


if __name__ == "__main__":
    with Server(("", int(sys.argv[1]) if len(sys.argv) > 1 else 7011), Handler) as server:
        server.serve_forever()
