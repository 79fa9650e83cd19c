/* A peer's bytes made fit for a terminal. */
#include "visible.h"

/* Writes one character or bad byte from the front of `b`. Returns the bytes used, 0 when its other
 * half must come. */
static size_t put_one(FILE *to, pier_bytes b)
{
	unsigned char byte = (unsigned char)b.p[0];
	uint32_t code = 0;

	if (byte == '\r' && b.len == 1)
		return 0;
	if (byte == '\r' && b.p[1] == '\n')
		return 1; /* the LF follows */

	int used = rune_next(b, &code);
	if (used == 0)
		return 0;
	if (used < 0 || (code < 0x80 && rune_is_control(code) && code != '\n' && code != '\t')) {
		fprintf(to, "\\x%02x", byte);
		return 1;
	}
	if (code >= 0x80 && rune_is_control(code))
		fprintf(to, "\\u%04x", code);
	else
		fwrite(b.p, 1, (size_t)used, to);
	return (size_t)used;
}

static void hold(struct visible *v, pier_bytes b)
{
	v->held_len = (unsigned)b.len;
	if (b.len > 0)
		memmove(v->held, b.p, b.len);
}

/* Gives what was held one byte more at a time, until it can be written. */
static void finish_held(struct visible *v, FILE *to, pier_bytes *bytes)
{
	while (v->held_len > 0 && bytes->len > 0) {
		v->held[v->held_len++] = *bytes->p++;
		bytes->len--;

		pier_bytes held = pier_bytes_of(v->held, v->held_len);
		for (size_t used; held.len > 0 && (used = put_one(to, held)) > 0;) {
			held.p += used;
			held.len -= used;
		}
		hold(v, held);
	}
}

void visible_put(struct visible *v, FILE *to, pier_bytes bytes)
{
	finish_held(v, to, &bytes);
	for (size_t used; bytes.len > 0; bytes.p += used, bytes.len -= used) {
		used = put_one(to, bytes);
		if (used == 0) {
			hold(v, bytes);
			return;
		}
	}
}

void visible_end(struct visible *v, FILE *to)
{
	for (unsigned i = 0; i < v->held_len; i++)
		fprintf(to, "\\x%02x", (unsigned char)v->held[i]);
	v->held_len = 0;
}
