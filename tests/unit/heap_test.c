/* The heap against an array that is searched. */
#include "base/heap.h"

#include "test.h"

#include <errno.h>
#include <stdlib.h>

#define NODES 500

static uint64_t state;

static unsigned dice(unsigned sides)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % sides;
}

static int64_t least_key(const struct heap_node *nodes)
{
	int64_t least = INT64_MAX;
	for (int i = 0; i < NODES; i++)
		if (nodes[i].place && nodes[i].key < least)
			least = nodes[i].key;
	return least;
}

static void is_in_order(const struct heap *h)
{
	for (size_t i = 0; i < h->count; i++) {
		CHECK_EQ(h->at[i]->place, i + 1);
		if (i > 0)
			CHECK(h->at[(i - 1) / 4]->key <= h->at[i]->key);
	}
}

TEST(the_first_is_the_least_whatever_was_done)
{
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct heap h = {0};
		static struct heap_node nodes[NODES];
		size_t in = 0;
		state = seed;
		for (int i = 0; i < NODES; i++)
			nodes[i] = (struct heap_node){0};
		CHECK_OK(pier_heap_reserve(&h, NODES));
		for (int step = 0; step < 5000; step++) {
			struct heap_node *n = &nodes[dice(NODES)];
			if (dice(3)) {
				in += n->place == 0;
				pier_heap_set(&h, n, (int64_t)dice(1000) - 500);
			} else {
				in -= n->place != 0;
				pier_heap_remove(&h, n);
				CHECK_EQ(n->place, 0);
			}
			CHECK_EQ(h.count, in);
			if (in)
				CHECK_EQ(heap_first(&h)->key, least_key(nodes));
			else
				CHECK(!heap_first(&h));
			if (step % 100 == 0)
				is_in_order(&h);
		}
		pier_heap_done(&h);
	}
}

TEST(taking_the_first_again_and_again_sorts)
{
	struct heap h = {0};
	static struct heap_node nodes[NODES];
	int64_t last = INT64_MIN;
	state = 7;
	for (int i = 0; i < NODES; i++) {
		CHECK_OK(pier_heap_reserve(&h, (size_t)i + 1)); /* grows, and keeps what is in */
		pier_heap_set(&h, &nodes[i], dice(100));
	}
	for (int i = 0; i < NODES; i++) {
		struct heap_node *n = heap_first(&h);
		CHECK(n->key >= last);
		last = n->key;
		pier_heap_remove(&h, n);
	}
	CHECK(!heap_first(&h));
	pier_heap_done(&h);
}

TEST(the_extremes_of_time_have_their_place)
{
	struct heap h = {0};
	struct heap_node never = {0}, past = {0}, now = {0};
	CHECK_OK(pier_heap_reserve(&h, 3));
	pier_heap_set(&h, &never, INT64_MAX);
	pier_heap_set(&h, &now, 0);
	pier_heap_set(&h, &past, INT64_MIN);
	CHECK(heap_first(&h) == &past);
	pier_heap_set(&h, &past, INT64_MAX);
	CHECK(heap_first(&h) == &now);
	pier_heap_done(&h);
}
