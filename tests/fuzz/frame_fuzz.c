/* Frames from a hostile peer. First byte: the kind; second: the maximum. The rest arrives whole,
 * and then once more byte by byte: both ways must cut the same messages and end the same way. */
#include "net/frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stream {
	pier_frame kind;
	size_t message_max;
	pier_bytes in; /* what has arrived and is not spent */
	size_t scanned;
	size_t messages, bytes;
	ssize_t end; /* the last answer: 0 or an error */
};

static void drain(struct stream *s)
{
	while (s->end == 0) {
		pier_bytes m = {0};
		size_t wants = pier_frame_wants(s->kind, s->in);
		ssize_t used = pier_frame_decode(s->kind, s->in, s->scanned, s->message_max, &m);

		if (used <= 0) {
			s->scanned = s->in.len;
			s->end = used;
			return;
		}
		if ((size_t)used > s->in.len || m.p < s->in.p || m.len > (size_t)used ||
		    (s->kind != PIER_RAW && m.len > s->message_max) ||
		    (wants != 0 && wants != (size_t)used))
			abort();
		s->in.p += used;
		s->in.len -= (size_t)used;
		s->scanned = 0;
		s->messages += s->kind != PIER_RAW; /* raw pieces are as they come */
		s->bytes += m.len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;

	struct stream whole = {
		.kind = (pier_frame)(data[0] % 4),
		.message_max = data[1],
		.in = pier_bytes_of(data + 2, size - 2),
	};
	struct stream pieces = whole;

	drain(&whole);
	pieces.in.len = 0;
	for (size_t i = 0; i < size - 2 && pieces.end == 0; i++) {
		pieces.in.len++;
		drain(&pieces);
	}
	if (whole.messages != pieces.messages || whole.bytes != pieces.bytes ||
	    whole.end != pieces.end)
		abort();
	return 0;
}
