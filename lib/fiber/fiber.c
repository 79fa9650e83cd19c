/* Waiting: a fiber parks on an op or a queue, and its worker runs others meanwhile. */
#include "fiber.h"

#include "worker.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pier/time.h>

/* Scopes of code outside fibers. */
static __thread pier_scope *thread_scope __attribute__((tls_model("initial-exec")));

struct fiber *pier_fiber_self(void)
{
	struct worker *w = pier_worker_self();
	return w ? w->current : NULL;
}

/* ---- Scopes -------------------------------------------------------------------------------------- */

static pier_scope **scope_of(struct fiber *f)
{
	return f ? &f->scope : &thread_scope;
}

static int64_t later(int64_t now, int64_t ns)
{
	int64_t at;
	if (ns == PIER_FOREVER || __builtin_add_overflow(now, ns, &at))
		return PIER_FOREVER;
	return at;
}

/* Each scope holds the deadline that counts inside it, so that a wait looks at one scope only. */
bool pier_scope_enter(pier_scope *s, int64_t ns)
{
	if (s->entered)
		return false;
	struct fiber *f = pier_fiber_self();
	pier_scope **head = scope_of(f);
	s->entered = true;
	s->outer = *head;
	s->at = later(pier_io_clock(), ns);
	if (s->outer && !s->shield) {
		s->shield = s->outer->shield;
		if (s->outer->at < s->at)
			s->at = s->outer->at;
	}
	*head = s;
	return true;
}

void pier_scope_leave(pier_scope *s)
{
	if (!s->entered)
		return;
	pier_scope **head = scope_of(pier_fiber_self());
	assert(*head == s);
	*head = s->outer;
	s->entered = false;
}

pier_scope *pier_scope_of_thread(pier_scope *s)
{
	pier_scope *before = thread_scope;
	thread_scope = s;
	return before;
}

static int64_t deadline_of(struct fiber *f)
{
	pier_scope *s = *scope_of(f);
	return s ? s->at : PIER_FOREVER;
}

int64_t pier_time_left(void)
{
	int64_t at = deadline_of(pier_fiber_self());
	if (at == PIER_FOREVER)
		return PIER_FOREVER;
	int64_t left = at - pier_io_clock();
	return left > 0 ? left : 0;
}

static int doomed(struct fiber *f, int64_t now)
{
	if (f && f->cancelled && !(f->scope && f->scope->shield))
		return -ECANCELED;
	return deadline_of(f) <= now ? -ETIMEDOUT : 0;
}

int pier_stopped(void)
{
	return doomed(pier_fiber_self(), pier_io_clock());
}

/* The clock is read only when there is a deadline to hold against it. */
int pier_wait_refused(void)
{
	struct fiber *f = pier_fiber_self();
	if (deadline_of(f) == PIER_FOREVER)
		return doomed(f, 0);
	return doomed(f, f ? f->worker->io->now : pier_io_clock());
}

int pier_fiber_step(void)
{
	struct worker *w = pier_worker_self();
	struct fiber *f = w ? w->current : NULL;
	if (f && ++f->streak >= FIBER_STEPS_MAX)
		return pier_yield();
	if (f ? !f->scope && !f->cancelled : !thread_scope)
		return 0;
	return pier_wait_refused();
}

bool pier_thread_may_sleep(void)
{
	if (pier_worker_self() || thread_scope)
		return false;
	struct io *io = pier_io_of_thread();
	return io && pier_io_idles(io);
}

void pier_fiber_moved(int64_t in, int64_t out)
{
	struct worker *w = pier_worker_self();
	if (!w)
		return;
	count_add(&w->io->counts.ops, 1);
	count_add(&w->io->counts.at_once, 1);
	count_add(&w->io->counts.bytes_in, (uint64_t)in);
	count_add(&w->io->counts.bytes_out, (uint64_t)out);
}

/* ---- Parking ------------------------------------------------------------------------------------- */

/* The timer is left where it is when it is early enough: it looks again when it fires. A conn's idle
 * time-out, renewed at every byte, so costs no heap operation at all. */
static void arm(struct fiber *f, int64_t at)
{
	struct heap *timers = &f->worker->timers;
	f->wake_at = at;
	if (at != PIER_FOREVER && (f->timer.place == 0 || at < f->timer.key))
		pier_heap_set(timers, &f->timer, at);
}

int pier_fiber_park(int64_t at, bool deaf, const char *what)
{
	struct fiber *f = pier_fiber_self();
	int saved = errno; /* the thread's errno is shared by its fibers */

	assert(f && f->state == FIBER_RUNNING && !f->worker->in_deep);
	int64_t scope_at = deadline_of(f);
	f->state = FIBER_PARKED;
	f->wake_err = 0;
	f->deaf = deaf;
	f->streak = 0;
	f->waits_for = what;
	f->parked_at = f->worker->io->now;
	arm(f, deaf ? PIER_FOREVER : scope_at < at ? scope_at : at);
	pier_worker_switch(f->worker, f);
	f->waits_for = NULL;
	errno = saved;
	return f->wake_err;
}

int pier_fiber_park_by_mail(int64_t at, bool deaf, const char *what)
{
	struct worker *w = pier_worker_self();
	w->mail_awaited++;
	int err = pier_fiber_park(at, deaf, what);
	w->mail_awaited--;
	return err;
}

static void enqueue(struct fiber *f)
{
	assert(f->state == FIBER_PARKED);
	f->state = FIBER_READY;
	list_remove(&f->link); /* from the queue it was interrupted in, if any */
	list_push(&f->worker->ready, &f->link);
	f->worker->ready_count++;
}

