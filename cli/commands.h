/* All commands. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "command.h"

extern const struct command *const commands[]; /* sorted by name, ended by NULL */

/* NULL when there is none of that name. */
const struct command *command_find(const char *name);

#endif
