#include "outbox.h"

#include "frame.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define BATCH 64 /* messages of one system call */

static struct said *at(const struct outbox *o, unsigned i)
{
	return o->ring[(o->head + i) % o->room];
}

int pier_outbox_make(pier_conn *c, unsigned backlog)
{
	struct outbox *o = c->outbox;
	if (o && o->room >= backlog)
		return 0;
	struct said **ring = calloc(backlog, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	if (!o && !(o = calloc(1, sizeof *o))) {
		free(ring);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < o->count; i++)
		ring[i] = at(o, i);
	free(o->ring);
	o->ring = ring;
	o->room = backlog;
	o->head = 0;
	o->conn = c;
	c->outbox = o;
	return 0;
}

static void pop(struct outbox *o)
{
	struct said *s = at(o, 0);
	o->head = (o->head + 1) % o->room;
	o->count--;
	o->bytes -= s->len;
	said_drop(s);
}

/* ---- Sending ------------------------------------------------------------------------------------- */

/* The pieces of one message as it goes over the wire; how many. Frames above their limit are sent empty
 * nowhere: pier_outbox_put has refused them. */
static int pieces(const pier_conn *c, struct said *s, char head[4], struct iovec iov[3])
{
	size_t head_len = 0;
	bool lf = false;
	int n = 0;

	if (!c->via->message && c->frame != PIER_RAW)
		pier_frame_head(c->frame, s->len, head, &head_len, &lf);
	if (head_len)
		iov[n++] = (struct iovec){head, head_len};
	iov[n++] = (struct iovec){s->text, s->len};
	if (lf)
		iov[n++] = (struct iovec){(void *)(uintptr_t) "\n", 1};
	return n;
}

static size_t total(const struct iovec *iov, int n)
{
	size_t len = 0;
	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

static int skip(struct iovec *iov, int n, size_t len)
{
	int gone = 0;
	while (gone < n && len >= iov[gone].iov_len)
		len -= iov[gone++].iov_len;
	memmove(iov, iov + gone, (size_t)(n - gone) * sizeof *iov);
	if (n > gone) {
		iov[0].iov_base = (char *)iov[0].iov_base + len;
		iov[0].iov_len -= len;
	}
	return n - gone;
}

static void consume(struct outbox *o, size_t n)
{
	char head[4];
	struct iovec iov[3];

	if (o->conn->via->message) {
		pop(o);
		return;
	}
	for (o->sent += n; o->count; pop(o)) {
		size_t len = total(iov, pieces(o->conn, at(o, 0), head, iov));
		if (o->sent < len)
			return;
		o->sent -= len;
	}
}

/* One call for up to BATCH messages, without waiting. */
static int64_t send_batch(struct outbox *o)
{
	pier_conn *c = o->conn;
	struct io *io = pier_conn_io();
	struct iovec iov[BATCH * 3];
	char heads[BATCH][4];
	struct msghdr msg = {.msg_iov = iov};
	unsigned most = c->via->message ? 1 : o->count < BATCH ? o->count : BATCH;
	int n = 0;

	for (unsigned i = 0; i < most; i++) {
		int more = pieces(c, at(o, i), heads[i], iov + n);
		n += i == 0 ? skip(iov, more, o->sent) : more;
	}
	msg.msg_iovlen = (size_t)n;
	if (c->via->send_now)
		return c->via->send_now(c, &msg);
	if (c->udp)
		pier_udp_address(c, &msg);
	struct io_op op = {.kind = IO_SENDMSG, .fd = c->fd, .msg = &msg, .nowait = true};
	bool now = io_submit(io, &op);
	assert(now);
	return op.result;
}

/* The op has sent these bytes; true when there are more that nobody else may get between. */
static bool is_inside(struct outbox *o, size_t n)
{
	pier_conn *c = o->conn;
	if (!c->via->unsent) {
		consume(o, n);
		return o->sent > 0;
	}
	c->via->left(c, n);
	return c->via->unsent(c, o->iov);
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
	struct io *io = pier_conn_io();
	int n = 1;

	if (!c->via->unsent)
		n = skip(o->iov, pieces(c, at(o, 0), o->frame_head, o->iov), o->sent);
	else
		c->via->unsent(c, o->iov);
	o->msg = (struct msghdr){.msg_iov = o->iov, .msg_iovlen = (size_t)n};
	if (c->udp)
		pier_udp_address(c, &o->msg);
	o->op = (struct io_op){
		.kind = IO_SENDMSG, .fd = c->fd, .msg = &o->msg, .done = sent_in_time, .owner = o};
	o->busy = true;
	c->writing = true;
	if (io_submit(io, &o->op))
		sent_in_time(&o->op);
}

static bool is_short(struct outbox *o)
{
	const struct transport *via = o->conn->via;
	return via->unsent ? via->unsent(o->conn, o->iov) : o->sent > 0;
}

void pier_outbox_flush(pier_conn *c)
{
	struct outbox *o = c->outbox;
	while (o->count && !c->writing && !c->corked && !c->err) {
		int64_t n = send_batch(o);
		if (n >= 0)
			consume(o, (size_t)n);
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

static bool has_room(const struct outbox *o, const struct said *s, const pier_topic_opts *l)
{
	return o->count < l->backlog && s->len <= l->backlog_max &&
	       o->bytes <= l->backlog_max - s->len;
}

/* The oldest that is not under way. */
static void drop_oldest(struct outbox *o)
{
	unsigned i = o->sent || o->busy ? 1 : 0;
	if (i >= o->count)
		return;
	struct said *gone = at(o, i);
	if (i == 1) /* the first takes its place */
		o->ring[(o->head + 1) % o->room] = at(o, 0);
	o->head = (o->head + 1) % o->room;
	o->count--;
	o->bytes -= gone->len;
	said_drop(gone);
}

static bool fits_frame(const pier_conn *c, const struct said *s)
{
	return c->frame != PIER_LEN16 || s->len <= UINT16_MAX;
}

void pier_outbox_put(pier_conn *c, struct said *s, const pier_topic_opts *limits)
{
	struct outbox *o = c->outbox;

	if (!has_room(o, s, limits))
		pier_outbox_flush(c);
	if (limits->on_full == PIER_DROP_OLDEST) {
		while (o->count > (o->sent || o->busy) && !has_room(o, s, limits))
			drop_oldest(o);
	} else if (!has_room(o, s, limits)) {
		pier_conn_fail(c, -PIER_ESLOW, "send to");
	}
	if (c->err || o->ending || !has_room(o, s, limits) || !fits_frame(c, s)) {
		said_drop(s);
		return;
	}
	o->ring[(o->head + o->count++) % o->room] = s;
	o->bytes += s->len;
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
	while (o->count)
		pop(o);
	free(o->ring);
	free(o);
	c->outbox = NULL;
}
