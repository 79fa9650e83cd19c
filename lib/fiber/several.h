/* Several ops under way at once, of which one waits for the next to end: addresses tried side by side, sockets
 * listened on together. On a fiber it parks; outside it blocks. */
#ifndef FIBER_SEVERAL_H
#define FIBER_SEVERAL_H

#include "fiber.h"

#define SEVERAL_MAX 64 /* under way at once */

struct several {
	struct io *io;
	struct fiber *waiter; /* parked in next */
	struct io_op *ops[SEVERAL_MAX];
	unsigned under_way;
	struct io_op *ended, **ended_last; /* and not taken yet */
};

/* 0, or -ENOMEM outside fibers. `s` must not move until its end. */
int pier_several_begin(struct several *s);

/* Its owner is set; op->result counts once the op was taken. */
void pier_several_submit(struct several *s, struct io_op *op);

/* The next op that has ended, in the order of their ends. Waits for one until `at` or a nearer deadline around;
 * then NULL, with -ETIMEDOUT or -ECANCELED in *err. NULL without an error: none is under way. */
struct io_op *pier_several_next(struct several *s, int64_t at, const char *what, int *err);

/* Asks one to end, if it is under way. */
void pier_several_end(struct several *s, struct io_op *op);

/* Cancels the ops under way and waits until they have ended, deaf to all else. What they brought all the same
 * is to be taken by pier_several_next, which waits no more. */
void pier_several_cancel(struct several *s);

#endif
