/* The inside of the text door: one visitor, from the first prompt to the last word.
 *
 *	text_door.c      the whole visit            text_login.c     who are you?
 *	text_lines.c     the next line, in time     text_commands.c  /join and its like
 */
#ifndef HUB_TEXT_INSIDE_H
#define HUB_TEXT_INSIDE_H

#include "accounts.h"
#include "hub.h"
#include "rooms.h"
#include "sentences.h"
#include "text_codec.h"

#define LOGIN_IDLE    PIER_S(60)  /* a visitor who is nobody yet may rest this long */
#define LOGIN_TIME    PIER_MIN(3) /* and take this long in all */
#define LOGIN_TRIES   3
#define LOGIN_DELAY   PIER_MS(500) /* after the first wrong try; doubles */
#define SEND_IDLE     PIER_S(60)   /* who reads nothing for this long is let go */
#define BAD_LINES_MAX 10	   /* too long or not UTF-8, one after the other */
#define DROPPED_MAX   (1u << 20)   /* bytes of a line without an end */
#define HISTORY_MAX   200	   /* lines of /history */

struct visitor {
	pier_conn *c;
	struct hub *hub;
	enum hub_lang lang;
	struct text_codec codec;
	unsigned bad_lines; /* since the last good one */
	size_t dropped;	    /* of the line that is too long */
	bool secret;	    /* what is being typed is a password */
	bool left;	    /* said good-bye */
	struct member member;
	char name[ACCOUNT_NAME_MAX + 1];
	char host[PIER_ADDR_TEXT];
	char line[]; /* hub->opts.line_max + 1 */
};

/* Waits for the visitor's next line, which is then in v->line. Members wait longer when they talk
 * too fast. Lines that are no text are answered here. Returns 1, 0 at the end of input (or of the
 * hub), or an error. */
int text_line(struct visitor *v);

/* Sends what a telnet peer must be told, if anything. */
void text_answer(struct visitor *v);

/* Asks who it is, until a login is good. Returns 0 with v->name set, or negative when the visit is
 * over. */
int text_login(struct visitor *v);

/* Goes to a room and shows what was said there lately. Returns 0 or rooms_join's error. */
int text_join(struct visitor *v, const char *room);

/* Does what the member's line means. */
void text_obey(struct visitor *v);

#define SAY(v, SENTENCE, ...) pier_printf((v)->c, SENTENCE((v)->lang), ##__VA_ARGS__)

#endif
