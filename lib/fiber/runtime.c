/* A runtime: the caller's thread as worker 0, and more threads when servers ask for them. */
#include "runtimes.h"

#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

struct main_call {
	int (*fn)(void *);
	void *arg;
	struct worker *worker;
	int result;
};

/* The group of the first fiber must not take the program's result for an error. */
static int run_main(void *arg)
{
	struct main_call *m = arg;
	m->result = m->fn(m->arg);
	m->worker->stopping = true;
	return 0;
}

static void note_stop(struct io_op *op)
{
	struct worker *w = op->owner;
	w->stopping = true;
	free(op);
}

static void stop_others(struct runtime *rt)
{
	for (unsigned i = 1; i < rt->count; i++) {
		struct worker *w = rt->workers[i];
		struct io_op *op;
		while (!(op = malloc(sizeof *op)))
			pier_io_clock(); /* without this note the thread would never end */
		*op = (struct io_op){.kind = IO_NOTE, .done = note_stop, .owner = w};
		pier_io_post(w->io, op);
	}
	for (unsigned i = 1; i < rt->count; i++) {
		pier_io_thread_join(rt->workers[i]->thread);
		pier_worker_close(rt->workers[i]);
	}
}

struct thread_start {
	struct worker *worker;
	struct runtime *rt;
	sem_t ready;
	int err;
};

static void *thread_main(void *arg)
{
	struct thread_start *start = arg;
	struct worker *w = NULL;

	start->err = pier_worker_open(start->rt, start->rt->count, &w);
	start->worker = w;
	sem_post(&start->ready); /* `start` is gone from here on */
	if (w)
		pier_worker_loop(w);
	return NULL;
}

static int start_worker(struct runtime *rt)
{
	struct thread_start start = {.rt = rt};
	pthread_t thread;

	sem_init(&start.ready, 0, 0);
	int err = pier_io_thread_start(&thread, thread_main, &start, false);
	if (err == 0) {
		while (sem_wait(&start.ready) < 0)
			;
		err = start.err;
		if (err < 0)
			pier_io_thread_join(thread);
	}
	sem_destroy(&start.ready);
	if (err < 0)
		return err;
	start.worker->thread = thread;
	pier_runtimes_add_worker(rt, start.worker);
	return 0;
}

int pier_runtime_grow(struct runtime *rt, unsigned count)
{
	if (count == 0 || count > rt->max)
		count = rt->max;
	int err = 0;
	pthread_mutex_lock(&rt->growth);
	while (rt->count < count && err == 0)
		err = start_worker(rt);
	pthread_mutex_unlock(&rt->growth);
	return err < 0 ? err : (int)count;
}

static unsigned workers_max(const pier_run_opts *opts)
{
	unsigned n = opts && opts->workers ? opts->workers : pier_io_cores();
	return n < WORKERS_MAX ? n : WORKERS_MAX;
}

static size_t stack_size(const pier_run_opts *opts)
{
	size_t size = opts && opts->stack_size ? opts->stack_size : FIBER_STACK_SIZE;
	size_t least = 32u << 10;
	return ((size < least ? least : size) + 4095) & ~(size_t)4095;
}

static void runtime_free(struct runtime *rt)
{
	pthread_mutex_destroy(&rt->growth);
	free(rt);
}

int pier_run_with(int (*main_fn)(void *), void *arg, const pier_run_opts *opts)
{
	if (pier_worker_self())
		return -EBUSY;
	struct runtime *rt = calloc(1, sizeof *rt);
	if (!rt)
		return -ENOMEM;
	pthread_mutex_init(&rt->growth, NULL);
	rt->max = workers_max(opts);
	rt->stack_size = stack_size(opts);

	struct worker *w = NULL;
	int err = pier_worker_open(rt, 0, &w);
	if (err < 0) {
		runtime_free(rt);
		return err;
	}
	rt->workers[rt->count++] = w;
	pier_runtimes_add(rt);

	bool sigpipe = pier_io_sigpipe_block(); /* splice and sendfile have no MSG_NOSIGNAL */
	pier_group root = PIER_GROUP;
	struct main_call m = {.fn = main_fn, .arg = arg, .worker = w, .result = -ENOMEM};
	struct fiber *first = pier_fiber_start(w, run_main, &m);
	if (first) {
		pier_group_join(&root, first);
		pier_worker_loop(w);
	}
	pier_runtimes_remove(rt);
	stop_others(rt);
	pier_io_sigpipe_restore(sigpipe);
	pier_worker_close(w);
	runtime_free(rt);
	return m.result;
}
