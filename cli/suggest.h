/* The word that was probably meant. */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <pier/api.h>

#define SUGGEST_WORD_MAX 32 /* bytes of a word that is worth a guess */

struct suggestion {
	const char *word; /* as typed */
	const char *best; /* the nearest so far, NULL when none is near */
	unsigned distance;
};

/* Compares a candidate; keeps it when it is nearer than what was kept. */
void suggest(struct suggestion *s, const char *candidate);

#endif
