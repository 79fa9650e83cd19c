/* Behind a proxy on this host, which says by a PROXY header for whom it speaks.
 *	proxied [URL]		curl --haproxy-protocol … or a haproxy with "send-proxy-v2" */
#include <pier.h>

static void greet(pier_conn *c, void *arg)
{
	(void)arg;
	/* Python's client_address would be the proxy */
	pier_printf(c, "you are %s\n", pier_peer(c));
}

int main(int argc, char **argv)
{
	return pier_serve(argc > 1 ? argv[1] : "tcp://:7016", greet,
			  .proxied = "127.0.0.0/8 ::1") != 0;
}
