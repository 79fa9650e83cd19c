/* The text door's codec: what nc or telnet sent becomes lines of clean UTF-8. Pure: it neither
 * waits nor allocates. Telnet commands (RFC 854) may stand anywhere, also inside a line or a
 * character, and hold a LF of their own, so they are taken out first. */
#ifndef HUB_TEXT_CODEC_H
#define HUB_TEXT_CODEC_H

#include <pier/bytes.h>

#define TEXT_LINE_MAX	 8000 /* bytes of a line, at most, whatever the hub's operator asks for */
#define TEXT_ANSWERS_MAX 48   /* bytes of telnet answers that wait to be sent */
#define TEXT_SUB_MAX	 512  /* bytes of one telnet subnegotiation; more is no telnet */

enum text_event {
	TEXT_MORE,    /* no line yet; all of the input is used */
	TEXT_LINE,    /* a line */
	TEXT_LONG,    /* a line grew over the limit; what is left of it will be passed over */
	TEXT_INVALID, /* a line ended that is not UTF-8 */
};

/* The fields are the codec's; whoever reads may look at line, is_telnet and answers. */
struct text_codec {
	char *line; /* after TEXT_LINE: the line, without its end, ended by a NUL */
	size_t max, len;
	enum {
		TEXT_DATA,
		TEXT_IAC,
		TEXT_OPTION,
		TEXT_SUB,
		TEXT_SUB_IAC
	} state;
	unsigned char verb;
	size_t sub_len;
	bool cr;       /* the byte before was a CR */
	bool dropping; /* inside a line that is too long */
	bool spoiled;  /* the line has bytes that are neither text nor telnet */
	bool is_telnet;
	bool hiding; /* we have said WILL ECHO */
	/* What a telnet peer must be told; send it, then set answers_len to 0. */
	unsigned char answers[TEXT_ANSWERS_MAX];
	size_t answers_len;
};

/* `line` has room for max + 1 bytes and lives as long as the codec. */
void text_init(struct text_codec *t, char *line, size_t max);

/* Takes bytes of `in` up to the end of a line or of `in`; `used` says how many. The line is good
 * until the next call. Ends of lines: LF, CR LF, and telnet's CR NUL. */
enum text_event text_take(struct text_codec *t, pier_bytes in, size_t *used);

/* The input has ended: what is left is the last line, without an end, or nothing (TEXT_MORE). */
enum text_event text_end(struct text_codec *t);

/* Asks a telnet peer to stop (or go on) echoing what is typed: RFC 857. Does nothing for other
 * peers, who would only see garbage. */
void text_hide_echo(struct text_codec *t, bool hide);

/* What a line of a member means. */
struct text_input {
	const char *command; /* "join" for "/join x"; NULL for a line to be said */
	char *rest;	     /* what follows the command, without spaces around it; or the line */
};

/* Cuts a line in place. "/word …" is a command; "//…" is a line that begins with one slash. */
struct text_input text_parse(char *line);

/* Takes the next word off `rest`, ended by a NUL, in place; "" when there is none. */
char *text_word(char **rest);

#endif
