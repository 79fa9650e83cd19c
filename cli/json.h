/* JSON, as far as one object a line needs it: RFC 8259. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <pier/bytes.h>
#include <stdio.h>

/* "…" with what must be escaped escaped; `text` is UTF-8, and bytes that are not become U+FFFD. */
void json_string(FILE *to, pier_bytes text);

/* "text":"…" when the bytes are UTF-8, else "hex":"…". */
void json_data(FILE *to, pier_bytes bytes);

#endif
