/* Connect, send one message, have it back, close; and again, `conns` at a time. */
#include "load.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct slot {
	int fd;
	unsigned id; /* of the conn, for the pattern */
	bool sent;
	int64_t began;
	size_t got;
};

struct churn {
	const struct plan *p;
	struct meter m;
	struct slot *slots;
	unsigned opened, open;
	int epoll;
	char *in;
};

static void begin(struct churn *k, unsigned i)
{
	k->slots[i] =
		(struct slot){.id = k->opened++, .began = now_ns(), .fd = dial(k->p, SOCK_STREAM)};
	k->open++;
	watch(k->epoll, k->slots[i].fd, EPOLLOUT, i);
}

static void ask(struct churn *k, unsigned i)
{
	struct slot *s = &k->slots[i];
	size_t n = give(s->fd, pattern_at(s->id, 0), k->p->size);
	s->sent = n == k->p->size;
	if (!s->sent && (n || !tls_speaks(s->fd)))
		die("an empty socket did not take %u bytes", k->p->size);
	rewatch(k->epoll, s->fd, s->sent || tls_wants_input(s->fd) ? EPOLLIN : EPOLLOUT, i);
}

static void hear(struct churn *k, unsigned i)
{
	struct slot *s = &k->slots[i];
	size_t n = take(s->fd, k->in, k->p->size + 1);
	if (n > k->p->size - s->got)
		die("conn %u: more came back than was sent", s->id);
	pattern_check(s->id, s->got, k->in, n);
	s->got += n;
	if (s->got < k->p->size)
		return;
	hang_up(s->fd);
	k->open--;
	meter_count(&k->m, s->began, now_ns(), s->got);
	if (k->m.phase != OVER)
		begin(k, i);
}

static void turn(struct churn *k)
{
	struct epoll_event ev[EVENTS_ONCE];
	int n = epoll_wait(k->epoll, ev, EVENTS_ONCE, (int)(GIVE_UP / 1000000));
	if (n == 0)
		die("nothing came back for %lld s", (long long)(GIVE_UP / 1000000000));
	for (int i = 0; i < n; i++) {
		unsigned at = (unsigned)ev[i].data.u64;
		if (k->slots[at].sent)
			hear(k, at);
		else
			ask(k, at);
	}
}

void load_churn(const struct plan *p)
{
	struct churn k = {.p = p, .epoll = watch_open()};
	k.slots = calloc(p->conns, sizeof *k.slots);
	k.in = malloc(READ_SIZE);
	if (!k.slots || !k.in)
		die("out of memory");
	ready(p);
	meter_start(&k.m, p);
	for (unsigned i = 0; i < p->conns; i++)
		begin(&k, i);
	while (meter_turn(&k.m, now_ns()))
		turn(&k);
	while (k.open)
		turn(&k);
	meter_print(&k.m);
	free(k.slots);
	free(k.in);
}
