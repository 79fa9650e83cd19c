/* How the costs of single steps are measured: the best of several runs, as what disturbs only adds. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdio.h>
#include <time.h>

#define RUNS 50

typedef void cost_fn(long times);

static inline double once(cost_fn *step, long times)
{
	struct timespec a, b;
	clock_gettime(CLOCK_MONOTONIC, &a);
	step(times);
	clock_gettime(CLOCK_MONOTONIC, &b);
	double ns = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
	return ns / (double)times;
}

/* Nanoseconds for each of `times`, at best. */
static inline double cost(cost_fn *step, long times)
{
	double best = 1e18;
	for (int i = 0; i < RUNS; i++) {
		double ns = once(step, times / RUNS);
		best = ns < best ? ns : best;
	}
	return best;
}

/* What `step` costs above `base`, of which it is made: in turn, so that what disturbs meets both. */
static inline double cost_above(cost_fn *base, cost_fn *step, long times)
{
	double low = 1e18, high = 1e18;
	for (int i = 0; i < RUNS; i++) {
		double a = once(base, times / RUNS), b = once(step, times / RUNS);
		low = a < low ? a : low;
		high = b < high ? b : high;
	}
	return high - low;
}

#endif
