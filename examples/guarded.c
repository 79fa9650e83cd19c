/* Who may come in: nobody from `deny`, nobody from far away, and from each host one at a time.
 *	guarded [DENY [URL]]		guarded "10.0.0.0/8 2001:db8::/32" */
#include <pier.h>

/* def verify_request(self, request, client_address): */
static bool near(const pier_addr *peer, void *arg)
{
	(void)arg;
	return pier_addr_kind(peer) & (PIER_LOOPBACK | PIER_PRIVATE | PIER_LINK_LOCAL);
}

static void sorry(pier_conn *c, void *arg)
{
	(void)arg;
	pier_printf(c, "one at a time\n");
}

static void greet(pier_conn *c, void *arg)
{
	(void)arg;
	pier_printf(c, "welcome, %s\n", pier_peer(c));
	while (pier_next(c).p)
		; /* until it leaves */
}

int main(int argc, char **argv)
{
	return pier_serve(argc > 2 ? argv[2] : "tcp://:7012", greet,
			  .deny = argc > 1 ? argv[1] : NULL, .verify = near, .max_per_host = 1,
			  .on_full = sorry) != 0;
}
