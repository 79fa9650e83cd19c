/* Receiving on a raw socket. */
#include "sock.h"

#include <pier/error.h>

#define BATCH_MAX 64 /* messages of one system call */

/* A receive that has to wait, or is believed to. */
static ssize_t receive_later(pier_sock *s, void *into, size_t room, int flags, bool tried,
			     struct sock_until *until)
{
	static char
		nowhere[1]; /* for who wants no bytes: an op without memory would be given some */
	struct io_op op = {.kind = IO_RECV, .fd = s->fd, .flags = flags, .tried = tried};

	op.mem.at = into ? into : nowhere;
	op.mem.len = room < SOCK_ONCE_MAX ? room : SOCK_ONCE_MAX;
	return pier_sock_wait(s, &op, until, "input");
}

/* At once: what was in vain before no longer counts. */
static inline ssize_t received(pier_sock *s, ssize_t n)
{
	s->vain = 0;
	if (n >= 0)
		pier_fiber_moved(n, 0);
	return n;
}

static inline ssize_t receive_now(pier_sock *s, void *into, size_t room, int flags)
{
	if (sock_sleeps(s, flags))
		return pier_io_recv_asleep(s->fd, into, room);
	return pier_io_recv(s->fd, into, room, flags);
}

static ssize_t receive(pier_sock *s, void *into, size_t room, int flags, struct sock_until *until)
{
	if (sock_skips(s, flags))
		return receive_later(s, into, room, flags, sock_polls(), until);
	int64_t n = pier_fiber_step();
	if (n == 0)
		n = receive_now(s, into, room, flags);
	if (n != -EAGAIN)
		return received(s, n);
	sock_in_vain(s);
	return receive_later(s, into, room, flags, true, until);
}

/* All of it, on a stream: `len`, what came before the end, or an error, with the count in *got. */
static ssize_t gather(pier_sock *s, char *into, size_t len, int flags, size_t *got)
{
	struct sock_until until = {0};
	ssize_t n = 1;
	for (*got = 0; *got < len && n > 0;) {
		n = receive(s, into + *got, len - *got, flags, &until);
		if (n > 0)
			*got += (size_t)n;
	}
	return n < 0 ? n : (ssize_t)*got;
}

static SOCK_SELDOM ssize_t recv_whole(pier_sock *s, void *into, size_t room, int flags)
{
	size_t got;
	ssize_t n = gather(s, into, room, flags & ~MSG_WAITALL, &got);
	return got ? (ssize_t)got : n < 0 ? sock_fail(s, n, "receive from") : n;
}

static SOCK_SELDOM ssize_t recv_again(pier_sock *s, void *into, size_t room, int flags, ssize_t n)
{
	struct sock_until until = {0};
	if (n == -EAGAIN && s->skip) {
		n = receive(s, into, room, flags, &until);
	} else if (n == -EAGAIN) {
		sock_in_vain(s);
		n = receive_later(s, into, room, flags, true, &until);
	}
	return n < 0 ? sock_fail(s, n, "receive from") : n;
}

ssize_t pier_sock_recv(pier_sock *s, void *into, size_t room, int flags)
{
	if ((flags & MSG_WAITALL) && !(flags & MSG_PEEK) && s->type == SOCK_STREAM)
		return recv_whole(s, into, room, flags);
	ssize_t n = s->skip ? -EAGAIN : pier_fiber_step();
	if (n == 0)
		n = receive_now(s, into, room, flags);
	if (n < 0)
		return recv_again(s, into, room, flags, n);
	return received(s, n);
}

ssize_t pier_sock_recv_all(pier_sock *s, void *into, size_t len)
{
	size_t got;
	ssize_t n = s->type == SOCK_STREAM ? gather(s, into, len, 0, &got) : -EPROTOTYPE;
	if (n > 0 && (size_t)n < len)
		n = -PIER_ETRUNCATED;
	return n < 0 ? sock_fail(s, n, "receive from") : n;
}

/* ---- Messages ------------------------------------------------------------------------------------ */

/* Descriptors that come are CLOEXEC. Other families have none, and packet(7) refuses the flag. */
static int born_cloexec(const pier_sock *s, int flags)
{
	return s->family == AF_UNIX ? flags | MSG_CMSG_CLOEXEC : flags;
}

static SOCK_SELDOM ssize_t message_later(pier_sock *s, struct msghdr *msg, int flags, bool tried)
{
	struct sock_until until = {0};
	struct io_op op = {
		.kind = IO_RECVMSG, .fd = s->fd, .flags = flags, .msg = msg, .tried = tried};
	if (tried)
		sock_in_vain(s);
	else
		op.tried = sock_polls();
	return pier_sock_wait(s, &op, &until, "a message");
}

