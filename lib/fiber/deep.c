/* Calls that go deep and do not wait run on a stack that all fibers of a worker share: else each of them would keep
 * the pages that its deepest call once touched.
 *
 *	fiber ──→ pier_deep ──switch──→ serve: fn(arg) ──switch──→ fiber
 */
#include "sanitize.h"
#include "worker.h"

#include <assert.h>

struct deep_call {
	int64_t (*fn)(void *);
	void *arg;
	int64_t result;
	struct fiber *caller;
};

static size_t size_of(const struct fiber *f)
{
	return (size_t)((const char *)f - f->stack);
}

static void go(struct fiber *from, struct fiber *to)
{
	asan_leave(&from->asan, to->stack, size_of(to));
	tsan_go(to->tsan);
	pier_switch(&from->sp, to->sp);
	asan_arrive(from->asan, NULL, NULL);
}

/* What the stack runs, for ever. */
static int serve(void *arg)
{
	for (;;) {
		struct deep_call *k = arg;
		struct fiber *deep = k->caller->worker->deep;
		k->result = k->fn(k->arg);
		go(deep, k->caller);
		arg = deep->arg; /* of the next call */
	}
	return 0;
}

static struct fiber *deep_of(struct worker *w)
{
	struct fiber *f = w->deep ? w->deep : pier_stack_take(&w->stacks);
	if (!f || f == w->deep)
		return f;
	*f = (struct fiber){.worker = w,
			    .state = FIBER_DEAD, /* no fiber: nobody lists it */
			    .fn = serve,
			    .stack = f->stack,
			    .stack_size = f->stack_size,
			    .valgrind = f->valgrind,
			    .tsan = tsan_new()};
	f->sp = pier_switch_prepare(f->stack, f, f);
	w->deep = f;
	return f;
}

int64_t pier_deep(int64_t (*fn)(void *), void *arg)
{
	struct fiber *caller = pier_fiber_self();
	struct fiber *deep = caller ? deep_of(caller->worker) : NULL;
	if (!deep)
		return fn(arg);
	struct deep_call k = {.fn = fn, .arg = arg, .caller = caller};
	assert(!caller->worker->in_deep); /* it does not wait, nor call this */
	caller->worker->in_deep = true;
	deep->arg = &k;
	go(caller, deep);
	caller->worker->in_deep = false;
	return k.result;
}

void pier_deep_done(struct worker *w)
{
	if (!w->deep)
		return;
	tsan_end(w->deep->tsan);
	pier_stack_give(&w->stacks, w->deep, 0);
	w->deep = NULL;
}
