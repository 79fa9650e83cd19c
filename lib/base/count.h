/* Counters that one thread writes and all may read: an addition that is not locked, since nobody else adds. */
#ifndef BASE_COUNT_H
#define BASE_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t counter;

static inline uint64_t count_get(const counter *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static inline void count_set(counter *c, uint64_t n)
{
	atomic_store_explicit(c, n, memory_order_relaxed);
}

static inline void count_add(counter *c, uint64_t n)
{
	count_set(c, count_get(c) + n);
}

static inline void count_max(counter *c, uint64_t n)
{
	if (n > count_get(c))
		count_set(c, n);
}

#endif
