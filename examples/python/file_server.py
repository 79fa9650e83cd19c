# Beside ../file_server.c: file transfer with size, progress and MD5: the server.

import hashlib, os, socketserver, sys


class Give(socketserver.StreamRequestHandler):
    timeout = 30

    def handle(self):
        name = self.rfile.readline(256).decode().rstrip("\r\n")
        if not name:
            return
        folder = os.path.realpath(sys.argv[1])
        path = os.path.realpath(os.path.join(folder, name))
        try:
            if os.path.commonpath([folder, path]) != folder:
                raise PermissionError(0, "outside the folder")
            with open(path, "rb") as f:
                md5 = hashlib.file_digest(f, "md5")
                f.seek(0)
                size = os.fstat(f.fileno()).st_size
                self.wfile.write(f"{size} {md5.hexdigest()}\n".encode())
                self.request.sendfile(f)
        except OSError as e:
            self.wfile.write(f"-1 {e.strerror}\n".encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: file_server FOLDER [PORT]")
    with Server(("", int(sys.argv[2]) if len(sys.argv) > 2 else 7004), Give) as server:
        server.serve_forever()
