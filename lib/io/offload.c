/* Ops that block: each becomes a job of a pool and comes back as mail. Files and calls cannot be abandoned,
 * since they use the waiter's memory; a look-up has memory of its own, shared by the waiter and the
 * pool, freed by the last of the two. */
#include "backend.h"
#include "lookup.h"
#include "pool.h"

#include <errno.h>
#include <stdlib.h>

struct errand {
	struct job job;
	struct io_op *op;
};

static void run_errand(struct job *job)
{
	struct errand *e = (struct errand *)job;
	struct io_op *op = e->op;
	free(e);
	op->result = pier_io_perform(op->io, op);
	pier_io_post(op->io, op);
}

static bool submit_errand(struct pool *pool, struct io_op *op)
{
	struct errand *e = malloc(sizeof *e);
	if (!e) {
		op->result = -ENOMEM;
		return false;
	}
	*e = (struct errand){.job.run = run_errand, .op = op};
	if (!pier_pool_add(pool, &e->job)) {
		free(e);
		op->result = -EBUSY;
		return false;
	}
	return true;
}

bool pier_io_pool_submit(struct io *io, struct io_op *op)
{
	op->io = io;
	if (op->kind == IO_LOOKUP)
		return pier_lookup_start(op);
	return submit_errand(op->kind == IO_CALL ? &pier_pool_work : &pier_pool_files, op);
}

bool pier_io_pool_abandon(struct io_op *op)
{
	return op->kind == IO_LOOKUP && pier_lookup_abandon(op);
}
