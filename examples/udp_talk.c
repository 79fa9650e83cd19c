/* Two people, a datagram a line; each listens and types at the same time. Ctrl-D leaves. On the wire the text is UTF-8,
 * or what both name.
 *	udp_talk 127.0.0.1:8081 udp://127.0.0.1:8082 GB2312
 *	udp_talk 127.0.0.1:8082 udp://127.0.0.1:8081 GB2312 */
#include <pier.h>

static pier_charset *wire;

static int hear(void *c)
{
	char text[4096];

	/* while True: data = s.recv(65535); except ConnectionRefusedError: pass */
	for (pier_bytes b; (b = pier_next(c)).p || pier_err(c) == -ECONNREFUSED; pier_clear(c)) {
		int n = (int)pier_decode(wire, b, text,
					 sizeof text); /* data.decode(wire, "ignore") */
		if (b.p)
			printf("%s: %.*s\n", pier_peer(c), n, text);
	}
	return pier_err(c);
}

static int talk(void *argv)
{
	char **names = argv, line[1024], text[4096];
	PIER_AUTO *keys = pier_adopt(fileno(stdin), NULL);
	/* s = socket(AF_INET, SOCK_DGRAM); s.bind(mine); s.connect(theirs) */
	PIER_AUTO *other = pier_dial(names[2], .source = names[1]);
	PIER_AUTO_GROUP ears = PIER_GROUP;

	pier_go(&ears, hear, other); /* Thread(target=hear).start() */
	/* for line in sys.stdin: s.send(line.encode(wire, "ignore")) */
	while (pier_gets(keys, line, sizeof line) > 0)
		pier_send(other, text, pier_encode(wire, pier_text(line), text, sizeof text));
	return pier_perror(other); /* except OSError as e: sys.exit(str(e)) */
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	if (argc < 3)
		return fprintf(stderr, "usage: udp_talk MY-ADDRESS:PORT THEIR-URL [CHARSET]\n"), 2;
	wire = pier_charset_open(argc > 3 ? argv[3] : "UTF-8"); /* codecs.lookup(wire) */
	if (!wire)
		return fprintf(stderr, "udp_talk: no charset %s here\n", argv[3]), 2;
	int err = pier_run(talk, argv, .workers = 1);
	pier_charset_close(wire);
	return err != 0;
}