/* What a running fiber makes ready may go on in the same turn: two that talk to each other need not ask the
 * kernel at every word. Not for ever: there is news for others there. */
void pier_fiber_ready(struct fiber *f)
{
	struct worker *w = f->worker;
	enqueue(f);
	if (w->current && w->grants) {
		w->grants--;
		w->budget++;
	}
}

void pier_fiber_interrupt(struct fiber *f, int err)
{
	if (f->state != FIBER_PARKED || f->deaf || f->wake_err)
		return;
	f->wake_err = err;
	if (f->op)
		io_cancel(f->worker->io, f->op); /* it wakes the fiber */
	else
		pier_fiber_ready(f);
}

void pier_fiber_cancel(struct fiber *f)
{
	f->cancelled = true;
	if (!(f->scope && f->scope->shield))
		pier_fiber_interrupt(f, -ECANCELED);
}

int pier_yield(void)
{
	struct fiber *f = pier_fiber_self();
	if (!f)
		return pier_stopped();
	f->state = FIBER_PARKED;
	f->streak = 0;
	f->waits_for = "its turn";
	f->wake_err = 0;
	f->deaf = true;
	f->wake_at = PIER_FOREVER;
	enqueue(f);
	int saved = errno;
	pier_worker_switch(f->worker, f);
	errno = saved;
	return doomed(f, f->worker->io->now);
}

void pier_fiber_streak(struct fiber *f)
{
	if (++f->streak >= FIBER_STREAK_MAX)
		pier_yield();
}

/* ---- Ops ----------------------------------------------------------------------------------------- */

static void op_done(struct io_op *op)
{
	struct fiber *f = op->owner;
	f->op = NULL;
	pier_fiber_ready(f);
}

/* Outside fibers: the thread's own blocking io, waited for here. */
static void thread_op_done(struct io_op *op)
{
	*(bool *)op->owner = true;
}

static int64_t await_on_thread(struct io_op *op, int64_t at, bool deaf)
{
	struct io *io = pier_io_of_thread();
	bool done = false, cancelled = false;

	if (!io)
		return -ENOMEM;
	if (deaf)
		at = PIER_FOREVER;
	if (pier_io_idles(io) && !io_kind_pooled(op->kind))
		return pier_io_do_alone(io, op, at == PIER_FOREVER ? 0 : pier_io_clock(), at);
	op->owner = &done;
	op->done = thread_op_done;
	if (io_submit(io, op))
		return op->result;
	while (!done) {
		io->backend->wait(io, cancelled ? PIER_FOREVER : at);
		if (!done && !cancelled && io->now >= at) {
			io_cancel(io, op);
			cancelled = true;
		}
	}
	return cancelled && op->result == -ECANCELED ? -ETIMEDOUT : op->result;
}

/* An op that moves much takes the time of several: one conn that floods would make each turn of the others long. */
static void streak_of_op(struct fiber *f, int64_t result)
{
	if (result >= FIBER_STREAK_BYTES)
		f->streak += (unsigned)(result > INT_MAX ? INT_MAX : result) / FIBER_STREAK_BYTES;
	pier_fiber_streak(f);
}

static int64_t await(struct io_op *op, int64_t at, bool deaf, const char *what)
{
	struct fiber *f = pier_fiber_self();
	int64_t scope_at = deadline_of(f);

	if (!deaf) {
		int err = pier_wait_refused();
		if (err < 0)
			return err;
	}
	if (!f)
		return await_on_thread(op, scope_at < at ? scope_at : at, deaf);

	struct io *io = f->worker->io;
	op->owner = f;
	op->done = op_done;
	if (io_submit(io, op)) {
		streak_of_op(f, op->result);
		return op->result;
	}
	f->op = op;
	int err = pier_fiber_park(at, deaf, what);
	return err < 0 && op->result == -ECANCELED ? err : op->result;
}

int64_t pier_await(struct io_op *op, int64_t at, const char *what)
{
	return await(op, at, false, what);
}

int64_t pier_await_deaf(struct io_op *op, const char *what)
{
	return await(op, PIER_FOREVER, true, what);
}

/* ---- Queues -------------------------------------------------------------------------------------- */

static int wait_in(struct waitq *q, int64_t at, bool deaf, const char *what)
{
	struct fiber *f = pier_fiber_self();
	int err = deaf ? 0 : doomed(f, f->worker->io->now);
	if (err < 0)
		return err;
	list_push(&q->fibers, &f->link);
	return q->by_mail ? pier_fiber_park_by_mail(at, deaf, what)
			  : pier_fiber_park(at, deaf, what);
}

int pier_waitq_wait(struct waitq *q, int64_t at, const char *what)
{
	return wait_in(q, at, false, what);
}

void pier_waitq_wait_deaf(struct waitq *q, const char *what)
{
	wait_in(q, PIER_FOREVER, true, what);
}

bool pier_waitq_wake(struct waitq *q)
{
	struct list *node = list_pop(&q->fibers);
	if (!node)
		return false;
	pier_fiber_ready(list_item(node, struct fiber, link));
	return true;
}

void pier_waitq_wake_all(struct waitq *q)
{
	while (pier_waitq_wake(q))
		;
}

void pier_waitq_interrupt(struct waitq *q, int err)
{
	for (struct list *at = q->fibers.next, *next; at != &q->fibers; at = next) {
		next = at->next;
		pier_fiber_interrupt(list_item(at, struct fiber, link), err);
	}
}
