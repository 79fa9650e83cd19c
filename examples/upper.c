/* Sends back in capitals. One handler for ThreadingTCPServer, ThreadingUDPServer and the unix ones: the URL decides.
 *	upper tcp://:9998	upper udp://:9999	nc [-u] localhost 9999 */
#include <ctype.h>
#include <pier.h>

static void upper(pier_conn *c, void *arg)
{
	(void)arg;
	for (pier_bytes b; (b = pier_next(c)).p; pier_send(c, b.p, b.len)) /* wfile.write( */
		for (size_t i = 0; i < b.len; i++)
			b.p[i] = (char)toupper((unsigned char)b.p[i]); /* data.upper()) */
}

int main(int argc, char **argv)
{
	return pier_serve(argc > 1 ? argv[1] : "tcp://:9998", upper, .idle = PIER_S(30)) != 0;
}
