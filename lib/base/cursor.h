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

static inline uint8_t take_u8(struct cursor *c)
{
	pier_bytes b = take(c, 1);
	return b.p ? (uint8_t)b.p[0] : 0;
}

/* Unsigned numbers, most significant byte first: RFC 1700, "network byte order". */
static inline uint16_t take_u16be(struct cursor *c)
{
	pier_bytes b = take(c, 2);
	return b.p ? (uint16_t)((uint8_t)b.p[0] << 8 | (uint8_t)b.p[1]) : 0;
}

static inline uint32_t take_u32be(struct cursor *c)
{
	pier_bytes b = take(c, 4);
	return b.p ? (uint32_t)(uint8_t)b.p[0] << 24 | (uint32_t)(uint8_t)b.p[1] << 16 |
			       (uint32_t)(uint8_t)b.p[2] << 8 | (uint8_t)b.p[3]
		   : 0;
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
