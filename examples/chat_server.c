/* A room: what one types, all the others read. A slow reader is cut off, not waited for.
 *	chat_server [URL]	chat_client tcp://localhost:7002, or nc localhost 7002 */
#include <pier.h>

static void chat(pier_conn *c, void *room)
{
	char line[512];

	pier_topic_add(room, c); /* clients.append(conn), without the lock */
	pier_sayf(room, c, "* %s came\n", pier_peer(c));
	while (pier_gets(c, line, sizeof line) > 0)		    /* for line in self.rfile: */
		pier_sayf(room, c, "%s: %s\n", pier_peer(c), line); /* for other in clients: … */
	pier_sayf(room, c, "* %s left\n", pier_peer(c));
}

int main(int argc, char **argv)
{
	pier_topic *room = pier_topic_new();
	const char *url = argc > 1 ? argv[1] : "tcp://:7002";

	int err = pier_serve(url, chat, .arg = room);
	pier_topic_free(room);
	return err != 0;
}
