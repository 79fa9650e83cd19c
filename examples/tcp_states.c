/* The states that a connection goes through at both ends, as the kernel has them (RFC 9293 §3.3.2). */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pier.h>

static const char *state(const pier_sock *s)
{
	static const char *const names[] = {
		"",	      "ESTABLISHED", "SYN-SENT",  "SYN-RECEIVED",
		"FIN-WAIT-1", "FIN-WAIT-2",  "TIME-WAIT", "CLOSED",
		"CLOSE-WAIT", "LAST-ACK",    "LISTEN",	  "CLOSING"};
	struct tcp_info info = {0};
	size_t len = sizeof info;

	/* s.getsockopt(IPPROTO_TCP, TCP_INFO, 1) */
	pier_sock_getopt(s, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info.tcpi_state < sizeof names / sizeof *names ? names[info.tcpi_state] : "?";
}

static void show(const char *after, const pier_sock *client, const pier_sock *server)
{
	pier_sleep(PIER_MS(20)); /* the last acknowledgement may still be under way */
	printf("%-22s client %-12s server %s\n", after, state(client), state(server));
}

int main(void)
{
	PIER_AUTO_SOCK listener = PIER_SOCK, client = PIER_SOCK, server = PIER_SOCK;
	pier_addr at, peer;
	char text[PIER_ADDR_TEXT];

	pier_addr_parse(pier_text("127.0.0.1"), 0, &at);
	pier_socket(AF_INET, SOCK_STREAM, 0, &listener); /* l = socket(AF_INET, SOCK_STREAM) */
	pier_socket(AF_INET, SOCK_STREAM, 0, &client);	 /* c = socket(AF_INET, SOCK_STREAM) */
	pier_sock_bind(&listener, &at);			 /* l.bind(("127.0.0.1", 0)) */
	show("socket", &client, &listener);
	pier_sock_listen(&listener, 1); /* l.listen(1) */
	show("listen", &client, &listener);

	pier_sock_local(&listener, &at);	   /* at = l.getsockname() */
	int err = pier_sock_connect(&client, &at); /* c.connect(at) */
	if (err == 0)
		err = pier_sock_accept(&listener, &server, &peer); /* s, peer = l.accept() */
	if (err < 0)
		return fprintf(stderr, "%s\n", pier_strerror(err)), 1;
	show("connect, accept", &client, &server);
	pier_sock_peer(&client, &at); /* c.getpeername() */
	printf("  from %s", pier_addr_format(&peer, text, sizeof text));
	printf(" to %s\n", pier_addr_format(&at, text, sizeof text));
	pier_sock_shutdown(&client, SHUT_WR);	   /* c.shutdown(SHUT_WR) */
	pier_sock_recv(&server, &(char){0}, 1, 0); /* s.recv(1): the end has arrived */
	show("client: shutdown", &client, &server);
	pier_sock_shutdown(&server, SHUT_WR); /* s.shutdown(SHUT_WR) */
	pier_sock_recv(&client, &(char){0}, 1, 0);
	/* the client's TIME-WAIT has no socket: ss -ta shows it */
	show("server: shutdown", &client, &server);
	return 0;
}
