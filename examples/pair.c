/* Two conns joined to each other: a question and its answer between two fibers. */
#include <pier.h>

static int answer(void *conn)
{
	char line[64];

	while (pier_gets(conn, line, sizeof line) > 0)
		pier_printf(conn, "%s to you\n", line);
	return pier_err(conn);
}

static int ask(void *arg)
{
	pier_conn *end[2] = {0};
	char line[64];

	(void)arg;
	int err = pier_pair(end); /* a, b = socket.socketpair() */
	if (err < 0)
		return err;
	PIER_AUTO *a = end[0], *b = end[1];
	PIER_AUTO_GROUP other = PIER_GROUP;

	pier_go(&other, answer, b); /* Thread(target=answer, args=[b]).start() */
	pier_printf(a, "good morning\n");
	if (pier_gets(a, line, sizeof line) > 0)
		puts(line);
	return pier_err(a);
}

int main(void)
{
	return pier_run(ask, NULL, .workers = 1) != 0;
}
