# Beside ../mirror.c: a web server, which says back what it was asked.

import http.server, sys


class Mirror(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def chunk(self, data):
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            left = int(self.headers.get("Content-Length", 0))
            while left > 0 and (part := self.rfile.read(min(left, 16384))):
                left -= len(part)
                yield part

    def mirror(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for name, value in self.headers.items():
            self.chunk(f"{name}: {value}\n".encode())
        for part in self.body():
            self.chunk(part)
        self.wfile.write(b"0\r\n\r\n")
    do_GET = do_PUT = do_POST = do_DELETE = mirror


if __name__ == "__main__":
    with http.server.ThreadingHTTPServer(("", int(sys.argv[1]) if len(sys.argv) > 1 else 8080), Mirror) as server:
        print("listening on %s:%d" % server.server_address, flush=True)
        server.serve_forever()
