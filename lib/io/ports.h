/* What an io_uring backend knows of descriptors: the ops of each direction, and what the last ones tell of the
 * next. */
#ifndef IO_PORTS_H
#define IO_PORTS_H

#include "op.h"

#include <stdlib.h>
#include <string.h>

#define PORTS_FIRST 64

/* The ops of one direction of a descriptor: the first is with the kernel, the others wait for it, since the
 * kernel promises no order among several. The last one's next is the first. */
struct line {
	struct io_op *last;
};

struct port {
	struct line in, out;
	bool nothing_left; /* the last receive emptied it … */
	bool prompt;	   /* … but its successor found more as soon as it was asked */
	bool more_wait;	   /* the last accept left others in the backlog */
	bool said;	   /* something, since it last heard something */
};

/* By descriptor. */
struct ports {
	struct port *at;
	size_t room;
};

static inline struct port *port_find(const struct ports *all, int fd)
{
	return (size_t)fd < all->room ? &all->at[fd] : NULL;
}

/* Moves those that are there. NULL when memory is out. */
static inline struct port *port_make(struct ports *all, int fd)
{
	size_t at = (size_t)fd;
	if (at >= all->room) {
		size_t room = all->room ? all->room : PORTS_FIRST;
		while (room <= at)
			room *= 2;
		struct port *ports = realloc(all->at, room * sizeof(*ports));
		if (!ports)
			return NULL;
		memset(ports + all->room, 0, (room - all->room) * sizeof(*ports));
		all->at = ports;
		all->room = room;
	}
	return &all->at[at];
}

static inline struct line *line_of(struct port *p, const struct io_op *op)
{
	return io_kind_reads(op->kind) ? &p->in : &p->out;
}

static inline struct io_op *line_first(const struct line *l)
{
	return l->last ? l->last->next : NULL;
}

static inline void line_push(struct line *l, struct io_op *op)
{
	op->next = op;
	if (l->last) {
		op->next = l->last->next;
		l->last->next = op;
	}
	l->last = op;
}

static inline void line_remove(struct line *l, struct io_op *op)
{
	struct io_op *before = l->last;
	while (before->next != op)
		before = before->next;
	before->next = op->next;
	if (l->last == op)
		l->last = before == op ? NULL : before;
}

#endif
