/* What packets meet on their way. */
#include "sim/film.h"
#include "sock.h"

#include <errno.h>

#define DELAY_DEFAULT PIER_MS(1)
#define LOCAL_DELAY   PIER_US(20)     /* within a node, at most */
#define REPEATS_MAX   8		      /* that one packet needs, at most, by chance alone */
#define FIRST_REPEAT  PIER_MS(200)    /* TCP_RTO_MIN: tcp(7) */
#define QUEUE_DEFAULT ((size_t)65536) /* bytes */
#define MTU_DEFAULT   1500u	      /* of Ethernet */
#define MTU_LEAST     576u	      /* RFC 791: what every host takes; IPv6 wants 1280 */
#define MTU_LOCAL     65536u
#define HELD_BACK     10 /* times as long as others, at most, takes who is overtaken */

static struct wire *wire(const struct node *from, const struct node *to)
{
	return &pier_world->wires[from->number][to->number];
}

/* RFC 791, RFC 8200; tcp's own are left out, so are those of the wire below. */
static size_t headers(int family)
{
	return (family == AF_INET6 ? 40 : 20) + 8;
}

/* ---- The wire sends one packet after the other --------------------------------------------------- */

static int64_t sending(const struct wire *l, size_t len)
{
	return l->is.rate > 0 ? (int64_t)((double)len * 1e9 / (double)l->is.rate) : 0;
}

/* Until its last byte has left, behind those before it. */
static int64_t wait_for_wire(struct wire *l, size_t len)
{
	int64_t now = pier_world->now;
	if (l->is.rate <= 0)
		return 0;
	l->busy = (l->busy > now ? l->busy : now) + sending(l, len);
	return l->busy - now;
}

static bool is_full(const struct wire *l, size_t len)
{
	size_t room = l->is.queue ? l->is.queue : QUEUE_DEFAULT;
	int64_t waits = l->busy - pier_world->now;
	if (l->is.rate <= 0 || waits <= 0)
		return false;
	return (double)waits * (double)l->is.rate / 1e9 + (double)len > (double)room;
}

/* Within a node nothing is overtaken, and as often as not it is there when the call that sent it returns. */
static int64_t travel_within(struct wire *l)
{
	int64_t now = pier_world->now, at = now;
	if (!pier_world->o.whole && pier_chance(2))
		at += (int64_t)pier_chance(LOCAL_DELAY);
	l->busy = at > l->busy ? at : l->busy;
	return l->busy - now;
}

static int64_t travel(const struct packet *p)
{
	struct wire *l = wire(p->from, p->to);
	if (p->from == p->to)
		return travel_within(l);
	return l->is.delay + (int64_t)pier_chance((uint64_t)l->is.jitter + 1);
}

/* Each loss costs a time-out, twice the last: RFC 6298 §5.5. */
int64_t pier_link_stream(const struct packet *p)
{
	int64_t takes = travel(p), repeat = FIRST_REPEAT;
	struct wire *l = wire(p->from, p->to);
	if (p->from == p->to)
		return takes;
	int64_t least = takes;
	takes += wait_for_wire(l, p->len + headers(p->family));
	for (int i = 0; i < REPEATS_MAX && pier_chance_of(l->is.loss); i++) {
		pier_film_arrow(FRAME_LOST, p->from, p->to, pier_world->now + takes - least,
				"%zu B", p->len);
		takes += repeat;
		repeat *= 2;
	}
	return takes;
}

static size_t mtu(const struct packet *p)
{
	unsigned wanted = wire(p->from, p->to)->is.mtu;
	return p->from == p->to ? MTU_LOCAL : wanted ? wanted : MTU_DEFAULT;
}

size_t pier_link_whole(const struct packet *p)
{
	size_t most = mtu(p), head = headers(p->family);
	return most > head ? most - head : 1;
}

/* Any piece that is lost takes the others with it. */
static bool is_lost(const struct packet *p, double loss)
{
	size_t whole = pier_link_whole(p), pieces = p->len / whole + 1;
	while (loss > 0 && pieces--)
		if (pier_chance_of(loss))
			return true;
	return false;
}

static int64_t lost(const struct packet *p)
{
	pier_film_arrow(FRAME_LOST, p->from, p->to, pier_world->now, "%zu B", p->len);
	return -1;
}

