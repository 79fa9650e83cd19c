#include "station.h"

#include "io/socket.h"

#include <errno.h>

static void await_emptiness(struct station *st)
{
	int err = 0;
	while (!list_empty(&st->conns) && err == 0)
		err = pier_waitq_wait(&st->emptied, PIER_FOREVER, "conns to end");
}

/* The conns that wait between messages see the end of input; the others have the grace time. */
static void end_conns(struct station *st)
{
	for (struct list *at = st->conns.next; at != &st->conns; at = at->next)
		pier_conn_drain(list_item(at, pier_conn, link));
	PIER_WITHIN (st->serving->o.grace)
		await_emptiness(st);
	pier_group_end(&st->handlers);
	await_emptiness(st); /* those that had no fiber to cancel */
	pier_group_end(&st->keepers);
}

static void await_order(struct station *st, enum order order)
{
	while (!st->ordered[order])
		pier_waitq_wait_deaf(&st->orders, "an order to stop");
}

static void tell_home(struct station *st, bool ended)
{
	st->news = (struct io_op){
		.kind = IO_NOTE, .done = pier_serving_news, .owner = st->serving, .result = ended};
	pier_io_post(st->serving->home->io, &st->news);
}

static void open_doors(struct station *st)
{
	for (unsigned i = 0; i < st->door_count; i++) {
		int err = pier_go(&st->acceptors, pier_door_run, &st->doors[i]);
		if (err < 0)
			pier_serving_fail(st->serving, err);
	}
}

static void close_doors(struct station *st)
{
	pier_group_end(&st->acceptors);
	for (unsigned i = 0; i < st->door_count; i++)
		if (!st->doors[i].port)
			st->worker->io->backend->close_fd(st->worker->io, st->doors[i].fd);
}

static int run(void *arg)
{
	struct station *st = arg;

	if (st->serving->o.per_message)
		pier_go(&st->keepers, pier_calls_keep, st);
	open_doors(st);
	await_order(st, ORDER_CLOSE_DOORS);
	close_doors(st);
	tell_home(st, false);
	await_order(st, ORDER_END_CONNS);
	end_conns(st);
	for (unsigned i = 0; i < st->door_count; i++)
		pier_udp_port_free(st->doors[i].port);
	tell_home(st, true); /* the station is gone from here on */
	return 0;
}

static void start(struct io_op *note)
{
	struct station *st = note->owner;
	if (pier_fiber_start(st->worker, run, st))
		return;
	st->dead = true; /* no memory for its fiber */
	for (unsigned i = 0; i < st->door_count; i++)
		pier_io_close(st->doors[i].fd);
	pier_serving_fail(st->serving, -ENOMEM);
}

void pier_station_start(struct station *st)
{
	list_init(&st->conns);
	st->due_last = &st->due;
	waitq_init(&st->emptied);
	waitq_init(&st->keeper);
	waitq_init_by_mail(&st->orders);
	st->start = (struct io_op){.kind = IO_NOTE, .done = start, .owner = st};
	pier_io_post(st->worker->io, &st->start);
}

/* Not a cancel alone: a conn that lingers in its close is shielded from that. */
static void abort_conns(struct station *st)
{
	for (struct list *at = st->conns.next; at != &st->conns; at = at->next)
		pier_conn_fail(list_item(at, pier_conn, link), -ECANCELED, "serve");
	pier_group_cancel(&st->handlers);
}

static void obey(struct io_op *note)
{
	struct station *st = note->owner;
	enum order order = (enum order)(note - st->notes);
	st->ordered[order] = true;
	if (order == ORDER_ABORT)
		abort_conns(st);
	else if (st->dead)
		tell_home(st, order == ORDER_END_CONNS);
	pier_waitq_wake_all(&st->orders);
}

void pier_station_order(struct station *st, enum order order)
{
	st->notes[order] = (struct io_op){.kind = IO_NOTE, .done = obey, .owner = st};
	pier_io_post(st->worker->io, &st->notes[order]);
}
