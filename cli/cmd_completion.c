/* pier completion: what a shell needs to complete pier's commands and options, made from the
 * tables. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "commands.h"

static const struct option options[] = {{0}};

/* Calls each(option, arg) for all options of a command. */
static void each_option(const struct command *c, void (*each)(const struct option *))
{
	for (const struct option *o = c->options; o->name; o++)
		each(o);
	for (const struct option *o = common_options; o->name; o++)
		each(o);
}

/* "add|list NAME" gives "add list": the words that an operand can be. Returns `into`, empty for
 * none. */
static const char *words(const char *choices, char *into, size_t room)
{
	size_t len = choices ? strcspn(choices, " ") : 0;

	into[0] = '\0';
	if (!choices || !memchr(choices, '|', len))
		return into;
	snprintf(into, room, "%.*s", (int)len, choices);
	for (char *c = into; *c; c++)
		if (*c == '|')
			*c = ' ';
	return into;
}

/* ---- bash ------------------------------------------------------------------------------------ */

static void bash_option(const struct option *o)
{
	printf(" --%s%s", o->name, o->kind == OPTION_FLAG ? "" : "=");
}

static void bash_choices(const struct option *o)
{
	char list[200];

	if (o->kind == OPTION_TEXT && *words(o->value, list, sizeof list))
		printf("\t--%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return;;\n", o->name,
		       list);
}

