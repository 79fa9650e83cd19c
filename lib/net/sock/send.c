/* Sending on a raw socket. */
#include "sock.h"

#define BATCH_MAX 64 /* messages of one system call */

static inline int64_t sent_now(int64_t n)
{
	if (n >= 0)
		pier_fiber_moved(0, n);
	return n;
}

/* A send that would have had to wait. */
static ssize_t give_later(pier_sock *s, const void *p, size_t n, int flags,
			  struct sock_until *until)
{
	struct iovec piece = {(void *)(uintptr_t)p, n};
	struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};
	struct io_op op = {
		.kind = IO_SENDMSG, .fd = s->fd, .flags = flags, .msg = &msg, .tried = true};
	return pier_sock_wait(s, &op, until, "room to send");
}

ssize_t pier_sock_give(pier_sock *s, const void *p, size_t n, int flags, struct sock_until *until)
{
	if (n > SOCK_ONCE_MAX && s->type == SOCK_STREAM)
		n = SOCK_ONCE_MAX;
	int64_t sent = pier_fiber_step();
	if (sent == 0)
		sent = sent_now(pier_io_send(s->fd, p, n, flags));
	return sent == -EAGAIN ? give_later(s, p, n, flags, until) : sent;
}

ssize_t pier_sock_send_some(pier_sock *s, const void *p, size_t n, int flags)
{
	struct sock_until until = {0};
	ssize_t sent = pier_sock_give(s, p, n, flags, &until);
	return sent < 0 ? sock_fail(s, sent, "send to") : sent;
}

/* What is no stream goes whole or not at all. */
static SOCK_SELDOM ssize_t send_rest(pier_sock *s, const char *p, size_t n, int flags, ssize_t sent)
{
	struct sock_until until = {0};
	size_t done = 0;

	if (sent == -EAGAIN)
		sent = give_later(s, p, n < SOCK_ONCE_MAX ? n : SOCK_ONCE_MAX, flags, &until);
	while (sent >= 0 && s->type == SOCK_STREAM && (done += (size_t)sent) < n)
		sent = pier_sock_give(s, p + done, n - done, flags, &until);
	if (sent < 0)
		return sock_fail(s, sent, "send to");
	return s->type == SOCK_STREAM ? (ssize_t)n : sent;
}

ssize_t pier_sock_send(pier_sock *s, const void *p, size_t n, int flags)
{
	ssize_t sent = pier_fiber_step();
	if (sent == 0)
		sent = sent_now(pier_io_send(s->fd, p, n, flags));
	return sent == (ssize_t)n ? sent : send_rest(s, p, n, flags, sent);
}

/* ---- Messages ------------------------------------------------------------------------------------ */

/* unix(7): of a receiver that it is not connected to, a sender is not told when there is room again. poll(2) says that
 * there is: waiting for that would turn in circles, or fail. */
static bool has_no_sign(const pier_sock *s, const struct msghdr *msg)
{
	return s->family == AF_UNIX && s->type == SOCK_DGRAM && msg->msg_name;
}

static SOCK_SELDOM int64_t give_by_trying(pier_sock *s, const struct msghdr *msg, int flags)
{
	struct sock_until until = {0};
	int64_t n;
	do {
		n = pier_sock_pause(s, flags, &until);
		if (n == 0)
			n = pier_io_sendmsg(s->fd, msg, flags);
	} while (n == -EAGAIN && s->wr != 0 && !(flags & MSG_DONTWAIT));
	return n;
}

static ssize_t give_message(pier_sock *s, struct msghdr *msg, int flags)
{
	int64_t n = pier_fiber_step();

	if (n == 0)
		n = sent_now(pier_io_sendmsg(s->fd, msg, flags));
	if (n == -EAGAIN && has_no_sign(s, msg)) {
		n = give_by_trying(s, msg, flags);
	} else if (n == -EAGAIN) {
		struct sock_until until = {0};
		struct io_op op = {
			.kind = IO_SENDMSG, .fd = s->fd, .flags = flags, .msg = msg, .tried = true};
		n = pier_sock_wait(s, &op, &until, "room to send");
	}
	return n < 0 ? sock_fail(s, n, "send to") : n;
}

static struct msghdr addressed(const pier_message *m)
{
	struct msghdr msg = pier_sock_header(m);
	if (m->addr.len) {
		msg.msg_name = (void *)(uintptr_t)&m->addr.storage;
		msg.msg_namelen = m->addr.len;
	}
	return msg;
}

ssize_t pier_sock_sendmsg(pier_sock *s, const pier_message *m, int flags)
{
	struct msghdr msg = addressed(m);
	return give_message(s, &msg, flags);
}

ssize_t pier_sock_sendto(pier_sock *s, const void *p, size_t n, int flags, const pier_addr *to)
{
	struct iovec piece = {(void *)(uintptr_t)p, n};
	struct msghdr msg = {.msg_iov = &piece, .msg_iovlen = 1};
	if (to && to->len) {
		msg.msg_name = (void *)(uintptr_t)&to->storage;
		msg.msg_namelen = to->len;
	}
	return give_message(s, &msg, flags);
}

/* As many as go now, at least one: how many, or an error. */
static int64_t give_batch(pier_sock *s, const pier_message *m, unsigned count, int flags,
			  struct sock_until *until)
{
	struct mmsghdr msgs[BATCH_MAX];
	int64_t n = pier_fiber_step();

	if (count > BATCH_MAX)
		count = BATCH_MAX;
	for (unsigned i = 0; i < count; i++)
		msgs[i] = (struct mmsghdr){.msg_hdr = addressed(&m[i])};
	if (n == 0)
		n = pier_io_sendmmsg(s->fd, msgs, count, flags);
	if (n > 0)
		pier_fiber_moved(0, sock_bytes(msgs, n));
	if (n != -EAGAIN)
		return n;
	struct io_op op = {.kind = IO_SENDMMSG, .fd = s->fd, .flags = flags, .tried = true};
	op.batch.at = msgs;
	op.batch.count = count;
	return pier_sock_wait(s, &op, until, "room to send");
}

int pier_sock_sendmmsg(pier_sock *s, const pier_message *m, unsigned count, int flags)
{
	struct sock_until until = {0};
	unsigned sent = 0;
	int64_t n = 0;

	while (sent < count && n >= 0) {
		n = give_batch(s, m + sent, count - sent, flags, &until);
		if (n > 0)
			sent += (unsigned)n;
	}
	return sent || n == 0 ? (int)sent : (int)sock_fail(s, n, "send to");
}
