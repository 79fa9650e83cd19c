#include "outbox.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define PIECES	   64 /* of one system call */
#define ROOM_FIRST 4  /* runs; most members never have more */

int pier_outbox_make(pier_conn *c)
{
	if (c->outbox)
		return 0;
	struct outbox *o = calloc(1, sizeof *o);
	if (!o)
		return -ENOMEM;
	o->conn = c;
	c->outbox = o;
	return 0;
}

/* ---- The ring ------------------------------------------------------------------------------------ */

static struct run *at(const struct outbox *o, unsigned i)
{
	return &o->ring[(o->head + i) & (o->room - 1)];
}

/* Each run has a message at least, so their limit is one for the ring as well. */
static int grow(struct outbox *o)
{
	unsigned room = o->room ? o->room * 2 : ROOM_FIRST;
	struct run *ring = calloc(room, sizeof *ring);
	if (!ring)
		return -ENOMEM;
	for (unsigned i = 0; i < o->runs; i++)
		ring[i] = *at(o, i);
	free(o->ring);
	o->ring = ring;
	o->room = room;
	o->head = 0;
	return 0;
}

static int append(struct outbox *o, struct run r)
{
	struct run *last = o->runs ? at(o, o->runs - 1) : NULL;
	if (last && last->bundle == r.bundle && last->to == r.from && last->frame == r.frame) {
		last->to = r.to;
	} else {
		if (o->runs == o->room && grow(o) < 0)
			return -ENOMEM;
		r.bundle->refs++;
		*at(o, o->runs++) = r;
	}
	o->count += r.to - (unsigned)r.from;
	o->bytes += bundle_bytes(r.bundle, r.from, r.to);
	return 0;
}

/* The first `n` messages of the first run are no more in the queue. */
static void settle(struct outbox *o, struct run *r, unsigned n)
{
	o->count -= n;
	o->bytes -= bundle_bytes(r->bundle, r->from, r->from + n);
	r->from = (uint16_t)(r->from + n);
	if (r->from == r->to)
		pier_bundle_drop(r->bundle);
}

static void pop(struct outbox *o, unsigned n)
{
	struct run *r = at(o, 0);
	bool whole = n == (unsigned)(r->to - r->from);
	settle(o, r, n);
	if (whole) {
		o->head = (o->head + 1) & (o->room - 1);
		o->runs--;
	}
}

/* The first message of the queue is about to leave by itself. */
static void begin(struct outbox *o)
{
	if (o->now.bundle)
		return;
	struct run r = *at(o, 0);
	o->now = (struct run){r.bundle, r.from, (uint16_t)(r.from + 1), r.frame};
	o->sent = 0;
	r.bundle->refs++;
	o->count++;
	o->bytes += bundle_bytes(r.bundle, r.from, r.from + 1u);
	pop(o, 1);
}

static void end_now(struct outbox *o)
{
	settle(o, &o->now, 1);
	o->now = (struct run){0};
	o->sent = 0;
}

/* ---- Sending ------------------------------------------------------------------------------------- */

static struct iovec rest_of_now(const struct outbox *o)
{
	return (struct iovec){run_text(&o->now) + o->sent, run_len(&o->now) - o->sent};
}

/* What one call can take; how many pieces. */
static size_t gather(struct outbox *o, struct iovec iov[PIECES])
{
	size_t n = 0;
	if (o->conn->via->message)
		begin(o);
	if (o->now.bundle)
		iov[n++] = rest_of_now(o);
	if (o->conn->via->message)
		return n;
	for (unsigned i = 0; i < o->runs && n < PIECES; i++)
		iov[n++] = (struct iovec){run_text(at(o, i)), run_len(at(o, i))};
	return n;
}

/* `n` bytes of the first run have left: its whole messages, and the begin of the next. */
static void consume_part(struct outbox *o, size_t n)
{
	struct run *r = at(o, 0), first = *r;
	unsigned whole = 0;
	for (first.to = (uint16_t)(first.from + 1); run_len(&first) <= n; first.to++)
		whole++;
	first.to--;
	n -= run_len(&first);
	if (whole)
		pop(o, whole);
	if (n) {
		begin(o);
		o->sent = n;
	}
}

