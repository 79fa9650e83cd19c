/* A peer's bytes made fit for a terminal: its control characters must not act there. */
#ifndef CLI_VISIBLE_H
#define CLI_VISIBLE_H

#include <pier/bytes.h>
#include <stdio.h>

#include "runes.h"

/* What a stream has split: a character, or CR LF. Zero is the beginning. */
struct visible {
	char held[RUNE_MAX];
	unsigned held_len;
};

/* Writes the bytes: text, LF and TAB as they are, CR LF as LF, all else as \x1b, \xff, \u202e. */
void visible_put(struct visible *v, FILE *to, pier_bytes bytes);

/* Writes what was held back for its other half. */
void visible_end(struct visible *v, FILE *to);

#endif
