/* Workers: one thread, one io, one run queue, one heap of timers. A runtime is a row of them; the first is
 * the thread that called pier_run. */
#ifndef FIBER_WORKER_H
#define FIBER_WORKER_H

#include "base/count.h"
#include "fiber.h"

#include <stdatomic.h>

#define WORKERS_MAX 256

/* Something to do once at the end of the present turn: for writes that are better done together. */
struct turn_task {
	struct turn_task *next;
	void (*run)(struct turn_task *);
	bool queued;
};

/* Something to do before the fiber that runs now waits for anything, or ends. It must not wait itself. */
struct wait_task {
	struct list link;
	void (*run)(struct wait_task *);
};

/* Written by the worker, read by all. */
struct worker_counts {
	counter turns, turns_blocked, turn_longest, switches;
	counter started, ended, fibers_max, timers, accepted;
};

/* The fiber that took the longest of this turn; kept only while the log has a sink. */
struct turn_watch {
	bool on;
	int64_t since; /* the present fiber has run */
	int64_t longest, quiet_until;
	uint64_t id; /* it may be gone by the end of the turn */
	int (*fn)(void *);
};

struct worker {
	struct runtime *runtime;
	unsigned id;
	struct io *io;
	struct fiber *current; /* NULL: the loop itself */
	struct list ready;
	unsigned ready_count;
	unsigned budget; /* switches left in this turn */
	unsigned grants; /* by how many it may still grow */
	struct heap timers;
	struct stacks stacks;
	unsigned fibers;
	unsigned mail_awaited; /* fibers that other threads may wake */
	bool deadlock_told;
	struct fiber *deep; /* the stack of deep calls; NULL before the first */
	bool in_deep;	    /* one is under way */
	struct fiber *dead; /* its stack is given back by whoever runs next */
	struct turn_task *turn_first, **turn_last;
	struct list before_wait;
	atomic_uint load; /* conns: what accept balances */
	bool stopping;
	void *loop_sp;
	void *loop_tsan, *loop_asan;
	const void *loop_stack;
	size_t loop_stack_size;
	pthread_t thread;
	struct turn_watch watch;
	struct worker_counts counts;
};

struct runtime {
	struct runtime *next;	/* of the process */
	pthread_mutex_t growth; /* of count and workers */
	unsigned count, max;	/* workers that run; that may */
	size_t stack_size;
	struct worker *workers[WORKERS_MAX];
};

/* The end of the stack of deep calls. */
void pier_deep_done(struct worker *w);

/* The calling thread's worker, NULL outside a runtime. */
struct worker *pier_worker_self(void);

/* Starts workers until there are `count` (0: as many as may be). From any worker of the runtime. The count
 * that was asked for, or an error. */
int pier_runtime_grow(struct runtime *rt, unsigned count);

/* The calling thread is this worker from here on, or none: in a child of fork(2) that was made on a fiber the code goes
 * on as outside a runtime, and a simulation has one thread for many. Who it was before. */
struct worker *pier_worker_become(struct worker *w);

/* Puts its ready fibers into another order; below(n) is a number under n. What runs is not touched. */
void pier_worker_shuffle(struct worker *w, unsigned (*below)(unsigned n));

void pier_worker_at_turn_end(struct worker *w, struct turn_task *task);
void pier_turn_task_drop(struct worker *w, struct turn_task *task);
void pier_worker_before_wait(struct worker *w, struct wait_task *task);

/* The scheduler's part of fibers. */
int pier_worker_open(struct runtime *rt, unsigned id, struct worker **out);
void pier_worker_close(struct worker *w);
void pier_worker_loop(struct worker *w);
void pier_worker_switch(struct worker *w, struct fiber *from);

/* watch.c: of a turn, when a fiber is left, when it took too long: the log hears who held it up, at most once a second. */
void pier_watch_begin(struct worker *w);
void pier_watch_switch(struct worker *w, const struct fiber *from);
void pier_watch_tell(struct worker *w, int64_t took);

/* Tells the log, once, when no fiber of a worker that has some will ever run again. */
void pier_worker_check(struct worker *w);

#endif
