/* Room for udp peers. Nobody says goodbye there, so the one that is silent for longest, of all workers, goes when there
 * is a new one; a repetition of the datagram that is lost for it finds the place free. */
#include "station.h"

static void let_go(struct io_op *note)
{
	struct door *door = note->owner;
	atomic_store(&door->crowded_told, false);
	pier_udp_port_let_go(door->port);
}

static struct door *most_silent(struct serving *s)
{
	struct door *found = NULL;
	int64_t least = PIER_FOREVER;
	for (unsigned i = 0; i < s->count; i++) {
		for (unsigned k = 0; k < s->stations[i].door_count; k++) {
			struct door *door = &s->stations[i].doors[k];
			struct udp_port *port = door->port;
			int64_t since = port ? pier_udp_port_silent_since(port) : PIER_FOREVER;
			if (since < least) {
				least = since;
				found = door;
			}
		}
	}
	return found;
}

/* The port is its worker's, so it is told by mail; one note at a time. It comes before the station is told to end,
 * since ours closes its doors before that. */
void pier_serving_make_room(struct serving *s)
{
	struct door *door = most_silent(s);
	if (!door || atomic_exchange(&door->crowded_told, true))
		return;
	door->crowded = (struct io_op){.kind = IO_NOTE, .done = let_go, .owner = door};
	pier_io_post(door->station->worker->io, &door->crowded);
}
