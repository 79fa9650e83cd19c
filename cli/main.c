/* pier: finds the command and runs it. */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "commands.h"
#include "help.h"
#include "suggest.h"

/* What was started without stdin, stdout or stderr gets them: else the first socket would become
 * one of them. An absent input is an empty one; an absent output is one that cannot be written. */
static int open_missing(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && !fopen("/dev/null", "r"))
			return -1;
	return 0;
}

static int unknown_command(const char *name)
{
	struct suggestion near = {.word = name};

	for (const struct command *const *c = commands; *c; c++)
		suggest(&near, (*c)->name);
	suggest(&near, "help");
	if (near.best)
		return fail(STATUS_USAGE, "no command %s (did you mean %s?)", name, near.best);
	return fail(STATUS_USAGE,
		    "no command %s (try: pier help; an endpoint has a colon, as in %s:80)", name,
		    name);
}

/* Help was asked for, so it is the output; what cannot be written is an error like any other. */
static int printed(void)
{
	if (fflush(stdout) == 0)
		return STATUS_DONE;
	return fail(STATUS_LOCAL, "stdout: %s", strerror(errno));
}

static int help(const char *name)
{
	if (!name) {
		help_all(stdout);
		return printed();
	}
	const struct command *c = command_find(name);
	if (!c)
		return unknown_command(name);
	help_command(stdout, c);
	return printed();
}

static int run(const struct command *c, int argc, char **argv)
{
	int operands = options_parse(c->name, c->options, argc, argv);

	if (operands < 0)
		return STATUS_USAGE;
	if (common.help)
		return help(c->name);
	argv[operands] = NULL;
	return c->run(operands, argv);
}

/* `pier -v HOST:PORT` is `pier connect -v HOST:PORT`. */
static const struct command *connect_for(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (argv[i][0] != '-' && looks_like_endpoint(argv[i]))
			return command_find("connect");
	return NULL;
}

static bool is(const char *text, const char *a, const char *b)
{
	return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

int main(int argc, char **argv)
{
	if (open_missing() < 0)
		return STATUS_LOCAL;
	/* A reader of our output that went away is an error of the write, told as status 9. */
	signal(SIGPIPE, SIG_IGN);
	setlocale(LC_ALL, "");

	if (argc < 2) {
		help_all(stderr);
		return STATUS_USAGE;
	}
	const char *first = argv[1];
	if (is(first, "--help", "-h"))
		return help(NULL);
	if (strcmp(first, "help") == 0)
		return help(argc > 2 ? argv[2] : NULL);
	if (strcmp(first, "--version") == 0) {
		puts("pier " PIER_VERSION);
		return printed();
	}

	const struct command *c = command_find(first);
	if (c)
		return run(c, argc - 2, argv + 2);
	c = connect_for(argc - 1, argv + 1);
	if (c)
		return run(c, argc - 1, argv + 1);
	if (first[0] == '-')
		return fail(STATUS_USAGE, "no option %s (try: pier help)", first);
	return unknown_command(first);
}
