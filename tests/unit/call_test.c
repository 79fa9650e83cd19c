#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdatomic.h>

static int where(void *arg)
{
	*(int *)arg = pier_worker_id();
	return 40 + pier_worker_id();
}

static int call_each(void *arg)
{
	(void)arg;
	CHECK_EQ(pier_workers(), 3);
	CHECK_EQ(pier_worker_id(), 0);
	for (unsigned i = 0; i < 3; i++) {
		int id = -1;
		CHECK_EQ(pier_call(i, where, &id), 40 + (int)i);
		CHECK_EQ(id, i);
	}
	CHECK_EQ(pier_call(3, where, NULL), -EINVAL);
	return 0;
}

TEST(a_call_runs_on_the_worker_it_names)
{
	CHECK_EQ(pier_run(call_each, NULL, .workers = 3), 0);
}

TEST(outside_a_runtime_there_are_no_workers)
{
	CHECK_EQ(pier_workers(), -ENOTSUP);
	CHECK_EQ(pier_worker_id(), -ENOTSUP);
	CHECK_EQ(pier_call(0, where, NULL), -ENOTSUP);
}

/* Calls onward until the last worker is reached; each is started by the one before. */
static int onward(void *arg)
{
	int id = pier_worker_id();
	if (id + 1 < pier_workers())
		return pier_call((unsigned)id + 1, onward, arg);
	return id;
}

TEST(calls_nest)
{
	CHECK_EQ(pier_run(onward, NULL, .workers = 4), 3);
}

static int sleep_long(void *ended)
{
	int err = pier_sleep(PIER_S(100));
	*(bool *)ended = true;
	return err;
}

static int call_in_time(void *arg)
{
	bool ended = false;
	(void)arg;
	PIER_WITHIN (PIER_MS(10))
		CHECK_EQ(pier_call(1, sleep_long, &ended), -ETIMEDOUT);
	CHECK(ended);
	return 0;
}

TEST(a_deadline_cancels_the_call_and_waits_for_it)
{
	CHECK_EQ(pier_run(call_in_time, NULL, .workers = 2), 0);
}

struct long_call {
	unsigned worker;
	int result;
	bool ended;
};

static int call_long(void *arg)
{
	struct long_call *c = arg;
	c->result = pier_call(c->worker, sleep_long, &c->ended);
	return 0;
}

static int cancel_calls(void *arg)
{
	struct long_call calls[4] = {{.worker = 0}, {.worker = 1}, {.worker = 1}, {.worker = 0}};
	pier_group g = PIER_GROUP;
	(void)arg;
	for (int i = 0; i < 4; i++)
		CHECK_OK(pier_go(&g, call_long, &calls[i]));
	pier_yield(); /* they may have begun there, or not */
	pier_group_end(&g);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(calls[i].result, -ECANCELED);
		CHECK(calls[i].ended);
	}
	return 0;
}

TEST(a_cancel_reaches_the_other_worker)
{
	CHECK_EQ(pier_run(cancel_calls, NULL, .workers = 2), 0);
}

/* The end of the call and the cancel of its caller are on their way at the same time. */
static int short_call(void *arg)
{
	(void)arg;
	pier_sleep(PIER_US(50));
	return 5;
}

static int cancel_around_the_end(void *arg)
{
	(void)arg;
	for (int i = 0; i < 300; i++) {
		PIER_WITHIN (PIER_US(i)) {
			int result = pier_call(1, short_call, NULL);
			CHECK(result == 5 || result == -ETIMEDOUT);
		}
	}
	return 0;
}

TEST(a_call_may_end_while_it_is_cancelled)
{
	CHECK_EQ(pier_run(cancel_around_the_end, NULL, .workers = 2), 0);
}
