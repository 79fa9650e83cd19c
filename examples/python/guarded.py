# Beside ../guarded.c: who may come in.

import ipaddress, socketserver, sys, threading


class Greet(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(f"welcome, {self.client_address[0]}:{self.client_address[1]}\n".encode())
        while self.request.recv(65536):
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    hosts, lock = set(), threading.Lock()

    def verify_request(self, request, client_address):
        a = ipaddress.ip_address(client_address[0])
        if any(a in network for network in deny) or not (a.is_loopback or a.is_private or a.is_link_local):
            return False
        with self.lock:
            if client_address[0] in self.hosts:
                request.sendall(b"one at a time\n")
                return False
            self.hosts.add(client_address[0])
            return True

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.lock:
                self.hosts.discard(client_address[0])


if __name__ == "__main__":
    deny = [ipaddress.ip_network(n) for n in sys.argv[1].split()] if len(sys.argv) > 1 else []
    with Server(("", int(sys.argv[2]) if len(sys.argv) > 2 else 7012), Greet) as server:
        server.serve_forever()
