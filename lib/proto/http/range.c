/* One byte range: RFC 9110 §14.1.2.
 *
 *	bytes=0-99   the first hundred        bytes=100-   from 100 on        bytes=-5   the last
 *five */
#include "chars.h"

#include <pier/error.h>
#include <pier/http.h>

/* A position above INT64_MAX is one far behind the end. */
static bool read_position(pier_bytes digits, int64_t *out)
{
	return pier_http_number(digits, out) != -EPROTO;
}

/* Bytes first … last, both counted, cut to the size. */
static int within(int64_t first, int64_t last, int64_t size, int64_t *out_first, int64_t *out_count)
{
	if (first >= size)
		return -ERANGE;
	if (last >= size)
		last = size - 1;
	*out_first = first;
	*out_count = last - first + 1;
	return 1;
}

/* The last `want` bytes. Of an empty file they are all there, and no Content-Range can say "none".
 */
static int from_end(int64_t want, int64_t size, int64_t *first, int64_t *count)
{
	if (want == 0)
		return -ERANGE;
	return size == 0 ? 0 : within(want < size ? size - want : 0, size - 1, size, first, count);
}

int pier_http_range(pier_bytes field, int64_t size, int64_t *first, int64_t *count)
{
	int64_t low, high = INT64_MAX;

	if (field.len < 6 || !pier_http_same(pier_bytes_of(field.p, 6), "bytes="))
		return 0;
	pier_bytes spec = pier_http_trim(pier_bytes_of(field.p + 6, field.len - 6));
	char *dash = spec.len ? memchr(spec.p, '-', spec.len) : NULL;
	if (!dash)
		return 0;

	pier_bytes from = pier_bytes_of(spec.p, (size_t)(dash - spec.p));
	pier_bytes to = pier_bytes_of(dash + 1, spec.len - from.len - 1);
	if (from.len == 0)
		return read_position(to, &low) ? from_end(low, size, first, count) : 0;
	if (!read_position(from, &low) || (to.len > 0 && !read_position(to, &high)) || high < low)
		return 0;
	return within(low, high, size, first, count);
}
