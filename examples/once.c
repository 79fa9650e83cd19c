/* Serves one conn, or gives up when nobody comes.
 *	once [SECONDS [URL]]		nc localhost 7014 */
#include <pier.h>
#include <stdlib.h>

static void greet(pier_conn *c, void *arg)
{
	(void)arg;
	pier_printf(c, "you are the only one\n");
}

int main(int argc, char **argv)
{
	int err = 0;

	PIER_WITHIN (PIER_S(argc > 1 ? strtol(argv[1], NULL, 10) : 10)) /* server.timeout = 10 */
		/* server.handle_request() */
		err = pier_serve(argc > 2 ? argv[2] : "tcp://:7014", greet, .max_served = 1);
	if (err == -ETIMEDOUT)
		puts("nobody came"); /* def handle_timeout(self): */
	return err != 0;
}
