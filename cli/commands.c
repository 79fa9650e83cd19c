/* The table of commands. A new one is a line in each of the two lists, in the order of names. */
#include "commands.h"

#include <string.h>

extern const struct command command_chat;
extern const struct command command_completion;
extern const struct command command_connect;
extern const struct command command_get;
extern const struct command command_listen;
extern const struct command command_put;
extern const struct command command_serve;
extern const struct command command_user;

const struct command *const commands[] = {
	&command_chat, &command_completion, &command_connect, &command_get, &command_listen,
	&command_put,  &command_serve,	    &command_user,    NULL,
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}
