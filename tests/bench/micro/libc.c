/* What libc's threads and contexts cost. */
#include "clock.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <ucontext.h>

static void *nothing(void *arg)
{
	return arg;
}

static void spawn(long times)
{
	while (times-- > 0) {
		pthread_t t;
		if (pthread_create(&t, NULL, nothing, NULL) == 0)
			pthread_join(t, NULL);
	}
}

static void *yield_often(void *times)
{
	for (long i = (long)(intptr_t)times; i > 0; i--)
		sched_yield();
	return NULL;
}

static void switch_threads(long times)
{
	pthread_t t;
	if (pthread_create(&t, NULL, yield_often, (void *)(intptr_t)(times / 2)))
		return;
	yield_often((void *)(intptr_t)(times / 2));
	pthread_join(t, NULL);
}

static ucontext_t here, there;
static char stack[65536];

static void come_back(void)
{
	for (;;)
		swapcontext(&there, &here);
}

static void switch_contexts(long times)
{
	for (times /= 2; times > 0; times--)
		swapcontext(&here, &there);
}

int main(void)
{
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof stack;
	makecontext(&there, come_back, 0);
	double contexts = cost(switch_contexts, 1000000);
	printf("{\"spawn + finish\": %.2f, \"switch between 2\": %.2f, \"swapcontext\": %.2f}\n",
	       cost(spawn, 10000), cost(switch_threads, 250000), contexts);
	return 0;
}
