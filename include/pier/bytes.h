/* A view of bytes that somebody else owns. */
#ifndef PIER_BYTES_H
#define PIER_BYTES_H

#include <pier/api.h>
#include <string.h>

PIER_BEGIN

/* `len` bytes at `p`. Nothing at all is p == NULL; an empty message has p set and len 0, so loops
 * test `.p`. Who owns the bytes, and how long the view is good, is said where the view comes from.
 * The bytes may be edited in place unless the place says otherwise. Python: memoryview. */
typedef struct pier_bytes {
	char *p;
	size_t len;
} pier_bytes;

/* A view of a string, without its final NUL. */
static inline pier_bytes pier_text(const char *s)
{
	pier_bytes b = {(char *)(uintptr_t)s, s ? strlen(s) : 0};
	return b;
}

/* A view of `len` bytes at `p`. */
static inline pier_bytes pier_bytes_of(const void *p, size_t len)
{
	pier_bytes b = {(char *)(uintptr_t)p, len};
	return b;
}

/* What is left behind the first `n` bytes; nothing at all when there are fewer. Python: data[n:]. */
static inline pier_bytes pier_bytes_from(pier_bytes b, size_t n)
{
	pier_bytes rest = {n <= b.len && b.p ? b.p + n : NULL, n <= b.len ? b.len - n : 0};
	return rest;
}

/* True when the bytes are exactly those of `text`. */
static inline bool pier_bytes_eq(pier_bytes b, const char *text)
{
	size_t len = strlen(text);
	return b.len == len && (len == 0 || memcmp(b.p, text, len) == 0);
}

/* True when the bytes begin with those of `text`. */
static inline bool pier_bytes_starts(pier_bytes b, const char *text)
{
	size_t len = strlen(text);
	return b.len >= len && (len == 0 || memcmp(b.p, text, len) == 0);
}

PIER_END

#endif
