#include "heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define WAYS	   4
#define ROOM_FIRST 64

int pier_heap_reserve(struct heap *h, size_t count)
{
	if (count <= h->room)
		return 0;
	size_t room = h->room ? h->room : ROOM_FIRST;
	while (room < count)
		room *= 2;
	struct heap_node **at = realloc(h->at, room * sizeof(*at));
	if (!at)
		return -ENOMEM;
	h->at = at;
	h->room = room;
	return 0;
}

static void put(struct heap *h, size_t i, struct heap_node *n)
{
	h->at[i] = n;
	n->place = i + 1;
}

static void sift_up(struct heap *h, struct heap_node *n)
{
	size_t i = n->place - 1;
	while (i > 0) {
		size_t up = (i - 1) / WAYS;
		if (h->at[up]->key <= n->key)
			break;
		put(h, i, h->at[up]);
		i = up;
	}
	put(h, i, n);
}

static void sift_down(struct heap *h, struct heap_node *n)
{
	size_t i = n->place - 1;
	for (;;) {
		size_t first = i * WAYS + 1, best = i;
		int64_t least = n->key;
		for (size_t k = first; k < first + WAYS && k < h->count; k++) {
			if (h->at[k]->key < least) {
				least = h->at[k]->key;
				best = k;
			}
		}
		if (best == i)
			break;
		put(h, i, h->at[best]);
		i = best;
	}
	put(h, i, n);
}

void pier_heap_set(struct heap *h, struct heap_node *n, int64_t key)
{
	if (n->place == 0) {
		assert(h->count < h->room);
		n->place = ++h->count;
		h->at[n->place - 1] = n;
		n->key = key;
		sift_up(h, n);
		return;
	}
	int64_t old = n->key;
	n->key = key;
	if (key < old)
		sift_up(h, n);
	else
		sift_down(h, n);
}

void pier_heap_remove(struct heap *h, struct heap_node *n)
{
	if (n->place == 0)
		return;
	size_t i = n->place - 1;
	struct heap_node *last = h->at[--h->count];
	n->place = 0;
	if (last == n)
		return;
	put(h, i, last);
	sift_up(h, last);
	sift_down(h, last);
}

void pier_heap_done(struct heap *h)
{
	free(h->at);
	*h = (struct heap){0};
}
