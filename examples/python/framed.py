# Beside ../../tests/contract/framed.c: your own framed protocol.

import socketserver, struct


class Measure(socketserver.StreamRequestHandler):
    def handle(self):
        while len(head := self.rfile.read(4)) == 4:
            (n,) = struct.unpack("!I", head)
            if n > 1 << 20:
                return
            m = self.rfile.read(n)
            if len(m) < n:
                return
            answer = f"{n} bytes".encode()
            self.wfile.write(struct.pack("!I", len(answer)) + answer)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    with Server(("", 7001), Measure) as server:
        server.serve_forever()
