/* What a dial tries: the addresses of a name, IPv6 and IPv4 by turns, the next when one fails or is slow (RFC 8305).
 *	tried tcp://debian.org:80 */
#include <pier.h>

int main(int argc, char **argv)
{
	pier_tried tried = {0};
	char to[PIER_ADDR_TEXT];

	/* for … in getaddrinfo(host, port): s.settimeout(5); s.connect(addr) */
	PIER_AUTO *c = pier_dial(argc > 1 ? argv[1] : "localhost:80", .timeout = PIER_S(5),
				 .tried = &tried);
	for (unsigned i = 0; i < tried.count;
	     i++) /* except ExceptionGroup as e: for one in e.exceptions: */
		printf("%s after %.0f ms: %s\n", pier_addr_format(&tried.at[i].to, to, sizeof to),
		       (double)tried.at[i].took / 1e6,
		       tried.at[i].err ? pier_strerror(tried.at[i].err) : "connected");
	return pier_perror(c) != 0;
}
