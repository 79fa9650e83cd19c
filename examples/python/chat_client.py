# Beside ../chat_client.c: typing and reading at once.

import socket, sys, threading


def type_(s):
    for line in sys.stdin:
        s.sendall(line.encode())
    s.shutdown(socket.SHUT_WR)


def chat(host, port):
    with socket.create_connection((host, port)) as s:
        threading.Thread(target=type_, args=[s], daemon=True).start()
        for line in s.makefile():
            print(line, end="", flush=True)


if __name__ == "__main__":
    try:
        chat(sys.argv[1] if len(sys.argv) > 1 else "localhost", int(sys.argv[2]) if len(sys.argv) > 2 else 7002)
    except OSError as e:
        sys.exit(str(e))
