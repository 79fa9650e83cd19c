/* Says who comes and who goes.
 *	who [URL]		nc localhost 7001 */
#include <pier.h>

static void greet(pier_conn *c, void *arg)
{
	(void)arg;
	printf("%s connected\n", pier_peer(c)); /* print(*self.client_address) */
	pier_printf(c, "welcome, %s\n", pier_peer(c));
	while (pier_next(c).p)
		; /* until it leaves */
	printf("%s left\n", pier_peer(c));
}

static void ready(const char *where, void *arg)
{
	(void)arg;
	printf("listening on %s\n", where); /* print(s.getsockname()) */
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	return pier_serve(argc > 1 ? argv[1] : "tcp://:7001", greet, .on_listen = ready) != 0;
}
