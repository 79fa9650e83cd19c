/* What an io_uring backend knows of descriptors: the ops of each direction, and what the last ones tell of the
 * next. */
#ifndef IO_PORTS_H
#define IO_PORTS_H

#include "op.h"

#include <stdlib.h>
#include <string.h>

#define PORTS_FIRST 64

/* The ops of one direction of a descriptor: the first is with the kernel, the others wait for it, since the
 * kernel promises no order among several. */
struct line {
	struct io_op *first, **last;
};

struct port {
	struct line in, out;
	bool nothing_left; /* the last receive emptied it … */
	bool prompt;	   /* … but its successor found more as soon as it was asked */
	bool more_wait;	   /* the last accept left others in the backlog */
	bool said;	   /* something, since it last heard something */
};

/* By descriptor; each in memory of its own, for its pointers into itself. */
struct ports {
	struct port **at;
	size_t room;
};

static inline struct port *port_find(const struct ports *all, int fd)
{
	return (size_t)fd < all->room ? all->at[fd] : NULL;
}

/* NULL when memory is out. */
static inline struct port *port_make(struct ports *all, int fd)
{
	size_t at = (size_t)fd;
	if (at >= all->room) {
		size_t room = all->room ? all->room : PORTS_FIRST;
		while (room <= at)
			room *= 2;
		struct port **ports = realloc(all->at, room * sizeof(*ports));
		if (!ports)
			return NULL;
		memset(ports + all->room, 0, (room - all->room) * sizeof(*ports));
		all->at = ports;
		all->room = room;
	}
	struct port *p = all->at[at];
	if (!p && (p = all->at[at] = calloc(1, sizeof *p))) {
		p->in.last = &p->in.first;
		p->out.last = &p->out.first;
	}
	return p;
}

static inline void ports_done(struct ports *all)
{
	for (size_t i = 0; i < all->room; i++)
		free(all->at[i]);
	free(all->at);
}

static inline struct line *line_of(struct port *p, const struct io_op *op)
{
	return io_kind_reads(op->kind) ? &p->in : &p->out;
}

static inline void line_push(struct line *l, struct io_op *op)
{
	op->next = NULL;
	*l->last = op;
	l->last = &op->next;
}

static inline void line_remove(struct line *l, struct io_op *op)
{
	struct io_op **at = &l->first;
	while (*at != op)
		at = &(*at)->next;
	*at = op->next;
	if (l->last == &op->next)
		l->last = at;
}

#endif
