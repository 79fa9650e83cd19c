/* One handler, many doors.
 *	doors tcp://:7013 unix:/tmp/doors.sock */
#include <pier.h>

static void greet(pier_conn *c, void *arg)
{
	char door[PIER_ADDR_TEXT] = "";
	pier_addr at;
	(void)arg;
	if (pier_local_addr(c, &at) == 0) /* self.request.getsockname() */
		pier_printf(c, "you came by %s\n", pier_addr_format(&at, door, sizeof door));
}

int main(int argc, char **argv)
{
	/* Thread(target=ThreadingTCPServer(…).serve_forever).start(), and so on for each */
	return argc < 2 ? 2
			: pier_serve(argv[1], greet, .also = (const char *const *)argv + 2) != 0;
}
