#include "several.h"

#include "worker.h"

#include <assert.h>
#include <errno.h>

int pier_several_begin(struct several *s)
{
	struct fiber *f = pier_fiber_self();
	struct io *io = f ? f->worker->io : pier_io_of_thread();
	if (!io)
		return -ENOMEM;
	*s = (struct several){.io = io};
	s->ended_last = &s->ended;
	return 0;
}

static void push_ended(struct several *s, struct io_op *op)
{
	op->next = NULL;
	*s->ended_last = op;
	s->ended_last = &op->next;
}

static void op_done(struct io_op *op)
{
	struct several *s = op->owner;
	unsigned i = 0;
	while (s->ops[i] != op)
		i++;
	s->ops[i] = s->ops[--s->under_way];
	push_ended(s, op);
	struct fiber *f = s->waiter;
	s->waiter = NULL; /* the first that ends wakes it */
	if (f && f->state == FIBER_PARKED)
		pier_fiber_ready(f);
}

void pier_several_submit(struct several *s, struct io_op *op)
{
	op->owner = s;
	op->done = op_done;
	assert(s->under_way < SEVERAL_MAX);
	if (io_submit(s->io, op))
		push_ended(s, op);
	else
		s->ops[s->under_way++] = op;
}

/* Until an op has ended: 0, or why not. */
static int wait_on_fiber(struct several *s, int64_t at, bool deaf, const char *what)
{
	s->waiter = pier_fiber_self();
	int err = pier_fiber_park(at, deaf, what);
	s->waiter = NULL;
	return err;
}

static int wait_on_thread(struct several *s, int64_t at)
{
	int64_t left = pier_time_left();
	int64_t scope_at = left == PIER_FOREVER ? PIER_FOREVER : pier_io_clock() + left;
	if (scope_at < at)
		at = scope_at;
	while (!s->ended) {
		s->io->backend->wait(s->io, at);
		if (!s->ended && s->io->now >= at)
			return -ETIMEDOUT;
	}
	return 0;
}

static int wait_for_news(struct several *s, int64_t at, const char *what)
{
	return pier_fiber_self() ? wait_on_fiber(s, at, false, what) : wait_on_thread(s, at);
}

/* Until one more has ended, whichever have before. */
static void wait_for_end(struct several *s)
{
	if (pier_fiber_self())
		wait_on_fiber(s, PIER_FOREVER, true, "its last op");
	else
		s->io->backend->wait(s->io, PIER_FOREVER);
}

struct io_op *pier_several_next(struct several *s, int64_t at, const char *what, int *err)
{
	int stopped = s->ended ? 0 : pier_wait_refused();
	while (!s->ended && s->under_way && stopped == 0)
		stopped = wait_for_news(s, at, what);

	struct io_op *op = s->ended; /* what came first counts, whatever else happened */
	if (!op) {
		*err = stopped;
		return NULL;
	}
	s->ended = op->next;
	if (!s->ended)
		s->ended_last = &s->ended;
	return op;
}

void pier_several_end(struct several *s, struct io_op *op)
{
	for (unsigned i = 0; i < s->under_way; i++) {
		if (s->ops[i] == op) {
			io_cancel(s->io, op);
			return;
		}
	}
}

void pier_several_cancel(struct several *s)
{
	/* Backwards: an op that ends at once takes itself out, and the last one takes its place. */
	for (unsigned i = s->under_way; i-- > 0;)
		if (i < s->under_way)
			io_cancel(s->io, s->ops[i]);
	while (s->under_way)
		wait_for_end(s);
}
