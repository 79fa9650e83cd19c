/* One op, one system call. */
#include "backend.h"
#include "beneath.h"
#include "listing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SENDFILE_ONCE (1u << 30) /* bytes per call: the kernel takes no more than 2 GiB */
#define OPEN_TRIES    100
#define WRITE_LITTLE  256 /* bytes that what may block is likely to take: below PIPE_BUF */

static int64_t accepted(struct io_op *op)
{
	int fd = accept4(op->fd, op->addr.sa, &op->addr.len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* True when a descriptor that may block would do so now. */
static bool blocks(const struct io_op *op)
{
	struct pollfd p = {.fd = op->fd, .events = io_kind_reads(op->kind) ? POLLIN : POLLOUT};
	return (op->flags & IO_MAY_BLOCK) && poll(&p, 1, 0) == 0;
}

static int64_t written(struct io_op *op)
{
	struct iovec *iov = op->msg->msg_iov;
	ssize_t n;

	if (blocks(op))
		return -EAGAIN;
	if (op->flags & IO_MAY_BLOCK)
		n = write(op->fd, iov->iov_base,
			  iov->iov_len < WRITE_LITTLE ? iov->iov_len : WRITE_LITTLE);
	else
		n = writev(op->fd, iov, (int)op->msg->msg_iovlen);
	return n < 0 ? -errno : n;
}

static int64_t received(struct io *io, struct io_op *op, bool socket)
{
	void *at = op->mem.at;
	size_t len = op->mem.len;
	if (!socket && blocks(op))
		return -EAGAIN;
	if (!at) {
		at = pier_io_buf_take(io);
		len = IO_BUF_SIZE;
		if (!at)
			return -ENOMEM;
	}
	ssize_t n =
		socket ? recv(op->fd, at, len, op->flags | MSG_DONTWAIT) : read(op->fd, at, len);
	int64_t result = n < 0 ? -errno : n;
	if (!op->mem.at) {
		if (result > 0)
			op->mem.at = at;
		else
			pier_io_buf_give(io, at);
	}
	return result;
}

static int64_t connected(struct io_op *op)
{
	int err = 0;
	socklen_t len = sizeof err;

	if (!op->started) {
		if (connect(op->fd, op->addr.sa, op->addr.len) == 0)
			return 0;
		if (errno != EINPROGRESS && errno != EINTR)
			return errno == EAGAIN ? -EBUSY : -errno; /* unix(7): the backlog is full */
		op->started = true;
		return IO_WAIT;
	}
	struct pollfd p = {.fd = op->fd, .events = POLLOUT};
	if (poll(&p, 1, 0) == 0)
		return IO_WAIT;
	if (getsockopt(op->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}

static int64_t polled(struct io_op *op)
{
	struct pollfd p = {.fd = op->fd, .events = POLLIN};
	int n = poll(&p, 1, 0);
	return n < 0 ? -errno : n == 0 ? -EAGAIN : 1;
}

static int64_t filed(struct io_op *op)
{
	off_t at = (off_t)op->file.offset;
	size_t len = op->file.len < SENDFILE_ONCE ? op->file.len : SENDFILE_ONCE;
	ssize_t n = sendfile(op->fd, op->file.fd2, &at, len);
	return n < 0 ? -errno : n;
}

/* openat2(2): EAGAIN when something was renamed anywhere while it followed a "..". */
static int open_beneath(int dir, const char *path, int flags, unsigned mode)
{
	struct open_how how = {
		.flags = (uint64_t)flags,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;
	errno = EAGAIN;
	for (int tries = 0; fd < 0 && errno == EAGAIN && tries < OPEN_TRIES; tries++)
		fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
	if (fd < 0 && errno == ENOSYS)
		return pier_io_open_beneath(dir, path, flags, mode);
	return fd < 0 ? -errno : (int)fd;
}

static int64_t opened(const struct io_op *op)
{
	/* O_NONBLOCK: a FIFO must not hold us up before we know that it is one. */
	int flags = op->flags | O_CLOEXEC | (op->flags & O_PATH ? 0 : O_NONBLOCK | O_NOCTTY);
	if (op->file.dir != AT_FDCWD)
		return open_beneath(op->file.dir, op->file.path, flags, op->file.mode);
	int fd = open(op->file.path, flags, op->file.mode);
	return fd < 0 ? -errno : fd;
}

static int64_t stated(struct io_op *op)
{
	int err = op->file.path ? fstatat(op->file.dir, op->file.path, op->file.at, 0)
				: fstat(op->fd, op->file.at);
	return err < 0 ? -errno : 0;
}

static int64_t zero(int result)
{
	return result < 0 ? -errno : 0;
}

static int64_t count(ssize_t result)
{
	return result < 0 ? -errno : result;
}

static int64_t once(struct io *io, struct io_op *op)
{
	switch (op->kind) {
	case IO_ACCEPT:
		return accepted(op);
	case IO_RECV:
		return received(io, op, true);
	case IO_READ:
		return received(io, op, false);
	case IO_RECVMSG:
		return count(recvmsg(op->fd, op->msg, op->flags | MSG_DONTWAIT));
	case IO_RECVMMSG:
		return count(recvmmsg(op->fd, op->batch.at, op->batch.count,
				      op->flags | MSG_DONTWAIT, NULL));
	case IO_POLL_IN:
		return polled(op);
	case IO_CONNECT:
		return connected(op);
	case IO_SENDMSG:
		if (io_msg_plain(op->msg))
			return count(send(op->fd, op->msg->msg_iov->iov_base,
					  op->msg->msg_iov->iov_len,
					  op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
		return count(sendmsg(op->fd, op->msg, op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
	case IO_SENDMMSG:
		return count(sendmmsg(op->fd, op->batch.at, op->batch.count,
				      op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
	case IO_WRITEV:
		return written(op);
	case IO_SENDFILE:
		return filed(op);
	case IO_OPEN:
		return opened(op);
	case IO_PREAD:
		return count(pread(op->fd, op->file.at, op->file.len, (off_t)op->file.offset));
	case IO_PWRITE:
		return count(pwrite(op->fd, op->file.at, op->file.len, (off_t)op->file.offset));
	case IO_FSYNC:
		return zero(fsync(op->fd));
	case IO_RENAME:
		return zero(renameat(op->file.dir, op->file.path, op->file.fd2, op->file.path2));
	case IO_REMOVE:
		return zero(unlinkat(op->file.dir, op->file.path, op->flags));
	case IO_STAT:
		return stated(op);
	case IO_MKDIR:
		return zero(mkdirat(op->file.dir, op->file.path, op->file.mode));
	case IO_LIST:
		return pier_io_listing(op->fd, op->file.len, op->file.at);
	case IO_READAHEAD:
		return -posix_fadvise(op->fd, (off_t)op->file.offset, (off_t)op->file.len,
				      POSIX_FADV_WILLNEED);
	case IO_CALL:
		return op->call.fn(op->call.arg);
	case IO_LOOKUP:
	case IO_NOTE:
		break;
	}
	return -EINVAL;
}

int64_t pier_io_perform(struct io *io, struct io_op *op)
{
	for (;;) {
		int64_t result = once(io, op);
		if (result == -EINTR && op->kind != IO_CALL)
			continue;
		if (result == -EAGAIN && op->kind < IO_OPEN)
			return op->nowait ? -EAGAIN : IO_WAIT;
		return result;
	}
}
