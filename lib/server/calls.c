/* Handlers that are called per message: between two, a conn has neither a fiber nor a buffer.
 *
 *	standby ── input, end, error, time-out, stop ──► due ── a caller takes it ──► called ──► standby, or gone
 *
 * A caller is a fiber that takes one conn after the other for as long as some are due. While it runs a handler, and
 * others are due, a second caller stands ready: it goes on when the first one's handler waits. So a turn that
 * brings a thousand messages to handlers that do not wait needs two stacks. */
#include "station.h"

#include "net/standby.h"

#include <errno.h>
#include <stdlib.h>

struct called {
	struct standby
		standby; /* first; its op's `owner` is the conn, its `next` the one that is due after it */
	struct heap_node timer; /* moved only to earlier times; looks again when it fires */
};

static struct called *called_of(const pier_conn *c)
{
	return (struct called *)c->standby;
}

/* ---- Callers ------------------------------------------------------------------------------------- */

static int call_due(void *st);

/* When no fiber is to be had, the keeper lends its own. */
static void hire(struct station *st)
{
	if (st->spare)
		return;
	if (pier_go(&st->handlers, call_due, st) == 0) {
		st->spare = true;
		return;
	}
	st->short_handed = true;
	pier_waitq_wake(&st->keeper);
}

static void become_due(pier_conn *c)
{
	struct station *st = c->station;
	struct io_op *op = &c->standby->op;
	op->next = NULL;
	*st->due_last = op;
	st->due_last = &op->next;
	hire(st);
}

static pier_conn *next_due(struct station *st)
{
	struct io_op *op = st->due;
	if (!op)
		return NULL;
	st->due = op->next;
	if (!st->due)
		st->due_last = &st->due;
	return op->owner;
}

static void set_timer(struct station *st, struct called *v)
{
	int64_t at = v->standby.until;
	if (at == PIER_FOREVER || (v->timer.place && v->timer.key <= at))
		return;
	pier_heap_set(&st->timers, &v->timer, at);
	if (v->timer.place == 1)
		pier_waitq_wake(&st->keeper);
}

/* The first time: false when it is not to be served. */
static bool open_once(struct station *st, pier_conn *c)
{
	if (c->opened)
		return true;
	c->opened = true;
	return pier_station_meet(st, c) && pier_station_secure(st, c) && pier_station_open(st, c);
}

static void call(const struct serving *s, pier_conn *c)
{
	struct fiber *f = pier_fiber_self();
	s->handler(c, s->o.arg);
	pier_standby_return(c);
	pier_locals_end(f);
	pier_fiber_streak(f); /* one that sends much shares with the others */
}

/* Serves what is here. True when the conn has ended. */
static bool serve(struct station *st, pier_conn *c)
{
	const struct serving *s = st->serving;
	int here;

	if (!open_once(st, c))
		return true;
	while ((here = pier_standby_look(c)) >= 0) {
		if (here) {
			call(s, c);
		} else if (pier_standby_begin(c)) {
			set_timer(st, called_of(c));
			return false;
		}
	}
	return true;
}

static void end(struct station *st, pier_conn *c)
{
	struct called *v = called_of(c);
	pier_heap_remove(&st->timers, &v->timer);
	st->called--;
	pier_station_leave(st, c);
	free(v);
}

static int call_due(void *arg)
{
	struct station *st = arg;
	pier_conn *c;

	st->spare = false;
	while ((c = next_due(st))) {
		if (st->due)
			hire(st);
		if (serve(st, c))
			end(st, c);
	}
	return 0;
}

/* ---- The keeper ---------------------------------------------------------------------------------- */

/* Out of memory, or out of grace: the others are not to wait for one that does. */
static void help_out(struct station *st)
{
	pier_conn *c;
	st->short_handed = false;
	while ((c = next_due(st))) {
		pier_conn_fail(c, st->handlers.cancelled ? -ECANCELED : -ENOMEM, "serve");
		if (serve(st, c))
			end(st, c);
	}
}

static void expire(struct station *st, int64_t now)
{
	struct heap_node *n;
	while ((n = heap_first(&st->timers)) && n->key <= now) {
		struct called *v = list_item(n, struct called, timer);
		pier_conn *c = v->standby.op.owner;
		pier_heap_remove(&st->timers, n);
		if (!c->on_standby)
			continue;
		if (v->standby.until <= now)
			pier_conn_fail(c, -ETIMEDOUT, "receive from");
		else
			set_timer(st, v);
	}
}

int pier_calls_keep(void *arg)
{
	struct station *st = arg;
	int err = 0;

	while (err != -ECANCELED) {
		expire(st, st->worker->io->now);
		if (st->short_handed)
			help_out(st);
		struct heap_node *n = heap_first(&st->timers);
		err = pier_waitq_wait(&st->keeper, n ? n->key : PIER_FOREVER, "quiet conns");
	}
	pier_heap_done(&st->timers);
	return 0;
}

/* ---- A new conn ---------------------------------------------------------------------------------- */

bool pier_calls_begin(struct station *st, pier_conn *c)
{
	struct called *v =
		pier_heap_reserve(&st->timers, st->called + 1) < 0 ? NULL : malloc(sizeof *v);
	if (!v)
		return false;
	*v = (struct called){.standby = {.op.owner = c, .due = become_due}};
	c->behind = pier_station_proxies(st, c);
	c->standby = &v->standby;
	st->called++;
	list_push(&st->conns, &c->link);
	if (st->ordered[ORDER_END_CONNS])
		pier_conn_drain(c);
	become_due(c);
	return true;
}
