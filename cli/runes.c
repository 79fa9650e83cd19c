/* UTF-8, one character at a time. */
#include "runes.h"

/* Bytes after a lead byte, -1 for a byte that leads nothing. C0, C1 and F5… could only be overlong
 * or too high. */
static int bytes_after(unsigned char lead)
{
	if (lead < 0x80)
		return 0;
	if (lead < 0xC2)
		return -1;
	return lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : lead < 0xF5 ? 3 : -1;
}

static bool in_range(uint32_t code, int after)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

	return code >= least[after] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

int rune_next(pier_bytes b, uint32_t *code)
{
	unsigned char lead = (unsigned char)b.p[0];
	int after = bytes_after(lead);
	if (after < 0)
		return -1;

	uint32_t c = after == 0 ? lead : lead & (0x3Fu >> after);
	for (int i = 1; i <= after; i++) {
		if ((size_t)i == b.len)
			return 0;
		unsigned char next = (unsigned char)b.p[i];
		if ((next & 0xC0) != 0x80)
			return -1;
		c = c << 6 | (next & 0x3F);
	}
	if (!in_range(c, after))
		return -1;
	*code = c;
	return after + 1;
}

bool rune_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code <= 0x9F) ||
	       (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

bool runes_valid(pier_bytes b)
{
	uint32_t code;

	while (b.len > 0) {
		int used = rune_next(b, &code);
		if (used <= 0)
			return false;
		b.p += used;
		b.len -= (size_t)used;
	}
	return true;
}
