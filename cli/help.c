/* The help pages, made from the tables. */
#include "help.h"

#include <string.h>

#include "commands.h"
#include "terminal.h"

#define PAGE_WIDTH   79u
#define OPTION_WIDTH 26u /* of the left column */

static const char about[] = "talk, share and serve over any socket";

static const char beginning[] =
	"  pier serve                     a hub here: chat, files, a web page, on port 7437\n"
	"  pier user add lin              let lin in (asks for a password)\n"
	"  pier chat 192.168.1.5          join a hub; nc 192.168.1.5 7437 works too\n"
	"  pier example.org:80            talk to any server (short for pier connect)\n"
	"  pier listen :9000              let others talk to you\n";

static const char statuses[] =
	"  0 done   1 other   2 usage   3 name not found   4 refused or unreachable\n"
	"  5 timed out   6 reset or truncated   7 not trusted   8 expectation failed\n"
	"  9 local I/O (files, pipes, ports)   128+n signal n\n";

static void heading(FILE *to, const char *text)
{
	fprintf(to, "\n%s%s%s\n", terminal_sgr(to, SGR_BOLD), text, terminal_sgr(to, SGR_RESET));
}

void help_all(FILE *to)
{
	fprintf(to, "pier: %s\n", about);
	heading(to, "Usage");
	fputs("  pier COMMAND [OPTIONS] [OPERANDS]\n"
	      "  pier ENDPOINT\n",
	      to);
	heading(to, "Commands");
	for (const struct command *const *c = commands; *c; c++)
		fprintf(to, "  %-12s %s\n", (*c)->name, (*c)->line);
	heading(to, "To begin with");
	fputs(beginning, to);
	heading(to, "Exit status");
	fputs(statuses, to);
	fputs("\nMore: pier help COMMAND, man pier-COMMAND. Tab completion: pier help "
	      "completion.\n",
	      to);
}

/* Columns of ASCII and of what help texts use beyond it, all one column wide. */
static unsigned width(const char *text, size_t len)
{
	unsigned columns = 0;

	for (size_t i = 0; i < len; i++)
		columns += ((unsigned char)text[i] & 0xC0) != 0x80;
	return columns;
}

/* Writes words from column `from`, breaking lines at spaces. */
static void wrap(FILE *to, const char *text, unsigned from)
{
	unsigned at = from;

	while (*text) {
		size_t len = strcspn(text, " ");
		unsigned columns = width(text, len);

		if (at > from && at + 1 + columns > PAGE_WIDTH) {
			fprintf(to, "\n%*s", (int)from, "");
			at = from;
		} else if (at > from) {
			fputc(' ', to);
			at++;
		}
		fwrite(text, 1, len, to);
		at += columns;
		text += len + (text[len] == ' ');
	}
	fputc('\n', to);
}

static void show_option(FILE *to, const struct option *o)
{
	char left[80], letter[8] = "    ";

	if (o->letter)
		snprintf(letter, sizeof letter, "-%c, ", o->letter);
	snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->value ? "=" : "",
		 o->value ? o->value : "");

	unsigned columns = width(left, strlen(left));
	fputs(left, to);
	if (columns + 2 > OPTION_WIDTH)
		fprintf(to, "\n%*s", (int)OPTION_WIDTH, "");
	else
		fprintf(to, "%*s", (int)(OPTION_WIDTH - columns), "");
	wrap(to, o->help, OPTION_WIDTH);
}

void help_command(FILE *to, const struct command *c)
{
	fprintf(to, "pier %s: %s\n", c->name, c->line);
	heading(to, "Usage");
	fprintf(to, "  pier %s %s\n", c->name, c->usage);
	heading(to, "Options");
	for (const struct option *o = c->options; o->name; o++)
		show_option(to, o);
	for (const struct option *o = common_options; o->name; o++)
		show_option(to, o);
	fprintf(to, "\n%s", c->help);
	heading(to, "Exit status");
	fputs(statuses, to);
}
