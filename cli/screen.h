/* A terminal on which one types at the bottom while others' lines come in above. */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <pier.h>

#define SECRET_MAX 256 /* bytes of a hidden line */

struct screen;

/* Takes the terminal at stdin and stdout; history is kept in the file `history` (NULL: nowhere).
 * `on_secret` gets a line that was typed hidden, without its end. Returns 0 or an error. */
int screen_open(struct screen **out, const char *history,
		void (*on_secret)(void *arg, const char *secret), void *arg);
/* Restores the terminal and saves the history. NULL is allowed. */
void screen_close(struct screen *s);

/* Waits (fiber) for a line. Owned by the screen, good until the next call; NULL at the end of
 * input, or when cancelled. */
const char *screen_read(struct screen *s);
/* The line joins the history. */
void screen_remember(struct screen *s, const char *line);

/* Writes whole lines above what is being typed, which stays as it is. They must be fit for a
 * terminal. */
void screen_print(struct screen *s, const char *lines);

/* What stands before what is typed: fit for a terminal, one line. */
void screen_prompt(struct screen *s, const char *prompt);

/* While hidden, what is typed is not shown, nor remembered, and goes to on_secret. */
void screen_hide(struct screen *s, bool hide);

#endif
