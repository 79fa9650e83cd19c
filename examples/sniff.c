/* AF_PACKET: every frame of an interface, with what an Ethernet header says.
 *	sniff INTERFACE COUNT */
#include <pier.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	char where[64];
	pier_addr from;

	if (argc < 3)
		return fprintf(stderr, "usage: sniff INTERFACE COUNT\n"), 2;
	snprintf(where, sizeof where, "packet:%s:0x0003", argv[1]); /* all protocols: ETH_P_ALL */
	/* s = socket(AF_PACKET, SOCK_RAW, 0), which hears nothing before it is bound */
	PIER_AUTO_SOCK s = pier_sock_open(AF_PACKET, SOCK_RAW, 0);
	if (pier_sock_perror(&s, "a packet socket"))
		return 77;
	pier_sock_bind(&s, PIER_ADDR_AT(where));	    /* s.bind((interface, 3)) */
	pier_sock_set_timeouts(&s, PIER_S(10), PIER_S(10)); /* s.settimeout(10) */
	dprintf(1, "listening\n");
	for (long left = strtol(argv[2], NULL, 10); left > 0 && !pier_sock_err(&s); left--) {
		/* frame, address = s.recvfrom(65536): here its length is enough */
		ssize_t n = pier_sock_recvfrom(&s, NULL, 0, MSG_TRUNC, &from);
		if (n >= 0)
			printf("%5zd bytes, %s\n", n, PIER_ADDR_STR(&from));
	}
	return pier_sock_perror(&s, where) != 0;
}
