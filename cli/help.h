/* The help pages, made from the tables. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "command.h"

void help_all(FILE *to);
void help_command(FILE *to, const struct command *c);

#endif