static void count_off(struct outbox *o, size_t n)
{
	if (o->now.bundle) {
		size_t left = rest_of_now(o).iov_len;
		if (n < left && !o->conn->via->message) {
			o->sent += n;
			return;
		}
		end_now(o);
		if (o->conn->via->message)
			return;
		n -= left;
	}
	while (o->runs) {
		size_t len = run_len(at(o, 0));
		if (len > n) {
			consume_part(o, n);
			return;
		}
		pop(o, at(o, 0)->to - (unsigned)at(o, 0)->from);
		n -= len;
	}
}

static void consume(struct outbox *o, size_t n)
{
	count_off(o, n);
	if (o->awaited)
		pier_slow_moved(o);
}

/* One call for all that waits, without waiting. */
static int64_t send_now(struct outbox *o)
{
	pier_conn *c = o->conn;
	struct iovec iov[PIECES];
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (int)gather(o, iov)};
	if (c->via->send_now)
		return c->via->send_now(c, &msg);
	if (c->udp)
		pier_udp_address(c, &msg);
	struct io_op op = {.kind = IO_SENDMSG, .fd = c->fd, .msg = &msg, .nowait = true};
	bool now = io_submit(pier_conn_io(), &op);
	assert(now);
	return op.result;
}

/* The op has sent these bytes; true when there are more that nobody else may get between. */
static bool is_inside(struct outbox *o, size_t n)
{
	pier_conn *c = o->conn;
	if (!c->via->unsent) {
		consume(o, n);
		return o->now.bundle != NULL;
	}
	c->via->left(c, n);
	return c->via->unsent(c, &o->iov);
}

static void wait_for_room(struct outbox *o);

static void sent_in_time(struct io_op *op)
{
	struct outbox *o = op->owner;
	pier_conn *c = o->conn;

	o->busy = false;
	if (op->result < 0 && !o->ending)
		pier_conn_fail(c, (int)op->result, "send to");
	if (op->result >= 0 && is_inside(o, (size_t)op->result) && !o->ending)
		wait_for_room(o);
	else
		pier_conn_write_end(c);
}

/* The first message, by an op that waits; the conn counts as being written to. */
static void wait_for_room(struct outbox *o)
{
	pier_conn *c = o->conn;

	if (c->via->unsent) {
		c->via->unsent(c, &o->iov);
	} else {
		begin(o);
		o->iov = rest_of_now(o);
	}
	o->msg = (struct msghdr){.msg_iov = &o->iov, .msg_iovlen = 1};
	if (c->udp)
		pier_udp_address(c, &o->msg);
	o->op = (struct io_op){
		.kind = IO_SENDMSG, .fd = c->fd, .msg = &o->msg, .done = sent_in_time, .owner = o};
	o->busy = true;
	c->writing = true;
	if (io_submit(pier_conn_io(), &o->op))
		sent_in_time(&o->op);
}

static bool is_short(struct outbox *o)
{
	const struct transport *via = o->conn->via;
	return via->unsent ? via->unsent(o->conn, &o->iov) : o->now.bundle != NULL;
}

void pier_outbox_flush(pier_conn *c)
{
	struct outbox *o = c->outbox;
	pier_held_send(c); /* it came first */
	while (o->count && !c->writing && !c->corked && !c->err) {
		int64_t n = send_now(o);
		if (n >= 0)
			consume(o, (size_t)n);
		if (n == -EAGAIN && c->udp && c->peer.sa.sa_family == AF_UNIX)
			n = -PIER_ESLOW; /* unix(7): nothing would tell when its queue has room */
		if (n == -EAGAIN || (n >= 0 && is_short(o))) {
			wait_for_room(o);
			return;
		}
		if (n < 0)
			pier_conn_fail(c, (int)n, "send to");
	}
}

static void flush_task(struct turn_task *t)
{
	struct outbox *o = list_item(t, struct outbox, flush);
	pier_outbox_flush(o->conn);
}

/* ---- Queueing ------------------------------------------------------------------------------------ */

/* How many of the messages [from, to) there is room for. */
static unsigned room_for(const struct outbox *o, const struct bundle *b, unsigned from, unsigned to,
			 const pier_topic_opts *l)
{
	if (o->count >= l->backlog || o->bytes > l->backlog_max)
		return 0;
	unsigned n = to - from < l->backlog - o->count ? to - from : l->backlog - o->count;
	while (n && bundle_bytes(b, from, from + n) > l->backlog_max - o->bytes)
		n--;
	return n;
}

