/* Bytes that are sent on a stream and gathered by choice: they go when they are asked to, or when more does not fit. */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct gathered {
	size_t room, len;
	bool going; /* someone sends them: what comes meanwhile stands in line behind, by itself */
	char bytes[];
};

bool pier_gathered_add(pier_conn *c, const struct iovec *iov, int count)
{
	struct gathered *g = c->gathered;
	size_t len = g ? g->len : 0;

	if (!g || g->going)
		return false;
	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len > g->room - len)
			return false;
		if (iov[i].iov_len)
			memcpy(g->bytes + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	g->len = len; /* all of it, or what was copied does not count */
	return true;
}

bool pier_gathered_claim(pier_conn *c, struct iovec *iov)
{
	struct gathered *g = c->gathered;
	if (!g || g->going || g->len == 0)
		return false;
	g->going = true;
	*iov = (struct iovec){g->bytes, g->len};
	return true;
}

void pier_gathered_gone(pier_conn *c)
{
	c->gathered->len = 0;
	c->gathered->going = false;
}

void pier_gathered_free(pier_conn *c)
{
	free(c->gathered);
	c->gathered = NULL;
}

int pier_buffer(pier_conn *c, size_t bytes)
{
	if (!c)
		return -ENOMEM;
	if (bytes > PIER_BUFFER_MAX)
		return -EINVAL;
	if (c->via->message)
		return -EPROTOTYPE;
	int err = pier_flush(c);
	if (err < 0)
		return err;
	if (c->gathered && c->gathered->going)
		return -EBUSY;
	struct gathered *g = bytes ? malloc(sizeof *g + bytes) : NULL;
	if (bytes && !g)
		return -ENOMEM;
	if (g)
		*g = (struct gathered){.room = bytes};
	pier_gathered_free(c);
	c->gathered = g;
	return 0;
}
