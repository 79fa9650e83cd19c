/* Mutex, condition, semaphore, once: a word that says whether one must wait, and a queue of those who do.
 *
 * The queues are under locks of our own, found by address, so that the objects need no init and no end.
 * What is released goes straight to the first waiter: under such a lock the word says "taken" all the time
 * while somebody waits, and nobody can come in between. */
#include <pier/sync.h>

#include "waiter.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>

#define LOCKS 64

/* A line of the cache each. */
static struct {
	_Alignas(64) pthread_mutex_t lock;
} locks[LOCKS] = {[0 ... LOCKS - 1] = {PTHREAD_MUTEX_INITIALIZER}};

static pthread_mutex_t *lock_of(const void *object)
{
	uint64_t mixed =
		(uint64_t)(uintptr_t)object * 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio */
	return &locks[mixed >> 58].lock;
}

static bool swap(uint32_t *word, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static uint32_t load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* ---- Waiting ------------------------------------------------------------------------------------- */

static void queue_up(pier_waiting *q, struct pier_place *p, struct waiter *w)
{
	*p = (struct pier_place){.waiter = w};
	pier_place_push(q, p);
}

/* Under the object's lock: the waiter that gets it, if any. */
static struct waiter *claim(pier_waiting *q)
{
	struct pier_place *p = pier_place_claim(q);
	return p ? p->waiter : NULL;
}

static int wait_in(const void *object, pier_waiting *q, struct pier_place *p, const char *what)
{
	int err = pier_waiter_wait(p->waiter, what);
	if (err >= 0)
		return 0;
	pthread_mutex_lock(lock_of(object));
	pier_place_remove(q, p);
	pthread_mutex_unlock(lock_of(object));
	return err;
}

/* Waits for `object`, unless try(object) takes it or lets it pass after all. */
static int wait_unless(void *object, bool (*try)(void *), pier_waiting *q, const char *what)
{
	struct pier_place place;
	struct waiter w;
	int err = pier_wait_refused();
	if (err == 0)
		err = pier_waiter_init(&w);
	if (err < 0)
		return err;

	pthread_mutex_lock(lock_of(object));
	bool done = try(object);
	if (!done)
		queue_up(q, &place, &w);
	pthread_mutex_unlock(lock_of(object));
	return done ? 0 : wait_in(object, q, &place, what);
}

/* ---- Mutex --------------------------------------------------------------------------------------- */

enum {
	FREE,
	HELD,
	WANTED
}; /* WANTED: held, and the queue is to be looked at */

bool pier_mutex_try_lock(pier_mutex *m)
{
	return swap(&m->state, FREE, HELD);
}

/* Takes the lock, or marks it so that its holder will look for us. */
static bool lock_or_want(void *mutex)
{
	pier_mutex *m = mutex;
	for (;;) {
		if (pier_mutex_try_lock(m))
			return true;
		if (load(&m->state) == WANTED || swap(&m->state, HELD, WANTED))
			return false;
	}
}

int pier_mutex_lock(pier_mutex *m)
{
	if (pier_mutex_try_lock(m))
		return 0;
	return wait_unless(m, lock_or_want, &m->waiting, "a mutex");
}

void pier_mutex_unlock(pier_mutex *m)
{
	assert(load(&m->state) != FREE);
	if (swap(&m->state, HELD, FREE))
		return;
	pthread_mutex_lock(lock_of(m));
	struct waiter *next = claim(&m->waiting);
	if (!next)
		store(&m->state, FREE);
	pthread_mutex_unlock(lock_of(m));
	if (next)
		pier_waiter_tell(next); /* the mutex may be gone from here on */
}

/* ---- Condition ----------------------------------------------------------------------------------- */

static void lock_deaf(pier_mutex *m)
{
	PIER_SHIELD (PIER_FOREVER) {
		int err = pier_mutex_lock(m);
		assert(err == 0);
	}
}

/* In the queue before the mutex is free: who changes what we wait for under it will find us. */
int pier_cond_wait(pier_cond *c, pier_mutex *m)
{
	struct pier_place place;
	struct waiter w;
	int err = pier_wait_refused();
	if (err == 0)
		err = pier_waiter_init(&w);
	if (err < 0)
		return err;

	pthread_mutex_lock(lock_of(c));
	queue_up(&c->waiting, &place, &w);
	pthread_mutex_unlock(lock_of(c));
	pier_mutex_unlock(m);
	err = wait_in(c, &c->waiting, &place, "a condition");
	lock_deaf(m);
	return err;
}

void pier_cond_signal(pier_cond *c)
{
	pthread_mutex_lock(lock_of(c));
	struct waiter *w = claim(&c->waiting);
	pthread_mutex_unlock(lock_of(c));
	if (w)
		pier_waiter_tell(w);
}

static void tell_all(pier_waiting *q, pthread_mutex_t *lock)
{
	struct waiter *first = NULL, **last = &first, *w;
	pthread_mutex_lock(lock);
	while ((w = claim(q))) {
		w->next = NULL;
		*last = w;
		last = &w->next;
	}
	pthread_mutex_unlock(lock);
	while ((w = first)) {
		first = w->next; /* told, it is gone */
		pier_waiter_tell(w);
	}
}

void pier_cond_broadcast(pier_cond *c)
{
	tell_all(&c->waiting, lock_of(c));
}

/* ---- Semaphore ----------------------------------------------------------------------------------- */

bool pier_sem_try_take(pier_sem *s)
{
	uint32_t count;
	while ((count = load(&s->count)) > 0)
		if (swap(&s->count, count, count - 1))
			return true;
	return false;
}

static bool take_now(void *sem)
{
	return pier_sem_try_take(sem);
}

int pier_sem_take(pier_sem *s)
{
	int err = pier_wait_refused();
	if (err < 0 || pier_sem_try_take(s))
		return err;
	return wait_unless(s, take_now, &s->waiting, "a semaphore");
}

/* Counts only when nobody waits, so whoever waits finds the count at 0 as long as it does. */
void pier_sem_give(pier_sem *s)
{
	pthread_mutex_lock(lock_of(s));
	struct waiter *next = claim(&s->waiting);
	if (!next) {
		uint32_t before = __atomic_fetch_add(&s->count, 1, __ATOMIC_ACQ_REL);
		assert(before < UINT32_MAX);
	}
	pthread_mutex_unlock(lock_of(s));
	if (next)
		pier_waiter_tell(next);
}

/* ---- Once ---------------------------------------------------------------------------------------- */

enum {
	NEVER,
	RUNS,
	DONE
};

static bool is_done(void *once)
{
	return load(&((pier_once *)once)->state) == DONE;
}

int pier_once_do(pier_once *o, void (*fn)(void *), void *arg)
{
	if (is_done(o))
		return 0;
	if (!swap(&o->state, NEVER, RUNS))
		return wait_unless(o, is_done, &o->waiting, "what is done once");
	fn(arg);
	pthread_mutex_lock(lock_of(o));
	store(&o->state, DONE);
	pthread_mutex_unlock(lock_of(o));
	tell_all(&o->waiting, lock_of(o));
	return 0;
}