/* The oldest messages go so that the next can come. What is under way cannot go, and does not count: else the last
 * message might be the one that is missed. How many there is room for now; 0 when the conn was cut off. */
static unsigned make_room(struct outbox *o, const struct bundle *b, unsigned i,
			  const pier_topic_opts *l)
{
	if (l->on_full != PIER_DROP_OLDEST) {
		pier_conn_fail(o->conn, -PIER_ESLOW, "send to");
		return 0;
	}
	while (o->runs && !room_for(o, b, i, i + 1, l))
		pop(o, 1);
	return 1;
}

static void put_some(struct outbox *o, struct run r)
{
	int err = pier_bundle_frame(r.bundle, r.frame);
	if (err == 0)
		err = append(o, r);
	if (err < 0)
		pier_conn_fail(o->conn, err, "send to");
}

void pier_outbox_put(pier_conn *c, struct bundle *b, unsigned from, unsigned to,
		     const pier_topic_opts *limits)
{
	struct outbox *o = c->outbox;
	pier_frame frame = c->via->message ? PIER_RAW : c->frame;

	while (from < to && !c->err && !o->ending) {
		unsigned n = room_for(o, b, from, to, limits);
		if (n == 0) {
			pier_outbox_flush(c);
			n = room_for(o, b, from, to, limits);
		}
		if (n == 0)
			n = make_room(o, b, from, limits);
		if (n)
			put_some(o, (struct run){b, (uint16_t)from, (uint16_t)(from + n),
						 (uint8_t)frame});
		from += n;
	}
	o->flush.run = flush_task;
	pier_worker_at_turn_end(pier_worker_self(), &o->flush);
}

void pier_cork(pier_conn *c)
{
	if (c)
		c->corked = true;
}

void pier_uncork(pier_conn *c)
{
	if (!c)
		return;
	c->corked = false;
	if (c->outbox)
		pier_outbox_flush(c);
}

static unsigned room_of(const struct outbox *o, const struct bundle *b, unsigned to,
			const pier_topic_opts *l,
			bool (*heard)(const void *arg, const struct said *s), const void *arg)
{
	unsigned count = o->count;
	size_t bytes = o->bytes;
	unsigned i = room_for(o, b, 0, to, l);
	if (i == to)
		return to;
	for (i = 0; i < to; i++) {
		if (!heard(arg, b->said[i]))
			continue;
		size_t len = b->said[i]->len;
		if (count >= l->backlog || bytes > l->backlog_max || len > l->backlog_max - bytes)
			break;
		count++;
		bytes += len;
	}
	return i;
}

unsigned pier_outbox_room(pier_conn *c, const struct bundle *b, unsigned to,
			  const pier_topic_opts *l,
			  bool (*heard)(const void *arg, const struct said *s), const void *arg)
{
	unsigned n = room_of(c->outbox, b, to, l, heard, arg);
	if (n == to)
		return n;
	pier_outbox_flush(c);
	return room_of(c->outbox, b, to, l, heard, arg);
}

void pier_outbox_failed(pier_conn *c)
{
	if (c->outbox->awaited)
		pier_slow_moved(c->outbox);
}

/* ---- Ending -------------------------------------------------------------------------------------- */

/* Waits for the queue to run dry. Whoever gets its turn to write, and ends it, makes it flush. */
static void run_dry(pier_conn *c, int64_t until)
{
	struct outbox *o = c->outbox;
	c->corked = false;
	pier_outbox_flush(c);
	while (o->count && !c->err) {
		if (pier_conn_write_begin(c, until) < 0)
			return;
		pier_conn_write_end(c);
	}
}

void pier_outbox_end(pier_conn *c, int64_t until)
{
	struct outbox *o = c->outbox;
	struct io *io = pier_conn_io();

	while (o->topic_count)
		pier_member_end(o->memberships[o->topic_count - 1]);
	if (!c->err && until)
		run_dry(c, until);
	o->ending = true;
	if (o->busy)
		io->backend->cancel(io, &o->op);
	while (o->busy)
		pier_waitq_wait_deaf(&c->writers, "its last message");
	pier_turn_task_drop(pier_worker_self(), &o->flush);
	if (o->now.bundle)
		end_now(o);
	while (o->runs)
		pop(o, at(o, 0)->to - (unsigned)at(o, 0)->from);
	free(o->ring);
	free(o);
	c->outbox = NULL;
}
