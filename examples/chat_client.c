/* The other end of chat_server: types and reads at the same time. Ctrl-D leaves.
 *	chat_client [URL] */
#include <pier.h>
#include <unistd.h>

static int type(void *server)
{
	PIER_AUTO *keys = pier_adopt(STDIN_FILENO, NULL);

	pier_copy(keys, server);    /* for line in sys.stdin: s.sendall(line) */
	return pier_finish(server); /* s.shutdown(SHUT_WR) */
}

static int chat(void *url)
{
	PIER_AUTO *screen = pier_adopt(STDOUT_FILENO, NULL);
	PIER_AUTO *server = pier_dial(url); /* s = create_connection((host, port)) */
	PIER_AUTO_GROUP hands = PIER_GROUP; /* ends before `server` does */

	pier_go(&hands, type, server); /* Thread(target=type).start() */
	pier_copy(server, screen);     /* for line in s.makefile(): print(line) */
	if (pier_err(server))
		fprintf(stderr, "%s\n", pier_why(server));
	return pier_err(server);
}

int main(int argc, char **argv)
{
	return pier_run(chat, argc > 1 ? argv[1] : "tcp://localhost:7002", .workers = 1) != 0;
}
