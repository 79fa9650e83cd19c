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

TEST(exactly_one_case_happens)
{
	pier_chan *a = pier_chan_new(sizeof(int), 4), *b = pier_chan_new(sizeof(int), 4);
	int got = 0, two = 2;
	pier_case cases[] = {{.chan = a, .recv = &got, .result = 77},
			     {.chan = b, .send = &two, .result = 77}};

	CHECK_EQ(pier_chan_send(a, &(int){1}), 0);
	int i = pier_select(cases, 2);
	CHECK(i == 0 || i == 1);
	CHECK_EQ(cases[i].result, i == 0 ? 1 : 0);
	CHECK_EQ(cases[1 - i].result, 77);
	CHECK_EQ(pier_chan_try_recv(a, NULL), i == 0 ? -EAGAIN : 1);
	CHECK_EQ(pier_chan_try_recv(b, &got), i == 1 ? 1 : -EAGAIN);
	CHECK_EQ(got, i == 1 ? 2 : 1);
	pier_chan_free(a);
	pier_chan_free(b);
}

TEST(a_select_that_need_not_wait_says_so)
{
	pier_chan *a = pier_chan_new(sizeof(int), 1);
	int one = 1, got = 0;
	pier_case recv = {.chan = a, .recv = &got}, send = {.chan = a, .send = &one};

	CHECK_EQ(pier_try_select(&recv, 1), -EAGAIN);
	CHECK_EQ(pier_try_select(&send, 1), 0);
	CHECK_EQ(pier_try_select(&send, 1), -EAGAIN);
	CHECK_EQ(pier_try_select(&recv, 1), 0);
	CHECK_EQ(recv.result, 1);
	CHECK_EQ(got, 1);
	CHECK_EQ(pier_try_select(NULL, 0), -EAGAIN);
	pier_chan_free(a);
}

TEST(too_many_cases_are_refused)
{
	pier_case cases[PIER_SELECT_MAX + 1] = {{0}};
	CHECK_EQ(pier_select(cases, PIER_SELECT_MAX + 1), -EINVAL);
	CHECK_EQ(pier_try_select(cases, PIER_SELECT_MAX + 1), -EINVAL);
	CHECK_EQ(pier_try_select(cases, PIER_SELECT_MAX), -EAGAIN);
}

ON_FIBER(a_case_without_a_channel_never_happens)
{
	pier_chan *a = pier_chan_new(sizeof(int), 1);
	int one = 1;
	pier_case cases[] = {{0}, {.chan = a, .send = &one}};

	CHECK_EQ(pier_select(cases, 2), 1);
	PIER_WITHIN (PIER_MS(5))
		CHECK_EQ(pier_select(cases, 2), -ETIMEDOUT);
	PIER_WITHIN (PIER_MS(5))
		CHECK_EQ(pier_select(NULL, 0), -ETIMEDOUT);
	pier_chan_free(a);
	return 0;
}

ON_FIBER(a_closed_channel_makes_its_cases_happen)
{
	pier_chan *a = pier_chan_new(sizeof(int), 1), *b = pier_chan_new(sizeof(int), 1);
	int one = 1;
	pier_case recv[] = {{.chan = b}, {.chan = a, .result = 7}};
	pier_case send[] = {{.chan = b}, {.chan = a, .send = &one}};

	pier_chan_close(a);
	CHECK_EQ(pier_select(recv, 2), 1);
	CHECK_EQ(recv[1].result, 0);
	CHECK_EQ(pier_select(send, 2), 1);
	CHECK_EQ(send[1].result, -EPIPE);
	pier_chan_free(a);
	pier_chan_free(b);
	return 0;
}

