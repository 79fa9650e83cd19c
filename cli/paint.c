/* A hub's line made fit for a terminal, its parts told apart by colour. */
#include "paint.h"

#include "terminal.h"
#include "visible.h"

#define NAME_MAX_BYTES 32

static void put(FILE *to, pier_bytes text)
{
	struct visible v = {0};

	visible_put(&v, to, text);
	visible_end(&v, to);
}

static void put_coloured(FILE *to, const char *sgr, pier_bytes text)
{
	fputs(sgr, to);
	put(to, text);
	fputs(SGR_RESET, to);
}

/* A name has the same colour at everyone's terminal: FNV-1a of its bytes. */
static const char *colour_of(pier_bytes name)
{
	static const char *const colours[] = {"\033[36m", "\033[33m", "\033[32m", "\033[35m",
					      "\033[34m", "\033[96m", "\033[93m", "\033[95m"};
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.p[i]) * 16777619u;
	return colours[hash % (sizeof colours / sizeof colours[0])];
}

static pier_bytes cut(pier_bytes *rest, size_t len)
{
	pier_bytes head = pier_bytes_of(rest->p, len);

	rest->p += len;
	rest->len -= len;
	return head;
}

/* "[12:30] " or "[private] " at the front, 0 without. */
static size_t bracket_len(pier_bytes line)
{
	if (line.len == 0 || line.p[0] != '[')
		return 0;
	const char *end = memmem(line.p, line.len, "] ", 2);
	return end ? (size_t)(end - line.p) + 2 : 0;
}

/* The name before ": ", 0 when the line is not someone's. */
static size_t name_len(pier_bytes line)
{
	const char *colon = memmem(line.p, line.len, ": ", 2);
	size_t len = colon ? (size_t)(colon - line.p) : 0;

	return len <= NAME_MAX_BYTES && !memchr(line.p, ' ', len) ? len : 0;
}

void paint_line(FILE *to, pier_bytes line, bool colour)
{
	if (!colour) {
		put(to, line);
		return;
	}
	if (pier_bytes_starts(line, "* ")) {
		put_coloured(to, SGR_DIM, line);
		return;
	}
	size_t len = bracket_len(line);
	if (len > 0)
		put_coloured(to, SGR_DIM, cut(&line, len));
	len = line.len > 0 ? name_len(line) : 0;
	if (len > 0) {
		pier_bytes name = cut(&line, len);
		put_coloured(to, colour_of(name), name);
	}
	put(to, line);
}
