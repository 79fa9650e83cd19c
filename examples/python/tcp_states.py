# Beside ../tcp_states.c: the states of a connection.

import socket, time

NAMES = ["", "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED", "CLOSE-WAIT",
         "LAST-ACK", "LISTEN", "CLOSING"]


def state(s):
    return NAMES[s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]]


def show(after, client, server):
    time.sleep(0.02)
    print(f"{after:22} client {state(client):12} server {state(server)}")


try:
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        show("socket", client, listener)
        listener.listen(1)
        show("listen", client, listener)
        client.connect(listener.getsockname())
        server, peer = listener.accept()
        with server:
            show("connect, accept", client, server)
            print("  from %s:%d" % peer, "to %s:%d" % client.getpeername())
            client.shutdown(socket.SHUT_WR)
            server.recv(1)
            show("client: shutdown", client, server)
            server.shutdown(socket.SHUT_WR)
            client.recv(1)
            show("server: shutdown", client, server)
except OSError as e:
    raise SystemExit(str(e))
