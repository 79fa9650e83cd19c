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
	bool ok = true;

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
