/* SOCK_SEQPACKET: a connection, as with a stream, and messages, as with datagrams; none is lost.
 *	seqpacket [URL] */
#include <pier.h>

static int count(void *listener)
{
	PIER_AUTO *c = NULL; /* with conn: */

	int err = pier_accept(listener, &c);	  /* conn, _ = s.accept() */
	for (pier_bytes m; (m = pier_next(c)).p;) /* while m := conn.recv(65536): */
		printf("[%.*s]\n", (int)m.len, m.p);
	return err < 0 ? err : pier_err(c);
}

static int send_three(void *url)
{
	PIER_AUTO_LISTENER *listener = NULL;

	int err = pier_listen(url, &listener); /* s = socket(AF_UNIX, SOCK_SEQPACKET); s.bind(…) */
	if (err < 0)
		return fprintf(stderr, "%s: %s\n", (char *)url, pier_strerror(err)), err;
	PIER_AUTO_GROUP server = PIER_GROUP;
	pier_go(&server, count, listener);

	PIER_AUTO *c = pier_dial(url);
	pier_printf(c, "one"); /* s.send(b"one"): each arrives as it was sent */
	pier_printf(c, "two");
	pier_printf(c, "three");
	pier_finish(c);
	/* Whom nobody could reach is not waited for: its group ends with the function. */
	return pier_err(c) ? pier_err(c) : pier_group_wait(&server);
}

int main(int argc, char **argv)
{
	return pier_run(send_three, argc > 1 ? argv[1] : "seqpacket:@pier-seq", .workers = 1) != 0;
}
