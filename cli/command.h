/* A command: one file, cmd_<name>.c, ending in `const struct command command_<name>`, and one
 * sorted line in commands.c. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <pier.h>

#include "options.h"

/* The exit status, the same list for every command. */
enum status {
	STATUS_DONE = 0,
	STATUS_OTHER = 1,
	STATUS_USAGE = 2,
	STATUS_NAME = 3,    /* name not found */
	STATUS_REFUSED = 4, /* refused or unreachable */
	STATUS_TIMEOUT = 5, /* connect, idle or deadline */
	STATUS_RESET = 6,   /* reset or truncated */
	STATUS_TRUST = 7,   /* TLS not trusted */
	STATUS_EXPECT = 8,  /* expectation failed: a digest, an expect */
	STATUS_LOCAL = 9,   /* local I/O */
};

struct command {
	const char *name;
	const char *line; /* one line for the list */
	const char
		*usage; /* "[OPTIONS] FILE… URL"; "add|list" at its start are words to complete */
	const struct option *options; /* ended by a row without a name */
	const char *help;	      /* examples and what a user should know, after the options */
	/* argv holds what is left after the options; argv[0] is the first operand. Returns a
	 * status. */
	int (*run)(int argc, char **argv);
};

/* The status that tells of a library error. */
enum status status_of(int err);

/* "pier: …\n" on stderr, once, in red on a terminal that wants colour. Returns `status`, so that
 * `return fail(STATUS_LOCAL, …)` reads well. */
int fail(enum status status, const char *format, ...) PIER_PRINTF(2, 3);

/* What goes wrong with a peer, or with a place to listen on: names it, the cause and what to do
 * next. `within` is the time that was given (ns), 0 when it had none. Returns the status that tells
 * of `err`. */
#define WHY_MAX 500
enum status explain_dial(const char *url, int err, int64_t within, char why[WHY_MAX]);
enum status explain_listen(const char *url, int err, char why[WHY_MAX]);

/* The same, said by fail(). */
int fail_dial(const char *url, int err, int64_t within);
int fail_listen(const char *url, int err);

/* "host port 7437", "/run/x.sock": an endpoint as people say it. Returns `into`. */
#define PLACE_MAX 300
const char *place_of(const char *url, char into[PLACE_MAX]);

/* "tcp", "udp" … of an endpoint. */
const char *scheme_of(const char *url);

/* The address that was reached, of all that a name may have. Returns `into`. */
const char *peer_text(pier_conn *peer, char into[PIER_ADDR_TEXT]);

/* "2 s", "1.5 s", "250 ms". Returns `into`. */
#define TIME_TEXT_MAX 32
const char *time_text(int64_t ns, char into[TIME_TEXT_MAX]);

/* True when `text` can only be an endpoint: it has a ':' or a '/'. */
bool looks_like_endpoint(const char *text);

#endif
