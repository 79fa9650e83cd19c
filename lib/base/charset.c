/* Charsets, by libc's iconv. */
#include <errno.h>
#include <iconv.h>
#include <pier/charset.h>
#include <stdlib.h>

#define NONE ((iconv_t)-1)

struct pier_charset {
	iconv_t out, in;
};

pier_charset *pier_charset_open(const char *name)
{
	pier_charset *cs = malloc(sizeof *cs);
	if (!cs)
		return NULL;
	*cs = (pier_charset){.out = iconv_open(name, "UTF-8"), .in = iconv_open("UTF-8", name)};
	if (cs->out != NONE && cs->in != NONE)
		return cs;
	pier_charset_close(cs);
	return NULL;
}

void pier_charset_close(pier_charset *cs)
{
	if (!cs)
		return;
	if (cs->out != NONE)
		iconv_close(cs->out);
	if (cs->in != NONE)
		iconv_close(cs->in);
	free(cs);
}

static size_t one_byte(pier_bytes b)
{
	(void)b;
	return 1;
}

/* The first byte and those that go on with it: RFC 3629 §3. */
static size_t one_character(pier_bytes b)
{
	size_t n = 1;
	while (n < b.len && (b.p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* EILSEQ: the next character is none, or the other side has none like it. */
static size_t convert(iconv_t cd, pier_bytes in, size_t (*skip)(pier_bytes), char *into,
		      size_t room)
{
	char *at = into;

	iconv(cd, NULL, NULL, NULL, NULL);
	while (in.len && iconv(cd, &in.p, &in.len, &at, &room) == (size_t)-1 && errno == EILSEQ)
		in = pier_bytes_from(in, skip(in));
	iconv(cd, NULL, NULL, &at, &room);
	return (size_t)(at - into);
}

size_t pier_encode(pier_charset *cs, pier_bytes text, char *into, size_t room)
{
	return convert(cs->out, text, one_character, into, room);
}

size_t pier_decode(pier_charset *cs, pier_bytes bytes, char *into, size_t room)
{
	return convert(cs->in, bytes, one_byte, into, room);
}
