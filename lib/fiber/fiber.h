/* Fibers from the inside: what waits are made of. */
#ifndef FIBER_FIBER_H
#define FIBER_FIBER_H

#include "base/heap.h"
#include "base/list.h"
#include "io/backend.h"
#include "io/op.h"

#include <pier/fiber.h>
#include <stdatomic.h>

#define FIBER_STACK_SIZE   (256u << 10) /* of address space; memory is used as it is touched */
#define FIBER_STREAK_MAX   64	/* ops that a fiber completes without parking before it yields */
#define FIBER_STREAK_BYTES 4096 /* moved by one op: as good as one more */
#define FIBER_STEPS_MAX	   256 /* the same for single system calls, which take less: about 60 µs */

enum fiber_state {
	FIBER_READY,
	FIBER_RUNNING,
	FIBER_PARKED,
	FIBER_DEAD
};

/* Lives at the top of its own stack, so that an idle fiber touches few pages; what each wait touches comes first, in
 * few lines of the cache. */
struct fiber {
	void *sp; /* where it left off */
	struct worker *worker;
	struct list link;  /* in the run queue, in a waitq, or among the free */
	pier_scope *scope; /* innermost */
	struct io_op *op;  /* while parked: the op it waits for, if one */
	enum fiber_state state;
	int wake_err; /* why the wait ended: 0, or an error that ended it */
	unsigned streak;
	bool deaf; /* while parked: feels neither cancel nor deadline */
	bool cancelled;
	const char *waits_for; /* while parked: words for a dump */
	int64_t parked_at;     /* while parked: since when */
	int64_t wake_at;       /* while parked: the deadline; while free: since when */
	struct heap_node
		timer; /* one per fiber, moved only to earlier times, re-armed when it fires */
	uint64_t id;   /* among those of its worker, from 0 */
	int (*fn)(void *);
	void *arg;
	pier_group *group;
	struct fiber *group_next, *group_prev;
	void **locals; /* NULL until the first is set */
	char *stack;   /* lowest byte */
	size_t stack_size;
	void *tsan, *asan;
	unsigned valgrind;
};

/* The fiber that runs now, or NULL outside of fibers. */
struct fiber *pier_fiber_self(void);

/* ---- Waiting: each of these parks the calling fiber ---------------------------------------------- */

/* Submits an op and waits for its end, until `at` or a nearer deadline around. Returns its result, or
 * -ETIMEDOUT, -ECANCELED. When the result came first it is returned, whatever else happened. Works
 * outside fibers too. */
int64_t pier_await(struct io_op *op, int64_t at, const char *what);

/* The same, and feels neither cancel nor deadline: for ops that must not be left (closing, files). */
int64_t pier_await_deaf(struct io_op *op, const char *what);

/* Why a wait may not even begin: 0, -ECANCELED or -ETIMEDOUT, by the clock of this turn. */
int pier_wait_refused(void);

/* Exchanges the innermost scope of what runs on the calling thread outside fibers. */
pier_scope *pier_scope_of_thread(pier_scope *s);

/* What a call begins with that seldom waits: both of the above and below, at the least cost. 0, -ECANCELED or
 * -ETIMEDOUT. */
int pier_fiber_step(void);

/* True outside of fibers, where no deadline is set and nothing else is under way: a call may wait in the kernel, for ever. */
bool pier_thread_may_sleep(void);

/* Such a call moved so many bytes. Counted like an op that was complete at once. */
void pier_fiber_moved(int64_t in, int64_t out);

/* The fiber got what it wanted without parking; too often in a row, and the others run first. */
void pier_fiber_streak(struct fiber *f);

/* A queue of fibers of one worker that wait for something. */
struct waitq {
	struct list fibers;
	bool by_mail; /* another thread may have it woken */
};

static inline void waitq_init(struct waitq *q)
{
	list_init(&q->fibers);
	q->by_mail = false;
}

/* For waits that end by mail, so that they are not taken for a deadlock. */
static inline void waitq_init_by_mail(struct waitq *q)
{
	list_init(&q->fibers);
	q->by_mail = true;
}

