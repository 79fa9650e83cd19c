#include "runtimes.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct runtime *runtimes, **last = &runtimes; /* tools/gdb_pier.py looks for it */

/* The child has none of their threads. One that was made on a fiber keeps what it stands on: to exec, or to end. */
static void fork_child(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	if (pier_worker_self())
		return;
	runtimes = NULL;
	last = &runtimes;
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, fork_child);
}

void pier_runtimes_hold(void)
{
	pthread_mutex_lock(&lock);
}

void pier_runtimes_release(void)
{
	pthread_mutex_unlock(&lock);
}

struct worker *pier_runtimes_worker(unsigned number)
{
	for (struct runtime *rt = runtimes; rt; rt = rt->next) {
		if (number < rt->count)
			return rt->workers[number];
		number -= rt->count;
	}
	return NULL;
}

void pier_runtimes_add(struct runtime *rt)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, watch_forks);
	pier_runtimes_hold();
	*last = rt;
	last = &rt->next;
	pier_runtimes_release();
}

void pier_runtimes_add_worker(struct runtime *rt, struct worker *w)
{
	pier_runtimes_hold();
	rt->workers[rt->count++] = w;
	pier_runtimes_release();
}

void pier_runtimes_remove(struct runtime *rt)
{
	pier_runtimes_hold();
	struct runtime **at = &runtimes;
	while (*at != rt)
		at = &(*at)->next;
	*at = rt->next;
	if (last == &rt->next)
		last = at;
	pier_runtimes_release();
}
