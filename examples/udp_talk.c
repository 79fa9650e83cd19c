/* Two people, a datagram a line; each listens and types at the same time. Ctrl-D leaves.
 *	udp_talk 127.0.0.1:8081 udp://127.0.0.1:8082
 *	udp_talk 127.0.0.1:8082 udp://127.0.0.1:8081 */
#include <pier.h>
#include <unistd.h>

static int hear(void *other)
{
	do {
		pier_clear(other);
		for (pier_bytes b; (b = pier_next(other)).p;) /* while True: data = s.recv(65535) */
			printf("%s: %.*s\n", pier_peer(other), (int)b.len, b.p);
	} while (pier_err(other) ==
		 -ECONNREFUSED); /* except ConnectionRefusedError: not there yet */
	return pier_err(other);
}

static int talk(void *argv)
{
	char **names = argv, line[1024];
	PIER_AUTO *keys = pier_adopt(STDIN_FILENO, NULL);
	/* s = socket(AF_INET, SOCK_DGRAM); s.bind(mine); s.connect(theirs) */
	PIER_AUTO *other = pier_dial(names[2], .source = names[1]);
	PIER_AUTO_GROUP ears = PIER_GROUP;

	pier_go(&ears, hear, other);		       /* Thread(target=hear).start() */
	while (pier_gets(keys, line, sizeof line) > 0) /* for line in sys.stdin: */
		pier_printf(other, "%s", line);	       /*         s.send(line) */
	if (pier_err(other))
		fprintf(stderr, "%s\n", pier_why(other));
	return pier_err(other);
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	if (argc != 3)
		return fprintf(stderr, "usage: udp_talk MY-ADDRESS:PORT THEIR-URL\n"), 2;
	return pier_run(talk, argv, .workers = 1) != 0;
}
