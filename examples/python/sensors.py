# Beside ../sensors.c: very many quiet peers: a handler called per message.

import socketserver, sys


class Sensor(socketserver.StreamRequestHandler):
    timeout = 3600

    def setup(self):
        super().setup()
        self.reports, self.sum, self.why = 0, 0.0, ""

    def handle(self):
        try:
            while line := self.rfile.readline(61):
                if len(line) > 60:
                    raise OSError("message too long")
                self.sum += float(line)
                self.reports += 1
                self.wfile.write(f"mean of {self.reports}: {self.sum / self.reports:.2f}\n".encode())
        except (OSError, ValueError) as e:
            self.why = f": {e}"

    def finish(self):
        print(f"{self.client_address[0]}:{self.client_address[1]} left after {self.reports} reports{self.why}", flush=True)
        super().finish()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    with Server(("", int(sys.argv[1]) if len(sys.argv) > 1 else 7010), Sensor) as server:
        server.serve_forever()
