/* The sending side of a conn: whole messages, one after the other. */
#include "conn.h"
#include "frame.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pier/file.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINTF_ROOM 1024	 /* formatted on the stack; longer texts take memory */
#define COPY_PIECE  (256u << 10) /* where sendfile(2) will not do */

int pier_conn_write_begin(pier_conn *c, int64_t until)
{
	pier_held_send(c);
	if (!c->writing) {
		c->writing = true;
		return 0;
	}
	assert(pier_fiber_self());
	/* Woken, the fiber finds `writing` still set: it is handed over. */
	return pier_waitq_wait(&c->writers, until, "its turn to send");
}

void pier_conn_write_end(pier_conn *c)
{
	if (pier_waitq_wake(&c->writers))
		return;
	c->writing = false;
	if (c->outbox)
		pier_outbox_flush(c);
}

static bool advance(struct msghdr *msg, size_t n)
{
	while (msg->msg_iovlen && n >= msg->msg_iov->iov_len) {
		n -= msg->msg_iov->iov_len;
		msg->msg_iov++;
		msg->msg_iovlen--;
	}
	if (msg->msg_iovlen == 0)
		return false;
	msg->msg_iov->iov_base = (char *)msg->msg_iov->iov_base + n;
	msg->msg_iov->iov_len -= n;
	return true;
}

static int send_all(pier_conn *c, struct iovec *iov, int count)
{
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)count};
	bool more = true;

	while (more) {
		c->writer = pier_fiber_self();
		int64_t n = c->via->send(c, &msg, pier_conn_until(c, c->wr));
		c->writer = NULL;
		if (n < 0)
			return (int)n;
		more = !c->via->message && advance(&msg, (size_t)n);
		c->torn = more;
	}
	return 0;
}

static int send_in_turn(pier_conn *c, struct iovec *iov, int count)
{
	int err = pier_conn_write_begin(c, pier_conn_until(c, c->wr));
	if (err < 0)
		return pier_conn_fail(c, err, "send to");
	if (c->err == 0 && count) /* it may have come while we waited for our turn */
		err = send_all(c, iov, count);
	if (err < 0)
		pier_conn_fail(c, err, "send to");
	pier_conn_write_end(c);
	return c->err;
}

static int writable(pier_conn *c)
{
	if (!c)
		return -ENOMEM;
	if (c->err)
		return c->err;
	return c->finished ? pier_conn_fail(c, -EPIPE, "send to") : 0;
}

ssize_t pier_send(pier_conn *c, const void *p, size_t n)
{
	int err = writable(c);
	if (err < 0)
		return err;
	char head[PIER_FRAME_EXTRA];
	size_t head_len = 0;
	bool lf = false;
	if (!c->via->message && c->frame != PIER_RAW)
		err = pier_frame_head(c->frame, n, head, &head_len, &lf);
	if (err < 0)
		return pier_conn_fail(c, err, "send to");
	if (n == 0 && !c->via->message && c->frame == PIER_RAW)
		return 0;

	struct iovec iov[4];
	int count = 1; /* the first is for what was held */
	if (head_len)
		iov[count++] = (struct iovec){head, head_len};
	iov[count++] = (struct iovec){(void *)(uintptr_t)p, n};
	if (lf)
		iov[count++] = (struct iovec){(void *)(uintptr_t) "\n", 1};

	if (pier_gathered_add(c, iov + 1, count - 1))
		return (ssize_t)n;
	if (pier_gathered_claim(c, iov)) {
		err = send_in_turn(c, iov, count);
		pier_gathered_gone(c);
		return err < 0 ? err : (ssize_t)n;
	}
	if (!c->gathered && pier_held_add(c, iov + 1, count - 1))
		return (ssize_t)n;
	struct held *held = pier_held_claim(c, iov, &count);
	err = held ? send_in_turn(c, iov, count) : send_in_turn(c, iov + 1, count - 1);
	if (held)
		pier_io_buf_give(pier_conn_io(), held);
	return err < 0 ? err : (ssize_t)n;
}

int pier_flush(pier_conn *c)
{
	struct iovec iov;
	if (!c)
		return -ENOMEM;
	if (c->err || c->finished)
		return c->err;
	bool any = pier_gathered_claim(c, &iov);
	int err = send_in_turn(c, &iov, any ? 1 : 0);
	if (any)
		pier_gathered_gone(c);
	return err;
}

