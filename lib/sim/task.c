/* Threads of simulated nodes: each a stack of its own, and one runs at a time, until it waits. */
#include "world.h"

#include "fiber/sanitize.h"

#include <errno.h>
#include <stdlib.h>

#define TASK_STACK (1u << 20) /* of address space: a main may be used to more than a fiber has */

/* ---- Switching ----------------------------------------------------------------------------------- */

/* What the floors above keep per thread goes along; the sanitizers are told of the stack that is left, which is a fiber's
 * when that starts a thread. */
static void leave_face(struct task *t)
{
	struct fiber *f = pier_fiber_self();
	struct fiber *top = f ? f : t->stack;
	t->bottom = top->stack;
	t->size = (size_t)((char *)top - top->stack);
	t->tsan = tsan_self();
	t->worker = pier_worker_become(NULL);
	t->scope = pier_scope_of_thread(NULL);
}

static void take_face(struct task *t)
{
	pier_worker_become(t->worker);
	pier_scope_of_thread(t->scope);
}

/* From one stack (NULL: the world's) to another. */
static void go(struct task *from, struct task *to)
{
	struct pier_sim *w = pier_world;
	void **asan = from ? from->ended ? NULL : &from->asan : &w->asan;

	w->task = to;
	asan_leave(asan, to ? to->bottom : w->stack_bottom, to ? to->size : w->stack_size);
	(void)asan;
	tsan_go(to ? to->tsan : w->tsan);
	pier_switch(from ? &from->sp : &w->sp, to ? to->sp : w->sp);
	asan_arrive(from ? from->asan : w->asan, NULL, NULL);
}

static void leave(struct task *t)
{
	struct task *next = t->starter;
	t->starter = NULL;
	leave_face(t);
	go(t, next);
	take_face(t);
}

static int task_main(void *arg)
{
	struct task *t = arg;
	struct pier_sim *w = pier_world;
	const void *bottom = NULL;
	size_t size = 0;

	asan_arrive(NULL, &bottom, &size);
	if (!w->stack_bottom) { /* the first comes from the world's own */
		w->stack_bottom = bottom;
		w->stack_size = size;
	}
	take_face(t);
	pier_task_exit(t->run(t->arg));
}

void pier_task_exit(void *result)
{
	struct task *t = pier_world->task;
	t->result = result;
	if (t->own_io)
		t->own_io->backend->close(t->own_io);
	t->own_io = NULL;
	t->ended = true;
	leave(t);
	abort(); /* nobody goes back there */
}

/* ---- Life ---------------------------------------------------------------------------------------- */

struct task *pier_task_start(struct node *n, void *(*run)(void *), void *arg)
{
	struct pier_sim *w = pier_world;
	struct task *t = calloc(1, sizeof *t);
	struct fiber *stack = t ? pier_stack_take(&w->stacks) : NULL;
	if (!stack) {
		free(t);
		return NULL;
	}
	*t = (struct task){.node = n,
			   .number = w->tasks++,
			   .run = run,
			   .arg = arg,
			   .stack = stack,
			   .bottom = stack->stack,
			   .size = (size_t)((char *)stack - stack->stack)};
	stack->worker = NULL;
	stack->fn = task_main;
	stack->arg = t;
	t->tsan = stack->tsan = tsan_new();
	t->sp = pier_switch_prepare(stack->stack, stack, stack);
	list_push(&n->tasks, &t->link);
	return t;
}

void pier_task_forget(struct task *t)
{
	list_remove(&t->link);
	tsan_end(t->stack->tsan);
	pier_stack_give(&pier_world->stacks, t->stack, pier_world->now);
	free(t);
}

void pier_task_go(struct task *t)
{
	go(NULL, t);
}

static bool has_news(const struct task *t)
{
	return (t->waits && pier_sim_io_news(t->waits)) || (t->may && t->may(t->may_arg)) ||
	       t->until <= pier_world->now;
}

bool pier_task_ready(const struct task *t)
{
	if (t->ended || t->node->paused)
		return false;
	return t->joins ? t->joins->ended : has_news(t);
}

void pier_task_wait(struct io *io, int64_t until)
{
	struct task *t = pier_world->task;
	t->waits = io;
	t->until = until;
	leave(t);
	t->waits = NULL;
}

void pier_task_park(bool (*may)(void *), void *arg, const char *why, int64_t until)
{
	struct task *t = pier_world->task;
	int before = errno;
	t->may = may;
	t->may_arg = arg;
	t->why = why;
	pier_task_wait(NULL, until);
	t->may = NULL;
	t->why = NULL;
	errno = before;
}

bool pier_task_lives(unsigned number)
{
	for (unsigned i = 0; i < pier_world->node_count; i++) {
		struct list *all = &pier_world->nodes[i]->tasks;
		for (struct list *l = all->next; l != all; l = l->next)
			if (list_item(l, struct task, link)->number == number)
				return true;
	}
	return false;
}

/* A task that starts another has the processor again as soon as that one waits: whoever waits for its first words by a
 * semaphore of the real kernel finds them there. */
int pier_task_thread_start(pthread_t *out, void *(*run)(void *), void *arg)
{
	struct task *self = pier_world->task;
	struct task *t = pier_task_start(self->node, run, arg);
	if (!t)
		return -ENOMEM;
	*out = (pthread_t)(uintptr_t)t;
	t->starter = self;
	leave_face(self);
	go(self, t);
	take_face(self);
	return 0;
}

void *pier_task_join(struct task *t)
{
	struct task *self = pier_world->task;
	self->joins = t;
	leave(self);
	self->joins = NULL;
	void *result = t->result;
	pier_task_forget(t);
	return result;
}

void pier_task_thread_join(pthread_t thread)
{
	pier_task_join((struct task *)(uintptr_t)thread);
}

/* One that has ended goes at once; else the world sees to it. */
void pier_task_detach(struct task *t)
{
	t->detached = true;
	if (t->ended)
		pier_task_forget(t);
}

struct io *pier_task_io(void)
{
	struct task *t = pier_world->task;
	if (!t->own_io)
		t->own_io = pier_sim_io_new();
	return t->own_io;
}
