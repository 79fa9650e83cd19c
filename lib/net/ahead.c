/* Looking ahead in a stream, and putting back what was read too far. */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int begin(pier_conn *c)
{
	if (!c)
		return -ENOMEM;
	if (c->err)
		return c->err;
	if (c->via->message)
		return pier_conn_fail(c, -EPROTOTYPE, "read a stream from");
	pier_spend(c, c->in.held); /* what the last receive lent */
	return 0;
}

pier_bytes pier_peek(pier_conn *c, size_t n)
{
	if (begin(c) < 0)
		return (pier_bytes){0};
	if (n > c->message_max)
		n = c->message_max;
	while (pier_view(c).len < n) {
		ssize_t more = pier_fill(c);
		if (more < 0)
			return (pier_bytes){0};
		if (more == 0)
			break;
	}
	pier_bytes in = pier_view(c);
	return in.len || n == 0 ? in : (pier_bytes){0};
}

/*	│ p │ not spent │ …      in memory that has room for both */
static int put_before(struct inbuf *in, const void *p, size_t n)
{
	size_t len = in->end - in->start;
	size_t room = n + len < IO_BUF_SIZE ? IO_BUF_SIZE : n + len;
	char *at = malloc(room);
	if (!at)
		return -ENOMEM;
	memcpy(at, p, n);
	if (len)
		memcpy(at + n, in->at + in->start, len);
	if (in->pooled)
		pier_io_buf_give(pier_conn_io(), in->at);
	else
		free(in->at);
	*in = (struct inbuf){.at = at, .end = n + len, .room = room};
	return 0;
}

int pier_unread(pier_conn *c, const void *p, size_t n)
{
	int err = begin(c);
	if (err < 0 || n == 0)
		return err;
	struct inbuf *in = &c->in;
	size_t len = in->end - in->start;
	if (len > c->message_max || n > c->message_max - len)
		return -EMSGSIZE;
	in->scanned = 0;
	if (!in->at || in->start < n)
		return put_before(in, p, n);
	in->start -= n;
	memmove(in->at + in->start, p, n); /* mostly onto itself: `p` is what was there */
	return 0;
}
