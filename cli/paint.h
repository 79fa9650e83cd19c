/* A hub's line made fit for a terminal, its parts told apart by colour. */
#ifndef CLI_PAINT_H
#define CLI_PAINT_H

#include <pier/bytes.h>
#include <stdio.h>

/* "lin: hello", "[12:30] lin: hello", "* lin came in": names each in a colour of their own, notes
 * dim. Controls are spelled out. No newline is added. */
void paint_line(FILE *to, pier_bytes line, bool colour);

#endif
