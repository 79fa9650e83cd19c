/* The states that a connection goes through at both ends, as the kernel has them (RFC 9293 §3.3.2). */
#include <pier.h>

static void show(const char *after, const pier_sock *client, const pier_sock *server)
{
	pier_sleep(PIER_MS(20)); /* the last acknowledgement may still be under way */
	/* s.getsockopt(IPPROTO_TCP, TCP_INFO, 1)[0], in the words of the RFC */
	const char *ours = pier_sock_state(client), *theirs = pier_sock_state(server);
	printf("%-22s client %-12s server %s\n", after, ours, theirs);
}

int main(void)
{
	PIER_AUTO_SOCK listener = pier_sock_open(AF_INET, SOCK_STREAM, 0); /* l = socket() */
	PIER_AUTO_SOCK client = pier_sock_open(AF_INET, SOCK_STREAM, 0), server = PIER_SOCK;
	pier_addr at = {0}, peer = {0};

	pier_sock_bind(&listener, PIER_ADDR_AT("127.0.0.1:0")); /* l.bind(("127.0.0.1", 0)) */
	show("socket", &client, &listener);
	pier_sock_listen(&listener, 1); /* l.listen(1) */
	show("listen", &client, &listener);
	pier_sock_local(&listener, &at);		     /* at = l.getsockname() */
	if (pier_sock_connect(&client, &at) == 0)	     /* c.connect(at) */
		pier_sock_accept(&listener, &server, &peer); /* s, peer = l.accept() */
	show("connect, accept", &client, &server);
	pier_sock_peer(&client, &at); /* c.getpeername() */
	printf("  from %s to %s\n", PIER_ADDR_STR(&peer), PIER_ADDR_STR(&at));
	pier_sock_shutdown(&client, SHUT_WR);	   /* c.shutdown(SHUT_WR) */
	pier_sock_recv(&server, &(char){0}, 1, 0); /* s.recv(1): the end has arrived */
	show("client: shutdown", &client, &server);
	pier_sock_shutdown(&server, SHUT_WR);	   /* s.shutdown(SHUT_WR) */
	pier_sock_recv(&client, &(char){0}, 1, 0); /* c.recv(1) */
	/* the client's TIME-WAIT has no socket: ss -ta shows it */
	show("server: shutdown", &client, &server);
	return pier_sock_perror(&listener, "a client") || pier_sock_perror(&client, "the server");
}
