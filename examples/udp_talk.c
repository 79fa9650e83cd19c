/* Two people, a datagram a line; each listens and types at the same time. Ctrl-D leaves. On the wire the text is UTF-8,
 * or what both name.
 *	udp_talk 127.0.0.1:8081 udp://127.0.0.1:8082 GB2312
 *	udp_talk 127.0.0.1:8082 udp://127.0.0.1:8081 GB2312 */
#include <iconv.h>
#include <pier.h>
#include <unistd.h>

static iconv_t encode, decode;

/* text.encode(wire), data.decode(wire), up to what cannot be said. */
static size_t recode(iconv_t how, pier_bytes in, char *out, size_t room)
{
	char *at = out;

	iconv(how, NULL, NULL, NULL, NULL); /* from the start */
	iconv(how, &in.p, &in.len, &at, &room);
	return (size_t)(at - out);
}

static int hear(void *other)
{
	char text[4096];

	do {
		pier_clear(other);
		for (pier_bytes b; (b = pier_next(other)).p;) /* while True: data = s.recv(65535) */
			printf("%s: %.*s\n", pier_peer(other),
			       (int)recode(decode, b, text, sizeof text), text);
	} while (pier_err(other) == -ECONNREFUSED); /* except ConnectionRefusedError: pass */
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
	/* for line in sys.stdin: s.send(line.encode(wire)) */
	while (pier_gets(keys, line, sizeof line) > 0)
		pier_send(other, text, recode(encode, pier_text(line), text, sizeof text));
	if (pier_err(other))
		fprintf(stderr, "%s\n", pier_why(other));
	return pier_err(other);
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	if (argc < 3)
		return fprintf(stderr, "usage: udp_talk MY-ADDRESS:PORT THEIR-URL [CHARSET]\n"), 2;
	const char *wire = argc > 3 ? argv[3] : "UTF-8";
	encode = iconv_open(wire, "UTF-8"); /* codecs.lookup(wire) */
	decode = iconv_open("UTF-8", wire);
	if (encode == (iconv_t)-1 || decode == (iconv_t)-1)
		return fprintf(stderr, "udp_talk: no charset %s here\n", wire), 2;
	int err = pier_run(talk, argv, .workers = 1);
	iconv_close(encode);
	iconv_close(decode);
	return err != 0;
}
