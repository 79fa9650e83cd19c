#include "standby.h"

#include "frame.h"
#include "receive.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TUCKED_MAX                                                                                 \
	1024 /* bytes of a message that has begun, and wait for the rest without a buffer */

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
	pier_bytes message, in = pier_view(c);
	size_t len = in.len;
	if (c->stale)
		in = (pier_bytes){0};
	ssize_t used = pier_frame_decode(c->frame, in, c->in.scanned, c->message_max, &message);
	if (!raw) /* so that nothing is searched twice, here or in pier_next */
		inbuf_scanned(&c->in, used > 0 ? (size_t)used - 1 : len);
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
		c->stale = true;
	else if (c->arrived)
		pier_next(c);
	c->arrived = false;
	pier_spend(c, c->in.held);
	if (c->in.start == c->in.end)
		pier_inbuf_drop(c);
}

/* ---- The piece of a frame that has begun --------------------------------------------------------- */

/* Who idles holds no buffer of the pool for it: a short one moves to memory of its own size. */
static void tuck_away(pier_conn *c)
{
	pier_bytes rest = pier_view(c);
	uint32_t scanned = c->in.scanned;
	char *at = c->in.pooled && rest.len && rest.len <= TUCKED_MAX ? malloc(rest.len) : NULL;
	if (!at)
		return;
	memcpy(at, rest.p, rest.len);
	pier_inbuf_drop(c);
	c->in = (struct inbuf){.at = at, .end = rest.len, .room = rest.len, .scanned = scanned};
}

static bool tucked(const pier_conn *c)
{
	return c->in.at && !c->in.pooled && c->in.end - c->in.start <= TUCKED_MAX;
}

/* It goes in front of the `n` bytes that came into the buffer `at`. */
static int unpack(pier_conn *c, char *at, size_t n)
{
	struct inbuf *in = &c->in;
	size_t len = in->end - in->start;
	struct inbuf all = {.at = at, .end = len + n, .room = IO_BUF_SIZE, .pooled = true};

	all.scanned = in->scanned;
	if (all.end > IO_BUF_SIZE) {
		all.room = IO_BUF_SIZE + TUCKED_MAX;
		all.pooled = false;
		all.at = malloc(all.room);
	}
	if (all.at) {
		memmove(all.at + len, at, n);
		memcpy(all.at, in->at + in->start, len);
		pier_inbuf_drop(c);
		*in = all;
	}
	if (all.at != at)
		pier_io_buf_give(pier_conn_io(), at);
	return all.at ? 0 : -ENOMEM;
}

/* ---- Waiting ------------------------------------------------------------------------------------- */

static void input(struct io_op *op);

/* Behind what is buffered, or in a buffer of its own. */
static int place(pier_conn *c, void **at, size_t *room)
{
	*at = NULL;
	*room = 0;
	if (tucked(c))
		return 0;
	return pier_inbuf_place(c, pier_frame_wants(c->frame, pier_view(c)), at, room);
}

/* What the op has brought: the count, and where it is. */
static int64_t brought(pier_conn *c, void **at)
{
	const struct io_op *op = &c->standby->op;
	size_t room;

	*at = op->mem.at;
	if (op->result < 0 || !c->via->unwrap)
		return op->result;
	int err = place(c, at, &room);
	if (err < 0 && op->mem.at)
		pier_io_buf_give(pier_conn_io(), op->mem.at);
	return err < 0 ? err : c->via->unwrap(c, op, at, room);
}

static void absorb(pier_conn *c)
{
	void *at;
	int64_t n = brought(c, &at);

	if (n == -ECANCELED || n == -EAGAIN)
		return; /* by whoever ended the waiting; it goes on */
	if (n < 0) {
		pier_conn_fail(c, (int)n, "receive from");
	} else if (n == 0) {
		c->eof = true;
	} else if (!c->via->message) {
		bool apart = c->in.at && at != c->in.at + c->in.end;
		int err = apart ? unpack(c, at, (size_t)n) : 0;
		if (err < 0)
			pier_conn_fail(c, err, "receive from");
		else if (!apart)
			pier_inbuf_landed(c, at, (size_t)n);
		c->stale = false;
	}
}

/* True when the op is under way; false when it is complete, or could not be. */
static bool arm(pier_conn *c)
{
	struct standby *s = c->standby;

	assert(!c->on_standby && !c->reader);
	s->op = (struct io_op){.kind = c->via->message ? IO_POLL_IN : IO_RECV,
			       .fd = c->fd,
			       .done = input,
			       .owner = c};
	tuck_away(c);
	if (!c->via->message && !c->via->unwrap && place(c, &s->op.mem.at, &s->op.mem.len) < 0)
		return false;
	s->until = pier_conn_until(c, c->rd);
	c->on_standby = !c->via->arm(c, &s->op);
	if (!c->on_standby)
		absorb(c);
	return c->on_standby;
}

static void input(struct io_op *op)
{
	pier_conn *c = op->owner;

	c->on_standby = false;
	absorb(c);
	while (!c->draining && pier_standby_look(c) == 0)
		if (arm(c))
			return;
	c->standby->due(c);
}

bool pier_standby_begin(pier_conn *c)
{
	pier_held_send(c);
	if (c->via->arm && !c->draining)
		return arm(c);
	if (pier_inbuf_fill(c, pier_frame_wants(c->frame, pier_view(c)), pier_view(c).len == 0) > 0)
		c->stale = false;
	return false;
}

void pier_standby_end(pier_conn *c)
{
	if (c->on_standby)
		c->via->disarm(c, &c->standby->op);
}
