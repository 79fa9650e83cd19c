#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

static int key, other;
static char ended[32];

static void end(void *value)
{
	strcat(ended, value);
}

static int set_and_look(void *mine)
{
	CHECK(!pier_local_get(key));
	CHECK_OK(pier_local_set(key, mine));
	pier_yield(); /* the others set theirs */
	CHECK_STR(pier_local_get(key), mine);
	CHECK(!pier_local_get(other));
	return 0;
}

static int three_fibers(void *arg)
{
	pier_group g = PIER_GROUP;
	(void)arg;
	CHECK_OK(pier_go(&g, set_and_look, "a"));
	CHECK_OK(pier_go(&g, set_and_look, "b"));
	CHECK_OK(pier_go(&g, set_and_look, "c"));
	CHECK_OK(pier_group_wait(&g));
	CHECK_STR(ended, "abc"); /* before the group is told */
	CHECK(!pier_local_get(key));
	return 0;
}

TEST(each_fiber_has_its_own_until_it_ends)
{
	test_skip_simulated("which fiber comes first is left to chance there");
	key = pier_local_key(end);
	other = pier_local_key(NULL);
	CHECK_OK(key);
	CHECK_OK(other);
	CHECK_EQ(pier_run(three_fibers, NULL, .workers = 1), 0);
}

static int set_nothing(void *arg)
{
	(void)arg;
	CHECK_OK(pier_local_set(key, "x"));
	CHECK_OK(pier_local_set(key, NULL)); /* taken back: nothing to end */
	CHECK_OK(pier_local_set(other, "y"));
	CHECK_EQ(pier_local_set(other + 1, "z"), -EINVAL);
	CHECK_EQ(pier_local_set(-1, "z"), -EINVAL);
	CHECK(!pier_local_get(other + 1));
	return 0;
}

TEST(only_values_of_keys_with_an_end_are_ended)
{
	key = pier_local_key(end);
	other = pier_local_key(NULL);
	CHECK_EQ(pier_run(set_nothing, NULL, .workers = 1), 0);
	CHECK_STR(ended, "");
}

/* A destructor that uses the value, as a log that is closed may log. */
static void set_again(void *value)
{
	strcat(ended, value);
	pier_local_set(key, value);
}

static int set_one(void *arg)
{
	return pier_local_set(key, arg);
}

TEST(an_end_that_sets_again_is_not_asked_for_ever)
{
	key = pier_local_key(set_again);
	CHECK_EQ(pier_run(set_one, "a", .workers = 1), 0);
	CHECK_STR(ended, "aaaa");
}

/* A destructor may wait, and its fiber still counts until it is done. */
static void sleep_a_little(void *value)
{
	pier_sleep(PIER_MS(5));
	strcat(ended, value);
}

static int wait_for_one(void *arg)
{
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, set_one, arg));
	CHECK_OK(pier_group_wait(&g));
	CHECK_STR(ended, arg);
	return 0;
}

TEST(an_end_may_wait)
{
	key = pier_local_key(sleep_a_little);
	CHECK_EQ(pier_run(wait_for_one, "w", .workers = 1), 0);
}

TEST(outside_fibers_there_are_no_locals)
{
	key = pier_local_key(end);
	CHECK_EQ(pier_local_set(key, "x"), -ENOTSUP);
	CHECK(!pier_local_get(key));
}

TEST(keys_run_out)
{
	for (int i = 0; i < PIER_LOCALS_MAX; i++)
		CHECK_EQ(pier_local_key(NULL), i);
	CHECK_EQ(pier_local_key(NULL), -ENOSPC);
}
