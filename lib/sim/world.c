/* The clock of a simulation. What is due happens in the order of its time; of the tasks that could run, chance takes one;
 * when none can, time jumps to the next event. */
#include "film.h"
#include "sim/net/sock.h"

#include "fiber/dump.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define STEP_COST                                                                                  \
	2000 /* ns, at most, that a task runs at once: a loop that looks at the clock sees it move */

struct pier_sim *pier_world;
volatile unsigned pier_aside;
void (*pier_left)(const struct node *n, struct left *out);

/* ---- Chance: splitmix64 -------------------------------------------------------------------------- */

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t pier_chance(uint64_t n)
{
	pier_world->chance += 0x9e3779b97f4a7c15u;
	return n ? mix(pier_world->chance) % n : 0;
}

bool pier_chance_of(double share)
{
	return share > 0 && (double)pier_chance(1u << 30) < share * (1u << 30);
}

void pier_world_fold(uint64_t what)
{
	pier_world->hash = mix(pier_world->hash ^ what) + (uint64_t)pier_world->now;
}

/* ---- Events -------------------------------------------------------------------------------------- */

void pier_event_at(struct event *e, int64_t at)
{
	struct heap *h = &pier_world->events;
	if (!e->at.place) {
		pier_world->flying += e->flying;
		pier_aside++;
		if (pier_heap_reserve(h, h->count + 1) < 0)
			abort(); /* the machine is out of memory, not the simulated one */
		pier_aside--;
	}
	pier_heap_set(h, &e->at, at);
}

void pier_event_drop(struct event *e)
{
	if (!e->at.place)
		return;
	pier_heap_remove(&pier_world->events, &e->at);
	pier_world->flying -= e->flying;
}

static struct event *next_event(struct pier_sim *w)
{
	struct heap_node *n = heap_first(&w->events);
	return n ? list_item(n, struct event, at) : NULL;
}

static void fire_due(struct pier_sim *w)
{
	struct event *e;
	while ((e = next_event(w)) && e->at.key <= w->now) {
		pier_event_drop(e);
		pier_world_fold(1);
		e->fire(e);
	}
}

/* ---- Telling ------------------------------------------------------------------------------------- */

static void tell(const char *before, const char *format, va_list args)
{
	int64_t us = pier_world->now / 1000;
	fprintf(stderr, "%s%5lld.%06lld  ", before, (long long)(us / 1000000),
		(long long)(us % 1000000));
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void pier_world_trace(const char *format, ...)
{
	va_list args;
	if (!pier_world->trace)
		return;
	va_start(args, format);
	tell("", format, args);
	va_end(args);
}

void pier_world_fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	pier_film_failure(format, args);
	va_end(args);
	va_start(args, format);
	tell("sim: ", format, args);
	va_end(args);
	pier_world->failed = true;
}

/* ---- Watches ------------------------------------------------------------------------------------- */

bool pier_world_is_quiet(const struct pier_sim *w, const struct node *n)
{
	for (unsigned i = 0; i < w->node_count; i++) {
		struct node *at = w->nodes[i];
		if (n && at != n)
			continue;
		if (!list_empty(&at->asks))
			return false;
		for (struct list *l = at->tasks.next; l != &at->tasks; l = l->next)
			if (pier_task_ready(list_item(l, struct task, link)))
				return false;
	}
	return n || w->flying == 0;
}

static void tell_watch(struct io_op *note)
{
	struct watch *a = note->owner;
	a->told = true;
	if (a->fiber->state == FIBER_PARKED)
		pier_fiber_ready(a->fiber);
}

static void look_at_watches(struct pier_sim *w)
{
	struct list *next;
	for (struct list *l = w->watches.next; l != &w->watches; l = next) {
		struct watch *a = list_item(l, struct watch, link);
		next = l->next;
		if (!a->holds(w, a->node))
			continue;
		list_remove(l);
		a->noted = true;
		a->note = (struct io_op){.kind = IO_NOTE, .done = tell_watch, .owner = a};
		pier_io_post(a->fiber->worker->io, &a->note);
	}
}

/* Once the note is under way, it is waited for whatever comes: it lives here. */
int pier_world_watch(bool (*holds)(const struct pier_sim *, const struct node *),
		     const struct node *n, const char *what)
{
	struct watch a = {.fiber = pier_fiber_self(), .node = n, .holds = holds};
	int err = 0;
	list_push(&pier_world->watches, &a.link);
	while (!a.told && (err == 0 || a.noted)) {
		int woken = pier_fiber_park_by_mail(PIER_FOREVER, err < 0, what);
		err = woken < 0 ? woken : err;
	}
	list_remove(&a.link);
	return a.told ? 0 : err;
}

/* ---- The loop ------------------------------------------------------------------------------------ */

static struct task *any_ready(struct pier_sim *w)
{
	struct task *chosen = NULL;
	uint64_t count = 0;
	for (unsigned i = 0; i < w->node_count; i++) {
		struct list *all = &w->nodes[i]->tasks;
		for (struct list *l = all->next; l != all; l = l->next) {
			struct task *t = list_item(l, struct task, link);
			if (pier_task_ready(t) && pier_chance(++count) == 0)
				chosen = t;
		}
	}
	return chosen;
}

