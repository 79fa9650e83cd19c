/* Threads for what blocks. Three pools, so that slow names never hold up files, nor hashing either. */
#ifndef IO_POOL_H
#define IO_POOL_H

#include <pthread.h>
#include <stdbool.h>

#define POOL_QUEUE_MAX 4096 /* jobs that may wait in one pool */

struct job {
	void (*run)(struct job *);
	struct job *next;
};

struct pool {
	const char *name;
	unsigned threads_max;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct job *first, **last;
	unsigned queued, threads, idle;
};

extern struct pool pier_pool_names, pier_pool_files, pier_pool_work;

/* Queues a job; a thread is started when none is idle. False when the queue is full or no thread could
 * be had. */
bool pier_pool_add(struct pool *p, struct job *job);

#endif
