"""Python's ThreadingTCPServer and ThreadingUDPServer: a thread for each conn. threads.py echo|idle|stream|udp PORT"""

import socket
import socketserver
import sys

BLOCK = bytes((i * 31 + (i >> 8) * 17) & 255 for i in range(65536))


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Stream(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while True:
                self.request.sendall(BLOCK)
        except OSError:
            pass


class UDPEcho(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(data, self.client_address)


class TCPServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 4096

    def get_request(self):
        conn, peer = super().get_request()
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return conn, peer


class UDPServer(socketserver.ThreadingUDPServer):
    daemon_threads = True


mode, port = sys.argv[1], int(sys.argv[2])
modes = {"echo": (TCPServer, Echo), "idle": (TCPServer, Echo), "stream": (TCPServer, Stream), "udp": (UDPServer, UDPEcho)}
server, handler = modes[mode]
server(("127.0.0.1", port), handler).serve_forever()
