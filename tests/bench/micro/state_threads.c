/* What State Threads' fibers cost. */
#include "clock.h"

#include <st.h>
#include <stdint.h>

#define BATCH 100

static void *nothing(void *arg)
{
	return arg;
}

static void spawn(long times)
{
	st_thread_t t[BATCH];
	for (; times > 0; times -= BATCH) {
		for (int i = 0; i < BATCH; i++)
			t[i] = st_thread_create(nothing, NULL, 1, 0);
		for (int i = 0; i < BATCH; i++)
			st_thread_join(t[i], NULL);
	}
}

static void *yield_often(void *times)
{
	for (long i = (long)(intptr_t)times; i > 0; i--)
		st_usleep(0);
	return NULL;
}

static void switch_among(int fibers, long times)
{
	st_thread_t t[BATCH];
	for (int i = 0; i < fibers; i++)
		t[i] = st_thread_create(yield_often, (void *)(intptr_t)(times / fibers), 1, 0);
	for (int i = 0; i < fibers; i++)
		st_thread_join(t[i], NULL);
}

static void switch_two(long times)
{
	switch_among(2, times);
}

static void switch_many(long times)
{
	switch_among(BATCH, times);
}

int main(void)
{
	if (st_init() < 0)
		return 1;
	printf("{\"spawn + finish\": %.2f, \"switch among 100\": %.2f, \"switch between 2\": "
	       "%.2f}\n",
	       cost(spawn, 500000), cost(switch_many, 1000000), cost(switch_two, 500000));
	return 0;
}
