/* The limit: what an epoll loop costs that does nothing else. bare_epoll echo|lines|stream PORT */
#include "bare.h"

#include <sys/epoll.h>

#define EVENTS_ONCE 256

struct conn {
	int fd;
	bool full;	     /* its bytes to send wait for EPOLLOUT */
	char *rest;	     /* of an echo that did not fit; held only meanwhile */
	size_t at, rest_len; /* for a stream, `at` is the place in the block */
	char *tail;	     /* half a line, whose end is to come */
	size_t tail_len;
};

static int epoll, listener;
static bool streams, lines;
static char in[STREAM_BLOCK], block[2 * STREAM_BLOCK];

static void watch(struct conn *c, uint32_t events, int what)
{
	struct epoll_event ev = {.events = events, .data.ptr = c};
	must(epoll_ctl(epoll, what, c ? c->fd : listener, &ev), "epoll_ctl");
}

static void set_full(struct conn *c, bool full)
{
	if (full != c->full)
		watch(c, full ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
	c->full = full;
}

static void end(struct conn *c)
{
	close(c->fd);
	free(c->rest);
	free(c->tail);
	free(c);
}

static void keep_rest(struct conn *c, size_t from, size_t len)
{
	c->rest_len = len - from;
	c->rest = malloc(c->rest_len);
	if (!c->rest)
		fail("malloc");
	memcpy(c->rest, in + from, c->rest_len);
	c->at = 0;
	set_full(c, true);
}

/* Where the last whole line ends; each is looked for, as one who reads them would. What follows is kept. */
static size_t cut_lines(struct conn *c, size_t len)
{
	size_t whole = 0;
	for (char *lf; whole < len && (lf = memchr(in + whole, '\n', len - whole));)
		whole = (size_t)(lf - in) + 1;
	free(c->tail);
	c->tail = NULL;
	c->tail_len = len - whole;
	if (c->tail_len && !(c->tail = malloc(c->tail_len)))
		fail("malloc");
	if (c->tail)
		memcpy(c->tail, in + whole, c->tail_len);
	return whole;
}

static void echo(struct conn *c)
{
	if (c->tail)
		memcpy(in, c->tail, c->tail_len);
	ssize_t n = recv(c->fd, in + c->tail_len, sizeof in - c->tail_len, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			end(c);
		return;
	}
	if (lines)
		n = (ssize_t)cut_lines(c, c->tail_len + (size_t)n);
	if (n == 0)
		return;
	ssize_t sent = send(c->fd, in, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		end(c);
	else if (sent < n)
		keep_rest(c, sent < 0 ? 0 : (size_t)sent, (size_t)n);
}

static void send_rest(struct conn *c)
{
	ssize_t sent = send(c->fd, c->rest + c->at, c->rest_len - c->at, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN) {
		end(c);
		return;
	}
	c->at += sent < 0 ? 0 : (size_t)sent;
	if (c->at < c->rest_len)
		return;
	free(c->rest);
	c->rest = NULL;
	set_full(c, false);
}

static void stream(struct conn *c)
{
	ssize_t sent = send(c->fd, block + c->at, STREAM_BLOCK, MSG_NOSIGNAL);
	if (sent >= 0)
		c->at = (c->at + (size_t)sent) % STREAM_BLOCK;
	else if (errno != EAGAIN)
		end(c);
}

static void welcome(void)
{
	int fd;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *c = calloc(1, sizeof *c);
		if (!c)
			fail("calloc");
		c->fd = fd;
		c->full = streams;
		option(fd, IPPROTO_TCP, TCP_NODELAY);
		watch(c, streams ? EPOLLOUT : EPOLLIN, EPOLL_CTL_ADD);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	streams = strcmp(argv[1], "stream") == 0;
	lines = strcmp(argv[1], "lines") == 0;
	fill_block(block);
	fill_block(block + STREAM_BLOCK);
	spread();
	listener = open_port(argv[2], SOCK_STREAM);
	must(epoll = epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	watch(NULL, EPOLLIN, EPOLL_CTL_ADD);
	for (;;) {
		struct epoll_event ev[EVENTS_ONCE];
		int n = epoll_wait(epoll, ev, EVENTS_ONCE, -1);
		for (int i = 0; i < n; i++) {
			struct conn *c = ev[i].data.ptr;
			if (!c)
				welcome();
			else if (streams)
				stream(c);
			else if (c->full)
				send_rest(c);
			else
				echo(c);
		}
	}
}
