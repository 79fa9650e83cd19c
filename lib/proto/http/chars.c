#include "chars.h"

#include <pier/error.h>
#include <strings.h>

#define T     CHAR_TOKEN
#define G     CHAR_TARGET
#define H     CHAR_HOST
#define P     CHAR_PLAIN
#define ALNUM (T | G | H | P)

const uint8_t pier_http_chars[256] = {
	['!'] = T | G | H,
	['"'] = G,
	['#'] = T, /* never in a target: a fragment stays with the client, RFC 9112 §3.2.1 */
	['$'] = T | G | H,
	['%'] = T | G | H,
	['&'] = T | G | H,
	['\''] = T | G | H,
	['('] = G | H,
	[')'] = G | H,
	['*'] = T | G | H,
	['+'] = T | G | H,
	[','] = G | H,
	['-'] = T | G | H | P,
	['.'] = T | G | H | P,
	['/'] = G | P,
	['0' ... '9'] = ALNUM,
	[':'] = G | H,
	[';'] = G | H,
	['<'] = G,
	['='] = G | H,
	['>'] = G,
	['?'] = G,
	['@'] = G,
	['A' ... 'Z'] = ALNUM,
	['['] = G | H,
	['\\'] = G,
	[']'] = G | H,
	['^'] = T | G,
	['_'] = T | G | H | P,
	['`'] = T | G,
	['a' ... 'z'] = ALNUM,
	['{'] = G,
	['|'] = T | G,
	['}'] = G,
	['~'] = T | G | H | P,
	[0x80 ... 0xff] = G,
};

#define EACH(byte) (UINT64_MAX / 255 * (byte))

/* Not 0 when one of the eight bytes is below 0x20 or is 0x7f. The subtraction borrows into a byte's
 * top bit exactly when some byte is below; which one does not matter here. */
static uint64_t controls_in(uint64_t eight)
{
	uint64_t no_del = eight ^ EACH(0x7f);
	uint64_t low = (eight - EACH(0x20)) & ~eight;
	uint64_t del = (no_del - EACH(0x01)) & ~no_del;

	return (low | del) & EACH(0x80);
}

static bool byte_is_text(char c)
{
	return (uint8_t)c >= 0x20 ? c != 0x7f : c == '\t';
}

bool pier_http_is_text(pier_bytes b)
{
	size_t i = 0;
	uint64_t eight;

	for (; b.len - i >= sizeof(eight); i += sizeof(eight)) {
		memcpy(&eight, b.p + i, sizeof(eight));
		if (!controls_in(eight))
			continue;
		for (size_t k = i; k < i + sizeof(eight); k++) /* a tab is text as well */
			if (!byte_is_text(b.p[k]))
				return false;
	}
	for (; i < b.len; i++)
		if (!byte_is_text(b.p[i]))
			return false;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

pier_bytes pier_http_trim(pier_bytes b)
{
	while (b.len > 0 && is_blank(b.p[b.len - 1]))
		b.len--;
	while (b.len > 0 && is_blank(*b.p))
		b.p++, b.len--;
	return b;
}

bool pier_http_same(pier_bytes b, const char *word)
{
	size_t len = strlen(word);
	return b.len == len && (len == 0 || strncasecmp(b.p, word, len) == 0);
}

bool pier_http_take_member(pier_bytes *list, pier_bytes *member)
{
	if (!list->p)
		return false;

	char *comma = list->len ? memchr(list->p, ',', list->len) : NULL;
	size_t len = comma ? (size_t)(comma - list->p) : list->len;

	*member = pier_http_trim(pier_bytes_of(list->p, len));
	*list = comma ? pier_bytes_of(comma + 1, list->len - len - 1) : (pier_bytes){0};
	return true;
}

int pier_http_number(pier_bytes digits, int64_t *out)
{
	int64_t n = 0;
	bool over = false;

	for (size_t i = 0; i < digits.len; i++) {
		if (!is_digit(digits.p[i]))
			return -EPROTO;
		over |= __builtin_mul_overflow(n, 10, &n);
		over |= __builtin_add_overflow(n, digits.p[i] - '0', &n);
	}
	if (digits.len == 0)
		return -EPROTO;

	*out = over ? INT64_MAX : n;
	return over ? -ERANGE : 0;
}
