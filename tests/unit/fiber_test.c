#include "test.h"

#include <errno.h>
#include <pier.h>

/* Runs `body` as the first fiber of a runtime of its own. */
#define ON_FIBER(name)                                                                             \
	static int name##_body(void *arg);                                                         \
	TEST(name)                                                                                 \
	{                                                                                          \
		CHECK_EQ(pier_run(name##_body, NULL, .workers = 1), 0);                            \
	}                                                                                          \
	static int name##_body(void *arg __attribute__((unused)))

static int give_seven(void *arg)
{
	(void)arg;
	return 7;
}

TEST(run_returns_what_main_returned)
{
	CHECK_EQ(pier_run(give_seven, NULL), 7);
	CHECK_EQ(pier_run(give_seven, NULL, .workers = 1, .stack_size = 64 << 10), 7);
}

static int run_again(void *arg)
{
	(void)arg;
	return pier_run(give_seven, NULL);
}

TEST(run_inside_run_is_refused)
{
	CHECK_EQ(pier_run(run_again, NULL), -EBUSY);
}

TEST(go_outside_a_runtime_is_refused)
{
	pier_group g = PIER_GROUP;
	CHECK_EQ(pier_go(&g, give_seven, NULL), -ENOTSUP);
}

static char order[16];

static int put_letter(void *arg)
{
	strcat(order, arg);
	return 0;
}

ON_FIBER(fibers_run_in_the_order_they_were_started)
{
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, put_letter, "a"));
	CHECK_OK(pier_go(&g, put_letter, "b"));
	CHECK_STR(order, "");
	CHECK_OK(pier_group_wait(&g));
	CHECK_STR(order, "ab");
	return 0;
}

static int sleep_long(void *arg)
{
	int *err = arg;
	*err = pier_sleep(PIER_S(100));
	return *err;
}

static int fail_soon(void *arg)
{
	(void)arg;
	pier_sleep(PIER_MS(5));
	return -EIO;
}

ON_FIBER(the_first_error_cancels_the_siblings)
{
	int one = 0, two = 0;
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, sleep_long, &one));
	CHECK_OK(pier_go(&g, fail_soon, NULL));
	CHECK_OK(pier_go(&g, sleep_long, &two));
	CHECK_EQ(pier_group_wait(&g), -EIO);
	CHECK_EQ(one, -ECANCELED);
	CHECK_EQ(two, -ECANCELED);
	CHECK_EQ(pier_go(&g, give_seven, NULL), -ECANCELED);
	return 0;
}

static int start_and_leave(int *err)
{
	PIER_AUTO_GROUP g = PIER_GROUP;
	CHECK_OK(pier_go(&g, sleep_long, err));
	pier_yield();
	return 3;
}

ON_FIBER(leaving_the_scope_of_a_group_cancels_and_joins)
{
	int err = 0;
	CHECK_EQ(start_and_leave(&err), 3);
	CHECK_EQ(err, -ECANCELED);
	return 0;
}

static int stubborn(void *arg)
{
	int *tries = arg;
	for (; *tries < 3; ++*tries)
		CHECK_EQ(pier_sleep(PIER_S(100)), -ECANCELED);
	return 0;
}

ON_FIBER(cancel_sticks_to_every_wait)
{
	int tries = 0;
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, stubborn, &tries));
	pier_yield();
	pier_group_cancel(&g);
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(tries, 3);
	return 0;
}

static int shielded(void *arg)
{
	int *err = arg;
	pier_sleep(PIER_S(100));
	PIER_SHIELD (PIER_S(1))
		*err = pier_sleep(PIER_MS(2));
	CHECK_EQ(pier_sleep(PIER_MS(2)), -ECANCELED);
	return 0;
}

ON_FIBER(a_shield_keeps_a_cancel_out_for_its_time)
{
	int err = -1;
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, shielded, &err));
	pier_yield();
	pier_group_cancel(&g);
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(err, 0);
	return 0;
}

