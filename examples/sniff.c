/* AF_PACKET: every frame of an interface, with what an Ethernet header says.
 *	sniff INTERFACE COUNT */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <pier.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	PIER_AUTO_SOCK s = PIER_SOCK;
	pier_addr at;
	char where[64], text[PIER_ADDR_TEXT], frame[65536];

	if (argc < 3)
		return 2;
	/* socket(AF_PACKET, SOCK_RAW, …) */
	int err = pier_socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL), &s);
	if (err < 0)
		return fprintf(stderr, "no packet socket here: %s\n", pier_strerror(err)), 77;
	snprintf(where, sizeof where, "packet:%s:0x0003", argv[1]);
	err = pier_addr_read(pier_text(where), &at);
	if (err == 0)
		err = pier_sock_bind(&s, &at); /* s.bind((interface, 0)) */
	if (err < 0)
		return fprintf(stderr, "%s: %s\n", where, pier_strerror(err)), 1;
	puts("listening");
	fflush(stdout);

	pier_sock_set_timeouts(&s, PIER_S(10), PIER_S(10));
	for (long left = strtol(argv[2], NULL, 10); left > 0; left--) {
		pier_addr from;
		ssize_t n = pier_sock_recvfrom(&s, frame, sizeof frame, MSG_TRUNC, &from);
		if (n < 0)
			return fprintf(stderr, "%s: %s\n", argv[1], pier_strerror((int)n)), 1;
		printf("%5zd bytes, %s\n", n, pier_addr_format(&from, text, sizeof text));
	}
	return 0;
}
