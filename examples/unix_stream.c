/* AF_UNIX: a server by hand and its client, who meet at a path instead of a port.
 *	unix_stream [PATH-URL] */
#include <pier.h>

static int serve_one(void *listener)
{
	PIER_AUTO *c = NULL; /* with conn: */
	char line[64];

	int err = pier_accept(listener, &c); /* conn, _ = s.accept() */
	if (pier_gets(c, line, sizeof line) > 0)
		pier_printf(c, "you said: %s\n", line);
	return err < 0 ? err : pier_err(c);
}

static int meet(void *url)
{
	PIER_AUTO_LISTENER *listener = NULL;
	char line[64];

	int err = pier_listen(url, &listener); /* s = socket(AF_UNIX); s.bind(path); s.listen() */
	if (err < 0)
		return fprintf(stderr, "%s: %s\n", (char *)url, pier_strerror(err)), err;
	PIER_AUTO_GROUP server = PIER_GROUP;
	pier_go(&server, serve_one, listener);

	PIER_AUTO *c = pier_dial(url, .idle = PIER_S(5)); /* s.connect(path); s.settimeout(5) */
	pier_printf(c, "hello\n");
	if (pier_gets(c, line, sizeof line) > 0)
		puts(line);
	pier_finish(c); /* s.shutdown(SHUT_WR): the server waits for our end */
	/* Whom nobody could reach is not waited for: its group ends with the function. */
	return pier_err(c) ? pier_err(c) : pier_group_wait(&server);
}

int main(int argc, char **argv)
{
	return pier_run(meet, argc > 1 ? argv[1] : "unix:@pier-example", .workers = 1) != 0;
}
