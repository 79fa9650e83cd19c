/* Names by the system's resolver, on a thread of the names pool. */
#ifndef IO_LOOKUP_H
#define IO_LOOKUP_H

#include "op.h"

/* Starts the look-up of an IO_LOOKUP op. False: complete at once with an error as its result. */
bool pier_lookup_start(struct io_op *op);

/* Takes the op back from a look-up under way. False when its answer is already in the mail. */
bool pier_lookup_abandon(struct io_op *op);

#endif