static ssize_t receive_message(pier_sock *s, struct msghdr *msg, int flags)
{
	bool skips = sock_skips(s, flags), sleeps = sock_sleeps(s, flags);
	int64_t n = skips ? -EAGAIN : pier_fiber_step();

	flags = born_cloexec(s, flags);
	if (n == 0) /* when it fails, `msg` is as it was */
		n = sleeps ? pier_io_recvmsg_asleep(s->fd, msg, flags)
			   : pier_io_recvmsg(s->fd, msg, flags);
	if (n == -EAGAIN)
		n = message_later(s, msg, flags, !skips);
	else
		received(s, n);
	return n < 0 ? sock_fail(s, n, "receive from") : n;
}

struct msghdr pier_sock_header(const pier_message *m)
{
	struct msghdr msg = {.msg_iov = m->iov, .msg_control = m->ancillary.at};
	msg.msg_iovlen = (__typeof__(msg.msg_iovlen))m->pieces; /* POSIX: int and socklen_t */
	msg.msg_controllen = (__typeof__(msg.msg_controllen))m->ancillary.len;
	return msg;
}

/* The same, with all the room there is. */
static struct msghdr empty_header(pier_message *m)
{
	struct msghdr msg = pier_sock_header(m);
	msg.msg_name = &m->addr.storage;
	msg.msg_namelen = sizeof m->addr.storage;
	msg.msg_controllen =
		(__typeof__(msg.msg_controllen))(m->ancillary.at ? m->ancillary.room : 0);
	return msg;
}

static void fill_in(pier_message *m, const struct msghdr *msg, size_t bytes)
{
	m->addr.len = msg->msg_namelen;
	m->ancillary.len = msg->msg_controllen;
	m->flags = msg->msg_flags;
	m->bytes = bytes;
}

ssize_t pier_sock_recvmsg(pier_sock *s, pier_message *m, int flags)
{
	struct msghdr msg = empty_header(m);
	ssize_t n = receive_message(s, &msg, flags);
	if (n >= 0)
		fill_in(m, &msg, (size_t)n);
	return n;
}

ssize_t pier_sock_recvfrom(pier_sock *s, void *into, size_t room, int flags, pier_addr *from)
{
	pier_addr sender = {0};
	struct iovec piece = {into, room};
	struct msghdr msg = {.msg_iov = &piece,
			     .msg_iovlen = 1,
			     .msg_name = &sender.storage,
			     .msg_namelen = sizeof sender.storage};
	ssize_t n = receive_message(s, &msg, flags);
	if (n >= 0 && from) {
		sender.len = msg.msg_namelen;
		*from = sender;
	}
	return n;
}

/* Up to a batch of messages; when there is none and it may wait, it waits for the first. How many, or an error. */
static int receive_batch(pier_sock *s, pier_message *m, unsigned count, int flags, bool waits)
{
	struct mmsghdr msgs[BATCH_MAX];
	int64_t n = pier_fiber_step();

	flags = born_cloexec(s, flags);
	if (count > BATCH_MAX)
		count = BATCH_MAX;
	for (unsigned i = 0; i < count; i++)
		msgs[i] = (struct mmsghdr){.msg_hdr = empty_header(&m[i])};
	if (n == 0)
		n = pier_io_recvmmsg(s->fd, msgs, count, flags);
	if (n > 0)
		pier_fiber_moved(sock_bytes(msgs, n), 0);
	if (n == -EAGAIN && waits) {
		struct sock_until until = {0};
		struct io_op op = {.kind = IO_RECVMMSG, .fd = s->fd, .flags = flags, .tried = true};
		op.batch.at = msgs;
		op.batch.count = count;
		n = pier_sock_wait(s, &op, &until, "messages");
	}
	for (int i = 0; i < n; i++)
		fill_in(&m[i], &msgs[i].msg_hdr, msgs[i].msg_len);
	return (int)n;
}

/* An error behind the first batch comes again at the next call. */
int pier_sock_recvmmsg(pier_sock *s, pier_message *m, unsigned count, int flags)
{
	int n = count ? receive_batch(s, m, count, flags, true) : 0;
	unsigned got = n > 0 ? (unsigned)n : 0;

	while (n == BATCH_MAX && got < count) {
		n = receive_batch(s, m + got, count - got, flags, false);
		got += n > 0 ? (unsigned)n : 0;
	}
	return got || n == 0 ? (int)got : (int)sock_fail(s, n, "receive from");
}
