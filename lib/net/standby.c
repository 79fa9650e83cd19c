#include "standby.h"

#include "frame.h"
#include "receive.h"

#include <assert.h>
#include <errno.h>

/* ---- What is here -------------------------------------------------------------------------------- */

static int here(pier_conn *c)
{
	c->arrived = true;
	return 1;
}

static int over(pier_conn *c)
{
	return c->err ? c->err : -ENODATA;
}

static int look_for_datagram(pier_conn *c)
{
	if (c->eof || c->draining)
		return over(c);
	pier_inbuf_drop(c);
	int64_t n = c->via->take(c);
	if (n == -EAGAIN)
		return 0;
	if (n == 0)
		c->eof = true;
	if (n > 0 && c->in.end - c->in.start > c->message_max)
		n = -EMSGSIZE;
	if (n < 0)
		pier_conn_fail(c, (int)n, "receive from");
	return n > 0 ? here(c) : over(c);
}

/* At the end of input: as pier_next has it, a last line without its LF is a line. */
static int look_at_rest(pier_conn *c, size_t len)
{
	if (len && c->frame == PIER_LINES)
		return here(c);
	if (len && c->frame != PIER_RAW)
		pier_conn_fail(c, -PIER_ETRUNCATED, "receive from");
	return over(c);
}

static int look_at_stream(pier_conn *c)
{
	bool raw = c->frame == PIER_RAW;
	pier_bytes message, in = c->standby->stale ? (pier_bytes){0} : pier_view(c);
	size_t len = pier_view(c).len;
	ssize_t used = pier_frame_decode(c->frame, in, c->in.scanned, c->message_max, &message);
	if (!raw) /* so that nothing is searched twice, here or in pier_next */
		c->in.scanned = used > 0 ? (size_t)used - 1 : len;
	if (used > 0)
		return here(c);
	if (used == 0 && raw && len >= c->message_max)
		used = -EMSGSIZE;
	if (used < 0)
		return pier_conn_fail(c, (int)used, "receive from");
	if (c->eof)
		return look_at_rest(c, len);
	return c->draining && len == 0 ? over(c) : 0;
}

int pier_standby_look(pier_conn *c)
{
	if (c->err)
		return c->err;
	if (c->arrived)
		return 1;
	return c->via->message ? look_for_datagram(c) : look_at_stream(c);
}

void pier_standby_return(pier_conn *c)
{
	if (c->arrived && !c->via->message && c->frame == PIER_RAW)
		c->standby->stale = true;
	else if (c->arrived)
		pier_next(c);
	c->arrived = false;
	pier_spend(c, c->in.held);
	if (c->in.start == c->in.end)
		pier_inbuf_drop(c);
}

/* ---- Waiting ------------------------------------------------------------------------------------- */

static void input(struct io_op *op);

/* What the op has brought. */
static void absorb(pier_conn *c)
{
	struct io_op *op = &c->standby->op;
	int64_t n = op->result;

	if (n == -ECANCELED)
		return; /* by whoever ended the waiting */
	if (n < 0) {
		pier_conn_fail(c, (int)n, "receive from");
	} else if (n == 0) {
		c->eof = true;
	} else if (!c->via->message) {
		pier_inbuf_landed(c, op->mem.at, (size_t)n);
		c->standby->stale = false;
	}
}

/* True when the op is under way; false when it is complete, or could not be. */
static bool arm(pier_conn *c)
{
	struct standby *s = c->standby;

	assert(!s->armed && !c->reader);
	s->op = (struct io_op){.kind = c->via->message ? IO_POLL_IN : IO_RECV,
			       .fd = c->fd,
			       .done = input,
			       .owner = c};
	if (!c->via->message && pier_inbuf_place(c, &s->op.mem.at, &s->op.mem.len) < 0)
		return false;
	s->until = pier_conn_until(c, c->rd);
	s->armed = !c->via->arm(c, &s->op);
	if (!s->armed)
		absorb(c);
	return s->armed;
}

static void input(struct io_op *op)
{
	pier_conn *c = op->owner;

	c->standby->armed = false;
	absorb(c);
	while (!c->draining && pier_standby_look(c) == 0)
		if (arm(c))
			return;
	c->standby->due(c->standby);
}

bool pier_standby_begin(pier_conn *c)
{
	if (c->via->arm && !c->draining)
		return arm(c);
	if (pier_inbuf_fill(c, pier_view(c).len == 0) > 0)
		c->standby->stale = false;
	return false;
}

void pier_standby_end(pier_conn *c)
{
	if (c->standby->armed)
		c->via->disarm(c, &c->standby->op);
}
