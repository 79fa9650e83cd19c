# Beside ../udp_talk.c: UDP talk between two, in UTF-8 or GB2312.

import codecs, socket, sys, threading


def hear(s, wire):
    while True:
        try:
            data, (host, port) = s.recvfrom(65535)
            print(f"{host}:{port}: {data.decode(wire, 'ignore')}", flush=True)
        except ConnectionRefusedError:
            pass


def talk(mine, theirs, wire="UTF-8"):
    codecs.lookup(wire)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        host, port = mine.split(":")
        s.bind((host, int(port)))
        host, port = theirs.split(":")
        s.connect((host, int(port)))
        threading.Thread(target=hear, args=[s, wire], daemon=True).start()
        for line in sys.stdin:
            try:
                s.send(line.rstrip("\n").encode(wire, "ignore"))
            except ConnectionRefusedError:
                pass


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: udp_talk MY-ADDRESS:PORT THEIR-ADDRESS:PORT [CHARSET]")
    try:
        talk(*sys.argv[1:])
    except LookupError as e:
        sys.exit(f"udp_talk: {e}")
    except OSError as e:
        sys.exit(str(e))
