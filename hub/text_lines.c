/* The next line of a visitor. */
#include <sodium.h>

#include "text_inside.h"

#define GONE_LOOK PIER_MS(500) /* how often one who waits for its pace is looked after */

/* Who talks too fast is read more slowly; nothing is lost, so a paste arrives whole, unless the conn has
 * failed: what somebody who is gone may still say at once is said, and the rest is not waited for. */
static int pace(struct visitor *v)
{
	if (!v->member.person)
		return 0;
	for (int64_t wait; (wait = rooms_pace(v->hub->rooms, &v->member)) > 0;) {
		int err = pier_err(v->c) ?: pier_sleep(wait < GONE_LOOK ? wait : GONE_LOOK);
		if (err < 0)
			return err;
	}
	return 0;
}

void text_answer(struct visitor *v)
{
	if (v->codec.answers_len > 0)
		pier_send(v->c, v->codec.answers, v->codec.answers_len);
	v->codec.answers_len = 0;
}

static enum text_event take(struct visitor *v)
{
	pier_bytes view = pier_view(v->c);
	size_t used;
	enum text_event event = text_take(&v->codec, view, &used);

	v->dropped = v->codec.dropping ? v->dropped + used : 0;
	if (v->secret)
		sodium_memzero(view.p, used);
	pier_spend(v->c, used);
	text_answer(v);
	return event;
}

/* The next event, whatever it is; *ended when none will come. */
static int next_event(struct visitor *v, enum text_event *out, bool *ended)
{
	if (pier_view(v->c).len == 0) {
		ssize_t n = pier_fill(v->c);
		if (n < 0)
			return (int)n;
		*ended = n == 0;
	}
	/* When it is the hub that ends, what was half typed is not sent. */
	if (*ended)
		*out = pier_stopping(v->c) ? TEXT_MORE : text_end(&v->codec);
	else
		*out = take(v);
	return 0;
}

static int refuse(struct visitor *v, enum text_event event)
{
	if (event == TEXT_LONG)
		SAY(v, SAY_TOO_LONG, v->codec.max);
	else if (event == TEXT_INVALID)
		SAY(v, SAY_NOT_UTF8);
	if (++v->bad_lines < BAD_LINES_MAX)
		return 0;
	SAY(v, SAY_BAD_LINES);
	return -EMSGSIZE;
}

int text_line(struct visitor *v)
{
	bool ended = false;

	while (!ended) {
		enum text_event event = TEXT_MORE;
		int err = next_event(v, &event, &ended);
		if (err == 0 && event != TEXT_MORE)
			err = pace(v);
		if (err == 0 && (event == TEXT_LONG || event == TEXT_INVALID))
			err = refuse(v, event);
		if (err == 0 && v->dropped > DROPPED_MAX)
			err = -EMSGSIZE;
		if (err < 0)
			return err;
		if (event == TEXT_LINE) {
			v->bad_lines = 0;
			return 1;
		}
	}
	return 0;
}
