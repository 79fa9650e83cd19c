/* What passes by, shown on stdout: as it is, as text fit for a terminal, as hex, as JSON events. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <pier.h>
#include <stdio.h>

#include "visible.h"

enum direction {
	RECEIVED,
	SENT
};

struct view {
	bool hex, times, json, raw; /* options */
	bool numbered;		    /* several peers: events carry their number */
	pier_conn *out;
	int64_t start; /* of the clock, for JSON's t */
	bool terminal; /* stdout is one, and its reader must be kept safe */
	bool colour;
	FILE *text; /* one event in the making */
	char *made;
	size_t made_len;
};

#define VIEW_OPTIONS(v)                                                                            \
	{"hex", 'x', OPTION_FLAG, &(v).hex, NULL, "show bytes as hex, both ways"},                 \
		{"time", 't', OPTION_FLAG, &(v).times, NULL, "show when each piece came"},         \
		{"json",    0,	  OPTION_FLAG,                                                     \
		 &(v).json, NULL, "one JSON object a line: open, data, close"},                    \
	{                                                                                          \
		"raw", 0, OPTION_FLAG, &(v).raw, NULL,                                             \
			"on a terminal too, pass control characters as they are"                   \
	}

/* Takes stdout. Returns 0 or an error. */
int view_open(struct view *v);
/* Waits until all is written. */
void view_close(struct view *v);

/* The events that matter to someone who does not look at the data. */
bool view_is_events(const struct view *v);

/* Shows a piece that peer `id` sent us or we sent it; `state` is the peer's. What was sent is shown
 * only among events. Waits for stdout's reader. Returns 0, or what is wrong with stdout. */
int view_data(struct view *v, unsigned id, enum direction way, struct visible *state,
	      pier_bytes data);

/* JSON only: where we listen, whom we talk to, what went wrong. */
int view_listening(struct view *v, const char *where);
int view_open_event(struct view *v, unsigned id, const char *scheme, pier_conn *peer);
int view_error_event(struct view *v, const char *why);

/* How a conversation went; the last line of all JSON. */
struct tally {
	int64_t sent, received; /* bytes */
	int status;
	const char *why;
};
int view_close_event(struct view *v, unsigned id, const struct tally *tally);

/* A line beside the data ("1 + 10.0.0.5:40112"), on a terminal or with -x or -t. */
int view_note(struct view *v, const char *format, ...) PIER_PRINTF(2, 3);

/* The error of stdout: 0, or what stuck. */
int view_err(const struct view *v);

#endif
