# Beside ../tls_echo.c: under TLS: the server.

import socketserver, ssl, sys


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            with context.wrap_socket(self.request, server_side=True) as s:
                print("%s:%d:" % self.client_address, s.version(), s.cipher()[0], s.getpeercert(), file=sys.stderr)
                while data := s.recv(65536):
                    s.sendall(data)
        except OSError as e:
            print("%s:%d:" % self.client_address, e, file=sys.stderr)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    context.set_alpn_protocols(["echo"])
    if len(sys.argv) > 4:
        context.load_verify_locations(sys.argv[4])
        context.verify_mode = ssl.CERT_REQUIRED
    with Server(("", int(sys.argv[1])), Echo) as server:
        server.serve_forever()
