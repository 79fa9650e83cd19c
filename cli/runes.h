/* UTF-8, one character at a time. Pure. */
#ifndef CLI_RUNES_H
#define CLI_RUNES_H

#include <pier/bytes.h>

#define RUNE_MAX 4 /* bytes of a character */

/* The length of the character that `b` begins with and its code; 0 when its end has not come yet,
 * -1 when it is not well formed (RFC 3629 §4). `b` is not empty. */
int rune_next(pier_bytes b, uint32_t *code);

/* C0, DEL, C1, and what turns the direction of a line: a terminal acts on them. */
bool rune_is_control(uint32_t code);

/* All of it is well formed. */
bool runes_valid(pier_bytes b);

#endif
