/* The one way of waking a fiber of another worker: claimed under a lock, told by mail. */
#include "waiter.h"

#include "worker.h"

#include <assert.h>
#include <errno.h>
#include <pier/time.h>

void pier_place_push(pier_waiting *q, struct pier_place *p)
{
	p->next = NULL;
	p->prev = q->last;
	p->queued = true;
	*(q->last ? &q->last->next : &q->first) = p;
	q->last = p;
}

void pier_place_remove(pier_waiting *q, struct pier_place *p)
{
	if (!p->queued)
		return;
	*(p->prev ? &p->prev->next : &q->first) = p->next;
	*(p->next ? &p->next->prev : &q->last) = p->prev;
	p->queued = false;
}

/* Also the waiter's own way out: exactly one call succeeds. */
static bool decide(struct waiter *w, int claim)
{
	int open = WAITER_OPEN;
	return atomic_compare_exchange_strong(&w->claim, &open, claim);
}

/* A place whose waiter was served elsewhere, or is leaving, is of no more use to anyone. */
struct pier_place *pier_place_claim(pier_waiting *q)
{
	struct pier_place *p;
	while ((p = q->first)) {
		pier_place_remove(q, p);
		if (decide(p->waiter, p->index))
			return p;
	}
	return NULL;
}

/* ---- Telling ------------------------------------------------------------------------------------- */

/* A fiber that a cancel has made ready already finds the word when it runs. */
static void hear(struct waiter *w)
{
	w->told = true;
	if (w->fiber && w->fiber->state == FIBER_PARKED)
		pier_fiber_ready(w->fiber);
}

static void hear_note(struct io_op *note)
{
	hear(note->owner);
}

void pier_waiter_tell(struct waiter *w)
{
	struct worker *here = pier_worker_self();
	if (here && here->io == w->io) {
		hear(w);
		return;
	}
	w->note.kind = IO_NOTE;
	w->note.done = hear_note;
	w->note.owner = w;
	pier_io_post(w->io, &w->note);
}

/* ---- Waiting ------------------------------------------------------------------------------------- */

int pier_waiter_init(struct waiter *w)
{
	struct worker *here = pier_worker_self();

	assert(!here || here->current); /* the loop itself never waits */
	w->fiber = here ? here->current : NULL;
	w->io = here ? here->io : pier_io_of_thread();
	w->told = false;
	atomic_init(&w->claim, WAITER_OPEN);
	return w->io ? 0 : -ENOMEM;
}

/* Nothing else parks this fiber until it is told, so whoever finds it parked finds it here. */
static int wait_on_fiber(struct waiter *w, bool deaf, const char *what)
{
	while (!w->told) {
		int err = pier_fiber_park_by_mail(PIER_FOREVER, deaf, what);
		if (err < 0 && !w->told && decide(w, WAITER_GONE))
			return err;
		deaf = deaf || err < 0;
	}
	return atomic_load(&w->claim);
}

static int wait_on_thread(struct waiter *w, bool deaf)
{
	int64_t left = deaf ? PIER_FOREVER : pier_time_left(), at;
	if (left == PIER_FOREVER || __builtin_add_overflow(pier_io_clock(), left, &at))
		at = PIER_FOREVER;
	while (!w->told) {
		w->io->backend->wait(w->io, at);
		if (w->told || w->io->now < at)
			continue;
		if (decide(w, WAITER_GONE))
			return -ETIMEDOUT;
		at = PIER_FOREVER;
	}
	return atomic_load(&w->claim);
}

static int wait_told(struct waiter *w, bool deaf, const char *what)
{
	return w->fiber ? wait_on_fiber(w, deaf, what) : wait_on_thread(w, deaf);
}

int pier_waiter_wait(struct waiter *w, const char *what)
{
	return wait_told(w, false, what);
}

int pier_waiter_wait_deaf(struct waiter *w, const char *what)
{
	return wait_told(w, true, what);
}
