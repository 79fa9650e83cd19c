/* A server that does something of its own from time to time: all who listen hear the time.
 *	clock [URL]		nc localhost 7015 */
#include <pier.h>

static void listen_in(pier_conn *c, void *room)
{
	pier_topic_add(room, c);
	while (pier_next(c).p)
		; /* until it leaves */
}

static void strike(void *room) /* def service_actions(self): */
{
	pier_sayf(room, NULL, "%.1f\n", (double)pier_wall() / 1e9); /* time.time() */
}

int main(int argc, char **argv)
{
	pier_topic *room = pier_topic_new();

	/* server.serve_forever(poll_interval=0.5) */
	int err = pier_serve(argc > 1 ? argv[1] : "tcp://:7015", listen_in, .arg = room,
			     .tick = PIER_MS(500), .on_tick = strike);
	pier_topic_free(room);
	return err != 0;
}
