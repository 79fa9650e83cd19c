/*	5;note=x CRLF          a size in hex, and extensions, which nobody uses
 *	hello CRLF
 *	0 CRLF
 *	Digest: … CRLF         trailers, checked and dropped: RFC 9110 §6.5.1 allows it
 *	CRLF
 *
 * Lines end in CR LF alone: an LF inside an extension, which some take for the end and some do not,
 *is a known way to smuggle a request. */
#include "chunked.h"
#include "chars.h"
#include "codec.h"

#include <pier/error.h>

#define SIZE_DIGITS_MAX 15 /* hex digits: below 2^60, so that no sum of it overflows */

/* Returns the bytes of the line with its end, 0 when that has not come, or -EPROTO. */
static ssize_t take_line(pier_bytes in, pier_bytes *line)
{
	size_t room = in.len < CHUNK_LINE_MAX ? in.len : CHUNK_LINE_MAX;
	char *end = room ? memchr(in.p, '\n', room) : NULL;

	if (!end)
		return in.len < CHUNK_LINE_MAX ? 0 : -EPROTO;
	if (end == in.p || end[-1] != '\r')
		return -EPROTO;
	*line = pier_bytes_of(in.p, (size_t)(end - in.p) - 1);
	return end + 1 - in.p;
}

static int spend_overhead(struct chunks *c, size_t bytes)
{
	if (bytes > CHUNK_OVERHEAD_MAX - c->overhead)
		return -EPROTO;
	c->overhead += (uint32_t)bytes;
	return 0;
}

static int read_size(pier_bytes line, int64_t *size, size_t *digits)
{
	int64_t n = 0;
	size_t i = 0;

	for (; i < line.len && hex_value(line.p[i]) >= 0; i++) {
		if (i == SIZE_DIGITS_MAX)
			return -EPROTO;
		n = n * 16 + hex_value(line.p[i]);
	}
	if (i == 0)
		return -EPROTO;
	*size = n;
	*digits = i;
	return 0;
}

static int begin_chunk(struct chunks *c, pier_bytes line)
{
	int64_t size;
	size_t digits;
	int err = read_size(line, &size, &digits);
	if (err < 0)
		return err;

	pier_bytes rest = pier_bytes_of(line.p + digits, line.len - digits);
	pier_bytes extension = pier_http_trim(rest);
	if (rest.len > 0 && (extension.len == 0 || *extension.p != ';' || !pier_http_is_text(rest)))
		return -EPROTO;
	err = spend_overhead(c, rest.len);
	if (err < 0)
		return err;

	c->left = size;
	c->at = size > 0 ? CHUNK_DATA : CHUNK_TRAILER;
	return 0;
}

static int pass_trailer(struct chunks *c, pier_bytes line)
{
	pier_http_field field;
	struct refusal unused;

	if (line.len == 0) {
		c->at = CHUNK_DONE;
		return 0;
	}
	int err = spend_overhead(c, line.len);
	return err < 0 ? err : pier_http_read_field(line, &field, &unused);
}

static ssize_t take_data(struct chunks *c, pier_bytes in, pier_bytes *data)
{
	size_t len = (uint64_t)c->left < in.len ? (size_t)c->left : in.len;

	*data = pier_bytes_of(in.p, len);
	c->left -= (int64_t)len;
	if (c->left == 0)
		c->at = CHUNK_DATA_END;
	return (ssize_t)len;
}

/* The CR LF after the data, of which both bytes may be late and the first is looked at alone. */
static ssize_t take_data_end(struct chunks *c, pier_bytes in)
{
	if ((in.len > 0 && in.p[0] != '\r') || (in.len > 1 && in.p[1] != '\n'))
		return -EPROTO;
	if (in.len < 2)
		return 0;
	c->at = CHUNK_SIZE;
	return 2;
}

static ssize_t take_framing(struct chunks *c, pier_bytes in)
{
	pier_bytes line;
	ssize_t used = take_line(in, &line);
	if (used <= 0)
		return used;

	int err = c->at == CHUNK_SIZE ? begin_chunk(c, line) : pass_trailer(c, line);
	return err < 0 ? err : used;
}

ssize_t pier_http_take_chunk(struct chunks *c, pier_bytes in, pier_bytes *data)
{
	*data = (pier_bytes){0};
	switch (c->at) {
	case CHUNK_DATA:
		return take_data(c, in, data);
	case CHUNK_DATA_END:
		return take_data_end(c, in);
	case CHUNK_SIZE:
	case CHUNK_TRAILER:
		return take_framing(c, in);
	case CHUNK_DONE:
		break;
	}
	return 0;
}
