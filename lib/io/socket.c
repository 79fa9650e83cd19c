#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int zero(int result)
{
	return result < 0 ? -errno : 0;
}

int pier_io_socket(int family, int type)
{
	if (pier_io_kernel)
		return pier_io_kernel->socket(family, type, 0);
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

int pier_io_pair(int type, int out[2])
{
	if (pier_io_kernel)
		return pier_io_kernel->pair(type, out);
	return zero(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out));
}

int pier_io_bind(int fd, const pier_addr *a)
{
	const struct io_kernel *k = io_kernel_of(fd);
	return k ? k->bind(fd, a) : zero(bind(fd, &a->sa, a->len));
}

int pier_io_listen(int fd, int backlog)
{
	const struct io_kernel *k = io_kernel_of(fd);
	return k ? k->listen(fd, backlog) : zero(listen(fd, backlog));
}

int pier_io_option(int fd, int level, int name, int value)
{
	const struct io_kernel *k = io_kernel_of(fd);
	return k ? k->option(fd, level, name, &value, sizeof value)
		 : zero(setsockopt(fd, level, name, &value, sizeof value));
}

int pier_io_option_get(int fd, int level, int name, int *out)
{
	socklen_t len = sizeof *out;
	const struct io_kernel *k = io_kernel_of(fd);
	if (k)
		return k->option_get(fd, level, name, out, &len);
	return zero(getsockopt(fd, level, name, out, &len));
}

int pier_io_local(int fd, pier_addr *out)
{
	pier_addr a = {.len = sizeof a.storage};
	const struct io_kernel *k = io_kernel_of(fd);
	if (k)
		return k->local(fd, out);
	if (getsockname(fd, &a.sa, &a.len) < 0)
		return -errno;
	*out = a;
	return 0;
}

int pier_io_peer(int fd, pier_addr *out)
{
	pier_addr a = {.len = sizeof a.storage};
	const struct io_kernel *k = io_kernel_of(fd);
	if (k)
		return k->peer(fd, out);
	if (getpeername(fd, &a.sa, &a.len) < 0)
		return -errno;
	*out = a;
	return 0;
}

int pier_io_shutdown(int fd, int how)
{
	const struct io_kernel *k = io_kernel_of(fd);
	return k ? k->shutdown(fd, how) : zero(shutdown(fd, how));
}

bool pier_io_ended(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};
	int waiting = 0;
	const struct io_kernel *k = io_kernel_of(fd);
	if (k)
		return k->ended(fd);
	return poll(&p, 1, 0) == 1 && (ioctl(fd, FIONREAD, &waiting) < 0 || waiting == 0);
}

void pier_io_reset_on_close(int fd)
{
	struct linger now = {.l_onoff = 1};
	const struct io_kernel *k = io_kernel_of(fd);
	if (k)
		k->option(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	else
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void pier_io_close(int fd)
{
	const struct io_kernel *k = io_kernel_of(fd);
	if (k)
		k->close(fd);
	else
		close(fd);
}

int pier_io_sort(int fd, enum io_sort *out)
{
	struct stat st;
	int type;

	const struct io_kernel *k = io_kernel_of(fd);
	if (k)
		return k->sort(fd, out);
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISSOCK(st.st_mode)) {
		int err = pier_io_option_get(fd, SOL_SOCKET, SO_TYPE, &type);
		if (err == 0)
			*out = type == SOCK_STREAM ? IO_STREAM_SOCKET : IO_MESSAGE_SOCKET;
		return err;
	}
	*out = S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode) ? IO_PIPE : IO_FILE;
	return 0;
}

static bool is_terminal_master(int fd)
{
	int number;
	return ioctl(fd, TIOCGPTN, &number) == 0;
}

bool pier_io_unshare(int fd)
{
	char path[32];
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_NONBLOCK))
		return true;
	if (is_terminal_master(fd))
		return false;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int own = open(path, (flags & (O_ACCMODE | O_APPEND)) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (own < 0)
		return false;
	dup3(own, fd, fd > 2 ? O_CLOEXEC : 0);
	close(own);
	return true;
}

void pier_io_close_stdio(int fd)
{
	int null = fd <= 2 ? open("/dev/null", O_RDWR) : -1;
	if (null < 0) {
		close(fd);
		return;
	}
	if (null != fd) {
		dup2(null, fd);
		close(null);
	}
}

int pier_io_unix_take_over(const pier_addr *a, int type)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->sa;
	struct stat st;

	if (pier_io_kernel)
		return pier_io_kernel->unix_take_over(a, type);
	if (un->sun_path[0] == '\0' || lstat(un->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	int fd = pier_io_socket(AF_UNIX, type);
	if (fd < 0)
		return fd;
	int err = zero(connect(fd, &a->sa, a->len));
	close(fd);
	if (err != -ECONNREFUSED)
		return err == -EPROTOTYPE || err == 0 || err == -EAGAIN ? -EADDRINUSE : err;
	return zero(unlink(un->sun_path));
}

void pier_io_unix_remove(const pier_addr *a)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->sa;
	if (pier_io_kernel)
		pier_io_kernel->unix_remove(a);
	else if (a->len > offsetof(struct sockaddr_un, sun_path) && un->sun_path[0])
		unlink(un->sun_path);
}
