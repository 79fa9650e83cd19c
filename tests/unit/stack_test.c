/* Stacks by the ten thousand: guards for all, and pages given back. */
#include "test.h"

#include "fiber/fiber.h"

#include <errno.h>
#include <pier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A sanitizer's own memory for a fiber is many times ours, and TSan has numbers for 8,000 in all. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN 1
#elif __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(TSAN)
#define CROWD 2000
#define SPIKE 1000
#elif defined(__SANITIZE_ADDRESS__) || defined(ASAN)
#define CROWD 10000
#define SPIKE 5000
#else
#define CROWD 100000
#define SPIKE 20000
#define PLAIN 1
#endif
#define DEEP (64 << 10)

static int on_one_worker(int (*body)(void *))
{
	return pier_run(body, NULL, .workers = 1);
}

static unsigned parked;

static int park_once(void *arg)
{
	(void)arg;
	parked++;
	CHECK_EQ(pier_sleep(PIER_S(1000)), -ECANCELED);
	parked--;
	return 0;
}

static int park_a_crowd(void *arg)
{
	(void)arg;
	pier_group g = PIER_GROUP;
	for (int i = 0; i < CROWD; i++)
		CHECK_OK(pier_go(&g, park_once, NULL));
	while (parked < CROWD)
		CHECK_OK(pier_yield());
	pier_group_end(&g);
	CHECK_EQ(parked, 0);
	return 0;
}

TEST_WITHIN(30, a_hundred_thousand_fibers_have_guarded_stacks_at_once)
{
	CHECK_OK(on_one_worker(park_a_crowd));
}

/* Bytes of memory that the process holds: statm, proc(5). */
static size_t resident(void)
{
	unsigned long all, pages;
	char text[128] = "";
	FILE *f = fopen("/proc/self/statm", "r");
	CHECK(f && fgets(text, sizeof text, f));
	fclose(f);
	char *at;
	all = strtoul(text, &at, 10);
	pages = strtoul(at, NULL, 10);
	CHECK(all >= pages);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int touch_deep(void *arg)
{
	char deep[DEEP];
	memset(deep, 1, sizeof deep);
	__asm__ volatile("" ::"r"(deep) : "memory");
	(void)arg;
	pier_sleep(PIER_S(1000));
	return 0;
}

static void spike(pier_group *g)
{
	for (int i = 0; i < SPIKE; i++)
		CHECK_OK(pier_go(g, touch_deep, NULL));
	for (int i = 0; i < SPIKE / 100; i++)
		CHECK_OK(pier_yield());
}

static int spike_and_rest(void *arg)
{
	(void)arg;
	pier_group g = PIER_GROUP;
	size_t before = resident();
	spike(&g);
	size_t high = resident() - before;
	CHECK(high >= (size_t)SPIKE * DEEP);
	pier_group_end(&g);
	CHECK_OK(pier_sleep(PIER_S(3)));
	size_t rest = resident() - before;
	fprintf(stderr, "# %d fibers: %zu MiB, at rest %zu MiB\n", SPIKE, high >> 20, rest >> 20);
#ifdef PLAIN /* the shadow of a sanitizer stays */
	CHECK(rest <= (size_t)SPIKE * (8 << 10) + (32 << 20));
#endif
	return 0;
}

TEST_WITHIN(30, pages_go_back_to_the_kernel_after_a_spike)
{
	CHECK_OK(on_one_worker(spike_and_rest));
}

static int reuse_after_rest(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++) {
		pier_group g = PIER_GROUP;
		for (int k = 0; k < 100; k++)
			CHECK_OK(pier_go(&g, touch_deep, NULL));
		CHECK_OK(pier_yield());
		pier_group_end(&g);
		CHECK_OK(pier_sleep(PIER_MS(1300)));
	}
	return 0;
}

TEST_WITHIN(30, stacks_that_gave_their_pages_back_serve_again)
{
	CHECK_OK(on_one_worker(reuse_after_rest));
}

#ifdef PLAIN
static char heard[512];

static void hear(pier_level level, const char *line, void *arg)
{
	(void)arg;
	if (level == PIER_ERROR)
		snprintf(heard, sizeof heard, "%s", line);
}

static int run_out_of_guards(void *arg)
{
	int err, started = 0;
	(void)arg;
	pier_group g = PIER_GROUP;
	while ((err = pier_go(&g, park_once, NULL)) == 0)
		started++;
	CHECK_EQ(err, -ENOMEM);
	CHECK(started > 1000);
	CHECK(strstr(heard, "vm.max_map_count"));
	while ((int)parked < started)
		CHECK_OK(pier_yield());
	pier_group_end(&g); /* those that there are still work */
	return 0;
}

/* As before Linux 6.13. Where the limit was raised beyond reason there is nothing to run out of. */
TEST_WITHIN(60, running_out_of_guards_is_told_with_its_remedy)
{
	if (pier_io_maps_max() > 300000)
		return;
	pier_log_to(hear, NULL);
	atomic_store(&pier_stack_guards_map, true);
	CHECK_OK(on_one_worker(run_out_of_guards));
}
#endif
