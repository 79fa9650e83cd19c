/* A conversation between stdin, stdout and one peer: what connect and listen --once do. */
#ifndef CLI_TALK_H
#define CLI_TALK_H

#include "command.h"
#include "eol.h"
#include "view.h"

struct talk_opts {
	const char *until; /* "stdin", "peer", "both", "first"; NULL: the transport's habit */
	int64_t linger;	   /* datagrams: ns to wait for answers after stdin's end */
	int64_t idle;	   /* ns without a byte, either way, that end it; 0 = none */
	const char *eol;   /* "lf", "crlf", "cr", "none"; NULL = lf */
	bool crlf;
	const char *send; /* "text" or "hex" */
	bool verbose;
};

#define TALK_LINGER PIER_MS(500)
#define TALK_OPTIONS(o)                                                                              \
	{"until", 0, OPTION_TEXT, &(o).until, "stdin|peer|both|first", "whose end ends it"},         \
		{"linger",    0,      OPTION_DURATION,                                               \
		 &(o).linger, "TIME", "datagrams: wait for answers after stdin's end; 500ms"},       \
		{"send",    0,		OPTION_TEXT,                                                 \
		 &(o).send, "text|hex", "what is typed: text, or bytes as 01 03 0a"},                \
		{"eol", 0, OPTION_TEXT, &(o).eol, "lf|crlf|cr|none", "send this where a line ends"}, \
		{"crlf", 'C', OPTION_FLAG, &(o).crlf, NULL, "the same as --eol=crlf"},               \
	{                                                                                            \
		"verbose", 'v', OPTION_FLAG, &(o).verbose, NULL, "tell on stderr what happens"       \
	}

/* What is read at once: the most that one datagram holds (65,535 less the IP and UDP headers:
 * udp(7)). */
#define TALK_PIECE 65507

/* stdin made ready for the wire. */
struct source {
	struct eol_state eol;
	bool hex;
	char *made; /* room for TALK_PIECE converted */
};
int source_init(struct source *s, const struct talk_opts *o);
void source_done(struct source *s);
/* Converts a piece that was read, in place or into its own memory; good until the next. p is NULL
 * when it is no hex, after having said so. */
pier_bytes source_convert(struct source *s, pier_bytes piece);

/* Talks until the conversation is over by the rules of the options; on a fiber. `url` is the
 * peer's, for the sentences. The peer stays the caller's. Returns the status, said on stderr where
 * it is an error; `tally` tells the rest. */
int talk(const char *url, pier_conn *peer, struct view *view, const struct talk_opts *opts,
	 struct tally *tally);

#endif
