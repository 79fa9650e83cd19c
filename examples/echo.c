/* Sends back whatever arrives, to everybody at once, on every core.
 *	echo [URL]		nc localhost 7000 */
#include <pier.h>

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes b; (b = pier_next(c)).p;) /* while data := self.request.recv(65536): */
		pier_send(c, b.p, b.len);	  /*         self.request.sendall(data) */
}

int main(int argc, char **argv)
{
	/* ThreadingTCPServer(("", 7000), Echo).serve_forever() */
	return pier_serve(argc > 1 ? argv[1] : "tcp://:7000", echo, .idle = PIER_MIN(1)) != 0;
}
