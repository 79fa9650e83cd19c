/* The transports that are a descriptor: streams (tcp, unix, pipes, terminals) and messages (udp, seqpacket). */
#include "conn.h"

#include "io/socket.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BULK 8192 /* bytes that come at once */

/* The op for a socket, or for what is none. */
static struct io_op op_of(const pier_conn *c, enum io_kind socket, enum io_kind other)
{
	return (struct io_op){.kind = c->socket ? socket : other,
			      .fd = c->fd,
			      .flags = c->blocks ? IO_MAY_BLOCK : 0};
}

/* One wait of several that a call may have. An error that another fiber brings ends the wait it finds; one that came
 * when this fiber was already on its way would find none. */
static int64_t await(pier_conn *c, struct io_op *op, int64_t until, const char *what)
{
	return c->err ? c->err : pier_await(op, until, what);
}

/* Who is sent much at a time receives it when its fiber runs, into a buffer that the cache still has: a ring fills those of
 * all who wait before the first of them runs. -EAGAIN: nothing was there after all. */
static int64_t receive_warm(pier_conn *c, void **at, int64_t until)
{
	struct io_op ready = {.kind = IO_POLL_IN, .fd = c->fd, .tried = true};
	struct io_op op = {.kind = IO_RECV, .fd = c->fd, .nowait = true};
	int64_t n = await(c, &ready, until, "input");
	if (n < 0)
		return n;
	bool now = io_submit(pier_conn_io(), &op);
	assert(now);
	*at = op.mem.at;
	return op.result;
}

static int64_t stream_receive(pier_conn *c, void **at, size_t room, int64_t until)
{
	if (c->bulk && !*at) {
		int64_t n = receive_warm(c, at, until);
		if (n != -EAGAIN)
			return n;
	}
	struct io_op op = op_of(c, IO_RECV, IO_READ);
	op.mem.at = *at;
	op.mem.len = room;
	int64_t n = await(c, &op, until, "input");
	if (n > 0)
		*at = op.mem.at;
	c->bulk = n >= BULK && c->socket && pier_conn_io()->backend->fills_ahead;
	return n;
}

static int64_t descriptor_poll(pier_conn *c, int64_t until)
{
	struct io_op op = {.kind = IO_POLL_IN, .fd = c->fd};
	return await(c, &op, until, "input");
}

static int64_t stream_send(pier_conn *c, struct msghdr *msg, int64_t until)
{
	struct io_op op = op_of(c, IO_SENDMSG, IO_WRITEV);
	op.msg = msg;
	if (c->socket || pier_fiber_self())
		return await(c, &op, until, "room to send");
	bool ours = pier_io_sigpipe_block();
	int64_t n = await(c, &op, until, "room to send");
	pier_io_sigpipe_restore(ours);
	return n;
}

static int descriptor_finish(pier_conn *c)
{
	if (c->socket)
		return pier_io_shutdown(c->fd, SHUT_WR);
	return 0; /* a pipe says so by its close */
}

static void descriptor_close(pier_conn *c, bool reset)
{
	if (c->fd < 0)
		return;
	if (reset && c->socket)
		pier_io_reset_on_close(c->fd);
	struct io *io = pier_conn_io();
	if (c->fd <= 2)
		pier_io_close_stdio(c->fd);
	else if (io)
		io->backend->close_fd(io, c->fd);
	else
		pier_io_close(c->fd);
	c->fd = -1;
}

/* ---- Messages ------------------------------------------------------------------------------------ */

/* A message goes into a pool buffer; what is longer runs over into the io's scratch memory, and is put
 * together in memory of its own. No buffer is held while waiting. */
static int64_t receive_once(pier_conn *c, struct io *io, char *buf, char *spill)
{
	struct iovec iov[2] = {{buf, IO_BUF_SIZE}, {spill, IO_SPILL_SIZE}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	struct io_op op = {.kind = IO_RECVMSG, .fd = c->fd, .msg = &msg, .nowait = true};

	bool now = io_submit(io, &op);
	assert(now);
	return op.result >= 0 && (msg.msg_flags & MSG_TRUNC) ? -EMSGSIZE : op.result;
}

static int64_t keep(pier_conn *c, struct io *io, char *buf, const char *spill, size_t len)
{
	struct inbuf in = {.at = buf, .end = len, .room = IO_BUF_SIZE, .pooled = true};
	if (len > IO_BUF_SIZE) {
		in = (struct inbuf){.at = malloc(len), .end = len, .room = len};
		if (in.at) {
			memcpy(in.at, buf, IO_BUF_SIZE);
			memcpy(in.at + IO_BUF_SIZE, spill, len - IO_BUF_SIZE);
		}
		pier_io_buf_give(io, buf);
		if (!in.at)
			return -ENOMEM;
	}
	c->in = in;
	return 1;
}

/* recv(2): in udp nothing is a message; on a seqpacket socket it may also be the end. Empty messages that are the
 * last before it are taken for it. */
static bool ends_by_empty(pier_conn *c)
{
	int type = 0;
	pier_io_option_get(c->fd, SOL_SOCKET, SO_TYPE, &type);
	return type == SOCK_SEQPACKET && pier_io_ended(c->fd);
}

static int64_t message_take(pier_conn *c)
{
	struct io *io = pier_conn_io();
	char *spill = io ? pier_io_spill(io) : NULL;
	char *buf = spill ? pier_io_buf_take(io) : NULL;
	if (!buf)
		return -ENOMEM;
	int64_t n = receive_once(c, io, buf, spill);
	if (n > 0 || (n == 0 && !ends_by_empty(c)))
		return keep(c, io, buf, spill, (size_t)n);
	pier_io_buf_give(io, buf);
	return n;
}

static int64_t message_next(pier_conn *c, int64_t until)
{
	struct fiber *f = pier_fiber_self();
	int64_t n = pier_wait_refused();
	while (n == 0) {
		n = message_take(c);
		if (n > 0 && f)
			pier_fiber_streak(f);
		if (n != -EAGAIN)
			return n;
		n = descriptor_poll(c, until);
		n = n < 0 ? n : 0;
	}
	return n;
}

/* ---- Without a fiber ----------------------------------------------------------------------------- */

static bool descriptor_arm(pier_conn *c, struct io_op *op)
{
	(void)c;
	return io_submit(pier_conn_io(), op);
}

static void descriptor_disarm(pier_conn *c, struct io_op *op)
{
	(void)c;
	io_cancel(pier_conn_io(), op);
}

const struct transport pier_transport_stream = {
	.receive = stream_receive,
	.arm = descriptor_arm,
	.disarm = descriptor_disarm,
	.send = stream_send,
	.poll = descriptor_poll,
	.finish = descriptor_finish,
	.close = descriptor_close,
};

const struct transport pier_transport_message = {
	.message = true,
	.next = message_next,
	.take = message_take,
	.arm = descriptor_arm,
	.disarm = descriptor_disarm,
	.send = stream_send,
	.poll = descriptor_poll,
	.finish = descriptor_finish,
	.close = descriptor_close,
};
