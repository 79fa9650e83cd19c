/* Options: one table a command; parsing, --help, completions and the man page check come from its
 * rows. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <pier/api.h>

enum option_kind {
	OPTION_FLAG,	 /* bool *           --name */
	OPTION_TEXT,	 /* const char **    --name=TEXT */
	OPTION_COUNT,	 /* unsigned *       --name=N */
	OPTION_SIZE,	 /* int64_t *        --name=64k (1024) */
	OPTION_DURATION, /* int64_t * in ns  --name=250ms, 5s, 2m */
};

struct option {
	const char *name; /* long name without dashes; NULL ends the table */
	char letter;	  /* short form, or 0 */
	enum option_kind kind;
	void *to;
	const char *value; /* what the value is called in help: "FILE"; "en|zh" takes one of these
			      words only */
	const char *help;
};

/* What every command takes besides its own. */
struct common {
	bool help;
	const char *color; /* "auto", "always", "never"; NULL = auto */
};
extern struct common common;
extern const struct option common_options[];

/* Reads the options of `table` out of argv (operands may come between; "--" ends them), leaving the
 * operands in argv. Returns the count of operands, or -1 after having said on stderr what is wrong
 * and what to try. `--help` ends the reading: what follows it is not looked at. */
int options_parse(const char *command, const struct option *table, int argc, char **argv);

/* One value in the option grammar. Return 0 or -EINVAL with `out` untouched. */
int size_parse(const char *text, int64_t *out);
int duration_parse(const char *text, int64_t *ns);

#endif
