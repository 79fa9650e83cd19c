/* How a stream is cut into messages. */
#include "frame.h"

#include "base/cursor.h"

#include <errno.h>
#include <limits.h>

/* ---- Lines ---------------------------------------------------------------------------------- */

/* Without the CR that may stand before the LF. */
static size_t text_len(const char *p, size_t len)
{
	return len > 0 && p[len - 1] == '\r' ? len - 1 : len;
}

static ssize_t decode_line(pier_bytes in, size_t scanned, size_t message_max, pier_bytes *message)
{
	if (scanned > in.len)
		scanned = 0;
	const char *lf = scanned < in.len ? memchr(in.p + scanned, '\n', in.len - scanned) : NULL;
	size_t whole = lf ? (size_t)(lf - in.p) : in.len;
	size_t len = text_len(in.p, whole); /* an unfinished line's CR may be half of its end */

	if (len > message_max)
		return -EMSGSIZE;
	if (!lf)
		return 0;
	*message = pier_bytes_of(in.p, len);
	return (ssize_t)(whole + 1);
}

/* ---- Length prefixes ------------------------------------------------------------------------ */

/* The length that `c` begins with; `c->bad` when it is not all there. */
static size_t take_len(pier_frame kind, struct cursor *c)
{
	return kind == PIER_LEN16 ? take_u16be(c) : take_u32be(c);
}

static ssize_t decode_prefixed(pier_frame kind, pier_bytes in, size_t message_max,
			       pier_bytes *message)
{
	struct cursor c = {.rest = in};
	size_t len = take_len(kind, &c);

	if (c.bad)
		return 0;
	if (len > message_max || len > SSIZE_MAX - PIER_FRAME_EXTRA)
		return -EMSGSIZE;

	pier_bytes body = take(&c, len);
	if (c.bad)
		return 0;
	*message = body;
	return (ssize_t)(in.len - c.rest.len);
}

/* ---- All ------------------------------------------------------------------------------------ */

ssize_t pier_frame_decode(pier_frame kind, pier_bytes in, size_t scanned, size_t message_max,
			  pier_bytes *message)
{
	switch (kind) {
	case PIER_LINES:
		return decode_line(in, scanned, message_max, message);
	case PIER_LEN16:
	case PIER_LEN32:
		return decode_prefixed(kind, in, message_max, message);
	case PIER_RAW:
		break;
	}
	if (in.len > 0)
		*message = in;
	return (ssize_t)in.len;
}

size_t pier_frame_wants(pier_frame kind, pier_bytes in)
{
	if (kind != PIER_LEN16 && kind != PIER_LEN32)
		return 0;

	struct cursor c = {.rest = in};
	size_t len = take_len(kind, &c);
	size_t head = in.len - c.rest.len;
	return c.bad || len > SIZE_MAX - head ? 0 : head + len;
}

int pier_frame_head(pier_frame kind, size_t len, char head[PIER_FRAME_EXTRA], size_t *head_len,
		    bool *lf)
{
	size_t prefix = kind == PIER_LEN16 ? 2 : kind == PIER_LEN32 ? 4 : 0;

	if (prefix > 0 && (uint64_t)len >> (8 * prefix) != 0)
		return -EMSGSIZE;

	for (size_t i = 0; i < prefix; i++)
		head[i] = (char)(len >> (8 * (prefix - 1 - i)));
	*head_len = prefix;
	*lf = kind == PIER_LINES;
	return 0;
}
