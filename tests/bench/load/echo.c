/* Each conn sends `depth` messages in one piece, waits until they are back, and sends the next. */
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define OPENING_ONCE 256 /* conns that are open but have not echoed yet: no flood of any backlog */

struct conn {
	int fd;
	bool full; /* the rest of the batch waits for EPOLLOUT */
	int64_t left_at;
	uint64_t sent, got, goal; /* bytes of the stream; goal: where the batch ends */
};

struct echo {
	const struct plan *p;
	struct meter m;
	struct conn *conns;
	unsigned opened, primed, busy;
	int epoll;
	bool running; /* all are open; answers are answered */
	char *in;
};

static void push(struct echo *e, unsigned i)
{
	struct conn *c = &e->conns[i];
	if (c->sent < c->goal)
		c->sent += give(c->fd, pattern_at(i, c->sent), c->goal - c->sent);
	bool full = c->sent < c->goal && !tls_wants_input(c->fd);
	if (full != c->full)
		rewatch(e->epoll, c->fd, EPOLLIN | (full ? EPOLLOUT : 0u), i);
	c->full = full;
}

static void begin_batch(struct echo *e, unsigned i, int64_t now)
{
	struct conn *c = &e->conns[i];
	c->goal += (uint64_t)e->p->size * e->p->depth;
	c->left_at = now;
	e->busy++;
	push(e, i);
}

static void end_batch(struct echo *e, unsigned i, int64_t now)
{
	e->busy--;
	if (e->running)
		begin_batch(e, i, now);
	else if (e->primed < e->p->conns)
		e->primed++;
}

static void pull(struct echo *e, unsigned i)
{
	struct conn *c = &e->conns[i];
	size_t size = e->p->size, n = take(c->fd, e->in, READ_SIZE);
	if (n > c->sent - c->got)
		die("conn %u: more came back than was sent", i);
	pattern_check(i, c->got, e->in, n);
	uint64_t before = c->got / size;
	c->got += n;
	int64_t now = now_ns();
	for (uint64_t whole = c->got / size; before < whole; before++)
		meter_count(&e->m, c->left_at, now, size);
	if (n && c->got == c->goal)
		end_batch(e, i, now);
}

static void turn(struct echo *e)
{
	struct epoll_event ev[EVENTS_ONCE];
	int n = epoll_wait(e->epoll, ev, EVENTS_ONCE, (int)(GIVE_UP / 1000000));
	if (n == 0)
		die("nothing came back for %lld s", (long long)(GIVE_UP / 1000000000));
	for (int i = 0; i < n; i++) {
		unsigned at = (unsigned)ev[i].data.u64;
		if (e->conns[at].sent < e->conns[at].goal)
			push(e, at);
		if (ev[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
			pull(e, at);
	}
}

static void open_conn(struct echo *e)
{
	unsigned i = e->opened++;
	struct conn *c = &e->conns[i];
	c->fd = dial(e->p, SOCK_STREAM);
	c->full = true;
	c->goal = e->p->size;
	e->busy++;
	watch(e->epoll, c->fd, EPOLLIN | EPOLLOUT, i);
}

/* Every conn is open and has been answered once: its server side exists. */
static void open_all(struct echo *e)
{
	while (e->primed < e->p->conns) {
		while (e->opened < e->p->conns && e->opened - e->primed < OPENING_ONCE)
			open_conn(e);
		turn(e);
	}
}

void load_echo(const struct plan *p)
{
	struct echo e = {.p = p, .epoll = watch_open()};
	e.conns = calloc(p->conns, sizeof *e.conns);
	e.in = malloc(READ_SIZE);
	if (!e.conns || !e.in)
		die("out of memory");
	open_all(&e);
	ready(p);
	meter_start(&e.m, p);
	e.running = p->lasting > 0;
	for (unsigned i = 0; e.running && i < p->conns; i++)
		begin_batch(&e, i, now_ns());
	while (e.running && meter_turn(&e.m, now_ns()))
		turn(&e);
	e.running = false;
	while (e.busy) /* what is under way comes back, and is compared too */
		turn(&e);
	for (unsigned i = 0; i < p->conns; i++)
		hang_up(e.conns[i].fd);
	if (p->lasting > 0)
		meter_print(&e.m);
	free(e.conns);
	free(e.in);
}
