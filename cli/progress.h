/* How far a transfer is: one line on a terminal's stderr, rewritten, gone at the end. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <pier.h>

struct progress {
	bool shown;	  /* stderr is a terminal and nobody asked for quiet */
	const char *what; /* the file's name, or what is done to it */
	int64_t total;	  /* -1 = not known */
	int64_t first;	  /* where it began: what was there already is no speed of ours */
	int64_t began, drawn;
};

void progress_begin(struct progress *p, bool quiet, const char *what, int64_t first, int64_t total);
/* Draws, at most ten times a second. */
void progress_at(struct progress *p, int64_t at);
/* Takes the line away. Safe at any time, also twice. */
void progress_end(struct progress *p);

#define SIZE_TEXT 16
/* "812 MiB". Returns `into`. */
const char *size_format(double bytes, char into[SIZE_TEXT]);

#endif
