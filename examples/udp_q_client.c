/* Sends what is typed, prints the answers, and ends on Q. No runtime is started: each call just blocks.
 *	udp_q_client [URL] */
#include <pier.h>

int main(int argc, char **argv)
{
	PIER_AUTO *c = pier_dial(argc > 1 ? argv[1] : "udp://localhost:7003");
	char line[1024];

	pier_set_timeouts(c, PIER_S(3), 0);	  /* s.settimeout(3): datagrams may be lost */
	while (fgets(line, sizeof line, stdin)) { /* while line := input(): */
		line[strcspn(line, "\n")] = 0;
		pier_printf(c, "%s", line); /* s.send(line.encode()) */
		if (strcmp(line, "Q") == 0)
			break;
		pier_bytes b = pier_next(c); /* data = s.recv(65535) */
		if (!b.p)
			break;
		printf("%.*s\n", (int)b.len, b.p);
	}
	if (pier_err(c))
		fprintf(stderr, "%s\n", pier_why(c));
	return pier_err(c) != 0;
}
