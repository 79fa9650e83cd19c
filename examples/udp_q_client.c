/* Sends what is typed, prints the answers, and ends on Q. No runtime is started: each call just blocks.
 *	udp_q_client [URL] */
#include <pier.h>

int main(int argc, char **argv)
{
	/* s.connect((host, port)); s.settimeout(3): datagrams may be lost */
	PIER_AUTO *c = pier_dial(argc > 1 ? argv[1] : "udp://localhost:7003", .idle = PIER_S(3));
	char line[65536];

	while (!pier_err(c) && fgets(line, sizeof line, stdin)) { /* for line in sys.stdin: */
		line[strcspn(line, "\n")] = 0;
		pier_printf(c, "%s", line); /* s.send(line.encode()) */
		if (strcmp(line, "Q") == 0)
			break;
		if (pier_gets(c, line, sizeof line) > 0) /* data = s.recv(65535) */
			puts(line);			 /* print(data.decode()) */
	}
	return pier_perror(c) != 0; /* except OSError as e: sys.exit(str(e)) */
}
