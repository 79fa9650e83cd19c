/* From an HTTP body into a file: while one piece is received, the piece before it is written and hashed in
 * the pool. */
#ifndef HUB_INTAKE_H
#define HUB_INTAKE_H

#include "digest.h"

#define INTAKE_PIECE (512 << 10) /* bytes of a piece; two of them are held */

struct intake {
	pier_http *http;
	pier_conn *conn;
	int fd;
	int64_t at;	       /* where the next byte goes; moves on as pieces are written */
	int64_t max;	       /* no byte goes here or beyond: -EFBIG */
	int64_t left;	       /* bytes of body to come, -1 = not known */
	struct hasher *hasher; /* NULL: not hashed */
	int64_t idle;	       /* ns that the peer may stand still */
	int64_t floor;	       /* bytes a second that it must keep up on average; 0 = any pace */
	/* Asked a few times a second while bytes come; what it returns below 0 ends the intake. */
	int (*watch)(int64_t received, void *arg);
	void *arg;
	bool torn; /* out: a write failed; the hasher may have seen what the file has not, or the reverse */
};

/* Waits for the whole body. Returns 0, or why it ended before; what had come is then written, as far as
 * `at` says, and hashed, unless writing was what failed. -EFBIG: more came than `max` allows. -ETIMEDOUT: it
 * stood still, or crept. */
int intake_run(struct intake *in);

#endif
