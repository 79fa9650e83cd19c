/* What packets meet on their way. */
#include "world.h"

#include <errno.h>
#include <stdlib.h>

#define DELAY_DEFAULT  PIER_MS(1)
#define LOCAL_DELAY    PIER_US(20) /* within a node, at most */
#define REPEATS_MAX    8	   /* that one packet needs, at most, by chance alone */
#define PARTITION_MOST PIER_S(10)
#define FIRST_REPEAT   PIER_MS(200) /* TCP_RTO_MIN: tcp(7) */

static struct wire *wire(const struct node *from, const struct node *to)
{
	return &pier_world->wires[from->number][to->number];
}

static int64_t travel(const struct node *from, const struct node *to)
{
	const struct wire *l = wire(from, to);
	if (from == to)
		return (int64_t)pier_chance(LOCAL_DELAY);
	return l->delay + (int64_t)pier_chance((uint64_t)l->jitter + 1);
}

/* Each loss costs a time-out, twice the last: RFC 6298 §5.5. */
int64_t pier_link_stream(const struct node *from, const struct node *to)
{
	int64_t takes = travel(from, to), repeat = FIRST_REPEAT;
	if (from == to)
		return takes;
	for (int i = 0; i < REPEATS_MAX && pier_chance_of(wire(from, to)->loss); i++) {
		takes += repeat;
		repeat *= 2;
	}
	return takes;
}

int64_t pier_link_datagram(const struct node *from, const struct node *to)
{
	bool for_good;
	if (!pier_link_open(from, to, &for_good))
		return -1;
	if (from != to && pier_chance_of(wire(from, to)->loss))
		return -1;
	return travel(from, to);
}

bool pier_link_twice(const struct node *from, const struct node *to)
{
	return from != to && pier_chance_of(wire(from, to)->twice);
}

bool pier_link_open(const struct node *from, const struct node *to, bool *for_good)
{
	const struct wire *l = wire(from, to);
	*for_good = l->cut || to->state == NODE_CRASHED;
	return to->state != NODE_CRASHED && (from == to || (!l->cut && !l->cuts));
}

/* ---- Drawn by the seed --------------------------------------------------------------------------- */

/* Nothing of it in a third of the runs; else up to the most. */
static double draw(double most)
{
	return pier_chance(3) == 0 ? 0 : most * (double)(1 + pier_chance(100)) / 100;
}

void pier_links_meet(struct node *n)
{
	struct pier_sim *w = pier_world;
	int64_t most = w->o.delay > 0 ? w->o.delay : DELAY_DEFAULT;
	for (unsigned i = 0; i < w->node_count; i++) {
		struct wire *ways[] = {&w->wires[n->number][i], &w->wires[i][n->number]};
		for (int k = 0; k < 2; k++) {
			int64_t delay = (int64_t)pier_chance((uint64_t)most + 1);
			*ways[k] = (struct wire){
				.loss = draw(w->o.loss), .twice = draw(w->o.twice), .delay = delay};
			ways[k]->jitter = (int64_t)pier_chance((uint64_t)(most - delay) + 1);
		}
	}
}

/* ---- Partitions ---------------------------------------------------------------------------------- */

struct partition {
	struct event event;
	int64_t takes;
	struct wire *ways[2];
};

static void part(struct partition *p, int by)
{
	for (int i = 0; i < 2; i++)
		if (p->ways[i])
			p->ways[i]->cuts += by;
}

static void end(struct event *e)
{
	struct partition *p = (struct partition *)e;
	part(p, -1);
	pier_world_trace("a partition ends");
	free(p);
}

static void begin(struct event *e)
{
	struct partition *p = (struct partition *)e;
	struct pier_sim *w = pier_world;
	if (w->calm || w->node_count < 2) {
		free(p);
		return;
	}
	unsigned a = (unsigned)pier_chance(w->node_count),
		 b = (unsigned)pier_chance(w->node_count - 1);
	b += b >= a;
	p->ways[0] = &w->wires[a][b];
	p->ways[1] = pier_chance(3) ? &w->wires[b][a] : NULL;
	part(p, 1);
	pier_world_trace("%s %s %s: cut off for %lld ms", w->nodes[a]->name, p->ways[1] ? "↮" : "↛",
			 w->nodes[b]->name, (long long)(p->takes / 1000000));
	p->event.fire = end;
	pier_event_at(e, w->now + p->takes);
}

/* A time of any size up to the most: as many below 10 ms as between 1 s and 10 s. */
static int64_t any_time(int64_t most)
{
	int64_t at = most;
	for (uint64_t i = pier_chance(4); i; i--)
		at /= 10;
	return 1 + (int64_t)pier_chance((uint64_t)at);
}

void pier_links_draw(struct pier_sim *w)
{
	for (uint64_t count = w->o.partitions ? pier_chance(w->o.partitions + 1) : 0; count;
	     count--) {
		struct partition *p = calloc(1, sizeof *p);
		if (!p)
			abort();
		p->event.fire = begin;
		p->takes = any_time(PARTITION_MOST);
		pier_event_at(&p->event, any_time(PARTITION_MOST));
	}
}

/* ---- By the scenario ----------------------------------------------------------------------------- */

/* Calls set(wire) for the ways from one to another; NULL: all. */
static int each_way(const char *from, const char *to, void (*set)(struct wire *, const void *),
		    const void *arg)
{
	struct pier_sim *w = pier_world;
	struct node *a = from ? pier_node_find(from) : NULL, *b = to ? pier_node_find(to) : NULL;
	if ((from && !a) || (to && !b))
		return -ENOENT;
	for (unsigned i = 0; i < w->node_count; i++)
		for (unsigned k = 0; k < w->node_count; k++)
			if ((!a || a->number == i) && (!b || b->number == k))
				set(&w->wires[i][k], arg);
	return 0;
}

static void set_wire(struct wire *l, const void *arg)
{
	const pier_sim_wire *wanted = arg;
	l->loss = wanted->loss;
	l->twice = wanted->twice;
	l->delay = wanted->delay > 0 ? wanted->delay : 0;
	l->jitter = wanted->jitter > 0 ? wanted->jitter : 0;
	l->cut = wanted->cut;
}

static void set_cut(struct wire *l, const void *cut)
{
	l->cut = *(const bool *)cut;
}

int pier_sim_link(pier_sim *s, const char *from, const char *to, const pier_sim_wire *wanted)
{
	(void)s;
	return each_way(from, to, set_wire, wanted);
}

static int cut_both(const char *a, const char *b, bool cut)
{
	int err = each_way(a, b, set_cut, &cut);
	return err < 0 ? err : each_way(b, a, set_cut, &cut);
}

int pier_sim_cut(pier_sim *s, const char *a, const char *b)
{
	pier_world_trace("%s ↮ %s", a ? a : "all", b ? b : "all");
	(void)s;
	return cut_both(a, b, true);
}

int pier_sim_heal(pier_sim *s, const char *a, const char *b)
{
	pier_world_trace("%s ↔ %s", a ? a : "all", b ? b : "all");
	(void)s;
	return cut_both(a, b, false);
}

void pier_sim_calm(pier_sim *s)
{
	for (unsigned i = 0; i < s->node_count; i++)
		for (unsigned k = 0; k < s->node_count; k++) {
			s->wires[i][k].loss = s->wires[i][k].twice = 0;
			s->wires[i][k].cut = false;
		}
	s->calm = true;
	s->faults = 0;
}
