/* Reading options out of argv by a table. */
#include "options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "suggest.h"

struct common common;

const struct option common_options[] = {
	{"color", 0, OPTION_TEXT, &common.color, "auto|always|never",
	 "colour on a terminal (auto), even in a file, or not at all; NO_COLOR works too"},
	{"help", 'h', OPTION_FLAG, &common.help, NULL, "this page"},
	{0},
};

struct reading {
	const char *command;
	const struct option *table;
	int argc, at; /* argv[at] is what is read now */
	char **argv;
};

static const struct option *find(const struct option *table, const char *name, size_t len)
{
	for (; table->name; table++)
		if (strlen(table->name) == len && memcmp(table->name, name, len) == 0)
			return table;
	return NULL;
}

static const struct option *find_letter(const struct option *table, char letter)
{
	for (; table->name; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

static int unknown(const struct reading *r, const char *name, size_t len)
{
	char word[SUGGEST_WORD_MAX + 2] = "";
	memcpy(word, name, len < sizeof word - 1 ? len : sizeof word - 1);

	struct suggestion near = {.word = word};
	for (const struct option *o = r->table; o->name; o++)
		suggest(&near, o->name);
	for (const struct option *o = common_options; o->name; o++)
		suggest(&near, o->name);

	if (near.best)
		fail(STATUS_USAGE, "%s has no option --%.*s (did you mean --%s?)", r->command,
		     (int)len, name, near.best);
	else
		fail(STATUS_USAGE, "%s has no option --%.*s (try: pier %s --help)", r->command,
		     (int)len, name, r->command);
	return -1;
}

/* True when `text` is one of the words of "a|b|c". */
static bool among(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (const char *c = choices;; c++) {
		size_t word = strcspn(c, "|");
		if (word == len && memcmp(c, text, len) == 0)
			return true;
		c += word;
		if (!*c)
			return false;
	}
}

static int wrong(const struct option *o, const char *text, const char *want)
{
	fail(STATUS_USAGE, "--%s=%s: %s", o->name, text, want);
	return -1;
}

static int take_count(const struct option *o, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || strlen(text) > 10 || n > UINT_MAX)
		return wrong(o, text, "wants a whole number, such as 100");
	*(unsigned *)o->to = (unsigned)n;
	return 0;
}

static int take_value(const struct option *o, const char *text)
{
	switch (o->kind) {
	case OPTION_FLAG:
		*(bool *)o->to = true;
		return 0;
	case OPTION_TEXT:
		if (strchr(o->value, '|') && !among(o->value, text))
			return wrong(o, text, o->value);
		*(const char **)o->to = text;
		return 0;
	case OPTION_COUNT:
		return take_count(o, text);
	case OPTION_SIZE:
		if (size_parse(text, o->to) < 0)
			return wrong(o, text, "wants a size, such as 500, 64k, 4m or 1.5g");
		return 0;
	case OPTION_DURATION:
		if (duration_parse(text, o->to) < 0)
			return wrong(o, text, "wants a time, such as 250ms, 5s or 2m");
		return 0;
	}
	return -1;
}

/* The value of an option that was written without one: the next argument. */
static int take_next(struct reading *r, const struct option *o)
{
	if (r->at + 1 >= r->argc) {
		fail(STATUS_USAGE, "--%s wants a value: --%s=%s", o->name, o->name, o->value);
		return -1;
	}
	return take_value(o, r->argv[++r->at]);
}

static int read_long(struct reading *r, const char *text)
{
	size_t len = strcspn(text, "=");
	const struct option *o = find(r->table, text, len);
	if (!o)
		o = find(common_options, text, len);
	if (!o)
		return unknown(r, text, len);

	if (o->kind == OPTION_FLAG) {
		if (text[len]) {
			fail(STATUS_USAGE, "--%s takes no value", o->name);
			return -1;
		}
		return take_value(o, NULL);
	}
	return text[len] ? take_value(o, text + len + 1) : take_next(r, o);
}

/* "-xt" are two flags; "-w2s" and "-w 2s" are one option with a value. */
static int read_short(struct reading *r, const char *text)
{
	for (; *text; text++) {
		const struct option *o = find_letter(r->table, *text);
		if (!o)
			o = find_letter(common_options, *text);
		if (!o) {
			fail(STATUS_USAGE, "%s has no option -%c (try: pier %s --help)", r->command,
			     *text, r->command);
			return -1;
		}
		if (o->kind != OPTION_FLAG)
			return text[1] ? take_value(o, text + 1) : take_next(r, o);
		take_value(o, NULL);
	}
	return 0;
}

int options_parse(const char *command, const struct option *table, int argc, char **argv)
{
	struct reading r = {.command = command, .table = table, .argc = argc, .argv = argv};
	int operands = 0;

	for (; r.at < argc && !common.help; r.at++) {
		char *text = argv[r.at];

		if (text[0] != '-' || !text[1]) { /* "-" alone is an operand: stdin or stdout */
			argv[operands++] = text;
			continue;
		}
		if (strcmp(text, "--") == 0) {
			while (++r.at < argc)
				argv[operands++] = argv[r.at];
			break;
		}
		if ((text[1] == '-' ? read_long(&r, text + 2) : read_short(&r, text + 1)) < 0)
			return -1;
	}
	return operands;
}
