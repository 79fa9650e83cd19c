/* The scheduler: a worker runs its ready fibers, then asks the kernel for news, and again. */
#include "worker.h"

#include "sanitize.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define TURN_FIBERS_MAX 256 /* switches between two looks at the kernel */
#define TURN_GRANTS_MAX 64  /* more, of fibers made ready meanwhile */
#define TURN_TIMERS_MAX                                                                            \
	256 /* that are looked at in one turn; the rest, due as well, come in the next */
#define TURN_BLOCKED PIER_MS(10)
#define SHUFFLED_MAX 64 /* ready fibers, the first ones, that a shuffle takes */

static __thread struct worker *self __attribute__((tls_model("initial-exec")));

struct worker *pier_worker_self(void)
{
	return self;
}

struct worker *pier_worker_become(struct worker *w)
{
	struct worker *before = self;
	self = w;
	return before;
}

void pier_worker_shuffle(struct worker *w, unsigned (*below)(unsigned n))
{
	struct list *at = &w->ready;
	for (unsigned left = w->ready_count < SHUFFLED_MAX ? w->ready_count : SHUFFLED_MAX;
	     left > 1; left--) {
		struct list *chosen = at->next;
		for (unsigned i = below(left); i; i--)
			chosen = chosen->next;
		list_remove(chosen);
		list_push(at->next, chosen); /* behind those that are chosen already */
		at = chosen;
	}
}

int pier_worker_open(struct runtime *rt, unsigned id, struct worker **out)
{
	struct worker *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	int err = pier_io_open(&w->io);
	if (err < 0) {
		free(w);
		return err;
	}
	w->runtime = rt;
	w->id = id;
	pier_stacks_init(&w->stacks, rt->stack_size);
	w->turn_last = &w->turn_first;
	list_init(&w->ready);
	list_init(&w->before_wait);
	*out = w;
	return 0;
}

void pier_worker_close(struct worker *w)
{
	assert(w->fibers == 0);
	w->io->backend->close(w->io);
	pier_deep_done(w);
	pier_stacks_done(&w->stacks);
	pier_heap_done(&w->timers);
	free(w);
}

/* ---- Switching ----------------------------------------------------------------------------------- */

static void bury(struct worker *w)
{
	struct fiber *f = w->dead;
	if (!f)
		return;
	w->dead = NULL;
	tsan_end(f->tsan);
	pier_stack_give(&w->stacks, f, w->io->now);
}

static void run_wait_tasks(struct worker *w)
{
	struct list *node;
	while ((node = list_pop(&w->before_wait))) {
		struct wait_task *t = list_item(node, struct wait_task, link);
		t->run(t);
	}
}

void pier_worker_before_wait(struct worker *w, struct wait_task *t)
{
	list_push(&w->before_wait, &t->link);
}

static struct fiber *next_ready(struct worker *w)
{
	if (w->budget == 0)
		return NULL;
	struct list *node = list_pop(&w->ready);
	if (!node)
		return NULL;
	w->budget--;
	w->ready_count--;
	return list_item(node, struct fiber, link);
}

/* From a fiber (NULL: the loop) straight to the next ready one; to the loop when there is none, or when it
 * is time to look at the kernel again. */
void pier_worker_switch(struct worker *w, struct fiber *from)
{
	if (!list_empty(&w->before_wait))
		run_wait_tasks(w);
	struct fiber *to = next_ready(w);
	if (w->watch.on)
		pier_watch_switch(w, from);
	w->current = to;
	if (to)
		to->state = FIBER_RUNNING;
	if (to == from)
		return;

	bool dies = from && from->state == FIBER_DEAD;
	void **asan = dies ? NULL : from ? &from->asan : &w->loop_asan;
	asan_leave(asan, to ? to->stack : w->loop_stack,
		   to ? (size_t)((char *)to - to->stack) : w->loop_stack_size);
	(void)asan;
	tsan_go(to ? to->tsan : w->loop_tsan);
	pier_switch(from ? &from->sp : &w->loop_sp, to ? to->sp : w->loop_sp);
	asan_arrive(from ? from->asan : w->loop_asan, NULL, NULL);
	bury(w);
}

void pier_fiber_main(struct fiber *f)
{
	struct worker *w = f->worker;
	const void *bottom = NULL;
	size_t size = 0;

	if (!w) /* no fiber, but a stack on which someone else's code runs: sim/task.c */
		f->fn(f->arg);
	asan_arrive(NULL, &bottom, &size);
	if (!w->loop_stack) { /* the first fiber of all comes from the loop */
		w->loop_stack = bottom;
		w->loop_stack_size = size;
	}
	bury(w);
	int result = f->fn(f->arg);
	pier_locals_end(f);
	assert(f->scope == NULL);
	pier_heap_remove(&w->timers, &f->timer);
	pier_group_leave(f, result);
	f->state = FIBER_DEAD;
	w->fibers--;
	count_add(&w->counts.ended, 1);
	w->dead = f;
	pier_worker_switch(w, f);
	abort(); /* nobody switches to a dead fiber */
}

