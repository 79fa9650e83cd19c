/* Locks. All tasks are one real thread: the real lock, which knows no owner among them, would let the second one take what
 * is recursive, and would stop the world where it is not. So held.c says who waits; the real lock is taken along, as its
 * kind is its own, and for code outside. */
#include "held.h"
#include "real.h"

#include <errno.h>
#include <pthread.h>

BESIDE(pthread_mutex_lock);
BESIDE(pthread_mutex_trylock);
BESIDE(pthread_mutex_timedlock);
BESIDE(pthread_mutex_unlock);
BESIDE(pthread_rwlock_rdlock);
BESIDE(pthread_rwlock_wrlock);
BESIDE(pthread_rwlock_tryrdlock);
BESIDE(pthread_rwlock_trywrlock);
BESIDE(pthread_rwlock_unlock);

#define REAL_OF(function) REAL(function, __##function)

/* ---- Mutexes ------------------------------------------------------------------------------------- */

static int real_trylock(void *m)
{
	return REAL_OF(pthread_mutex_trylock)(m);
}

/* One that is held already, by who asks: recursive, an error, or for ever. */
static int real_lock(void *m)
{
	int err = REAL_OF(pthread_mutex_timedlock)(m, &(struct timespec){0});
	if (err == ETIMEDOUT)
		pier_task_park(NULL, NULL, "a mutex that it holds", PIER_FOREVER);
	return err;
}

static int real_unlock(void *m)
{
	return REAL_OF(pthread_mutex_unlock)(m);
}

static const struct lock_kind mutex = {"a mutex", real_trylock, real_lock, real_unlock};

int pthread_mutex_lock(pthread_mutex_t *m)
{
	return libc_task() ? libc_lock(m, &mutex, false, PIER_FOREVER)
			   : REAL_OF(pthread_mutex_lock)(m);
}

int pthread_mutex_trylock(pthread_mutex_t *m)
{
	return libc_task() ? libc_lock(m, &mutex, false, 0) : real_trylock(m);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict m, const struct timespec *restrict until)
{
	return libc_task() ? libc_lock(m, &mutex, false, libc_moment(until))
			   : REAL_OF(pthread_mutex_timedlock)(m, until);
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
	return libc_task() ? libc_unlock(m, &mutex) : real_unlock(m);
}

/* ---- Locks of readers and writers ---------------------------------------------------------------- */

static int real_tryrdlock(void *l)
{
	return REAL_OF(pthread_rwlock_tryrdlock)(l);
}

static int real_trywrlock(void *l)
{
	return REAL_OF(pthread_rwlock_trywrlock)(l);
}

/* Held by the task itself, in a way that does not go together: pthread_rwlock_wrlock(3) may say so. */
static int real_relock(void *l)
{
	(void)l;
	return EDEADLK;
}

static int real_rwunlock(void *l)
{
	return REAL_OF(pthread_rwlock_unlock)(l);
}

static const struct lock_kind reader = {"a rwlock", real_tryrdlock, real_relock, real_rwunlock};
static const struct lock_kind writer = {"a rwlock", real_trywrlock, real_relock, real_rwunlock};

int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
	return libc_task() ? libc_lock(l, &reader, true, PIER_FOREVER)
			   : REAL_OF(pthread_rwlock_rdlock)(l);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
	return libc_task() ? libc_lock(l, &writer, false, PIER_FOREVER)
			   : REAL_OF(pthread_rwlock_wrlock)(l);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
	return libc_task() ? libc_lock(l, &reader, true, 0) : real_tryrdlock(l);
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
	return libc_task() ? libc_lock(l, &writer, false, 0) : real_trywrlock(l);
}

int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	return libc_task() ? libc_unlock(l, &reader) : real_rwunlock(l);
}
