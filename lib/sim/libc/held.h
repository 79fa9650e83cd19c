/* Who holds which lock, among tasks. */
#ifndef SIM_LIBC_HELD_H
#define SIM_LIBC_HELD_H

#include "libc.h"

/* The real one, that goes along. */
struct lock_kind {
	const char *name; /* of what is waited for */
	int (*try)(void *);
	int (*lock)(void *); /* when the task itself holds it: its kind decides */
	int (*unlock)(void *);
};

/* Locks for the calling task; waits until then at most: 0 is not at all. As pthread_mutex_timedlock(3). */
int libc_lock(void *lock, const struct lock_kind *kind, bool shared, int64_t until);
int libc_unlock(void *lock, const struct lock_kind *kind);

#endif
