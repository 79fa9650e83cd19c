/* What pier's fibers cost. */
#include "clock.h"

#include <pier.h>

#define BATCH 100 /* fibers alive at once */

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void spawn(long times)
{
	pier_group g = PIER_GROUP;
	for (long i = 0; i < times; i++) {
		pier_go(&g, nothing, NULL);
		if (i % BATCH == BATCH - 1)
			pier_group_wait(&g);
	}
	pier_group_wait(&g);
}

static int yield_often(void *times)
{
	for (long i = *(long *)times; i > 0; i--)
		pier_yield();
	return 0;
}

static void switch_among(int fibers, long times)
{
	pier_group g = PIER_GROUP;
	long each = times / fibers;
	for (int i = 0; i < fibers; i++)
		pier_go(&g, yield_often, &each);
	pier_group_wait(&g);
}

static void switch_two(long times)
{
	switch_among(2, times);
}

static void switch_many(long times)
{
	switch_among(BATCH, times);
}

static void deadline(long times)
{
	while (times-- > 0)
		PIER_WITHIN (PIER_S(1))
			__asm__ volatile("" ::: "memory");
}

/* A wait that parks: for a fiber that then runs and ends. */
static void wait_once(void)
{
	pier_group g = PIER_GROUP;
	pier_go(&g, nothing, NULL);
	pier_group_wait(&g);
}

static void wait(long times)
{
	while (times-- > 0)
		wait_once();
}

static void wait_within(long times)
{
	while (times-- > 0)
		PIER_WITHIN (PIER_S(1))
			wait_once();
}

static int measure(void *arg)
{
	(void)arg;
	printf("{\"spawn + finish\": %.2f, \"switch among 100\": %.2f, \"switch between 2\": %.2f, "
	       "\"deadline\": %.2f, \"deadline of a wait\": %.2f}\n",
	       cost(spawn, 1000000), cost(switch_many, 5000000), cost(switch_two, 1000000),
	       cost(deadline, 5000000), cost_above(wait, wait_within, 1000000));
	return 0;
}

int main(void)
{
	return pier_run(measure, NULL, .workers = 1);
}
