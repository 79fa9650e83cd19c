/* The limit for a room: all lines go into one log; each member has its place in it, and at the end of a
 * turn is sent, by one call, what lies between. bare_fanout fanout PORT */
#include "bare.h"

#include <sys/epoll.h>

#define EVENTS_ONCE  256
#define MEMBERS_MOST 20000
#define LOG_SIZE     (1024 * 1024) /* a member that is so far behind is cut off */

struct member {
	int fd;
	unsigned index; /* in members */
	bool full;	/* waits for EPOLLOUT */
	uint64_t place;
	size_t part_len; /* of a line that has begun to come */
	char part[4096];
};

static int epoll, listener;
static struct member *members[MEMBERS_MOST];
static unsigned count;
static char log_of_all[LOG_SIZE];
static uint64_t end_of_log;

static void watch(struct member *m, uint32_t events, int what)
{
	struct epoll_event ev = {.events = events, .data.ptr = m};
	must(epoll_ctl(epoll, what, m ? m->fd : listener, &ev), "epoll_ctl");
}

static void leave(struct member *m)
{
	close(m->fd);
	members[m->index] = members[--count];
	members[m->index]->index = m->index;
	free(m);
}

/* False when the member is gone. */
static bool bring(struct member *m)
{
	bool full = false;
	while (m->place < end_of_log && !full) {
		size_t at = m->place % LOG_SIZE, n = end_of_log - m->place;
		n = n < LOG_SIZE - at ? n : LOG_SIZE - at;
		ssize_t sent = send(m->fd, log_of_all + at, n, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN) {
			leave(m);
			return false;
		}
		m->place += sent < 0 ? 0 : (size_t)sent;
		full = sent < (ssize_t)n;
	}
	if (full != m->full)
		watch(m, EPOLLIN | (full ? EPOLLOUT : 0u), EPOLL_CTL_MOD);
	m->full = full;
	return true;
}

static void append(const char *text, size_t n)
{
	size_t at = end_of_log % LOG_SIZE, some = n < LOG_SIZE - at ? n : LOG_SIZE - at;
	memcpy(log_of_all + at, text, some);
	memcpy(log_of_all, text + some, n - some);
	end_of_log += n;
}

/* Whole lines go into the log; their speaker is past them at once. */
static void hear(struct member *m)
{
	ssize_t n = recv(m->fd, m->part + m->part_len, sizeof m->part - m->part_len, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || !bring(m)) {
		if (n <= 0)
			leave(m);
		return;
	}
	m->part_len += (size_t)n;
	char *last = memrchr(m->part, '\n', m->part_len);
	if (!last)
		return;
	size_t whole = (size_t)(last + 1 - m->part);
	append(m->part, whole);
	m->place = m->full ? m->place : end_of_log;
	m->part_len -= whole;
	memmove(m->part, last + 1, m->part_len);
}

static void welcome(void)
{
	int fd;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct member *m = count < MEMBERS_MOST ? calloc(1, sizeof *m) : NULL;
		if (!m)
			fail("no room for a member");
		*m = (struct member){.fd = fd, .index = count, .place = end_of_log};
		members[count++] = m;
		option(fd, IPPROTO_TCP, TCP_NODELAY);
		send(fd, "hello\n", 6, MSG_NOSIGNAL);
		watch(m, EPOLLIN, EPOLL_CTL_ADD);
	}
}

static void bring_all(void)
{
	for (unsigned i = count; i-- > 0;) {
		struct member *m = members[i];
		if (end_of_log - m->place > LOG_SIZE / 2)
			leave(m);
		else if (m->place < end_of_log && !m->full)
			bring(m);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	listener = open_port(argv[2], SOCK_STREAM);
	must(epoll = epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	watch(NULL, EPOLLIN, EPOLL_CTL_ADD);
	for (;;) {
		struct epoll_event ev[EVENTS_ONCE];
		int n = epoll_wait(epoll, ev, EVENTS_ONCE, -1);
		for (int i = 0; i < n; i++) {
			struct member *m = ev[i].data.ptr;
			if (!m)
				welcome();
			else if (!(ev[i].events & EPOLLOUT) || bring(m))
				hear(m);
		}
		bring_all();
	}
}
