/* What happens to the network by itself, at times that the seed has chosen: partitions, resets, ways that become others. */
#include "sim/film.h"
#include "sock.h"

#include <stdlib.h>

#define WITHIN PIER_S(10) /* all of it begins, and no partition lasts longer */

struct mishap {
	struct event event;
	void (*happen)(struct mishap *); /* frees it, or comes again */
	int64_t takes;
	struct wire *ways[2];
};

/* A time of any size up to the most: as many below 10 ms as between 1 s and 10 s. */
static int64_t any_time(int64_t most)
{
	int64_t at = most;
	for (uint64_t i = pier_chance(4); i; i--)
		at /= 10;
	return 1 + (int64_t)pier_chance((uint64_t)at);
}

/* Two that are not the same. */
static void any_two(const struct pier_sim *w, unsigned *a, unsigned *b)
{
	*a = (unsigned)pier_chance(w->node_count);
	*b = (unsigned)pier_chance(w->node_count - 1);
	*b += *b >= *a;
}

/* ---- Partitions ---------------------------------------------------------------------------------- */

static void part(struct mishap *m, int by)
{
	for (int i = 0; i < 2 && m->ways[i]; i++) {
		m->ways[i]->cuts += (unsigned)by;
		pier_film_way(m->ways[i]);
	}
}

static void join(struct mishap *m)
{
	part(m, -1);
	pier_world_trace("a partition ends");
	free(m);
}

static void partition(struct mishap *m)
{
	struct pier_sim *w = pier_world;
	unsigned a, b;
	any_two(w, &a, &b);
	m->ways[0] = &w->wires[a][b];
	m->ways[1] = pier_chance(3) ? &w->wires[b][a] : NULL;
	part(m, 1);
	pier_world_trace("%s %s %s: cut off for %lld ms", w->nodes[a]->name, m->ways[1] ? "↮" : "↛",
			 w->nodes[b]->name, (long long)(m->takes / 1000000));
	m->happen = join;
	pier_event_at(&m->event, w->now + m->takes);
	pier_streams_doubt();
}

/* ---- Resets -------------------------------------------------------------------------------------- */

static void reset(struct mishap *m)
{
	struct stream *st = pier_stream_any();
	uint64_t ends = pier_chance(3); /* one, the other, both */
	if (st)
		pier_stream_reset(st, ends != 1, ends != 0);
	free(m);
}

/* ---- Changes ------------------------------------------------------------------------------------- */

static void change(struct mishap *m)
{
	struct pier_sim *w = pier_world;
	unsigned a, b;
	any_two(w, &a, &b);
	pier_link_draw(&w->wires[a][b]);
	pier_world_trace("%s → %s is another way now", w->nodes[a]->name, w->nodes[b]->name);
	free(m);
}

/* ---- All ----------------------------------------------------------------------------------------- */

static void begins(struct event *e)
{
	struct mishap *m = (struct mishap *)e;
	if (m->happen != join && (pier_world->calm || pier_world->node_count < 2))
		free(m);
	else
		m->happen(m);
}

static void draw(unsigned most, void (*happen)(struct mishap *))
{
	for (uint64_t count = most ? pier_chance((uint64_t)most + 1) : 0; count; count--) {
		struct mishap *m = calloc(1, sizeof *m);
		if (!m)
			abort();
		m->event.fire = begins;
		m->happen = happen;
		m->takes = any_time(WITHIN);
		pier_event_at(&m->event, pier_world->now + any_time(WITHIN));
	}
}

void pier_weather_draw(struct pier_sim *w)
{
	draw(w->o.partitions, partition);
	draw(w->o.resets, reset);
	draw(w->o.changes, change);
}