static void bash(void)
{
	char list[200];

	puts("# bash completion for pier\n"
	     "_pier() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= "
	     "options=\n"
	     "\tCOMPREPLY=()\n"
	     "\tif ((COMP_CWORD == 1)); then");
	printf("\t\tCOMPREPLY=($(compgen -W 'help");
	for (const struct command *const *c = commands; *c; c++)
		printf(" %s", (*c)->name);
	puts(" --help --version' -- \"$cur\"))\n"
	     "\t\treturn\n"
	     "\tfi\n"
	     "\t# --name=value is three words to bash\n"
	     "\tif [[ $cur == = ]]; then cur=\n"
	     "\telif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
	     "\tcase ${COMP_WORDS[1]} in");
	for (const struct command *const *c = commands; *c; c++) {
		printf("\t%s)\n\tcase $prev in\n", (*c)->name);
		each_option(*c, bash_choices);
		printf("\tesac\n\twords='%s' options='", words((*c)->usage, list, sizeof list));
		each_option(*c, bash_option);
		puts("';;");
	}
	printf("\thelp) words='");
	for (const struct command *const *c = commands; *c; c++)
		printf("%s%s", c == commands ? "" : " ", (*c)->name);
	puts("';;\n"
	     "\tesac\n"
	     "\tif [[ $cur == -* ]]; then\n"
	     "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	     "\t\t[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace\n"
	     "\telif ((COMP_CWORD == 2)) && [[ $words ]]; then\n"
	     "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	     "\telse\n"
	     "\t\tcompopt -o filenames\n"
	     "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	     "\tfi\n"
	     "}\n"
	     "complete -F _pier pier");
}

/* ---- zsh ------------------------------------------------------------------------------------- */

/* Inside '…[text]': the quote ends the word, the bracket the description. */
static void zsh_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (strchr("[]:\\", *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void zsh_option(const struct option *o)
{
	char list[200];

	printf(" \\\n\t\t\t");
	if (o->letter)
		printf("'(-%c --%s)'{-%c%s,--%s%s}'[", o->letter, o->name, o->letter,
		       o->value ? "+" : "", o->name, o->value ? "=" : "");
	else
		printf("'--%s%s[", o->name, o->value ? "=" : "");
	zsh_text(o->help);
	putchar(']');
	if (o->value) {
		words(o->value, list, sizeof list);
		putchar(':');
		zsh_text(*list ? "one of" : o->value);
		if (*list)
			printf(":(%s)", list);
		else if (strcmp(o->value, "FILE") == 0 || strcmp(o->value, "DIR") == 0)
			fputs(":_files", stdout);
		else
			putchar(':');
	}
	putchar('\'');
}

static void zsh(void)
{
	char list[200];

	puts("#compdef pier\n"
	     "_pier() {\n"
	     "\tif ((CURRENT == 2)); then\n"
	     "\t\tlocal -a commands=(\n"
	     "\t\t\t'help:the help of a command'");
	for (const struct command *const *c = commands; *c; c++) {
		printf("\t\t\t'%s:", (*c)->name);
		zsh_text((*c)->line);
		puts("'");
	}
	puts("\t\t)\n"
	     "\t\t_describe command commands\n"
	     "\t\treturn\n"
	     "\tfi\n"
	     "\tlocal command=$words[2]\n"
	     "\tshift words\n"
	     "\t((CURRENT--))\n"
	     "\tcase $command in");
	for (const struct command *const *c = commands; *c; c++) {
		printf("\t%s)\n\t\t_arguments -s", (*c)->name);
		each_option(*c, zsh_option);
		if (*words((*c)->usage, list, sizeof list))
			printf(" \\\n\t\t\t'1:what:(%s)'", list);
		puts(" \\\n\t\t\t'*:operand:_files';;");
	}
	printf("\thelp)\n\t\t_arguments '1:command:(");
	for (const struct command *const *c = commands; *c; c++)
		printf("%s%s", c == commands ? "" : " ", (*c)->name);
	puts(")';;\n"
	     "\tesac\n"
	     "}\n"
	     "compdef _pier pier");
}

/* ---- fish ------------------------------------------------------------------------------------ */

static void fish_text(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

static const char *fish_command; /* whose options are printed */

static void fish_option(const struct option *o)
{
	char list[200];

	printf("complete -c pier -n '__fish_seen_subcommand_from %s' -l %s", fish_command, o->name);
	if (o->letter)
		printf(" -s %c", o->letter);
	if (o->value && *words(o->value, list, sizeof list))
		printf(" -x -a '%s'", list);
	else if (o->value)
		printf(" -r");
	printf(" -d ");
	fish_text(o->help);
	putchar('\n');
}

static void fish(void)
{
	char list[200];

	puts("# fish completion for pier\n"
	     "complete -c pier -n __fish_use_subcommand -f -a help -d 'the help of a command'");
	for (const struct command *const *c = commands; *c; c++) {
		fish_command = (*c)->name;
		printf("complete -c pier -n __fish_use_subcommand -f -a %s -d ", (*c)->name);
		fish_text((*c)->line);
		putchar('\n');
		printf("complete -c pier -n '__fish_seen_subcommand_from help' -f -a %s\n",
		       (*c)->name);
		if (*words((*c)->usage, list, sizeof list))
			printf("complete -c pier -n '__fish_seen_subcommand_from %s' -f -a '%s'\n",
			       (*c)->name, list);
		each_option(*c, fish_option);
	}
}

static int run(int argc, char **argv)
{
	const char *shell = argc == 1 ? argv[0] : "";

	if (strcmp(shell, "bash") == 0)
		bash();
	else if (strcmp(shell, "zsh") == 0)
		zsh();
	else if (strcmp(shell, "fish") == 0)
		fish();
	else
		return fail(STATUS_USAGE,
			    "completion wants the name of a shell: bash, zsh or fish");
	if (fflush(stdout) != 0)
		return fail(STATUS_LOCAL, "stdout: %s", strerror(errno));
	return STATUS_DONE;
}

const struct command command_completion = {
	.name = "completion",
	.line = "tab completion for your shell",
	.usage = "bash|zsh|fish",
	.options = options,
	.help = "Prints a script that teaches the shell pier's commands and options.\n"
		"\n"
		"  source <(pier completion bash)                     this shell only\n"
		"  pier completion bash > ~/.local/share/bash-completion/completions/pier\n"
		"  pier completion zsh > ~/.zfunc/_pier               a folder of $fpath\n"
		"  pier completion fish > ~/.config/fish/completions/pier.fish\n",
	.run = run,
};
