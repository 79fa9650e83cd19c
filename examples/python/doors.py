# Beside ../doors.c: one handler, many doors.

import os, socketserver, sys, threading


class Greet(socketserver.StreamRequestHandler):
    def handle(self):
        door = self.request.getsockname()
        door = door if isinstance(door, str) else "%s:%d" % door
        self.wfile.write(f"you came by {door}\n".encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


threads = []
for door in sys.argv[1:]:
    if door.startswith("/"):
        if os.path.exists(door):
            os.unlink(door)
        server = socketserver.ThreadingUnixStreamServer(door, Greet)
    else:
        host, port = door.split(":")
        server = Server((host, int(port)), Greet)
    threads.append(threading.Thread(target=server.serve_forever))
    threads[-1].start()
for thread in threads:
    thread.join()
