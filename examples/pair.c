/* Two conns joined to each other: a question and its answer between two fibers. */
#include <pier.h>

static int answer(void *conn)
{
	for (char line[64]; pier_gets(conn, line, sizeof line) > 0;) /* for line in s.makefile(): */
		pier_printf(conn, "%s to you\n", line);
	return pier_err(conn);
}

static int ask(void *arg)
{
	PIER_AUTO *b = NULL, *a = pier_pair_open(&b); /* a, b = socket.socketpair() */
	PIER_AUTO_GROUP other = PIER_GROUP;
	char line[64];
	(void)arg;

	pier_go(&other, answer, b);		 /* Thread(target=answer, args=[b]).start() */
	pier_printf(a, "good morning\n");	 /* a.sendall(b"good morning\n") */
	if (pier_gets(a, line, sizeof line) > 0) /* a.makefile().readline() */
		puts(line);
	return pier_perror(a);
}

int main(void)
{
	return pier_run(ask, NULL, .workers = 1) != 0;
}
