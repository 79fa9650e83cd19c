/* Ends of lines, as the peer wants them. Pure. */
#ifndef CLI_EOL_H
#define CLI_EOL_H

#include <pier/bytes.h>

enum eol {
	EOL_LF,
	EOL_CRLF,
	EOL_CR,
	EOL_NONE
};

struct eol_state {
	enum eol want;
	bool cr; /* the last byte was a CR: an LF after it is no new end */
};

/* "lf", "crlf", "cr", "none". */
enum eol eol_named(const char *name);

/* Writes `in` with its LFs as wanted into `out`, which has room for twice as much; CR LF stays what
 * it is, also when two reads cut it apart. Returns the bytes written. */
size_t eol_convert(struct eol_state *s, pier_bytes in, char *out);

#endif