ssize_t pier_vprintf(pier_conn *c, const char *format, va_list args)
{
	char room[PRINTF_ROOM], *text = room;
	va_list again;

	int err = writable(c);
	if (err < 0)
		return err;
	va_copy(again, args);
	int len = vsnprintf(room, sizeof room, format, args);
	if (len >= (int)sizeof room && vasprintf(&text, format, again) < 0)
		len = -1;
	va_end(again);
	ssize_t n =
		len < 0 ? pier_conn_fail(c, -ENOMEM, "send to") : pier_send(c, text, (size_t)len);
	if (text != room && len >= 0)
		free(text);
	return n;
}

ssize_t pier_printf(pier_conn *c, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	ssize_t n = pier_vprintf(c, format, args);
	va_end(args);
	return n;
}

/* ---- Files --------------------------------------------------------------------------------------- */

struct source {
	int fd;
	int64_t at, left; /* left < 0: to the end */
};

/* The kernel moves the bytes from its page cache to the socket. */
static int64_t send_piece(pier_conn *c, struct source *s)
{
	struct io_op op = {.kind = IO_SENDFILE, .fd = c->fd};
	op.file.fd2 = s->fd;
	op.file.offset = s->at;
	op.file.len = s->left < 0 ? SIZE_MAX : (size_t)s->left;
	if (c->err) /* it came between two pieces */
		return c->err;
	c->writer = pier_fiber_self();
	bool ours = !c->writer && pier_io_sigpipe_block();
	int64_t n = pier_await(&op, pier_conn_until(c, c->wr), "room to send");
	pier_io_sigpipe_restore(ours);
	c->writer = NULL;
	return n;
}

/* Where the kernel cannot: messages, and descriptors that may block. */
static int64_t copy_piece(pier_conn *c, struct source *s, char *buf)
{
	size_t room = s->left < 0 || s->left > (int64_t)COPY_PIECE ? COPY_PIECE : (size_t)s->left;
	ssize_t n = pier_file_read(s->fd, buf, room, s->at);
	if (n <= 0)
		return n;
	struct iovec iov = {buf, (size_t)n};
	int err = send_all(c, &iov, 1);
	return err < 0 ? err : n;
}

static int64_t send_source(pier_conn *c, struct source *s)
{
	bool copy = !c->socket || c->shared || c->via != &pier_transport_stream;
	char *buf = copy ? malloc(COPY_PIECE) : NULL;
	int64_t sent = 0, n = 1;

	if (copy && !buf)
		return -ENOMEM;
	while (s->left != 0 && n > 0) {
		n = copy ? copy_piece(c, s, buf) : send_piece(c, s);
		if (n <= 0)
			break;
		c->torn = true;
		s->at += n;
		sent += n;
		if (s->left > 0)
			s->left -= n;
	}
	free(buf);
	if (n == 0 && s->left > 0)
		return -EIO; /* the file is shorter than was asked: the peer would wait for the rest */
	return n < 0 ? n : sent;
}

int64_t pier_sendfile_fd(pier_conn *c, int fd, int64_t offset, int64_t count)
{
	int err = writable(c);
	if (err < 0)
		return err;
	if (c->via->message || c->frame != PIER_RAW)
		return pier_conn_fail(c, -EPROTOTYPE, "send a file to");
	if (c->gathered && (err = pier_flush(c)) < 0)
		return err;
	err = pier_conn_write_begin(c, pier_conn_until(c, c->wr));
	if (err < 0)
		return pier_conn_fail(c, err, "send a file to");
	struct source s = {.fd = fd, .at = offset, .left = count};
	int64_t n = send_source(c, &s);
	if (n < 0)
		pier_conn_fail(c, (int)n, "send a file to");
	else
		c->torn = false;
	pier_conn_write_end(c);
	return c->err ? c->err : n;
}

int64_t pier_sendfile(pier_conn *c, const char *path, int64_t offset, int64_t count)
{
	int err = writable(c);
	if (err < 0)
		return err;
	int fd = pier_file_open(NULL, path, PIER_READ);
	if (fd < 0)
		return pier_conn_fail(c, fd, "open the file for");
	int64_t n = pier_sendfile_fd(c, fd, offset, count);
	pier_file_close(fd);
	return n;
}
