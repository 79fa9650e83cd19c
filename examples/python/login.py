# Beside ../../tests/contract/login.c: the login dialogue.

import socketserver


class Login(socketserver.StreamRequestHandler):
    timeout = 120

    def ask(self, what):
        self.wfile.write(what.encode())
        return self.rfile.readline(65).decode().rstrip("\r\n")

    def handle(self):
        while user := self.ask("请输入用户名:"):
            if (user, self.ask("请输入密码:")) == ("zhao", "123"):
                self.wfile.write("登录成功\n".encode())
                return
            self.wfile.write("用户名或密码输入错误\n".encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    with Server(("127.0.0.1", 9999), Login) as server:
        server.serve_forever()
