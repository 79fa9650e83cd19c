/* Whatever comes, in whatever pieces: lines are clean UTF-8 within their limit, and the pieces make
 * no difference. The first byte is the limit, the second the size of the pieces. */
#include <stdlib.h>

#include "text_codec.h"
#include "utf8.h"

#define MUST(cond) ((cond) ? (void)0 : abort())

struct heard {
	uint64_t hash; /* of all events, in order: FNV-1a */
	struct text_codec codec;
	char line[256 + 1];
};

static void note(struct heard *h, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h->hash = (h->hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
}

static void check_line(struct heard *h)
{
	pier_bytes rest = pier_text(h->line);

	MUST(rest.len <= h->codec.max);
	while (rest.len > 0) {
		int32_t code = utf8_take(&rest);
		MUST(code > 0 && !code_is_control(code));
	}
	note(h, h->line, strlen(h->line) + 1);

	struct text_input in = text_parse(h->line);
	char *word;
	do {
		word = text_word(&in.rest);
		MUST(!strchr(word, ' '));
	} while (*word);
}

static void event(struct heard *h, enum text_event e)
{
	if (e == TEXT_MORE)
		return;
	note(h, &e, sizeof e);
	if (e == TEXT_LINE)
		check_line(h);
}

static uint64_t hear(pier_bytes in, size_t max, size_t piece)
{
	struct heard h = {.hash = 0xcbf29ce484222325u};

	text_init(&h.codec, h.line, max);
	while (in.len > 0) {
		size_t used, len = in.len < piece ? in.len : piece;
		enum text_event e = text_take(&h.codec, pier_bytes_of(in.p, len), &used);
		MUST(used > 0 && used <= len && (e != TEXT_MORE || used == len));
		MUST(h.codec.answers_len <= TEXT_ANSWERS_MAX);
		event(&h, e);
		in.p += used;
		in.len -= used;
	}
	event(&h, text_end(&h.codec));
	return h.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2)
		return 0;
	pier_bytes in = pier_bytes_of(data + 2, len - 2);
	MUST(hear(in, data[0], data[1] + 1u) == hear(in, data[0], SIZE_MAX));
	return 0;
}
