/* State Threads: a fiber for each conn. state_threads echo|idle|stream|udp PORT */
#include "bare.h"

#include <st.h>

#define STACK (64 * 1024)

static char block[STREAM_BLOCK];

static void *echo(void *arg)
{
	st_netfd_t c = arg;
	char buf[16384];
	ssize_t n;
	while ((n = st_read(c, buf, sizeof buf, ST_UTIME_NO_TIMEOUT)) > 0)
		if (st_write(c, buf, (size_t)n, ST_UTIME_NO_TIMEOUT) != n)
			break;
	st_netfd_close(c);
	return NULL;
}

static void *stream(void *arg)
{
	st_netfd_t c = arg;
	while (st_write(c, block, sizeof block, ST_UTIME_NO_TIMEOUT) == sizeof block)
		;
	st_netfd_close(c);
	return NULL;
}

static void accept_all(const char *port, void *(*serve)(void *))
{
	st_netfd_t listener = st_netfd_open_socket(open_port(port, SOCK_STREAM));
	st_netfd_t c;
	while ((c = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT))) {
		option(st_netfd_fileno(c), IPPROTO_TCP, TCP_NODELAY);
		if (!st_thread_create(serve, c, 0, STACK))
			st_netfd_close(c);
	}
	fail("st_accept");
}

static void udp(const char *port)
{
	st_netfd_t s = st_netfd_open_socket(open_port(port, SOCK_DGRAM));
	char buf[65536];
	for (;;) {
		struct sockaddr_in from;
		int len = sizeof from;
		int n = st_recvfrom(s, buf, sizeof buf, (struct sockaddr *)&from, &len,
				    ST_UTIME_NO_TIMEOUT);
		if (n >= 0)
			st_sendto(s, buf, n, (struct sockaddr *)&from, len, ST_UTIME_NO_TIMEOUT);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	st_set_eventsys(ST_EVENTSYS_ALT); /* epoll, which Debian leaves out without a word */
	if (st_get_eventsys() != ST_EVENTSYS_ALT)
		st_set_eventsys(ST_EVENTSYS_POLL);
	must(st_init(), "st_init");
	fill_block(block);
	if (strcmp(argv[1], "udp") == 0)
		udp(argv[2]);
	else
		accept_all(argv[2], strcmp(argv[1], "stream") == 0 ? stream : echo);
}
