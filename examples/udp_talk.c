/* Two people, a datagram a line; each listens and types at the same time. Ctrl-D leaves. On the wire the text is UTF-8,
 * or what both name.
 *	udp_talk 127.0.0.1:8081 udp://127.0.0.1:8082 GB2312
 *	udp_talk 127.0.0.1:8082 udp://127.0.0.1:8081 GB2312 */
#include <iconv.h>
#include <pier.h>
#include <unistd.h>

static const char *wire = "UTF-8";

/* in.decode(from).encode(to), up to what cannot be said. */
static int recode(const char *from, const char *to, pier_bytes in, char *out, size_t room)
{
	iconv_t how = iconv_open(to, from);
	char *at = out;

	iconv(how, &in.p, &in.len, &at, &room);
	iconv_close(how);
	return (int)(at - out);
}

static int hear(void *other)
{
	char text[4096];

	do {
		pier_clear(other);
		for (pier_bytes b; (b = pier_next(other)).p;) /* while True: data = s.recv(65535) */
			printf("%s: %.*s\n", pier_peer(other),
			       recode(wire, "UTF-8", b, text, sizeof text), text);
	} while (pier_err(other) ==
		 -ECONNREFUSED); /* except ConnectionRefusedError: not there yet */
	return pier_err(other);
}

static int talk(void *argv)
{
	char **names = argv, line[1024], text[4096];
	PIER_AUTO *keys = pier_adopt(STDIN_FILENO, NULL);
	/* s = socket(AF_INET, SOCK_DGRAM); s.bind(mine); s.connect(theirs) */
	PIER_AUTO *other = pier_dial(names[2], .source = names[1]);
	PIER_AUTO_GROUP ears = PIER_GROUP;

	pier_go(&ears, hear, other); /* Thread(target=hear).start() */
	while (pier_gets(keys, line, sizeof line) >
	       0) /* for line in sys.stdin: s.send(line.encode(wire)) */
		pier_send(other, text,
			  (size_t)recode("UTF-8", wire, pier_text(line), text, sizeof text));
	if (pier_err(other))
		fprintf(stderr, "%s\n", pier_why(other));
	return pier_err(other);
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	if (argc < 3)
		return fprintf(stderr, "usage: udp_talk MY-ADDRESS:PORT THEIR-URL [CHARSET]\n"), 2;
	wire = argc > 3 ? argv[3] : wire;
	if (iconv_open(wire, "UTF-8") == (iconv_t)-1) /* codecs.lookup(wire) */
		return fprintf(stderr, "udp_talk: no charset %s here\n", wire), 2;
	return pier_run(talk, argv, .workers = 1) != 0;
}
