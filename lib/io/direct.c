#include "direct.h"

#include "kernel.h"

#include <errno.h>
#include <fcntl.h>

/* What libc tells by errno, as a value. */
#define TOLD(call)                                                                                 \
	({                                                                                         \
		__typeof__(call) n_ = (call);                                                      \
		n_ < 0 ? (__typeof__(call))-errno : n_;                                            \
	})

/* A signal before anything has moved: again. Nothing was waited for, so no time is lost. */
#define AGAIN(call)                                                                                \
	({                                                                                         \
		__typeof__(call) result_;                                                          \
		do                                                                                 \
			result_ = (call);                                                          \
		while (result_ == -EINTR);                                                         \
		result_;                                                                           \
	})

/* ---- Of a simulation ----------------------------------------------------------------------------- */

#define SELDOM __attribute__((noinline, cold))

static SELDOM ssize_t receive(int fd, struct msghdr *msg, int flags)
{
	return AGAIN(pier_io_kernel->receive(fd, msg, flags));
}

static SELDOM ssize_t send_one(int fd, const struct msghdr *msg, int flags)
{
	return AGAIN(pier_io_kernel->send(fd, msg, flags));
}

static SELDOM int many(int fd, struct mmsghdr *msgs, unsigned count, int flags, bool sends)
{
	ssize_t n = 0;
	unsigned done = 0;
	for (; done < count; done++) {
		struct msghdr *msg = &msgs[done].msg_hdr;
		n = sends ? send_one(fd, msg, flags) : receive(fd, msg, flags);
		if (n < 0)
			break;
		msgs[done].msg_len = (unsigned)n;
	}
	return done ? (int)done : (int)n;
}

static struct msghdr whole(struct iovec *piece)
{
	return (struct msghdr){.msg_iov = piece, .msg_iovlen = 1};
}

/* ---- The calls ----------------------------------------------------------------------------------- */

ssize_t pier_io_recv(int fd, void *into, size_t room, int flags)
{
	struct iovec piece = {into, room};
	struct msghdr msg = whole(&piece);
	if (io_kernel_of(fd))
		return receive(fd, &msg, flags);
	return AGAIN(TOLD(recv(fd, into, room, flags | MSG_DONTWAIT)));
}

ssize_t pier_io_recvmsg(int fd, struct msghdr *msg, int flags)
{
	if (io_kernel_of(fd))
		return receive(fd, msg, flags);
	return AGAIN(TOLD(recvmsg(fd, msg, flags | MSG_DONTWAIT)));
}

int pier_io_recvmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	if (io_kernel_of(fd))
		return many(fd, msgs, count, flags, false);
	return AGAIN(TOLD(recvmmsg(fd, msgs, count, flags | MSG_DONTWAIT, NULL)));
}

ssize_t pier_io_send(int fd, const void *p, size_t n, int flags)
{
	struct iovec piece = {(void *)(uintptr_t)p, n};
	struct msghdr msg = whole(&piece);
	if (io_kernel_of(fd))
		return send_one(fd, &msg, flags);
	return AGAIN(TOLD(send(fd, p, n, flags | MSG_DONTWAIT | MSG_NOSIGNAL)));
}

ssize_t pier_io_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	if (io_kernel_of(fd))
		return send_one(fd, msg, flags);
	return AGAIN(TOLD(sendmsg(fd, msg, flags | MSG_DONTWAIT | MSG_NOSIGNAL)));
}

int pier_io_sendmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	if (io_kernel_of(fd))
		return many(fd, msgs, count, flags, true);
	return AGAIN(TOLD(sendmmsg(fd, msgs, count, flags | MSG_DONTWAIT | MSG_NOSIGNAL)));
}

int pier_io_socket_of(int family, int type, int protocol)
{
	if (pier_io_kernel)
		return pier_io_kernel->socket(family, type, protocol);
	return TOLD(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
}

int pier_io_accept(int fd, pier_addr *peer)
{
	const struct io_kernel *k = io_kernel_of(fd);
	peer->len = sizeof peer->storage;
	if (k)
		return AGAIN(k->accept(fd, peer));
	return AGAIN(TOLD(accept4(fd, &peer->sa, &peer->len, SOCK_CLOEXEC | SOCK_NONBLOCK)));
}

/* Not again: after EINTR the connection is under way, connect(2). */
int pier_io_connect(int fd, const pier_addr *to)
{
	static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	const struct io_kernel *k = io_kernel_of(fd);
	int err = k ? k->connect(fd, to)
		    : TOLD(connect(fd, to->len ? &to->sa : &nobody,
				   to->len ? to->len : sizeof nobody));
	return err == -EINTR ? -EINPROGRESS : err;
}

static int control(int fd, int command, int arg)
{
	const struct io_kernel *k = io_kernel_of(fd);
	return k ? k->control(fd, command, arg) : TOLD(fcntl(fd, command, arg));
}

int pier_io_dup(int fd)
{
	return control(fd, F_DUPFD_CLOEXEC, 0);
}

int pier_io_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	const struct io_kernel *k = io_kernel_of(fd);
	return k ? k->option(fd, level, name, value, len)
		 : TOLD(setsockopt(fd, level, name, value, len));
}

int pier_io_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	const struct io_kernel *k = io_kernel_of(fd);
	return k ? k->option_get(fd, level, name, value, len)
		 : TOLD(getsockopt(fd, level, name, value, len));
}

static int flag_get(int fd, int get, int flag)
{
	int flags = control(fd, get, 0);
	return flags < 0 ? flags : (flags & flag) != 0;
}

static int flag_set(int fd, int get, int set, int flag, bool yes)
{
	int flags = control(fd, get, 0);
	if (flags < 0)
		return flags;
	int wanted = yes ? flags | flag : flags & ~flag;
	return wanted != flags ? control(fd, set, wanted) : 0;
}

int pier_io_nonblocking(int fd)
{
	return flag_get(fd, F_GETFL, O_NONBLOCK);
}

int pier_io_set_nonblocking(int fd, bool yes)
{
	return flag_set(fd, F_GETFL, F_SETFL, O_NONBLOCK, yes);
}

int pier_io_cloexec(int fd)
{
	return flag_get(fd, F_GETFD, FD_CLOEXEC);
}

int pier_io_set_cloexec(int fd, bool yes)
{
	return flag_set(fd, F_GETFD, F_SETFD, FD_CLOEXEC, yes);
}
