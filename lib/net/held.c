/* Answers to messages that arrived together leave together: while input that has arrived is not spent, what a
 * fiber sends is held, and goes before that fiber waits for anything. So no other fiber ever finds a conn with held
 * bytes; it may find one whose socket did not take them, where an op that waits sends the rest, as with writers
 * of whole messages: the conn counts as being written to. */
#include "conn.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define HELD_ROOM (IO_BUF_SIZE - sizeof(struct held))

/* In a buffer of the io's pool. */
struct held {
	struct wait_task task;
	pier_conn *conn;
	size_t len, sent;
	bool under_way; /* what the socket did not take at once */
	struct io_op op;
	struct msghdr msg;
	struct iovec iov;
	char bytes[];
};

static void let_go(struct held *h)
{
	list_remove(&h->task.link);
	h->conn->held = NULL;
	pier_io_buf_give(pier_conn_io(), h);
}

/* ---- Sending ------------------------------------------------------------------------------------- */

static struct io_op *op_for_rest(struct held *h, bool nowait)
{
	h->iov = (struct iovec){h->bytes + h->sent, h->len - h->sent};
	h->msg = (struct msghdr){.msg_iov = &h->iov, .msg_iovlen = 1};
	h->op = (struct io_op){
		.kind = IO_SENDMSG, .fd = h->conn->fd, .msg = &h->msg, .nowait = nowait};
	return &h->op;
}

static void send_rest(struct held *h);

static void end(struct held *h, int64_t result)
{
	pier_conn *c = h->conn;
	let_go(h);
	if (result < 0)
		pier_conn_fail(c, (int)result, "send to");
}

static void sent_in_time(struct io_op *op)
{
	struct held *h = op->owner;
	pier_conn *c = h->conn;

	if (op->result > 0)
		h->sent += (size_t)op->result;
	if (op->result >= 0 && h->sent < h->len) {
		send_rest(h);
		return;
	}
	end(h, op->result);
	pier_conn_write_end(c);
}

static void send_rest(struct held *h)
{
	struct io_op *op = op_for_rest(h, false);
	op->done = sent_in_time;
	op->owner = h;
	if (io_submit(pier_conn_io(), op))
		sent_in_time(op);
}

void pier_held_send(pier_conn *c)
{
	struct held *h = c->held;
	if (!h || h->under_way)
		return;
	list_remove(&h->task.link);
	struct io_op *op = op_for_rest(h, true);
	bool now = io_submit(pier_conn_io(), op);
	assert(now);
	if (op->result > 0)
		h->sent = (size_t)op->result;
	if ((op->result >= 0 && h->sent == h->len) || (op->result < 0 && op->result != -EAGAIN)) {
		end(h, op->result);
		return;
	}
	h->under_way = c->writing = true;
	send_rest(h);
}

static void send_task(struct wait_task *t)
{
	pier_held_send(list_item(t, struct held, task)->conn);
}

/* ---- Holding ------------------------------------------------------------------------------------- */

static bool may_hold(const pier_conn *c)
{
	return c->in.end - c->in.start > c->in.held && !c->writing && c->socket &&
	       c->via == &pier_transport_stream && pier_fiber_self() && pier_wait_refused() == 0;
}

static struct held *make(pier_conn *c)
{
	struct held *h = pier_io_buf_take(pier_conn_io());
	if (!h)
		return NULL;
	*h = (struct held){.task.run = send_task, .conn = c};
	pier_worker_before_wait(pier_worker_self(), &h->task);
	c->held = h;
	return h;
}

static bool append(struct held *h, const struct iovec *iov, int count, size_t len)
{
	if (len > HELD_ROOM - h->len)
		return false;
	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len)
			memcpy(h->bytes + h->len, iov[i].iov_base, iov[i].iov_len);
		h->len += iov[i].iov_len;
	}
	return true;
}

/* Cannot wrap: it is a message in memory, and its frame. */
static size_t total(const struct iovec *iov, int count)
{
	size_t len = 0;
	for (int i = 0; i < count; i++)
		len += iov[i].iov_len;
	return len;
}

bool pier_held_add(pier_conn *c, const struct iovec *iov, int count)
{
	if (!may_hold(c))
		return false;
	size_t len = total(iov, count);
	if (len > HELD_ROOM || (!c->held && !make(c)) || !append(c->held, iov, count, len))
		return false;
	pier_fiber_streak(pier_fiber_self());
	return true;
}

struct held *pier_held_claim(pier_conn *c, struct iovec *iov, int *count)
{
	struct held *h = c->held;
	if (!h || h->under_way || pier_wait_refused() < 0)
		return NULL;
	list_remove(&h->task.link);
	c->held = NULL;
	if (append(h, iov + 1, *count - 1, total(iov + 1, *count - 1)))
		*count = 1; /* one piece costs the kernel less than several */
	*iov = (struct iovec){h->bytes, h->len};
	return h;
}

/* ---- Leaving ------------------------------------------------------------------------------------- */

void pier_held_drain(pier_conn *c, int64_t until)
{
	if (c->held && pier_conn_write_begin(c, until) == 0)
		pier_conn_write_end(c);
}

void pier_held_end(pier_conn *c)
{
	pier_held_send(c);
	if (c->held)
		io_cancel(pier_conn_io(), &c->held->op);
	while (c->held)
		pier_waitq_wait_deaf(&c->writers, "its last answers");
}
