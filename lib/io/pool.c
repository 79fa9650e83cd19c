#include "pool.h"

#include "backend.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

#define POOL_IDLE_S 10 /* a thread without work for this long goes */

#define POOL(label, max)                                                                           \
	{                                                                                          \
		.name = label, .threads_max = max, .lock = PTHREAD_MUTEX_INITIALIZER,              \
		.work = PTHREAD_COND_INITIALIZER                                                   \
	}

struct pool pier_pool_names = POOL("names", 4);
struct pool pier_pool_files = POOL("files", 8);
struct pool pier_pool_work = POOL("work", 8);

/* The child has none of the threads, nor of those who asked for the jobs; one of them may have held the lock. */
static void start_anew(struct pool *p)
{
	p->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	p->work = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	p->first = NULL;
	p->last = &p->first;
	p->queued = p->threads = p->idle = 0;
}

static void fork_child(void)
{
	start_anew(&pier_pool_names);
	start_anew(&pier_pool_files);
	start_anew(&pier_pool_work);
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, fork_child);
}

static struct job *next_job(struct pool *p)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += POOL_IDLE_S;

	while (!p->first) {
		p->idle++;
		int err = pthread_cond_timedwait(&p->work, &p->lock, &until);
		p->idle--;
		if (err == ETIMEDOUT && !p->first)
			return NULL;
	}
	struct job *job = p->first;
	p->first = job->next;
	if (!p->first)
		p->last = &p->first;
	p->queued--;
	return job;
}

static void *work(void *arg)
{
	struct pool *p = arg;
	struct job *job;

	pthread_mutex_lock(&p->lock);
	while ((job = next_job(p))) {
		pthread_mutex_unlock(&p->lock);
		job->run(job);
		pthread_mutex_lock(&p->lock);
	}
	p->threads--;
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

bool pier_pool_add(struct pool *p, struct job *job)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	bool ok = true;

	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&p->lock);
	if (!p->last)
		p->last = &p->first;
	if (p->queued >= p->idle && p->threads < p->threads_max) {
		pthread_t thread;
		if (pier_io_thread_start(&thread, work, p, true) == 0)
			p->threads++;
		else
			ok = p->threads > 0;
	}
	if (ok && p->queued < POOL_QUEUE_MAX) {
		job->next = NULL;
		*p->last = job;
		p->last = &job->next;
		p->queued++;
		pthread_cond_signal(&p->work);
	} else {
		ok = false;
	}
	pthread_mutex_unlock(&p->lock);
	return ok;
}