static int64_t next_time(struct pier_sim *w)
{
	struct event *e = next_event(w);
	int64_t at = e ? e->at.key : PIER_FOREVER;
	for (unsigned i = 0; i < w->node_count; i++) {
		struct list *all = &w->nodes[i]->tasks;
		for (struct list *l = all->next; l != all; l = l->next) {
			struct task *t = list_item(l, struct task, link);
			if (!t->ended && !t->joins && t->until < at && !t->node->paused)
				at = t->until;
		}
	}
	return at;
}

static void look_always(struct pier_sim *w)
{
	for (unsigned i = 0; i < w->always_count && !w->failed; i++)
		if (!w->always[i].holds(w->always[i].arg))
			pier_world_fail("it does not hold any more: %s", w->always[i].what);
}

/* False when nothing will ever happen again. */
static bool pass_time(struct pier_sim *w)
{
	int64_t at = next_time(w);
	if (at == PIER_FOREVER)
		return false;
	if (at > w->now)
		w->now = at;
	return true;
}

static bool all_ended(const struct pier_sim *w)
{
	for (unsigned i = 0; i < w->node_count; i++)
		if (w->nodes[i]->state == NODE_UP)
			return false;
	return true;
}

/* A first run makes what is static, and may keep it; what a later one leaves behind, each would. */
static void look_for_memory(struct node *n)
{
	struct left l = {0};
	char site[FUNCTION_MAX];
	n->has_run = true;
	if (!pier_left || !pier_world->o.leaks || !n->again)
		return;
	pier_left(n, &l);
	if (!l.blocks)
		return;
	pier_function_name(site, (int (*)(void *))(uintptr_t)l.site);
	pier_world_fail("%s has ended with %u blocks of memory, %zu bytes: %zu of them for %s",
			n->name, l.blocks, l.bytes, l.largest, site);
}

static void run_one(struct pier_sim *w, struct task *t)
{
	struct node *n = t->node;
	w->now += (int64_t)pier_chance(STEP_COST);
	pier_world_fold((uint64_t)n->number << 8 | (t->number & 255));
	pier_task_go(t);
	if (t == n->main && t->ended) {
		n->state = NODE_ENDED;
		look_for_memory(n);
		pier_node_forget_tasks(n); /* the threads of a process end with its main */
		pier_world_trace("%s has ended: %d", n->name, n->result);
		pier_film_mark(FRAME_ENDS, n, "ends");
	} else if (t->ended && t->detached) {
		pier_task_forget(t);
	}
}

/* Until the condition holds: 0; or nothing can happen any more, or too much has. */
static int run_until(struct pier_sim *w, bool (*enough)(const struct pier_sim *), int64_t limit)
{
	while (!enough(w) && !w->failed) {
		fire_due(w);
		struct task *t = any_ready(w);
		if (++w->steps > STEPS_MAX || w->now > limit)
			return -ETIMEDOUT;
		if (t)
			run_one(w, t);
		look_always(w);
		look_at_watches(w);
		if (!t && !any_ready(w) && !pass_time(w))
			return -EDEADLK;
	}
	return 0;
}

/* ---- To its end ---------------------------------------------------------------------------------- */

#define STOP_TIME   PIER_MIN(10) /* that a node has to end when it is told to */
#define FIBERS_TOLD 20

static bool scenario_ended(const struct pier_sim *w)
{
	return w->nodes[0]->state != NODE_UP;
}

static void describe_line(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "sim:   %s\n", line);
}

/* What each fiber waits for. */
static void describe(struct pier_sim *w)
{
	for (unsigned i = 0; i < w->node_count; i++) {
		struct node *n = w->nodes[i];
		for (struct list *l = n->tasks.next; l != &n->tasks; l = l->next) {
			struct task *t = list_item(l, struct task, link);
			fprintf(stderr, "sim:  %s, thread %u%s%s\n", n->name, t->number,
				t->why	    ? ": waits for "
				: t->worker ? ""
					    : ": no fibers",
				t->why ? t->why : "");
			if (t->worker)
				pier_worker_describe(t->worker, FIBERS_TOLD, describe_line, NULL);
		}
	}
}

static void judge(struct pier_sim *w, int err, const char *late)
{
	if (err == 0 || w->failed)
		return;
	pier_world_fail("%s", err == -EDEADLK ? "nothing can ever happen again" : late);
	describe(w);
}

static void count_open(struct sock *s, void *count)
{
	*(unsigned *)count += s->fd >= 0;
}

static void look_for_leaks(struct pier_sim *w)
{
	for (unsigned i = 0; i < w->node_count; i++) {
		unsigned open = 0;
		if (w->nodes[i]->state == NODE_ENDED)
			pier_sim_sock_each(w->nodes[i], count_open, &open);
		if (open && !w->failed)
			pier_world_fail("%s has ended with %u descriptors open", w->nodes[i]->name,
					open);
	}
}

/* Faults stop with the scenario: what is still under way then must end well. */
void pier_world_run(struct pier_sim *w)
{
	judge(w, run_until(w, scenario_ended, TIME_MAX), "the scenario does not end");
	pier_sim_calm(w);
	for (unsigned i = 1; i < w->node_count; i++) {
		w->nodes[i]->paused = false;
		if (w->nodes[i]->state == NODE_UP)
			pier_node_signal(w->nodes[i], SIGTERM);
	}
	judge(w, run_until(w, all_ended, w->now + STOP_TIME), "a node does not stop");
	look_for_leaks(w);
}
