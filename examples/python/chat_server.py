# Beside ../chat_server.c: two-way chat with many clients.

import socketserver, sys, threading

clients, lock = {}, threading.Lock()


def say(but, text):
    with lock:
        for other in list(clients.values()):
            if other is not but:
                try:
                    other.sendall(text.encode())
                except OSError:
                    pass


class Chat(socketserver.StreamRequestHandler):
    def handle(self):
        name = "%s:%d" % self.client_address
        with lock:
            clients[name] = self.request
        say(self.request, f"* {name} came\n")
        try:
            for line in self.rfile:
                say(self.request, f"{name}: {line.decode()}")
        finally:
            with lock:
                del clients[name]
            say(self.request, f"* {name} left\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    with Server(("", int(sys.argv[1]) if len(sys.argv) > 1 else 7002), Chat) as server:
        server.serve_forever()