int64_t pier_link_datagram(const struct packet *p)
{
	bool for_good;
	struct wire *l = wire(p->from, p->to);
	if (!pier_link_open(p->from, p->to, p->family, &for_good))
		return lost(p);
	int64_t takes = travel(p);
	if (p->from == p->to)
		return takes;
	if (is_full(l, p->len) || is_lost(p, l->is.loss))
		return lost(p);
	takes += wait_for_wire(l, p->len + headers(p->family));
	if (pier_chance_of(l->is.reorder))
		takes += (int64_t)pier_chance((uint64_t)(takes + DELAY_DEFAULT) * HELD_BACK);
	return takes;
}

bool pier_link_twice(const struct packet *p)
{
	return p->from != p->to && pier_chance_of(wire(p->from, p->to)->is.twice);
}

static bool passes(const struct wire *l, int family)
{
	return !l->is.cut && !(family == AF_INET ? l->is.cut_ipv4 : l->is.cut_ipv6);
}

bool pier_link_open(const struct node *from, const struct node *to, int family, bool *for_good)
{
	const struct wire *l = wire(from, to);
	bool up = to->state != NODE_CRASHED;
	*for_good = !up || !passes(l, family);
	return up && (from == to || (passes(l, family) && !l->cuts));
}

/* ---- Drawn by the seed --------------------------------------------------------------------------- */

/* Nothing of it in a third of the runs; else up to the most. */
static double draw(double most)
{
	return pier_chance(3) == 0 ? 0 : most * (double)(1 + pier_chance(100)) / 100;
}

/* As fast as the least in some runs, a thousand times as fast in others. */
static int64_t draw_rate(int64_t least)
{
	if (least <= 0 || pier_chance(3) == 0)
		return 0;
	for (uint64_t i = pier_chance(4); i; i--)
		least *= 10;
	return least;
}

static unsigned draw_mtu(unsigned least)
{
	if (least == 0 || least >= MTU_DEFAULT || pier_chance(3) == 0)
		return 0;
	least = least < MTU_LEAST ? MTU_LEAST : least;
	return least + (unsigned)pier_chance(MTU_DEFAULT - least);
}

/* What the scenario has cut stays so. */
void pier_link_draw(struct wire *l)
{
	const pier_sim_opts *o = &pier_world->o;
	int64_t most = o->delay > 0 ? o->delay : DELAY_DEFAULT;
	l->is.delay = (int64_t)pier_chance((uint64_t)most + 1);
	l->is.jitter = (int64_t)pier_chance((uint64_t)(most - l->is.delay) + 1);
	l->is.loss = draw(o->loss);
	l->is.twice = draw(o->twice);
	l->is.reorder = draw(o->reorder);
	l->is.rate = draw_rate(o->rate);
	l->is.mtu = draw_mtu(o->mtu);
}

void pier_links_meet(struct node *n)
{
	struct pier_sim *w = pier_world;
	for (unsigned i = 0; i < w->node_count; i++) {
		pier_link_draw(&w->wires[n->number][i]);
		pier_link_draw(&w->wires[i][n->number]);
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

static void set_wire(struct wire *l, const void *wanted)
{
	l->is = *(const pier_sim_wire *)wanted;
	l->is.delay = l->is.delay > 0 ? l->is.delay : 0;
	l->is.jitter = l->is.jitter > 0 ? l->is.jitter : 0;
	pier_film_way(l);
}

static void set_cut(struct wire *l, const void *cut)
{
	l->is.cut = *(const bool *)cut;
	pier_film_way(l);
}

int pier_sim_link(pier_sim *s, const char *from, const char *to, const pier_sim_wire *wanted)
{
	(void)s;
	int err = each_way(from, to, set_wire, wanted);
	pier_streams_doubt();
	return err;
}

static int cut_both(const char *a, const char *b, bool cut)
{
	int err = each_way(a, b, set_cut, &cut);
	if (err == 0)
		err = each_way(b, a, set_cut, &cut);
	pier_streams_doubt();
	return err;
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
			pier_sim_wire *is = &s->wires[i][k].is;
			is->loss = is->twice = is->reorder = 0;
			is->cut = is->cut_ipv4 = is->cut_ipv6 = false;
			pier_film_way(&s->wires[i][k]);
		}
	s->calm = true;
	s->faults = s->memory_faults = 0;
}
