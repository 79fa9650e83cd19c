/* As much telnet as a chat needs. */
#include "telnet.h"

enum {
	SE = 240,
	SB = 250,
	WILL = 251,
	WONT = 252,
	DO = 253,
	DONT = 254,
	IAC = 255,
};
#define ECHO 1

static void answer(struct telnet *t, unsigned char verb, unsigned char option)
{
	if (sizeof t->answers - t->answers_len < 3)
		return;
	t->answers[t->answers_len++] = IAC;
	t->answers[t->answers_len++] = verb;
	t->answers[t->answers_len++] = option;
}

/* Echo is agreed to, all else refused; a refusal is never answered: RFC 1143. */
static void negotiate(struct telnet *t, unsigned char option)
{
	bool echo = option == ECHO;

	if (t->verb == WILL && !(echo && t->hides))
		answer(t, echo ? DO : DONT, option);
	else if (t->verb == DO)
		answer(t, WONT, option);
	else if (t->verb == WONT && echo && t->hides)
		answer(t, DONT, option);
	if (echo && (t->verb == WILL || t->verb == WONT))
		t->hides = t->verb == WILL;
}

/* True when the byte is text. */
static bool is_text(struct telnet *t, unsigned char byte)
{
	switch (t->state) {
	case TELNET_TEXT:
		if (byte != IAC)
			return true;
		t->state = TELNET_COMMAND;
		return false;
	case TELNET_COMMAND:
		t->state = byte >= WILL && byte <= DONT ? TELNET_OPTION
			   : byte == SB			? TELNET_SUB
							: TELNET_TEXT;
		t->verb = byte;
		return byte == IAC;
	case TELNET_OPTION:
		t->state = TELNET_TEXT;
		negotiate(t, byte);
		return false;
	case TELNET_SUB:
		if (byte == IAC)
			t->state = TELNET_SUB_COMMAND;
		return false;
	case TELNET_SUB_COMMAND:
		t->state = byte == SE ? TELNET_TEXT : TELNET_SUB;
		return false;
	}
	return false;
}

pier_bytes telnet_take(struct telnet *t, pier_bytes in, size_t *used)
{
	pier_bytes text = {in.p, 0};
	bool hid = t->hides;
	size_t at = 0;

	while (at < in.len && t->hides == hid) {
		char byte = in.p[at++];
		if (is_text(t, (unsigned char)byte))
			text.p[text.len++] = byte;
	}
	*used = at;
	return text;
}
