/* Chunked bodies, decoded piece by piece: RFC 9112 §7.1. Pure. */
#ifndef HTTP_CHUNKED_H
#define HTTP_CHUNKED_H

#include <pier/bytes.h>

#define CHUNK_LINE_MAX	   1024	 /* bytes of a size line or trailer line */
#define CHUNK_OVERHEAD_MAX 16384 /* bytes of extensions and trailers in one body, all together */

struct chunks {
	enum {
		CHUNK_SIZE = 0,
		CHUNK_DATA,
		CHUNK_DATA_END,
		CHUNK_TRAILER,
		CHUNK_DONE
	} at;
	int64_t left;	   /* bytes of data to come in this chunk */
	uint32_t overhead; /* bytes that brought no data */
};

/* Takes the next piece off `in`: a line of framing, or a run of data, which `data` then shows (its
 * len is 0 otherwise). Starts with a zeroed struct; at == CHUNK_DONE after the last piece. Returns
 * the bytes taken, 0 when more is needed, or -EPROTO. */
ssize_t pier_http_take_chunk(struct chunks *c, pier_bytes in, pier_bytes *data);

#endif
