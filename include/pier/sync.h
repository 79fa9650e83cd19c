/* Mutex, condition, semaphore and once, for fibers of any workers and for threads. All are in the caller's
 * memory, need no init beyond the macro (which is zeros, but for the semaphore) and nothing at their end.
 * Who waits longest is served first. Fibers of one worker never run at the same time: between those, a
 * lock is needed only around what waits. */
#ifndef PIER_SYNC_H
#define PIER_SYNC_H

#include <pier/api.h>

PIER_BEGIN

/* Those who wait. The fields are the library's, here and below. */
typedef struct pier_waiting {
	struct pier_place *first, *last;
} pier_waiting;

/* ---- Mutex ----------------------------------------------------------------------------------- */

typedef struct pier_mutex {
	uint32_t state;
	pier_waiting waiting;
} pier_mutex;
#define PIER_MUTEX                                                                                 \
	{                                                                                          \
		0                                                                                  \
	}

/* Locks; waits while another has it. A lock that is free is taken also by a fiber that is cancelled or out
 * of time. Returns 0 or, not having it, -ETIMEDOUT, -ECANCELED. Not recursive. Python: Lock.acquire. */
PIER_API int pier_mutex_lock(pier_mutex *m);
/* Returns whether it was free and now is the caller's. */
PIER_API bool pier_mutex_try_lock(pier_mutex *m);
/* Gives it to who has waited longest; never waits. The caller must have it. */
PIER_API void pier_mutex_unlock(pier_mutex *m);

/* ---- Condition ------------------------------------------------------------------------------- */

typedef struct pier_cond {
	pier_waiting waiting;
} pier_cond;
#define PIER_COND                                                                                  \
	{                                                                                          \
		0                                                                                  \
	}

/* Unlocks `m`, waits to be signalled, and locks `m` again, which it does in any case. Returns 0,
 * -ETIMEDOUT or -ECANCELED. What the caller waits for may have passed again: look in a loop.
 * Python: Condition.wait. */
PIER_API int pier_cond_wait(pier_cond *c, pier_mutex *m);
/* Wakes who has waited longest; all. Nobody, when nobody waits. */
PIER_API void pier_cond_signal(pier_cond *c);
PIER_API void pier_cond_broadcast(pier_cond *c);

/* ---- Semaphore ------------------------------------------------------------------------------- */

typedef struct pier_sem {
	uint32_t count;
	pier_waiting waiting;
} pier_sem;
#define PIER_SEM(n)                                                                                \
	{                                                                                          \
		.count = (n)                                                                       \
	}

/* Takes one; waits until there is one. Returns 0 or, without it, -ETIMEDOUT, -ECANCELED. Python:
 * Semaphore.acquire. */
PIER_API int pier_sem_take(pier_sem *s);
/* Returns whether there was one and now is the caller's. */
PIER_API bool pier_sem_try_take(pier_sem *s);
/* Gives one back, or a new one; never waits. At most UINT32_MAX can be there. */
PIER_API void pier_sem_give(pier_sem *s);

/* ---- Once ------------------------------------------------------------------------------------ */

typedef struct pier_once {
	uint32_t state;
	pier_waiting waiting;
} pier_once;
#define PIER_ONCE                                                                                  \
	{                                                                                          \
		0                                                                                  \
	}

/* The first caller runs fn(arg), which may wait; all others return after it has. Returns 0 or, when fn
 * has not returned yet, -ETIMEDOUT, -ECANCELED. */
PIER_API int pier_once_do(pier_once *o, void (*fn)(void *arg), void *arg);

PIER_END

#endif