struct fiber *pier_fiber_start(struct worker *w, int (*fn)(void *), void *arg)
{
	if (pier_heap_reserve(&w->timers, w->fibers + 1) < 0)
		return NULL;
	struct fiber *f = pier_stack_take(&w->stacks);
	if (!f)
		return NULL;
	*f = (struct fiber){.worker = w,
			    .id = count_get(&w->counts.started),
			    .state = FIBER_PARKED,
			    .fn = fn,
			    .arg = arg,
			    .stack = f->stack,
			    .stack_size = f->stack_size,
			    .valgrind = f->valgrind,
			    .tsan = tsan_new()};
	list_init(&f->link);
	f->sp = pier_switch_prepare(f->stack, f, f);
	w->fibers++;
	count_add(&w->counts.started, 1);
	count_max(&w->counts.fibers_max, w->fibers);
	pier_fiber_ready(f);
	return f;
}

/* ---- The loop ------------------------------------------------------------------------------------ */

static void run_turn_tasks(struct worker *w)
{
	struct turn_task *t;
	while ((t = w->turn_first)) {
		w->turn_first = t->next;
		if (!w->turn_first)
			w->turn_last = &w->turn_first;
		t->queued = false;
		t->run(t);
	}
}

void pier_worker_at_turn_end(struct worker *w, struct turn_task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	t->next = NULL;
	*w->turn_last = t;
	w->turn_last = &t->next;
}

void pier_turn_task_drop(struct worker *w, struct turn_task *t)
{
	if (!t->queued)
		return;
	struct turn_task **at = &w->turn_first;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (w->turn_last == &t->next)
		w->turn_last = at;
	t->queued = false;
}

static void expire(struct worker *w, struct fiber *f)
{
	count_add(&w->counts.timers, 1);
	pier_fiber_interrupt(f, -ETIMEDOUT);
}

/* A timer that comes too early for the wait of now (it was left from another) is set anew. */
static void fire(struct worker *w, struct heap_node *n)
{
	struct fiber *f = list_item(n, struct fiber, timer);
	pier_heap_remove(&w->timers, n);
	if (f->state != FIBER_PARKED || f->wake_at == PIER_FOREVER)
		return;
	if (f->wake_at <= w->io->now)
		expire(w, f);
	else
		pier_heap_set(&w->timers, n, f->wake_at);
}

/* Not all at once: those that fire stand in the run queue before what the kernel brings next. */
static void fire_timers(struct worker *w)
{
	struct heap_node *n;
	for (int i = 0; i < TURN_TIMERS_MAX; i++) {
		if (!(n = heap_first(&w->timers)) || n->key > w->io->now)
			return;
		fire(w, n);
	}
}

static int64_t next_wake(struct worker *w)
{
	if (!list_empty(&w->ready) || w->turn_first)
		return 0;
	struct heap_node *n = heap_first(&w->timers);
	int64_t timer = n ? n->key : PIER_FOREVER, trim = pier_stacks_trim_at(&w->stacks);
	return timer < trim ? timer : trim;
}

/* From the last look at the kernel to this: so long a byte may have waited. */
static void count_turn(struct worker *w, int64_t began)
{
	int64_t took = w->io->asked - began;
	count_add(&w->counts.turns, 1);
	count_max(&w->counts.turn_longest, (uint64_t)took);
	if (took <= TURN_BLOCKED)
		return;
	count_add(&w->counts.turns_blocked, 1);
	pier_watch_tell(w, took);
}

static void run_ready(struct worker *w)
{
	unsigned most = w->ready_count < TURN_FIBERS_MAX ? w->ready_count : TURN_FIBERS_MAX;
	w->budget = most;
	w->grants = TURN_GRANTS_MAX;
	pier_watch_begin(w);
	if (most)
		pier_worker_switch(w, NULL);
	count_add(&w->counts.switches, most + TURN_GRANTS_MAX - w->grants - w->budget);
}

void pier_worker_loop(struct worker *w)
{
	void *fault_stack = pier_io_fault_stack_open();
	self = w;
	w->loop_tsan = tsan_self();
	for (;;) {
		int64_t began = w->io->now;
		run_ready(w);
		run_turn_tasks(w);
		if (w->stopping && w->fibers == 0)
			break;
		if (w->io->under_way == 0 && w->fibers)
			pier_worker_check(w);
		w->io->backend->wait(w->io, next_wake(w));
		count_turn(w, began);
		fire_timers(w);
		pier_stacks_trim(&w->stacks, w->io->now);
	}
	self = NULL;
	pier_io_fault_stack_close(fault_stack);
}
