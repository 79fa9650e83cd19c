/* As much telnet as a chat needs: the hub says when what is typed must not be shown. Pure. RFC 854,
 * 857. */
#ifndef CLI_TELNET_H
#define CLI_TELNET_H

#include <pier/bytes.h>

#define TELNET_ANSWERS_MAX 48 /* bytes that wait to be sent; more are not made */

/* Zero is the beginning. */
struct telnet {
	bool hides; /* the peer echoes in our place, and shows nothing */
	enum {
		TELNET_TEXT,
		TELNET_COMMAND,
		TELNET_OPTION,
		TELNET_SUB,
		TELNET_SUB_COMMAND
	} state;
	unsigned char verb;
	unsigned char answers[TELNET_ANSWERS_MAX]; /* send them, then set answers_len to 0 */
	size_t answers_len;
};

/* What tells a hub that we understand telnet. It asks for nothing, so nothing answers it. */
#define TELNET_HELLO "\377\376\001" /* IAC DONT ECHO */

/* Takes the commands out of `in`, in place, up to the first that changes `hides`. Returns the text
 * before it; `used` says how far it went. */
pier_bytes telnet_take(struct telnet *t, pier_bytes in, size_t *used);

#endif
