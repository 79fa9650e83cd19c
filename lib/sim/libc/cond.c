/* Waiting for each other: conditions and semaphores. */
#include "real.h"

#include "held.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

/* ---- Conditions ---------------------------------------------------------------------------------- */

#define SLEEPERS_MAX 1024

/* A task that waits. They stand here, not on its stack, which may go in a crash. */
struct sleeper {
	const pthread_cond_t *cond; /* NULL: a free place */
	unsigned task;
	bool woken;
};

static struct sleeper sleepers[SLEEPERS_MAX];
static unsigned sleepers_high;

/* musl's, beside those of POSIX. */
extern int __pthread_cond_timedwait(pthread_cond_t *, pthread_mutex_t *, const struct timespec *)
	__attribute__((weak));
extern int __private_cond_signal(pthread_cond_t *, int) __attribute__((weak));

static bool is_woken(void *arg)
{
	return ((struct sleeper *)arg)->woken;
}

static struct sleeper *place(void)
{
	for (unsigned i = 0; i < SLEEPERS_MAX; i++) {
		struct sleeper *s = &sleepers[i];
		if (s->cond && pier_task_lives(s->task))
			continue;
		if (i >= sleepers_high)
			sleepers_high = i + 1;
		return s;
	}
	return NULL;
}

static int wait_in(pthread_cond_t *c, pthread_mutex_t *m, int64_t until)
{
	struct sleeper *s = place();
	int err = s ? pthread_mutex_unlock(m) : ENOMEM;
	if (err)
		return err;
	*s = (struct sleeper){.cond = c, .task = libc_task()->number};
	pier_task_park(is_woken, s, "a condition", until);
	bool woken = s->woken;
	s->cond = NULL;
	err = pthread_mutex_lock(m);
	return err ? err : woken ? 0 : ETIMEDOUT;
}

/* Of those that wait, any: pthread_cond_signal(3) promises no order. */
static void wake(const pthread_cond_t *c, bool all)
{
	struct sleeper *chosen = NULL;
	uint64_t count = 0;
	for (unsigned i = 0; i < sleepers_high; i++) {
		struct sleeper *s = &sleepers[i];
		if (s->cond != c || s->woken || !pier_task_lives(s->task))
			continue;
		if (all)
			s->woken = true;
		else if (pier_chance(++count) == 0)
			chosen = s;
	}
	if (chosen)
		chosen->woken = true;
}

static int wait_for_ever(pthread_cond_t *c, pthread_mutex_t *m)
{
	return __pthread_cond_timedwait(c, m, NULL);
}

int pthread_cond_wait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m)
{
	return libc_task() ? wait_in(c, m, PIER_FOREVER)
			   : REAL(pthread_cond_wait, wait_for_ever)(c, m);
}

int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m,
			   const struct timespec *restrict until)
{
	return libc_task() ? wait_in(c, m, libc_moment(until))
			   : REAL(pthread_cond_timedwait, __pthread_cond_timedwait)(c, m, until);
}

static int signal_one(pthread_cond_t *c)
{
	return __private_cond_signal(c, 1);
}

static int signal_all(pthread_cond_t *c)
{
	return __private_cond_signal(c, -1);
}

int pthread_cond_signal(pthread_cond_t *c)
{
	if (!libc_task())
		return REAL(pthread_cond_signal, signal_one)(c);
	wake(c, false);
	return 0;
}

int pthread_cond_broadcast(pthread_cond_t *c)
{
	if (!libc_task())
		return REAL(pthread_cond_broadcast, signal_all)(c);
	wake(c, true);
	return 0;
}

#ifdef __GLIBC__
int pthread_cond_clockwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, clockid_t id,
			   const struct timespec *restrict until)
{
	return libc_task() ? wait_in(c, m, libc_moment(until))
			   : REAL(pthread_cond_clockwait, NULL)(c, m, id, until);
}
#endif

/* ---- Semaphores: their count is the real one's --------------------------------------------------- */

static bool has_count(void *s)
{
	int count = 0;
	sem_getvalue(s, &count);
	return count > 0;
}

static int take(sem_t *s, int64_t until)
{
	int before = errno;
	while (sem_trywait(s) < 0) {
		if (errno != EAGAIN)
			return -1;
		if (until <= pier_world->now) {
			errno = ETIMEDOUT;
			return -1;
		}
		pier_task_park(has_count, s, "a semaphore", until);
	}
	errno = before;
	return 0;
}

#ifdef __GLIBC__
#define take_real NULL

int sem_timedwait(sem_t *restrict s, const struct timespec *restrict until)
{
	return libc_task() ? take(s, libc_moment(until)) : REAL(sem_timedwait, NULL)(s, until);
}
#else
/* musl's own: for ever. */
static int take_real(sem_t *s)
{
	return sem_timedwait(s, NULL);
}
#endif

int sem_wait(sem_t *s)
{
	return libc_task() ? take(s, PIER_FOREVER) : REAL(sem_wait, take_real)(s);
}
