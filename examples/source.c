/* A client that comes from a port of its choice, says hello, and prints the answer.
 *	source tcp://127.0.0.1:7001 127.0.0.1:8090 */
#include <pier.h>

int main(int argc, char **argv)
{
	char line[256], me[PIER_ADDR_TEXT];
	pier_addr local;

	if (argc != 3)
		return fprintf(stderr, "usage: source URL ADDRESS:PORT\n"), 2;

	PIER_AUTO *c = pier_dial(argv[1], .source = argv[2]); /* s.bind(me); s.connect(server) */
	if (pier_local_addr(c, &local) == 0)		      /* s.getsockname() */
		printf("%s -> %s\n", pier_addr_format(&local, me, sizeof me), pier_peer(c));
	pier_printf(c, "hello\n");		 /* s.sendall(b"hello\n") */
	if (pier_gets(c, line, sizeof line) > 0) /* s.makefile().readline() */
		puts(line);
	return pier_perror(c) != 0; /* except OSError as e: sys.exit(str(e)) */
}