ON_FIBER(among_ready_cases_none_is_preferred)
{
	pier_chan *c[3];
	pier_case cases[3];
	int happened[3] = {0};

	for (int i = 0; i < 3; i++) {
		c[i] = pier_chan_new(sizeof(int), 1);
		CHECK_EQ(pier_chan_send(c[i], &i), 0);
		cases[i] = (pier_case){.chan = c[i]};
	}
	for (int n = 0; n < 3000; n++) {
		int i = pier_select(cases, 3);
		CHECK(i >= 0);
		happened[i]++;
		CHECK_EQ(pier_chan_send(c[i], &i), 0);
		pier_try_select(NULL, 0); /* selects in turns must not take turns */
	}
	for (int i = 0; i < 3; i++) {
		CHECK(happened[i] > 800);
		pier_chan_free(c[i]);
	}
	return 0;
}

/* ---- Waiting ------------------------------------------------------------------------------------- */

struct selector {
	pier_case cases[3];
	unsigned count;
	int chosen;
};

static int select_once(void *arg)
{
	struct selector *s = arg;
	s->chosen = pier_select(s->cases, s->count);
	return 0;
}

ON_FIBER(a_waiting_select_is_served_once)
{
	pier_group g = PIER_GROUP;
	pier_chan *a = pier_chan_new(sizeof(int), 1), *b = pier_chan_new(sizeof(int), 1);
	int from_a = 0, from_b = 0;
	struct selector s = {{{.chan = a, .recv = &from_a}, {.chan = b, .recv = &from_b}}, 2, -1};

	CHECK_OK(pier_go(&g, select_once, &s));
	pier_yield();
	CHECK_EQ(pier_chan_try_send(b, &(int){5}), 0);
	CHECK_EQ(pier_chan_try_send(a, &(int){6}), 0); /* stays: the waiter has what it wanted */
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(s.chosen, 1);
	CHECK_EQ(s.cases[1].result, 1);
	CHECK_EQ(from_b, 5);
	CHECK_EQ(from_a, 0);
	CHECK_EQ(pier_chan_try_recv(a, &from_a), 1);
	CHECK_EQ(from_a, 6);
	pier_chan_free(a);
	pier_chan_free(b);
	return 0;
}

ON_FIBER(a_select_out_of_time_leaves_all_queues)
{
	pier_chan *a = pier_chan_new(sizeof(int), 1), *b = pier_chan_new(sizeof(int), 0);
	int one = 1;
	pier_case cases[] = {{.chan = a}, {.chan = b, .send = &one}, {.chan = b}};

	PIER_WITHIN (PIER_MS(5))
		CHECK_EQ(pier_select(cases, 3), -ETIMEDOUT);
	CHECK_EQ(pier_chan_try_recv(b, NULL), -EAGAIN);
	CHECK_EQ(pier_chan_try_send(b, &one), -EAGAIN);
	pier_chan_free(a); /* asserts that nobody waits */
	pier_chan_free(b);
	return 0;
}

ON_FIBER(a_close_is_felt_by_a_waiting_select)
{
	pier_group g = PIER_GROUP;
	pier_chan *a = pier_chan_new(sizeof(int), 0), *b = pier_chan_new(sizeof(int), 0);
	int one = 1;
	struct selector s = {{{.chan = a}, {.chan = b, .send = &one}}, 2, -1};

	CHECK_OK(pier_go(&g, select_once, &s));
	pier_yield();
	pier_chan_close(b);
	pier_chan_close(a);
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(s.chosen, 1);
	CHECK_EQ(s.cases[1].result, -EPIPE);
	pier_chan_free(a);
	pier_chan_free(b);
	return 0;
}

/* One select offers what the other wants, on channels that hold nothing. */
ON_FIBER(two_selects_meet)
{
	pier_group g = PIER_GROUP;
	pier_chan *a = pier_chan_new(sizeof(int), 0), *b = pier_chan_new(sizeof(int), 0);
	int one = 1, two = 2, got = 0;
	struct selector s = {{{.chan = a, .send = &one}, {.chan = b, .recv = &got}}, 2, -1};
	pier_case mine[] = {{.chan = b, .send = &two}, {.chan = b}};

	CHECK_OK(pier_go(&g, select_once, &s));
	pier_yield();
	CHECK_EQ(pier_select(mine, 2), 0); /* never with itself */
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(s.chosen, 1);
	CHECK_EQ(got, 2);
	pier_chan_free(a);
	pier_chan_free(b);
	return 0;
}
