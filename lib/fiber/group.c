/* Groups: no fiber outlives its group, and the first error ends the siblings. */
#include "fiber.h"

#include "worker.h"

#include <assert.h>
#include <errno.h>

void pier_group_join(pier_group *g, struct fiber *f)
{
	f->group = g;
	f->group_prev = NULL;
	f->group_next = g->first;
	if (g->first)
		g->first->group_prev = f;
	g->first = f;
	g->live++;
}

void pier_group_leave(struct fiber *f, int result)
{
	pier_group *g = f->group;

	if (!g) /* a root, which someone awaits in a way of its own */
		return;
	if (f->group_prev)
		f->group_prev->group_next = f->group_next;
	else
		g->first = f->group_next;
	if (f->group_next)
		f->group_next->group_prev = f->group_prev;
	f->group = NULL;
	g->live--;
	if (result < 0 && g->err == 0) {
		g->err = result;
		pier_group_cancel(g);
	}
	if (g->live == 0 && g->waiter && g->waiter->state == FIBER_PARKED)
		pier_fiber_ready(g->waiter);
}

int pier_go(pier_group *g, int (*fn)(void *), void *arg)
{
	struct worker *w = pier_worker_self();
	if (!w)
		return -ENOTSUP;
	if (g->cancelled)
		return -ECANCELED;
	struct fiber *f = pier_fiber_start(w, fn, arg);
	if (!f)
		return -ENOMEM;
	pier_group_join(g, f);
	return 0;
}

void pier_group_cancel(pier_group *g)
{
	g->cancelled = true;
	for (struct fiber *f = g->first; f; f = f->group_next)
		pier_fiber_cancel(f);
}

/* Parks until the last fiber has left. The fibers left of an interrupted wait are joined deafly. */
static int join(pier_group *g, bool deaf)
{
	int first = 0;
	while (g->live) {
		g->waiter = pier_fiber_self();
		int err = pier_fiber_park(PIER_FOREVER, deaf, "its group");
		g->waiter = NULL;
		if (err < 0 && g->live) {
			first = err;
			pier_group_cancel(g);
			deaf = true;
		}
	}
	return first;
}

int pier_group_wait(pier_group *g)
{
	if (g->live == 0)
		return g->err;
	int err = pier_stopped();
	if (err < 0)
		pier_group_cancel(g);
	int waited = join(g, err < 0);
	if (g->err < 0 && g->err != -ECANCELED)
		return g->err;
	return err < 0 ? err : waited < 0 ? waited : g->err;
}

void pier_group_end(pier_group *g)
{
	if (!g || !g->live)
		return;
	pier_group_cancel(g);
	join(g, true);
}
