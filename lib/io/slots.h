/* Ops that are with the kernel, by slot and generation: what it says late, or twice, of one that is gone finds
 * nobody. */
#ifndef IO_SLOTS_H
#define IO_SLOTS_H

#include "op.h"

#include <stdlib.h>

#define SLOTS_FIRST 256
#define SLOT_NONE   UINT32_MAX
#define SLOT_TAGS   2 /* numbers below are no slots: for what is no op */

struct slot {
	struct io_op *op; /* NULL: free */
	uint32_t generation;
	union {
		uint32_t next_free;
		uint32_t turn; /* in which it was asked */
	};
};

struct slots {
	struct slot *at;
	uint32_t room, free;
};

static inline bool slots_grow(struct slots *s)
{
	uint32_t room = s->room ? s->room * 2 : SLOTS_FIRST;
	struct slot *at = realloc(s->at, room * sizeof(*at));
	if (!at)
		return false;
	for (uint32_t i = s->room; i < room; i++)
		at[i] = (struct slot){.next_free = i + 1 < room ? i + 1 : SLOT_NONE};
	s->free = s->room;
	s->at = at;
	s->room = room;
	return true;
}

static inline bool slot_take(struct slots *s, struct io_op *op, uint32_t turn)
{
	if (s->free == SLOT_NONE && !slots_grow(s))
		return false;
	uint32_t i = s->free;
	s->free = s->at[i].next_free;
	s->at[i].op = op;
	s->at[i].turn = turn;
	op->slot = i;
	return true;
}

static inline void slot_give(struct slots *s, uint32_t i)
{
	s->at[i].op = NULL;
	s->at[i].generation++;
	s->at[i].next_free = s->free;
	s->free = i;
}

/* True while the kernel has it. */
static inline bool slot_holds(const struct slots *s, const struct io_op *op)
{
	return op->slot < s->room && s->at[op->slot].op == op;
}

/* The user_data of an op in its slot … */
static inline uint64_t slot_tag(const struct slots *s, const struct io_op *op)
{
	return (uint64_t)s->at[op->slot].generation << 32 | (op->slot + SLOT_TAGS);
}

/* … and back: NULL when that op is gone. */
static inline struct slot *slot_of(const struct slots *s, uint64_t tag)
{
	uint32_t i = (uint32_t)tag - SLOT_TAGS;
	return i < s->room && s->at[i].op && s->at[i].generation == (uint32_t)(tag >> 32)
		       ? &s->at[i]
		       : NULL;
}

#endif
