/* A 4-ary min-heap of nodes that live in their owners. Each node knows its place, so any can be moved or
 * removed in O(log n); four children a node keep the tree shallow and within cache lines. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t key;
	size_t place; /* 1-based place in the heap; 0 = not in it */
};

struct heap {
	struct heap_node **at;
	size_t count, room;
};

/* Makes room for `count` nodes in all. 0 or -ENOMEM. */
int pier_heap_reserve(struct heap *h, size_t count);
/* Puts a node in (there must be room), or moves one that is in, to `key`. */
void pier_heap_set(struct heap *h, struct heap_node *n, int64_t key);
void pier_heap_remove(struct heap *h, struct heap_node *n);
void pier_heap_done(struct heap *h);

static inline struct heap_node *heap_first(const struct heap *h)
{
	return h->count ? h->at[0] : NULL;
}

#endif
