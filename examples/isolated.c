/* A process for each conn: one that crashes takes nobody along.
 *	isolated [URL]		nc localhost 7011, and say hello, then crash */
#include <pier.h>
#include <stdlib.h>
#include <unistd.h>

static void handle(pier_conn *c, void *arg)
{
	char line[64];
	(void)arg;
	while (pier_gets(c, line, sizeof line) > 0) { /* for line in self.rfile: */
		if (strcmp(line, "crash") == 0)
			abort();
		pier_printf(c, "%d heard: %s\n", getpid(), line); /* self.wfile.write(…) */
	}
}

/* def handle_error(self, request, client_address): */
static void failed(pier_conn *c, int err, void *arg)
{
	(void)arg;
	printf("%s: %s\n", pier_peer(c), pier_strerror(err));
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	/* ForkingTCPServer(("", 7011), Handler).serve_forever() */
	return pier_serve(argc > 1 ? argv[1] : "tcp://:7011", handle, .isolate = true,
			  .on_error = failed) != 0;
}
