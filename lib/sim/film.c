#include "film.h"

#include <stdio.h>
#include <string.h>

static struct frame *next(void)
{
	struct film *f = pier_world->film;
	struct frame *at = &f->at[f->count++ % FRAMES_MAX];
	*at = (struct frame){.sent = pier_world->now, .came = pier_world->now};
	return at;
}

static uint8_t number_of(const struct node *n)
{
	struct film *f = pier_world->film;
	if (n->number >= f->nodes)
		f->nodes = n->number + 1;
	memcpy(f->names[n->number], n->name, sizeof n->name);
	return (uint8_t)n->number;
}

void pier_film_arrow(enum frame_kind kind, const struct node *from, const struct node *to,
		     int64_t sent, const char *format, ...)
{
	va_list args;
	if (!pier_world->film)
		return;
	struct frame *at = next();
	at->kind = kind;
	at->from = number_of(from);
	at->to = number_of(to);
	at->sent = sent;
	if (sent > at->came)
		at->came = sent; /* a loss that is still to come */
	va_start(args, format);
	vsnprintf(at->label, sizeof at->label, format, args);
	va_end(args);
}

void pier_film_mark(enum frame_kind kind, const struct node *n, const char *label)
{
	if (!pier_world->film)
		return;
	struct frame *at = next();
	at->kind = kind;
	at->from = at->to = number_of(n);
	snprintf(at->label, sizeof at->label, "%s", label);
}

void pier_film_failure(const char *format, va_list args)
{
	struct film *f = pier_world->film;
	if (!f || *f->failure)
		return;
	next()->kind = FRAME_FAILURE;
	vsnprintf(f->failure, sizeof f->failure, format, args);
}

void pier_film_way(struct wire *l)
{
	struct pier_sim *w = pier_world;
	size_t at = (size_t)(l - &w->wires[0][0]);
	struct node *from = w->nodes[at / PIER_SIM_NODES], *to = w->nodes[at % PIER_SIM_NODES];
	bool cut = l->cuts || l->is.cut;
	if (!w->film || cut == l->told_cut || !from || !to || from == to)
		return;
	l->told_cut = cut;
	struct frame *f = next();
	f->kind = cut ? FRAME_CUT : FRAME_JOINED;
	f->from = number_of(from);
	f->to = number_of(to);
}
