/* %XX, both ways: RFC 3986 §2.1. */
#include "chars.h"

#include <pier/error.h>
#include <pier/http.h>

/* The byte at in[i], unescaped, and how many it takes; -1 for a broken escape or a NUL. */
static int unescape_at(pier_bytes in, size_t i, size_t *takes)
{
	int byte = (uint8_t)in.p[i];

	*takes = 1;
	if (byte == '%') {
		if (in.len - i < 3)
			return -1;
		int high = hex_value(in.p[i + 1]), low = hex_value(in.p[i + 2]);
		if (high < 0 || low < 0)
			return -1;
		byte = high * 16 + low;
		*takes = 3;
	}
	return byte == 0 ? -1 : byte; /* a NUL would end the name early for whoever opens it */
}

/* Measured first, so that a failure leaves `into` alone; and `into` may be where `in` lies. */
ssize_t pier_http_unescape(pier_bytes in, char *into, size_t room)
{
	size_t len = 0, takes;

	for (size_t i = 0; i < in.len; i += takes, len++)
		if (unescape_at(in, i, &takes) < 0)
			return -EPROTO;
	if (len >= room)
		return -EMSGSIZE;

	for (size_t i = 0, o = 0; i < in.len; i += takes)
		into[o++] = (char)unescape_at(in, i, &takes);
	into[len] = '\0';
	return (ssize_t)len;
}

ssize_t pier_http_escape(pier_bytes in, char *into, size_t room)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t len = 0, o = 0;

	for (size_t i = 0; i < in.len && len < room; i++)
		len += char_is(in.p[i], CHAR_PLAIN) ? 1 : 3;
	if (len >= room)
		return -EMSGSIZE;

	for (size_t i = 0; i < in.len; i++) {
		uint8_t byte = (uint8_t)in.p[i];
		if (char_is(in.p[i], CHAR_PLAIN)) {
			into[o++] = in.p[i];
			continue;
		}
		into[o++] = '%';
		into[o++] = hex[byte >> 4];
		into[o++] = hex[byte & 15];
	}
	into[len] = '\0';
	return (ssize_t)len;
}
