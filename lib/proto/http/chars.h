/* Which bytes may stand where in HTTP. */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include <pier/bytes.h>

enum {
	CHAR_TOKEN = 1, /* RFC 9110 §5.6.2: methods, field names */
	CHAR_TARGET =
		2,	/* a request target as we take it: all that is visible but '#', and UTF-8 */
	CHAR_HOST = 4,	/* RFC 3986 §3.2.2: uri-host [ ":" port ] */
	CHAR_PLAIN = 8, /* RFC 3986 §2.3 unreserved, and '/': needs no escape in a path */
};
extern const uint8_t pier_http_chars[256];

static inline bool char_is(char c, uint8_t kind)
{
	return (pier_http_chars[(uint8_t)c] & kind) != 0;
}

/* True when there is at least one byte and all are of the kind. */
static inline bool chars_are(pier_bytes b, uint8_t kind)
{
	for (size_t i = 0; i < b.len; i++)
		if (!char_is(b.p[i], kind))
			return false;
	return b.len > 0;
}

/* 0-15, or -1. */
static inline int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* True when no byte is a control character other than a tab: what a field value or a reason may
 * hold, obsolete text (0x80-0xFF) included. RFC 9110 §5.5. */
bool pier_http_is_text(pier_bytes b);

/* The same bytes without the blanks and tabs around them. RFC 9110 §5.6.3. */
pier_bytes pier_http_trim(pier_bytes b);

/* Equal without regard to ASCII case. */
bool pier_http_same(pier_bytes b, const char *word);

/* Cuts the first member off a comma-separated list, trimmed, possibly empty; false at the end.
 * RFC 9110 §5.6.1. */
bool pier_http_take_member(pier_bytes *list, pier_bytes *member);

/* A whole decimal number without a sign. Returns 0, -EPROTO when it is none, or -ERANGE above
 * INT64_MAX with `out` at that. */
int pier_http_number(pier_bytes digits, int64_t *out);

#endif
