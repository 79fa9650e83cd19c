/* The terminal: is there one, how wide is it, does it want colour; a password without echo. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <pier/api.h>
#include <stdio.h>

bool terminal_is(FILE *f);

/* --color decides; else colour goes to a terminal that is not TERM=dumb, without NO_COLOR. */
bool terminal_colour(FILE *f);

/* Columns of the terminal at `f`; 80 when it is none or does not say. */
unsigned terminal_columns(FILE *f);

/* The sequence when `f` wants colour, else "". */
const char *terminal_sgr(FILE *f, const char *sequence);
#define SGR_BOLD  "\033[1m"
#define SGR_DIM	  "\033[2m"
#define SGR_RED	  "\033[31m"
#define SGR_RESET "\033[0m"

/* Asks on the terminal (/dev/tty, so that stdin may be something else) for a line, without showing
 * it; blocks. Returns its length, or -ENOTTY when there is no terminal, -EMSGSIZE, -EIO at the end
 * of input. A signal that kills meanwhile leaves the terminal as it was. */
int terminal_password(const char *prompt, char *into, size_t room);

#endif
