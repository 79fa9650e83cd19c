/* Files onto a raw socket: by the kernel where it can, else read and sent. */
#include "sock.h"

#include <pier/file.h>
#include <stdlib.h>

#define COPY_PIECE (256u << 10)

static void free_at(char **p)
{
	free(*p);
}

static int64_t by_kernel(pier_sock *s, int file, int64_t at, size_t len, struct sock_until *until)
{
	int64_t n = pier_fiber_step();
	if (n < 0)
		return n;
	/* sendfile(2) has no MSG_DONTWAIT, and another handle may have put the socket to sleep. */
	if (s->wr != PIER_FOREVER || !pier_thread_may_sleep())
		pier_sock_wake(s);
	/* Nor MSG_NOSIGNAL; workers have SIGPIPE blocked, other threads may not. */
	bool ours = !pier_fiber_self() && pier_io_sigpipe_block();
	struct io_op op = {.kind = IO_SENDFILE, .fd = s->fd, .nowait = s->wr == 0};
	op.file.fd2 = file;
	op.file.offset = at;
	op.file.len = len;
	n = s->wr == 0 ? pier_await(&op, PIER_FOREVER, "room to send")
		       : pier_sock_wait(s, &op, until, "room to send");
	pier_io_sigpipe_restore(ours);
	return n;
}

static int64_t by_copy(pier_sock *s, int file, int64_t at, size_t len, struct sock_until *until)
{
	PIER_CLEANUP(free_at) char *buf = malloc(COPY_PIECE);
	if (!buf)
		return -ENOMEM;
	ssize_t n = pier_file_read(file, buf, len < COPY_PIECE ? len : COPY_PIECE, at);
	return n <= 0 ? n : pier_sock_give(s, buf, (size_t)n, 0, until);
}

/* A file that the kernel cannot map (some of /proc), or a socket that is no stream of its own. */
static bool refuses(int64_t err)
{
	return err == -EINVAL || err == -ENOSYS || err == -EOPNOTSUPP;
}

static int64_t send_pieces(pier_sock *s, int file, int64_t offset, int64_t count, int64_t *sent)
{
	struct sock_until until = {0};
	bool copy = false;
	int64_t n = 1;

	while (*sent != count && n > 0) {
		int64_t left = count < 0 || count - *sent > (int64_t)SOCK_ONCE_MAX
				       ? (int64_t)SOCK_ONCE_MAX
				       : count - *sent;
		n = copy ? by_copy(s, file, offset + *sent, (size_t)left, &until)
			 : by_kernel(s, file, offset + *sent, (size_t)left, &until);
		if (!copy && refuses(n)) {
			copy = true;
			n = 1;
		} else if (n > 0) {
			*sent += n;
		}
	}
	return n < 0 ? n : 0;
}

int pier_sock_sendfile(pier_sock *s, int file, int64_t offset, int64_t count, int64_t *sent)
{
	*sent = 0;
	int64_t err = s->type != SOCK_STREAM ? -EPROTOTYPE
		      : s->fd < 0	     ? -EBADF
		      : offset < 0	     ? -EINVAL
					     : send_pieces(s, file, offset, count, sent);
	return err < 0 ? (int)sock_fail(s, err, "send a file to") : 0;
}
