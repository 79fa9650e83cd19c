/* The contender of the house under TLS. pier_tls tls PORT CERT KEY */
#include <pier.h>
#include <stdio.h>

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes b; (b = pier_next(c)).p;)
		pier_send(c, b.p, b.len);
}

int main(int argc, char **argv)
{
	char url[64];
	if (argc != 5)
		return 2;
	PIER_AUTO_TLS *t = pier_tls_new(.cert = argv[3], .key = argv[4]);
	snprintf(url, sizeof url, "tls://127.0.0.1:%s", argv[2]);
	return pier_serve(url, echo, .tls = t, .max_conns = 20000) != 0;
}
