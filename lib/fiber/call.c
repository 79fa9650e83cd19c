/* Calls to other workers: a function runs there as a fiber, and the caller waits until it has returned.
 *
 *	caller's worker          the other
 *	       ├──── begin ──────→  starts the fiber
 *	       ├──── cancel ─────→  cancels it, if it still runs      only when the caller is
 *	       ←──── ended ──────┤  when fn has returned              cancelled or out of time
 *	       ←──── cancelled ──┤
 *
 * The call lives on the caller's stack, so the caller leaves when every note it sent has come back. */
#include "worker.h"

#include <errno.h>

struct call {
	int (*fn)(void *);
	void *arg;
	int result;
	struct fiber *caller;
	struct worker *there;
	struct fiber *fiber; /* of the other worker; NULL before its begin and after its end */
	struct io_op run, cancel;
	unsigned notes; /* of the caller's worker: under way */
};

static void come_home(struct io_op *note)
{
	struct call *k = note->owner;
	k->notes--;
	if (k->notes == 0 && k->caller->state == FIBER_PARKED)
		pier_fiber_ready(k->caller);
}

static void send_home(struct call *k, struct io_op *note)
{
	note->done = come_home;
	pier_io_post(k->caller->worker->io, note);
}

static int run(void *arg)
{
	struct call *k = arg;
	k->result = k->fn(k->arg);
	k->fiber = NULL;
	send_home(k, &k->run);
	return 0;
}

static void begin(struct io_op *note)
{
	struct call *k = note->owner;
	k->fiber = pier_fiber_start(k->there, run, k);
	if (k->fiber)
		return;
	k->result = -ENOMEM;
	send_home(k, &k->run);
}

static void cancel(struct io_op *note)
{
	struct call *k = note->owner;
	if (k->fiber)
		pier_fiber_cancel(k->fiber);
	send_home(k, &k->cancel);
}

static void send_there(struct call *k, struct io_op *note, void (*done)(struct io_op *))
{
	*note = (struct io_op){.kind = IO_NOTE, .done = done, .owner = k};
	k->notes++;
	pier_io_post(k->there->io, note);
}

/* Nothing else parks the caller until all notes are back, so whoever finds it parked finds it here. */
static int call(struct call *k)
{
	int err = 0;
	send_there(k, &k->run, begin);
	while (k->notes) {
		int woken =
			pier_fiber_park_by_mail(PIER_FOREVER, err < 0, "a call to another worker");
		if (woken < 0 && k->notes) {
			err = woken;
			send_there(k, &k->cancel, cancel);
		}
	}
	return err;
}

static int worker_at(struct runtime *rt, unsigned id, struct worker **out)
{
	int n = pier_runtime_grow(rt, id + 1);
	if (n < 0)
		return n;
	*out = rt->workers[id];
	return 0;
}

int pier_call(unsigned worker, int (*fn)(void *), void *arg)
{
	struct fiber *f = pier_fiber_self();
	if (!f)
		return -ENOTSUP;
	if (worker >= f->worker->runtime->max)
		return -EINVAL;
	int err = pier_wait_refused();
	if (err < 0)
		return err;
	struct worker *there;
	err = worker_at(f->worker->runtime, worker, &there);
	if (err < 0)
		return err;
	struct call k = {.fn = fn, .arg = arg, .caller = f, .there = there};
	err = call(&k);
	return err < 0 && k.result == -ECANCELED ? err : k.result;
}

int pier_workers(void)
{
	struct worker *w = pier_worker_self();
	return w ? (int)w->runtime->max : -ENOTSUP;
}

int pier_worker_id(void)
{
	struct worker *w = pier_worker_self();
	return w ? (int)w->id : -ENOTSUP;
}