static void check_deadlines(void)
{
	int64_t start = pier_now();
	PIER_WITHIN (PIER_MS(30)) {
		CHECK_EQ(pier_sleep(PIER_MS(1)), 0);
		PIER_WITHIN (PIER_S(10)) {
			CHECK(pier_time_left() <= PIER_MS(30));
			CHECK_EQ(pier_sleep(PIER_S(5)), -ETIMEDOUT);
		}
		CHECK_EQ(pier_stopped(), -ETIMEDOUT);
		CHECK_EQ(pier_sleep(PIER_MS(1)), -ETIMEDOUT);
	}
	CHECK_EQ(pier_stopped(), 0);
	CHECK_EQ(pier_sleep(PIER_MS(1)), 0);
	CHECK(pier_time_left() == PIER_FOREVER);
	int64_t took = pier_now() - start;
	CHECK(took >= PIER_MS(30) && took < PIER_S(3));
}

ON_FIBER(the_nearer_deadline_wins_and_ends_with_its_scope)
{
	check_deadlines();
	return 0;
}

TEST(deadlines_work_outside_fibers)
{
	check_deadlines();
}

static int leave_by_return(void)
{
	PIER_WITHIN (0)
		return pier_sleep(PIER_S(5));
	return 1;
}

ON_FIBER(a_scope_is_left_by_return_and_break)
{
	CHECK_EQ(leave_by_return(), -ETIMEDOUT);
	CHECK_EQ(pier_stopped(), 0);
	PIER_WITHIN (0)
		break;
	CHECK_EQ(pier_stopped(), 0);
	return 0;
}

ON_FIBER(a_wait_for_a_group_out_of_time_still_joins_it)
{
	int err = 0;
	pier_group g = PIER_GROUP;
	PIER_WITHIN (PIER_MS(5)) {
		CHECK_OK(pier_go(&g, sleep_long, &err));
		CHECK_EQ(pier_group_wait(&g), -ETIMEDOUT);
	}
	CHECK_EQ(err, -ECANCELED);
	return 0;
}

static int64_t double_it(void *arg)
{
	return *(int *)arg * 2;
}

ON_FIBER(offloaded_work_comes_back_with_its_result)
{
	int n = 21;
	CHECK_EQ(pier_offload(double_it, &n), 42);
	return 0;
}

TEST(offload_outside_fibers_calls)
{
	int n = 21;
	CHECK_EQ(pier_offload(double_it, &n), 42);
}

static int offload_some(void *arg)
{
	for (int i = 0; i < 50; i++)
		CHECK_EQ(pier_offload(double_it, arg), 42);
	return 0;
}

ON_FIBER(many_fibers_offload_at_once)
{
	int n = 21;
	pier_group g = PIER_GROUP;
	for (int i = 0; i < 50; i++)
		CHECK_OK(pier_go(&g, offload_some, &n));
	return pier_group_wait(&g);
}

static int use_stack(int depth)
{
	volatile char page[1024];
	page[0] = (char)depth;
	return depth == 0 ? page[0] : use_stack(depth - 1) + page[0] - page[0];
}

static int dig(void *arg)
{
	(void)arg;
	use_stack(100);
	pier_sleep(PIER_MS(1));
	return use_stack(100);
}

ON_FIBER(a_thousand_fibers_have_room_to_call)
{
	pier_group g = PIER_GROUP;
	for (int i = 0; i < 1000; i++)
		CHECK_OK(pier_go(&g, dig, NULL));
	return pier_group_wait(&g);
}

static int turns;

static int take_turns(void *arg)
{
	int me = *(int *)arg;
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(turns % 2, me);
		turns++;
		CHECK_OK(pier_yield());
	}
	return 0;
}

ON_FIBER(yield_lets_the_others_run)
{
	test_skip_simulated("which fiber comes first is left to chance there");
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, take_turns, &(int){0}));
	CHECK_OK(pier_go(&g, take_turns, &(int){1}));
	return pier_group_wait(&g);
}

static int keep_errno(void *arg)
{
	errno = *(int *)arg;
	pier_sleep(PIER_MS(1));
	CHECK_EQ(errno, *(int *)arg);
	return 0;
}

ON_FIBER(errno_is_each_fibers_own)
{
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, keep_errno, &(int){EIO}));
	CHECK_OK(pier_go(&g, keep_errno, &(int){ENOENT}));
	return pier_group_wait(&g);
}
