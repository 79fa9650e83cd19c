/* What a turn of a worker does before it asks the kernel for news. */
#include "test.h"

#include "fiber/fiber.h"

#include <pier.h>

static struct waitq ping, pong;
static bool over;
static unsigned words;

static int answer(void *arg)
{
	(void)arg;
	while (!over) {
		pier_waitq_wake(&pong);
		CHECK_OK(pier_waitq_wait(&ping, PIER_FOREVER, "ping"));
	}
	pier_waitq_wake_all(&pong);
	return 0;
}

static int talk(void *arg)
{
	(void)arg;
	while (!over) {
		words++;
		pier_waitq_wake(&ping);
		CHECK_OK(pier_waitq_wait(&pong, PIER_FOREVER, "pong"));
	}
	pier_waitq_wake_all(&ping);
	return 0;
}

static int talk_for_a_while(void *arg)
{
	pier_group g = PIER_GROUP;
	pier_worker_stats s;
	(void)arg;

	waitq_init(&ping);
	waitq_init(&pong);
	CHECK_OK(pier_go(&g, answer, NULL));
	CHECK_OK(pier_go(&g, talk, NULL));
	CHECK_OK(pier_sleep(PIER_MS(20))); /* it comes, though the two never rest */
	over = true;
	CHECK_OK(pier_group_wait(&g));
	CHECK_OK(pier_stats(0, &s));
	CHECK(s.turns * 20 < s.switches);
	CHECK(s.turns > 10);
	CHECK(words > 100);
	return 0;
}

TEST(two_that_wake_each_other_share_a_turn_and_hold_nobody_up)
{
	CHECK_OK(pier_run(talk_for_a_while, NULL, .workers = 1));
}

static int yield_for_ever(void *arg)
{
	(void)arg;
	while (!over)
		CHECK_OK(pier_yield());
	return 0;
}

static int yield_for_a_while(void *arg)
{
	pier_group g = PIER_GROUP;
	pier_worker_stats s;
	(void)arg;

	CHECK_OK(pier_go(&g, yield_for_ever, NULL));
	CHECK_OK(pier_sleep(PIER_MS(10)));
	over = true;
	CHECK_OK(pier_group_wait(&g));
	CHECK_OK(pier_stats(0, &s));
	CHECK(s.switches < s.turns * 2); /* it computes between, perhaps for long */
	return 0;
}

TEST(one_that_yields_lets_the_kernel_be_asked_first)
{
	CHECK_OK(pier_run(yield_for_a_while, NULL, .workers = 1));
}
