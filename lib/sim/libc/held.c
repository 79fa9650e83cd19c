#include "held.h"

#include <errno.h>

#define HELD_MAX 1024 /* at once, by all nodes */

struct held {
	const void *lock;
	unsigned task; /* its number */
	unsigned count;
	bool shared;
};

static struct held held[HELD_MAX];
static unsigned held_count;

static struct held *find(const void *lock, unsigned task)
{
	for (unsigned i = held_count; i-- > 0;)
		if (held[i].lock == lock && held[i].task == task)
			return &held[i];
	return NULL;
}

/* That of another, if it is in the way. */
static struct held *obstacle(const void *lock, unsigned task, bool shared)
{
	for (unsigned i = held_count; i-- > 0;)
		if (held[i].lock == lock && held[i].task != task && !(shared && held[i].shared))
			return &held[i];
	return NULL;
}

static void drop(struct held *h)
{
	*h = held[--held_count];
}

static void add(const void *lock, unsigned task, bool shared)
{
	struct held *h = find(lock, task);
	if (!h && held_count == HELD_MAX) {
		pier_world_fail("more than %d locks are held", HELD_MAX);
		return;
	}
	if (!h) {
		h = &held[held_count++];
		*h = (struct held){.lock = lock, .task = task, .shared = shared};
	}
	h->count++;
}

/* To TSan, to open what somebody else has locked is a mistake. */
const char *__tsan_default_options(void);
__attribute__((weak)) const char *__tsan_default_options(void)
{
	return "report_mutex_bugs=0";
}

/* Whoever held it is gone with its node: the memory of a crash is lost, and what is static begins anew. */
static void inherit(struct held *h, void *lock, const struct lock_kind *kind)
{
	for (; h->count; h->count--)
		kind->unlock(lock);
	drop(h);
}

struct wish {
	const void *lock;
	unsigned task;
	bool shared;
};

static bool may(void *arg)
{
	const struct wish *w = arg;
	return !obstacle(w->lock, w->task, w->shared);
}

int libc_lock(void *lock, const struct lock_kind *kind, bool shared, int64_t until)
{
	struct task *t = libc_task();
	struct wish wish = {lock, t->number, shared};
	struct held *h;
	while ((h = obstacle(lock, t->number, shared))) {
		if (!pier_task_lives(h->task))
			inherit(h, lock, kind);
		else if (until == 0)
			return EBUSY;
		else if (until <= pier_world->now)
			return ETIMEDOUT;
		else
			pier_task_park(may, &wish, kind->name, until);
	}
	int err = kind->try(lock);
	if (err == EBUSY && until)
		err = kind->lock(lock);
	if (err == 0)
		add(lock, t->number, shared);
	return err;
}

int libc_unlock(void *lock, const struct lock_kind *kind)
{
	struct held *h = find(lock, libc_task()->number);
	int err = kind->unlock(lock);
	if (err == 0 && h && --h->count == 0)
		drop(h);
	return err;
}
