/* A cursor walks a view from its front. The first short read sets `bad`; from then on every take
 * gives zero or nothing, so a parser takes all its fields and asks once at the end. */
#ifndef PIER_BASE_CURSOR_H
#define PIER_BASE_CURSOR_H

#include <pier/bytes.h>

struct cursor {
	pier_bytes rest; /* what has not been taken */
	bool bad;
};

/* The next `len` bytes; they stay where they are. Nothing (p NULL) when fewer are left. */
static inline pier_bytes take(struct cursor *c, size_t len)
{
	if (c->bad || len > c->rest.len) {
		c->bad = true;
		return (pier_bytes){0};
	}
	if (len == 0) /* adding to a NULL pointer is undefined, even 0 */
		return (pier_bytes){c->rest.p, 0};

	pier_bytes taken = {c->rest.p, len};
	c->rest.p += len;
	c->rest.len -= len;
	return taken;
}

/* An unsigned number of `len` bytes, the most significant first: network byte order, RFC 791 App.
 * B. */
static inline uint32_t take_be(struct cursor *c, size_t len)
{
	pier_bytes b = take(c, len);
	uint32_t n = 0;

	for (size_t i = 0; i < b.len; i++)
		n = n << 8 | (uint8_t)b.p[i];
	return n;
}

static inline uint8_t take_u8(struct cursor *c)
{
	return (uint8_t)take_be(c, 1);
}

static inline uint16_t take_u16be(struct cursor *c)
{
	return (uint16_t)take_be(c, 2);
}

static inline uint32_t take_u32be(struct cursor *c)
{
	return take_be(c, 4);
}

/* The bytes up to the next `end`, which is taken as well but is not part of the answer. Bad when
 * there is no `end`. */
static inline pier_bytes take_until(struct cursor *c, char end)
{
	const char *at = c->bad || c->rest.len == 0 ? NULL : memchr(c->rest.p, end, c->rest.len);
	if (!at) {
		c->bad = true;
		return (pier_bytes){0};
	}

	pier_bytes taken = take(c, (size_t)(at - c->rest.p));
	take(c, 1);
	return taken;
}

#endif
