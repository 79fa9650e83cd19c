/* Bytes as rows of hex and text. */
#ifndef CLI_HEX_H
#define CLI_HEX_H

#include <pier/bytes.h>
#include <stdio.h>

#define HEX_ROW 16 /* bytes a row */

/* "01 03 …   ..", the first row where the line stands, further rows after `indent` blanks. Ends in
 * a newline. With `colour`, kinds of bytes differ: NUL, white space, other control, text, beyond
 * ASCII. */
void hex_rows(FILE *to, pier_bytes bytes, unsigned indent, bool colour);

/* Reads "01 03 0a", "01030a", "0x01,0x03" into bytes, in place. Returns their count or -EINVAL. */
ssize_t hex_parse(char *text, size_t len);

#endif
