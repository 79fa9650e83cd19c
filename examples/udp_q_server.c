/* Answers every datagram, prints who said what, and ends when somebody says Q.
 *	udp_q_server [URL]	udp_q_client [URL] */
#include <pier.h>

static void answer(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes b; (b = pier_next(c)).p;) { /* data, addr = s.recvfrom(65535) */
		printf("%s: %.*s\n", pier_peer(c), (int)b.len, b.p);
		if (pier_bytes_eq(b, "Q"))
			pier_serve_stop(c); /* break */
		else
			pier_printf(c, "%zu bytes, thank you", b.len); /* s.sendto(…, addr) */
	}
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	return pier_serve(argc > 1 ? argv[1] : "udp://:7003", answer, .idle = PIER_MIN(5)) != 0;
}
