#include "direct.h"

#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A signal before anything has moved: again. Nothing was waited for, so no time is lost. */
#define AGAIN(call)                                                                                \
	({                                                                                         \
		__typeof__(call) n_;                                                               \
		do                                                                                 \
			n_ = (call);                                                               \
		while (n_ < 0 && errno == EINTR);                                                  \
		n_ < 0 ? (__typeof__(call))-errno : n_;                                            \
	})

ssize_t pier_io_recv(int fd, void *into, size_t room, int flags)
{
	return AGAIN(recv(fd, into, room, flags | MSG_DONTWAIT));
}

ssize_t pier_io_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return AGAIN(recvmsg(fd, msg, flags | MSG_DONTWAIT));
}

int pier_io_recvmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	return AGAIN(recvmmsg(fd, msgs, count, flags | MSG_DONTWAIT, NULL));
}

ssize_t pier_io_send(int fd, const void *p, size_t n, int flags)
{
	return AGAIN(send(fd, p, n, flags | MSG_DONTWAIT | MSG_NOSIGNAL));
}

ssize_t pier_io_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return AGAIN(sendmsg(fd, msg, flags | MSG_DONTWAIT | MSG_NOSIGNAL));
}

int pier_io_sendmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	return AGAIN(sendmmsg(fd, msgs, count, flags | MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* A simulation has no such sockets: what they do is done at once, by no op. */
int pier_io_socket_of(int family, int type, int protocol)
{
	if (pier_io_kernel)
		return -EAFNOSUPPORT;
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	return fd < 0 ? -errno : fd;
}

int pier_io_accept(int fd, pier_addr *peer)
{
	peer->len = sizeof peer->storage;
	return AGAIN(accept4(fd, &peer->sa, &peer->len, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

/* Not again: after EINTR the connection is under way, connect(2). */
int pier_io_connect(int fd, const pier_addr *to)
{
	static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	int err = connect(fd, to->len ? &to->sa : &nobody, to->len ? to->len : sizeof nobody);
	if (err < 0)
		return errno == EINTR ? -EINPROGRESS : -errno;
	return 0;
}

int pier_io_dup(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return copy < 0 ? -errno : copy;
}

int pier_io_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return setsockopt(fd, level, name, value, len) < 0 ? -errno : 0;
}

int pier_io_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return getsockopt(fd, level, name, value, len) < 0 ? -errno : 0;
}

static int flag_get(int fd, int get, int flag)
{
	int flags = fcntl(fd, get);
	return flags < 0 ? -errno : (flags & flag) != 0;
}

static int flag_set(int fd, int get, int set, int flag, bool yes)
{
	int flags = fcntl(fd, get);
	if (flags < 0)
		return -errno;
	int wanted = yes ? flags | flag : flags & ~flag;
	return wanted != flags && fcntl(fd, set, wanted) < 0 ? -errno : 0;
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
