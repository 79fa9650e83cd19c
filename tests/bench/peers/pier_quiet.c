/* The contender of the house when it is called per message. pier_quiet echo|idle PORT */
#include <pier.h>
#include <stdio.h>

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	pier_bytes b = pier_next(c);
	pier_send(c, b.p, b.len);
}

int main(int argc, char **argv)
{
	char url[64];
	if (argc != 3)
		return 2;
	snprintf(url, sizeof url, "tcp://127.0.0.1:%s", argv[2]);
	return pier_serve(url, echo, .per_message = true, .max_conns = 20000) != 0;
}
