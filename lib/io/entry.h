/* What an op is in the ring's words. */
#ifndef IO_ENTRY_H
#define IO_ENTRY_H

#include "op.h"
#include "ring.h"

#ifdef IORING_SETUP_DEFER_TASKRUN

/* The ring waits for the descriptor, and perform.c does the op: for what the ring has no op of its own worth
 * using. */
static inline bool entry_polls(const struct io_op *op)
{
	if (op->flags & MSG_ERRQUEUE) /* the ring's would be woken by input too, and give up */
		return true;
	return op->kind != IO_ACCEPT && op->kind != IO_RECV && op->kind != IO_RECVMSG &&
	       op->kind != IO_SENDMSG;
}

/* Fills a zeroed entry. `poll_first`: a receive is not worth a try before its descriptor says so. */
void pier_entry_fill(struct io_uring_sqe *s, struct io_op *op, bool poll_first);

#endif
#endif
