/* Stands between: whoever comes talks with another server, in both directions at once.
 *	relay tcp://:7017 tcp://localhost:7000		relay unix:/tmp/x.sock tls://example.org:443 */
#include <pier.h>

static int back(void *ends)
{
	pier_conn **end = ends;

	pier_copy(end[1], end[0]); /* while data := there.recv(65536): self.request.sendall(data) */
	return pier_finish(end[0]);
}

static void relay(pier_conn *c, void *url)
{
	PIER_AUTO *there = pier_dial(url); /* there = create_connection((host, port)) */
	PIER_AUTO_GROUP way = PIER_GROUP;

	pier_go(&way, back, (pier_conn *[]){c, there}); /* Thread(target=back, args=…).start() */
	pier_copy(c, there); /* while data := self.request.recv(65536): there.sendall(data) */
	pier_finish(there);  /* there.shutdown(SHUT_WR) */
	pier_group_wait(&way);
}

int main(int argc, char **argv)
{
	return argc < 3 ? 2 : pier_serve(argv[1], relay, .arg = argv[2]) != 0;
}
