/* How the costs of single steps are measured: the best of several runs, as what disturbs only adds. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdio.h>
#include <time.h>

#define RUNS 7

typedef void cost_fn(long times);

/* Nanoseconds for each of `times`, at best. */
static inline double cost(cost_fn *step, long times)
{
	double best = 1e18;
	for (int i = 0; i < RUNS; i++) {
		struct timespec a, b;
		clock_gettime(CLOCK_MONOTONIC, &a);
		step(times);
		clock_gettime(CLOCK_MONOTONIC, &b);
		double ns = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
		best = ns < best ? ns : best;
	}
	return best / (double)times;
}

#endif
