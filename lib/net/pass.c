/* Passing a conn: what its worker's io remembers of the descriptor is forgotten, there and back; all else of a
 * conn that nobody waits on is memory, and goes along with the mail of the call. */
#include "net/topic/outbox.h"

#include <errno.h>

struct passing {
	pier_conn *c;
	int (*fn)(pier_conn *c, void *arg);
	void *arg;
};

static void leave_worker(pier_conn *c)
{
	struct io *io = pier_conn_io();
	if (c->fd >= 0)
		io->backend->leave_fd(io, c->fd);
}

/* What is held, or waits in the queue of topics that it has left, is for this worker to send. */
static void end_sending(pier_conn *c)
{
	PIER_SHIELD (PIER_LINGER) {
		pier_held_drain(c, PIER_FOREVER);
		if (c->outbox)
			pier_outbox_end(c, PIER_FOREVER);
	}
	pier_held_end(c);
}

static int visit(void *arg)
{
	struct passing *p = arg;
	int result = p->fn(p->c, p->arg);
	end_sending(p->c);
	leave_worker(p->c);
	return result;
}

static bool is_busy(const pier_conn *c)
{
	return c->reader || c->writer || c->writing || (c->outbox && c->outbox->topic_count);
}

int pier_pass(pier_conn *c, unsigned worker, int (*fn)(pier_conn *c, void *arg), void *arg)
{
	if (!pier_fiber_self())
		return -ENOTSUP;
	if (!c || c->err)
		return pier_err(c);
	if (c->station || c->udp)
		return -EOPNOTSUPP; /* its server ends it, from here */
	pier_held_drain(c, pier_conn_until(c, c->wr));
	if (is_busy(c))
		return -EBUSY;
	end_sending(c);
	leave_worker(c);
	return pier_call(worker, visit, &(struct passing){c, fn, arg});
}
