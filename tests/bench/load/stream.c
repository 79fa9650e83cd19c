/* Reads what the server sends without end: byte i of each conn is the one of a block that repeats. */
#include "load.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define STREAM_BLOCK 65536
#define UNIT	     16384 /* so many bytes count as a message */

struct conn {
	int fd;
	uint64_t got;
};

static char want[STREAM_BLOCK + READ_SIZE];

static void fill(void)
{
	for (unsigned i = 0; i < sizeof want; i++) {
		unsigned at = i % STREAM_BLOCK;
		want[i] = (char)(at * 31 + (at >> 8) * 17);
	}
}

static void hear(struct conn *c, struct meter *m, char *in)
{
	size_t n = take(c->fd, in, READ_SIZE);
	if (memcmp(in, want + c->got % STREAM_BLOCK, n) != 0)
		die("the stream differs between bytes %llu and %llu", (unsigned long long)c->got,
		    (unsigned long long)(c->got + n));
	int64_t now = now_ns();
	uint64_t before = c->got / UNIT;
	c->got += n;
	for (uint64_t whole = c->got / UNIT; before < whole; before++)
		meter_count(m, now, now, UNIT);
}

void load_stream(const struct plan *p)
{
	struct epoll_event ev[EVENTS_ONCE];
	struct meter m;
	int epoll = watch_open();
	struct conn *conns = calloc(p->conns, sizeof *conns);
	char *in = malloc(READ_SIZE);

	if (!conns || !in)
		die("out of memory");
	fill();
	ready(p);
	meter_start(&m, p);
	for (unsigned i = 0; i < p->conns; i++) {
		conns[i].fd = dial(p, SOCK_STREAM);
		watch(epoll, conns[i].fd, EPOLLIN, i);
	}
	while (meter_turn(&m, now_ns())) {
		int n = epoll_wait(epoll, ev, EVENTS_ONCE, (int)(GIVE_UP / 1000000));
		if (n == 0)
			die("the streams stood still");
		for (int i = 0; i < n; i++)
			hear(&conns[ev[i].data.u64], &m, in);
	}
	for (unsigned i = 0; i < p->conns; i++)
		close(conns[i].fd);
	meter_print(&m);
	free(conns);
	free(in);
}
