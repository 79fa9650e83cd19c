#include "bundle.h"

#include "net/frame.h"

#include <errno.h>
#include <string.h>

/* Bytes that a frame adds to each message. */
static const size_t extra[BUNDLE_FRAMES] = {
	[PIER_RAW] = 0, [PIER_LINES] = 1, [PIER_LEN16] = 2, [PIER_LEN32] = 4};

struct bundle *pier_bundle_new(struct said *const *said, unsigned count)
{
	struct bundle *b = malloc(sizeof *b + (count + 1) * sizeof b->at[0]);
	if (!b)
		return NULL;
	*b = (struct bundle){.refs = 1, .count = count, .said = said};
	b->at[0] = 0;
	for (unsigned i = 0; i < count; i++) {
		b->at[i + 1] = b->at[i] + said[i]->len;
		b->chosen = b->chosen || said[i]->but || said[i]->len > BUNDLE_LEN16_MOST;
	}
	return b;
}

size_t pier_bundle_at(const struct bundle *b, unsigned i, pier_frame frame)
{
	return b->at[i] + i * extra[frame];
}

/* A text that is too long for its frame has a head of zeros here, and is in nobody's run. */
static char *put_framed(char *into, const struct said *s, pier_frame frame)
{
	char head[PIER_FRAME_EXTRA] = "";
	size_t head_len = 0;
	bool lf = false;

	if (pier_frame_head(frame, s->len, head, &head_len, &lf) < 0)
		head_len = extra[frame];
	memcpy(into, head, head_len);
	memcpy(into + head_len, s->text, s->len);
	into += head_len + s->len;
	if (lf)
		*into++ = '\n';
	return into;
}

int pier_bundle_frame(struct bundle *b, pier_frame frame)
{
	if (b->framed[frame])
		return 0;
	char *at = malloc(pier_bundle_at(b, b->count, frame) + 1);
	if (!at)
		return -ENOMEM;
	b->framed[frame] = at;
	for (unsigned i = 0; i < b->count; i++)
		at = put_framed(at, b->said[i], frame);
	return 0;
}

void pier_bundle_drop(struct bundle *b)
{
	if (--b->refs)
		return;
	for (unsigned i = 0; i < BUNDLE_FRAMES; i++)
		free(b->framed[i]);
	free(b);
}
