/* Fibers: straight-line code that waits without holding a thread. A fiber lives and dies on one
 * worker (a thread); fibers of one worker never run at the same time, so they need no locks among
 * themselves. Every fiber belongs to a group, and no group ends before its fibers. */
#ifndef PIER_FIBER_H
#define PIER_FIBER_H

#include <pier/api.h>
#include <pier/time.h>

PIER_BEGIN

/* ---- Running --------------------------------------------------------------------------------- */

typedef struct pier_run_opts {
	size_t size; /* sizeof(pier_run_opts), set by the macro: room to grow */
	unsigned
		workers; /* threads that servers may use; 0 = one per core this process may run on */
	size_t stack_size; /* bytes of address space per fiber; 0 = 256 KiB. Memory is used as touched */
} pier_run_opts;

/* Starts a runtime on the calling thread, runs main_fn(arg) there as the first fiber, and waits until
 * it returns. Servers started inside spread over further workers. Returns what main_fn returned, or
 * -ENOMEM, -EMFILE … when the runtime could not start, or -EBUSY from inside a fiber. A child of fork(2) may run one of
 * its own, unless it was forked on a fiber: that one may exec or _exit.
 * Python: asyncio.run. */
PIER_API int pier_run_with(int (*main_fn)(void *), void *arg, const pier_run_opts *opts);
#define pier_run(main_fn, arg, ...)                                                                \
	pier_run_with((main_fn), (arg),                                                            \
		      &(pier_run_opts){.size = sizeof(pier_run_opts), ##__VA_ARGS__})

/* From now on a fiber that runs out of its stack is named on stderr before the SIGSEGV ends the process; false takes
 * that back. This sets the disposition of SIGSEGV for the whole process, which the library never does unasked, so it is
 * for programs; pier_serve from a plain main asks for it itself. A core still shows the place, and other faults are as
 * ever. A frame larger than a page may step over the guard of the stack: compile with -fstack-clash-protection.
 * Returns 0, or -EBUSY when the program or a sanitizer has a handler of its own, or -ENOENT when there is
 * nothing to take back. sigaltstack(2). */
PIER_API int pier_overflow_report(bool on);

/* Lets the other ready fibers of this worker run first. Returns 0, -ECANCELED or -ETIMEDOUT. */
PIER_API int pier_yield(void);

/* ---- Groups ---------------------------------------------------------------------------------- */

/* A group of fibers, in the caller's memory, used on one worker. The fields are the library's. */
typedef struct pier_group {
	struct fiber *first;
	struct fiber *waiter;
	int err;
	unsigned live;
	bool cancelled;
} pier_group;
#define PIER_GROUP                                                                                 \
	{                                                                                          \
		0                                                                                  \
	}

/* A group that its scope owns: leaving the scope, by any way, cancels its fibers and joins them.
 *	PIER_AUTO_GROUP all = PIER_GROUP; */
#define PIER_AUTO_GROUP PIER_CLEANUP(pier_group_end) pier_group

/* Starts fn(arg) as a fiber of `g`, on this worker; it first runs when the caller next waits. When it
 * returns a negative number, that becomes the group's error and its siblings are cancelled. `arg` must
 * live as long as the fiber. Returns 0, -ECANCELED when the group already is, -ENOMEM, or -ENOTSUP
 * outside pier_run. Python: asyncio.TaskGroup.create_task. */
PIER_API int pier_go(pier_group *g, int (*fn)(void *), void *arg);

/* Waits until every fiber of the group has returned. Returns 0, or the first error among them. When
 * the caller itself is cancelled or out of time, the fibers are cancelled, joined all the same, and
 * -ECANCELED or -ETIMEDOUT is returned. */
PIER_API int pier_group_wait(pier_group *g);

/* Cancels every fiber of the group, now and still to come; does not wait. Cancel is sticky: each wait
 * of a cancelled fiber fails with -ECANCELED until it returns. */
PIER_API void pier_group_cancel(pier_group *g);

/* Cancels and joins: what PIER_AUTO_GROUP does at the end of its scope. NULL is allowed. */
PIER_API void pier_group_end(pier_group *g);

/* ---- Workers --------------------------------------------------------------------------------- */

/* How many workers this runtime may use (the option `workers`), and which one this is, from 0.
 * -ENOTSUP outside pier_run. */
PIER_API int pier_workers(void);
PIER_API int pier_worker_id(void);

/* Runs fn(arg) as a fiber of that worker, started if need be, and waits until it has returned. When the
 * caller is cancelled or out of time, that fiber is cancelled and waited for all the same. Returns
 * what fn returned; -ECANCELED or -ETIMEDOUT when that is why fn was cancelled; or, when fn did not run,
 * -EINVAL for a worker that may not be, -ENOMEM, -EMFILE …, or -ENOTSUP outside pier_run.
 * To run on several workers at once, call from several fibers of a group. */
PIER_API int pier_call(unsigned worker, int (*fn)(void *), void *arg);

/* ---- Locals ---------------------------------------------------------------------------------- */

/* What each fiber has for itself under a key, as threads have errno. Keys are made once, are for all
 * fibers of the process, and last. Python: contextvars.ContextVar. */
#define PIER_LOCALS_MAX 32 /* keys of a process */

/* A new key. When a fiber ends, end(value) runs on it for a value that is not NULL, shielded from a cancel
 * no more than the rest of the fiber; `end` may be NULL. The key, or -ENOSPC. */
PIER_API int pier_local_key(void (*end)(void *value));

/* Sets the calling fiber's value; an older one is forgotten, not ended. Returns 0, -EINVAL for what is no
 * key, -ENOMEM, or -ENOTSUP outside fibers. */
PIER_API int pier_local_set(int key, void *value);

/* The calling fiber's value; NULL when none was set, and outside fibers. */
PIER_API void *pier_local_get(int key);

/* ---- Deadlines ------------------------------------------------------------------------------- */

/* The scope behind PIER_WITHIN and PIER_SHIELD. The fields are the library's. */
typedef struct pier_scope {
	struct pier_scope *outer;
	int64_t at;
	bool shield;
	bool entered;
} pier_scope;

/* Every wait inside, also in functions called, ends with -ETIMEDOUT once `ns` have passed. Scopes nest
 * and the nearer deadline wins. `break` and `return` leave the scope, so a `break` meant for an outer
 * loop leaves only this one. Works outside fibers as well.
 *	PIER_WITHIN(PIER_S(3)) { … }
 * Python: asyncio.timeout. */
#define PIER_WITHIN(ns) PIER_SCOPE_(ns, false)

/* For cleaning up after a cancel: inside, neither a cancel nor an outer deadline is felt, but only
 * this scope's own `ns`. */
#define PIER_SHIELD(ns) PIER_SCOPE_(ns, true)

#define PIER_SCOPE_(ns, shield)		 PIER_SCOPE_ON_(ns, shield, __LINE__)
#define PIER_SCOPE_ON_(ns, shield, line) PIER_SCOPE_AT_(ns, shield, line)
#define PIER_SCOPE_AT_(ns, shield, line) PIER_SCOPE_AS_(ns, shield, pier_scope_##line##_)
#define PIER_SCOPE_AS_(ns, shield, name)                                                           \
	for (PIER_CLEANUP(pier_scope_leave) pier_scope name = {0, 0, shield, false};               \
	     pier_scope_enter(&name, (ns));)

/* The pieces of the two macros, for languages without them: enter is true once, then false. */
PIER_API bool pier_scope_enter(pier_scope *scope, int64_t ns);
PIER_API void pier_scope_leave(pier_scope *scope);

/* Nanoseconds left until the nearest deadline around the caller; PIER_FOREVER without one; never < 0. */
PIER_API int64_t pier_time_left(void);

/* Why the caller's next wait would fail: 0, -ECANCELED or -ETIMEDOUT. For loops that compute. */
PIER_API int pier_stopped(void);

PIER_END

#endif
