/* UTF-8, read strictly. */
#include "utf8.h"

#include <errno.h>

/* One row of table 3-7: how many bytes follow, and where the first of them may lie. The narrow
 * ranges are what shuts out overlong forms (E0, F0), surrogates (ED) and codes above U+10FFFF (F4).
 */
struct lead {
	unsigned char from, to, more, low, high;
};

static const struct lead leads[] = {
	{0x00, 0x7f, 0, 0x00, 0x00}, {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
	{0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
	{0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

static const struct lead *lead_of(unsigned char byte)
{
	for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
		if (byte >= leads[i].from && byte <= leads[i].to)
			return &leads[i];
	}
	return NULL;
}

int32_t utf8_take(pier_bytes *rest)
{
	const unsigned char *p = (const unsigned char *)rest->p;
	const struct lead *lead = lead_of(p[0]);

	if (!lead || rest->len <= lead->more)
		return -EILSEQ;
	if (lead->more > 0 && (p[1] < lead->low || p[1] > lead->high))
		return -EILSEQ;

	int32_t code = lead->more == 0 ? p[0] : p[0] & (0x3f >> lead->more);
	for (unsigned i = 1; i <= lead->more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return -EILSEQ;
		code = code << 6 | (p[i] & 0x3f);
	}
	rest->p += lead->more + 1;
	rest->len -= lead->more + 1u;
	return code;
}

bool code_is_blank(int32_t code)
{
	switch (code) {
	case ' ':
	case 0x00a0: /* no-break space */
	case 0x00ad: /* soft hyphen */
	case 0x034f: /* combining grapheme joiner */
	case 0x061c: /* Arabic letter mark */
	case 0x1680:
	case 0x180e:
	case 0x3000: /* ideographic space */
	case 0x3164: /* Hangul filler */
	case 0xfeff: /* byte order mark */
	case 0xffa0: /* half-width Hangul filler */
		return true;
	default:
		return (code >= 0x115f && code <= 0x1160) || (code >= 0x2000 && code <= 0x200f) ||
		       (code >= 0x2028 && code <= 0x202f) || (code >= 0x205f && code <= 0x206f) ||
		       (code >= 0xfe00 && code <= 0xfe0f);
	}
}

bool code_is_control(int32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) ||
	       (code >= 0x2028 && code <= 0x202e) || /* line and paragraph ends, bidi embeddings */
	       (code >= 0x2066 && code <= 0x2069) || /* bidi isolates */
	       code == 0xfeff;
}
