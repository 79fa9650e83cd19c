/* One conn speaks lines of `size` bytes, `conns` others hear each; every member is greeted by "hello\n".
 * At most `depth` lines are under way to the slowest listener, so no queue of the server can run over. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define GREETING     "hello\n"
#define GREETING_LEN 6

struct listener {
	int fd;
	uint64_t got; /* bytes, the greeting among them */
};

struct line {
	char text[SIZE_LARGEST];
	int64_t left_at;
	unsigned heard; /* by so many */
};

struct fanout {
	const struct plan *p;
	struct meter m;
	struct listener *listeners; /* the last of them is the speaker */
	struct line *lines;	    /* number n is in place n % depth */
	uint64_t said, done, sent;  /* lines said, heard by all; bytes of them that are sent */
	unsigned greeted;
	int epoll;
	char *in;
};

static struct line *line_of(struct fanout *f, uint64_t n)
{
	return &f->lines[n % f->p->depth];
}

/* ---- Speaking ------------------------------------------------------------------------------------ */

static void compose(struct fanout *f)
{
	uint64_t n = f->said++;
	struct line *l = line_of(f, n);
	unsigned size = f->p->size;
	char number[24];
	int len = snprintf(number, sizeof number, "%llu ", (unsigned long long)n);
	for (unsigned i = 0; i + 1 < size; i++)
		l->text[i] = (char)('!' + (n * 13 + i * 7) % 90);
	memcpy(l->text, number, (unsigned)len < size ? (unsigned)len : size - 1);
	l->text[size - 1] = '\n';
	l->left_at = now_ns();
	l->heard = 0;
}

static void speak(struct fanout *f)
{
	unsigned size = f->p->size;
	while (f->m.phase != OVER && f->said < f->done + f->p->depth)
		compose(f);
	while (f->sent < f->said * size) {
		const char *from = line_of(f, f->sent / size)->text + f->sent % size;
		size_t n = give(f->listeners[f->p->conns].fd, from, size - f->sent % size);
		if (n == 0)
			return; /* tried again in the next turn */
		f->sent += n;
	}
}

/* ---- Listening ----------------------------------------------------------------------------------- */

static void heard(struct fanout *f, struct line *l, int64_t now)
{
	meter_count(&f->m, l->left_at, now, f->p->size);
	if (++l->heard == f->p->conns)
		f->done++; /* lines are heard by all in the order they were said */
}

static void compare(struct fanout *f, uint64_t at, const char *got, size_t n)
{
	unsigned size = f->p->size;
	int64_t now = now_ns();
	if (at + n > f->said * size)
		die("more was heard than was said");
	while (n) {
		struct line *l = line_of(f, at / size);
		size_t from = at % size, some = n < size - from ? n : size - from;
		if (memcmp(got, l->text + from, some) != 0)
			die("line %llu came out as: %.*s", (unsigned long long)(at / size),
			    (int)some, got);
		got += some;
		at += some;
		n -= some;
		if (at % size == 0)
			heard(f, l, now);
	}
}

static void hear(struct fanout *f, struct listener *l)
{
	char *in = f->in;
	size_t n = take(l->fd, in, READ_SIZE);
	if (l->got < GREETING_LEN) {
		size_t some = n < GREETING_LEN - l->got ? n : GREETING_LEN - l->got;
		if (memcmp(in, &GREETING[l->got], some) != 0)
			die("the greeting is not %s", GREETING);
		l->got += some;
		f->greeted += some && l->got == GREETING_LEN;
		in += some;
		n -= some;
	}
	if (n)
		compare(f, l->got - GREETING_LEN, in, n);
	l->got += n;
}

static void turn(struct fanout *f)
{
	struct epoll_event ev[EVENTS_ONCE];
	int n = epoll_wait(f->epoll, ev, EVENTS_ONCE, (int)(GIVE_UP / 1000000));
	if (n == 0)
		die("line %llu has not been heard by all for %lld s", (unsigned long long)f->done,
		    (long long)(GIVE_UP / 1000000000));
	for (int i = 0; i < n; i++)
		hear(f, &f->listeners[ev[i].data.u64]);
	speak(f);
}

void load_fanout(const struct plan *p)
{
	struct fanout f = {.p = p, .epoll = watch_open(), .m.phase = OVER};
	f.listeners = calloc(p->conns + 1, sizeof *f.listeners);
	f.lines = calloc(p->depth, sizeof *f.lines);
	f.in = malloc(READ_SIZE);
	if (!f.listeners || !f.lines || !f.in)
		die("out of memory");
	for (unsigned i = 0; i <= p->conns; i++) {
		f.listeners[i].fd = dial(p, SOCK_STREAM);
		watch(f.epoll, f.listeners[i].fd, EPOLLIN, i);
		while (i + 1 - f.greeted > 128) /* no flood of the backlog */
			turn(&f);
	}
	while (f.greeted <= p->conns)
		turn(&f);
	ready(p);
	meter_start(&f.m, p);
	speak(&f);
	while (meter_turn(&f.m, now_ns()))
		turn(&f);
	while (f.done < f.said)
		turn(&f);
	meter_print(&f.m);
	for (unsigned i = 0; i <= p->conns; i++)
		close(f.listeners[i].fd);
	free(f.listeners);
	free(f.lines);
	free(f.in);
}
