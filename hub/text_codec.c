/* The text door's codec. */
#include "text_codec.h"

#include <assert.h>
#include <errno.h>

#include "utf8.h"

/* RFC 854 */
enum {
	TELNET_SE = 240,
	TELNET_SB = 250,
	TELNET_WILL = 251,
	TELNET_WONT = 252,
	TELNET_DO = 253,
	TELNET_DONT = 254,
	TELNET_IAC = 255,
};
#define TELNET_ECHO 1 /* RFC 857 */

void text_init(struct text_codec *t, char *line, size_t max)
{
	*t = (struct text_codec){.line = line, .max = max};
}

static void answer(struct text_codec *t, unsigned char verb, unsigned char option)
{
	if (sizeof t->answers - t->answers_len < 3)
		return; /* a peer that asks faster than it reads gets fewer answers */
	t->answers[t->answers_len++] = TELNET_IAC;
	t->answers[t->answers_len++] = verb;
	t->answers[t->answers_len++] = option;
}

void text_hide_echo(struct text_codec *t, bool hide)
{
	if (!t->is_telnet || t->hiding == hide)
		return;
	t->hiding = hide;
	answer(t, hide ? TELNET_WILL : TELNET_WONT, TELNET_ECHO);
}

/* Every offer and request is refused, but the echo that we offered ourselves. Refusals are not
 * answered, so two programs can never answer each other for ever: RFC 1143. */
static void negotiate(struct text_codec *t, unsigned char option)
{
	t->is_telnet = true;
	if (t->verb == TELNET_WILL)
		answer(t, TELNET_DONT, option);
	else if (t->verb == TELNET_DO && !(option == TELNET_ECHO && t->hiding))
		answer(t, TELNET_WONT, option);
}

/* The byte after an IAC. */
static void command(struct text_codec *t, unsigned char byte)
{
	t->state = TEXT_DATA;
	switch (byte) {
	case TELNET_SB:
		t->state = TEXT_SUB;
		t->sub_len = 0;
		break;
	case TELNET_WILL:
	case TELNET_WONT:
	case TELNET_DO:
	case TELNET_DONT:
		t->state = TEXT_OPTION;
		t->verb = byte;
		break;
	default:
		/* IAC IAC is the byte 255 itself, and that is never text; below SE it is no
		 * command, so the peer speaks no telnet but an encoding that is not ours. */
		if (byte == TELNET_IAC || byte < TELNET_SE)
			t->spoiled = true;
	}
}

/* Takes telnet out of the stream. True when `byte` was part of it. */
static bool take_telnet(struct text_codec *t, unsigned char byte)
{
	switch (t->state) {
	case TEXT_DATA:
		if (byte != TELNET_IAC)
			return false;
		t->state = TEXT_IAC;
		return true;
	case TEXT_IAC:
		if (byte == '\n') { /* a lone 255 at the end of a line must not eat the end */
			t->state = TEXT_DATA;
			t->spoiled = true;
			return false;
		}
		command(t, byte);
		return true;
	case TEXT_OPTION:
		t->state = TEXT_DATA;
		negotiate(t, byte);
		return true;
	case TEXT_SUB:
		if (byte == TELNET_IAC)
			t->state = TEXT_SUB_IAC;
		break;
	case TEXT_SUB_IAC:
		t->state = byte == TELNET_SE ? TEXT_DATA : TEXT_SUB;
		break;
	}
	if (++t->sub_len > TEXT_SUB_MAX) {
		t->state = TEXT_DATA;
		t->spoiled = true;
	}
	return true;
}

/* Takes out controls, in place; a tab becomes a space. Returns the new length or -EILSEQ. */
static ssize_t clean(char *line, size_t len)
{
	pier_bytes rest = {line, len};
	char *to = line;

	while (rest.len > 0) {
		const char *from = rest.p;
		int32_t code = utf8_take(&rest);
		if (code <= 0) /* NUL is no text either */
			return -EILSEQ;
		if (code == '\t')
			*to++ = ' ';
		else if (!code_is_control(code))
			while (from < rest.p)
				*to++ = *from++;
	}
	return to - line;
}

static enum text_event end_line(struct text_codec *t)
{
	bool dropped = t->dropping, spoiled = t->spoiled;
	size_t len = t->len;

	t->len = 0;
	t->dropping = t->spoiled = false;
	if (dropped)
		return TEXT_MORE;
	ssize_t kept = spoiled ? -EILSEQ : clean(t->line, len);
	if (kept < 0)
		return TEXT_INVALID;
	t->line[kept] = '\0';
	return TEXT_LINE;
}

static enum text_event take_text(struct text_codec *t, unsigned char byte)
{
	bool after_cr = t->cr;

	t->cr = byte == '\r';
	if (byte == '\n' || (byte == '\0' && after_cr))
		return end_line(t);
	if (byte == '\r' || t->dropping)
		return TEXT_MORE;
	if (t->len == t->max) {
		t->dropping = true;
		return TEXT_LONG;
	}
	t->line[t->len++] = (char)byte;
	return TEXT_MORE;
}

enum text_event text_take(struct text_codec *t, pier_bytes in, size_t *used)
{
	enum text_event event = TEXT_MORE;
	size_t at = 0;

	assert(t->len <= t->max);
	while (at < in.len && event == TEXT_MORE) {
		unsigned char byte = (unsigned char)in.p[at++];
		if (!take_telnet(t, byte))
			event = take_text(t, byte);
	}
	*used = at;
	return event;
}

enum text_event text_end(struct text_codec *t)
{
	return t->len > 0 || t->spoiled ? end_line(t) : TEXT_MORE;
}

struct text_input text_parse(char *line)
{
	if (line[0] != '/')
		return (struct text_input){.rest = line};
	if (line[1] == '/')
		return (struct text_input){.rest = line + 1};

	char *rest = line + 1;
	const char *word = *rest == ' ' ? "" : text_word(&rest);
	size_t len = strlen(rest);
	while (len > 0 && rest[len - 1] == ' ')
		rest[--len] = '\0';
	return (struct text_input){.command = word, .rest = rest};
}

char *text_word(char **rest)
{
	char *word = *rest + strspn(*rest, " ");
	char *end = word + strcspn(word, " ");

	*rest = end + strspn(end, " ");
	*end = '\0';
	return word;
}