/* Waits to be woken. 0, -ETIMEDOUT or -ECANCELED (or what pier_fiber_interrupt gave). */
int pier_waitq_wait(struct waitq *q, int64_t at, const char *what);
/* Waits to be woken, deaf to all else. */
void pier_waitq_wait_deaf(struct waitq *q, const char *what);
bool pier_waitq_wake(struct waitq *q);
void pier_waitq_wake_all(struct waitq *q);
/* Ends the wait of all that are not deaf, with `err`. */
void pier_waitq_interrupt(struct waitq *q, int err);

/* Parks until someone calls pier_fiber_ready; low level of the above. The second: another thread may have
 * that done, so it is no deadlock. */
int pier_fiber_park(int64_t at, bool deaf, const char *what);
int pier_fiber_park_by_mail(int64_t at, bool deaf, const char *what);
void pier_fiber_ready(struct fiber *f);

/* Ends the present wait of a parked fiber with `err`, once; does not stick. */
void pier_fiber_interrupt(struct fiber *f, int err);

/* Cancels one fiber: sticky. */
void pier_fiber_cancel(struct fiber *f);

/* Runs fn(arg), which must not wait, on a stack that the worker keeps for calls that go deep, so that the pages they
 * touch are not the fiber's. Outside fibers, or without memory for that stack, just runs it. What it returned. */
int64_t pier_deep(int64_t (*fn)(void *), void *arg);

/* ---- Starting and ending ------------------------------------------------------------------------- */

/* A new fiber on the calling thread's worker, ready to run. NULL when memory is out. */
struct fiber *pier_fiber_start(struct worker *w, int (*fn)(void *), void *arg);

/* A group tells its fibers apart from others by these two. */
void pier_group_join(pier_group *g, struct fiber *f);
void pier_group_leave(struct fiber *f, int result);

/* Ends the values of a fiber that has returned, on that fiber. */
void pier_locals_end(struct fiber *f);

/* ---- Stacks and switching ------------------------------------------------------------------------ */

/* Free stacks lie in one of two lists, the last freed in front. */
struct stacks {
	struct list warm; /* with the pages that their fibers touched */
	struct list cold; /* with their tops only */
	unsigned warm_count;
	int64_t rest_until; /* no trimming before */
	struct slab *slabs;
	size_t size;
	_Atomic size_t mapped; /* bytes of address space; read by others */
	struct depths *depths; /* NULL where nobody wants to know */
};
void pier_stacks_init(struct stacks *s, size_t size);
void pier_stacks_done(struct stacks *s);

/* The fiber at the top of a fresh stack. NULL when memory or guards are out; of the guards it tells the log. */
struct fiber *pier_stack_take(struct stacks *s);
void pier_stack_give(struct stacks *s, struct fiber *f, int64_t now);

/* Gives the pages of stacks that are free for long back to the kernel, a few at a time; when that is due. */
void pier_stacks_trim(struct stacks *s, int64_t now);
int64_t pier_stacks_trim_at(const struct stacks *s);

/* Every fiber that has a stack, those that have ended too (FIBER_DEAD). */
void pier_stacks_each(struct stacks *s, void (*fn)(struct fiber *, void *arg), void *arg);

/* True for an address in the guard of a fiber's stack. */
bool pier_stack_guards(const struct fiber *f, const void *at);

/* True where the kernel has no guards but mappings: found out at the first, or set by a test. */
extern atomic_bool pier_stack_guards_map;

/* Saves the callee-saved registers and the stack pointer of the caller in *from, and goes on where `to` was
 * left. switch_<arch>.S, or switch.c. */
void pier_switch(void **from, void *to);
/* The first `to` of a stack whose usable top is `top`: runs pier_fiber_main(f). */
void *pier_switch_prepare(void *bottom, void *top, struct fiber *f);
void pier_fiber_main(struct fiber *f) __attribute__((noreturn));

#endif
