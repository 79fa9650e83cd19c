/* Ends of lines, as the peer wants them. */
#include "eol.h"

enum eol eol_named(const char *name)
{
	switch (name[0]) {
	case 'c':
		return strcmp(name, "cr") == 0 ? EOL_CR : EOL_CRLF;
	case 'n':
		return EOL_NONE;
	default:
		return EOL_LF;
	}
}

static size_t put_end(const struct eol_state *s, char *out)
{
	switch (s->want) {
	case EOL_LF:
		out[0] = '\n';
		return 1;
	case EOL_CRLF:
		if (!s->cr)
			*out++ = '\r';
		*out = '\n';
		return s->cr ? 1 : 2;
	case EOL_CR:
		out[0] = '\r';
		return s->cr ? 0 : 1;
	case EOL_NONE:
		return 0;
	}
	return 0;
}

size_t eol_convert(struct eol_state *s, pier_bytes in, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < in.len; i++) {
		if (in.p[i] == '\n')
			len += put_end(s, out + len);
		else
			out[len++] = in.p[i];
		s->cr = in.p[i] == '\r';
	}
	return len;
}
