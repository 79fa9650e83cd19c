/* Bytes as rows of hex and text. */
#include "hex.h"

#include <errno.h>

#include "terminal.h"

static const char *colour_of(unsigned char byte)
{
	if (byte == 0)
		return SGR_DIM;
	if (byte == ' ' || (byte >= '\t' && byte <= '\r'))
		return "\033[32m";
	if (byte < 0x20 || byte == 0x7F)
		return "\033[35m";
	return byte < 0x7F ? "\033[36m" : "\033[33m";
}

/* Writes one cell, changing the colour only where it changes. */
static void cell(FILE *to, bool colour, const char **now, unsigned char byte, const char *format,
		 int what)
{
	const char *want = colour_of(byte);

	if (colour && *now != want)
		fprintf(to, "%s%s", SGR_RESET, *now = want);
	fprintf(to, format, what);
}

static void row(FILE *to, const unsigned char *p, size_t count, size_t columns, bool colour)
{
	const char *now = NULL;

	for (size_t i = 0; i < count; i++)
		cell(to, colour, &now, p[i], "%02x ", p[i]);
	fprintf(to, "%*s", (int)(3 * (columns - count) + 2), "");
	for (size_t i = 0; i < count; i++)
		cell(to, colour, &now, p[i], "%c", p[i] < 0x20 || p[i] > 0x7E ? '.' : p[i]);
	fputs(now ? SGR_RESET "\n" : "\n", to);
}

void hex_rows(FILE *to, pier_bytes bytes, unsigned indent, bool colour)
{
	const unsigned char *p = (const unsigned char *)bytes.p;

	if (bytes.len == 0)
		fputc('\n', to);
	for (size_t at = 0; at < bytes.len; at += HEX_ROW) {
		size_t count = bytes.len - at < HEX_ROW ? bytes.len - at : HEX_ROW;
		if (at > 0)
			fprintf(to, "%*s", (int)indent, "");
		row(to, p + at, count, HEX_ROW, colour);
	}
}

static int digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch = (char)(ch | 0x20);
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

ssize_t hex_parse(char *text, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len;) {
		if (strchr(" \t\r\n,:-", text[i])) {
			i++;
			continue;
		}
		if (text[i] == '0' && i + 1 < len && (text[i + 1] | 0x20) == 'x') {
			i += 2;
			continue;
		}
		int high = digit(text[i]), low = i + 1 < len ? digit(text[i + 1]) : -1;
		if (high < 0 || low < 0)
			return -EINVAL;
		text[out++] = (char)(high << 4 | low);
		i += 2;
	}
	return (ssize_t)out;
}
