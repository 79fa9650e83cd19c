#include "test.h"

#include <errno.h>
#include <pier.h>
#include <pthread.h>
#include <string.h>

/* Runs `body` as the first fiber of a runtime of its own. */
#define ON_FIBER(name)                                                                             \
	static int name##_body(void *arg);                                                         \
	TEST(name)                                                                                 \
	{                                                                                          \
		CHECK_EQ(pier_run(name##_body, NULL, .workers = 1), 0);                            \
	}                                                                                          \
	static int name##_body(void *arg __attribute__((unused)))

TEST(a_channel_keeps_its_order)
{
	pier_chan *c = pier_chan_new(sizeof(int), 3);
	int got = -1;

	for (int round = 0; round < 5; round++) { /* around the ring's end */
		for (int i = 0; i < 3; i++)
			CHECK_EQ(pier_chan_try_send(c, &i), 0);
		CHECK_EQ(pier_chan_try_send(c, &round), -EAGAIN);
		for (int i = 0; i < 3; i++) {
			CHECK_EQ(pier_chan_try_recv(c, &got), 1);
			CHECK_EQ(got, i);
		}
		CHECK_EQ(pier_chan_try_recv(c, &got), -EAGAIN);
		CHECK_EQ(got, 2);
		CHECK_EQ(pier_chan_try_send(c, &round), 0); /* moves the head on by one */
		CHECK_EQ(pier_chan_try_recv(c, NULL), 1);
	}
	pier_chan_free(c);
}

TEST(a_channel_beyond_the_limits_is_refused)
{
	CHECK(!pier_chan_new(PIER_CHAN_ITEM_MAX + 1, 1));
	CHECK(!pier_chan_new(1, PIER_CHAN_ITEMS_MAX + 1));
	pier_chan_free(NULL);
	pier_chan_close(NULL);
}

TEST(items_may_be_empty)
{
	pier_chan *c = pier_chan_new(0, 2);
	CHECK_EQ(pier_chan_try_send(c, NULL), 0);
	CHECK_EQ(pier_chan_recv(c, NULL), 1);
	CHECK_EQ(pier_chan_try_recv(c, NULL), -EAGAIN);
	pier_chan_free(c);
}

TEST(what_is_left_in_a_channel_is_freed_with_it)
{
	pier_chan *c = pier_chan_new(sizeof(int), 2);
	CHECK_EQ(pier_chan_send(c, &(int){1}), 0);
	pier_chan_free(c);
}

/* ---- Waiting ------------------------------------------------------------------------------------- */

struct job {
	pier_chan *c;
	int from, count, result;
	char *log;
};

static int send_some(void *arg)
{
	struct job *j = arg;
	for (int i = 0; i < j->count && j->result == 0; i++)
		j->result = pier_chan_send(j->c, &(int){j->from + i});
	return 0;
}

static int recv_one(void *arg)
{
	struct job *j = arg;
	j->result = pier_chan_recv(j->c, &j->from);
	return 0;
}

static void check_all_arrive(unsigned capacity)
{
	pier_group g = PIER_GROUP;
	struct job j = {.c = pier_chan_new(sizeof(int), capacity), .count = 100};
	int got;

	CHECK_OK(pier_go(&g, send_some, &j));
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(pier_chan_recv(j.c, &got), 1);
		CHECK_EQ(got, i);
	}
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(j.result, 0);
	pier_chan_free(j.c);
}

ON_FIBER(a_full_channel_makes_the_sender_wait)
{
	check_all_arrive(1);
	check_all_arrive(7);
	return 0;
}

ON_FIBER(without_capacity_the_two_meet)
{
	pier_group g = PIER_GROUP;
	struct job j = {.c = pier_chan_new(sizeof(int), 0), .from = 5, .count = 1};

	CHECK_EQ(pier_chan_try_send(j.c, &(int){1}), -EAGAIN);
	CHECK_EQ(pier_chan_try_recv(j.c, NULL), -EAGAIN);
	CHECK_OK(pier_go(&g, recv_one, &j));
	pier_yield();
	CHECK_EQ(pier_chan_try_send(j.c, &(int){9}), 0);
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(j.from, 9);
	pier_chan_free(j.c);
	check_all_arrive(0);
	return 0;
}

ON_FIBER(who_waits_longest_receives_first)
{
	pier_group g = PIER_GROUP;
	pier_chan *c = pier_chan_new(sizeof(int), 1);
	struct job j[3] = {{.c = c}, {.c = c}, {.c = c}};

	for (int i = 0; i < 3; i++)
		CHECK_OK(pier_go(&g, recv_one, &j[i]));
	pier_yield();
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pier_chan_try_send(c, &(int){10 + i}), 0);
	CHECK_EQ(pier_chan_try_recv(c, NULL), -EAGAIN); /* all are spoken for: nobody overtakes */
	CHECK_OK(pier_group_wait(&g));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(j[i].from, 10 + i);
	pier_chan_free(c);
	return 0;
}

ON_FIBER(who_waits_longest_sends_first)
{
	pier_group g = PIER_GROUP;
	pier_chan *c = pier_chan_new(sizeof(int), 1);
	struct job j[3];
	int got;

	CHECK_EQ(pier_chan_send(c, &(int){0}), 0);
	for (int i = 0; i < 3; i++) {
		j[i] = (struct job){.c = c, .from = i + 1, .count = 1};
		CHECK_OK(pier_go(&g, send_some, &j[i]));
	}
	pier_yield();
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(pier_chan_try_recv(c, &got), 1);
		CHECK_EQ(got, i);
		CHECK_EQ(pier_chan_try_send(c, &(int){99}), i < 3 ? -EAGAIN : 0);
	}
	CHECK_OK(pier_group_wait(&g));
	pier_chan_free(c);
	return 0;
}

ON_FIBER(out_of_time_nothing_is_sent_or_received)
{
	pier_chan *c = pier_chan_new(sizeof(int), 1);
	int got = 7;

	PIER_WITHIN (PIER_MS(5))
		CHECK_EQ(pier_chan_recv(c, &got), -ETIMEDOUT);
	CHECK_EQ(pier_chan_send(c, &(int){1}), 0);
	PIER_WITHIN (PIER_MS(5))
		CHECK_EQ(pier_chan_send(c, &(int){2}), -ETIMEDOUT);
	CHECK_EQ(pier_chan_recv(c, &got), 1);
	CHECK_EQ(got, 1);
	CHECK_EQ(pier_chan_try_recv(c, &got), -EAGAIN);
	pier_chan_free(c);
	return 0;
}

static int send_while_cancelled(void *arg)
{
	struct job *j = arg;
	j->result = pier_chan_send(j->c, &(int){1});
	j->count = pier_chan_try_send(j->c, &(int){2});
	return 0;
}

ON_FIBER(a_cancel_ends_the_wait_and_sticks)
{
	pier_group g = PIER_GROUP;
	pier_chan *empty = pier_chan_new(sizeof(int), 1), *c = pier_chan_new(sizeof(int), 1);
	struct job waits = {.c = empty, .from = 7}, late = {.c = c};

	CHECK_OK(pier_go(&g, recv_one, &waits));
	pier_yield();
	CHECK_OK(pier_go(&g, send_while_cancelled, &late));
	pier_group_cancel(&g);
	CHECK_EQ(pier_group_wait(&g), 0);
	CHECK_EQ(waits.result, -ECANCELED);
	CHECK_EQ(waits.from, 7);
	CHECK_EQ(late.result, -ECANCELED); /* there was room, but the fiber is to end */
	CHECK_EQ(late.count, 0);
	CHECK_EQ(pier_chan_try_recv(c, NULL), 1);
	pier_chan_free(c);
	pier_chan_free(empty);
	return 0;
}

/* The hand-over comes first, then the cancel, both before the receiver runs again. */
ON_FIBER(what_was_handed_over_is_received_also_by_who_is_cancelled)
{
	pier_group g = PIER_GROUP;
	struct job j = {.c = pier_chan_new(sizeof(int), 0)};

	CHECK_OK(pier_go(&g, recv_one, &j));
	pier_yield();
	CHECK_EQ(pier_chan_try_send(j.c, &(int){3}), 0);
	pier_group_cancel(&g);
	pier_group_wait(&g);
	CHECK_EQ(j.result, 1);
	CHECK_EQ(j.from, 3);
	pier_chan_free(j.c);
	return 0;
}

ON_FIBER(no_item_is_lost_to_a_receiver_that_leaves)
{
	pier_group g = PIER_GROUP;
	struct job j = {.c = pier_chan_new(sizeof(int), 1), .from = 7};
	int got;

	CHECK_OK(pier_go(&g, recv_one, &j));
	pier_yield();
	pier_group_cancel(&g); /* it is ready to leave, and still in the queue */
	CHECK_EQ(pier_chan_try_send(j.c, &(int){3}), 0);
	pier_group_wait(&g);
	if (j.result < 0) {
		CHECK_EQ(j.result, -ECANCELED);
		CHECK_EQ(pier_chan_try_recv(j.c, &got), 1);
	} else { /* served on its way out */
		CHECK_EQ(j.from, 3);
		CHECK_EQ(pier_chan_try_recv(j.c, &got), -EAGAIN);
	}
	pier_chan_free(j.c);
	return 0;
}

/* ---- Closing ------------------------------------------------------------------------------------- */

ON_FIBER(a_close_lets_what_is_inside_be_received)
{
	pier_chan *c = pier_chan_new(sizeof(int), 2);
	int got = 7;

	CHECK_EQ(pier_chan_send(c, &(int){1}), 0);
	CHECK_EQ(pier_chan_send(c, &(int){2}), 0);
	pier_chan_close(c);
	pier_chan_close(c);
	CHECK_EQ(pier_chan_send(c, &(int){3}), -EPIPE);
	CHECK_EQ(pier_chan_try_send(c, &(int){3}), -EPIPE);
	CHECK_EQ(pier_chan_recv(c, &got), 1);
	CHECK_EQ(got, 1);
	CHECK_EQ(pier_chan_recv(c, &got), 1);
	CHECK_EQ(got, 2);
	CHECK_EQ(pier_chan_recv(c, &got), 0);
	CHECK_EQ(pier_chan_try_recv(c, &got), 0);
	CHECK_EQ(got, 2);
	pier_chan_free(c);
	return 0;
}

ON_FIBER(a_close_ends_all_waits)
{
	pier_group g = PIER_GROUP;
	pier_chan *full = pier_chan_new(sizeof(int), 1), *empty = pier_chan_new(sizeof(int), 1);
	struct job senders[2] = {{.c = full, .count = 9}, {.c = full, .count = 9}};
	struct job receivers[2] = {{.c = empty, .result = 7}, {.c = empty, .result = 7}};

	for (int i = 0; i < 2; i++) {
		CHECK_OK(pier_go(&g, send_some, &senders[i]));
		CHECK_OK(pier_go(&g, recv_one, &receivers[i]));
	}
	pier_yield();
	pier_chan_close(full);
	pier_chan_close(empty);
	CHECK_OK(pier_group_wait(&g));
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(senders[i].result, -EPIPE);
		CHECK_EQ(receivers[i].result, 0);
	}
	CHECK_EQ(pier_chan_try_recv(full, NULL), 1); /* the one that was inside */
	CHECK_EQ(pier_chan_try_recv(full, NULL), 0);
	pier_chan_free(full);
	pier_chan_free(empty);
	return 0;
}

/* ---- Fairness towards others ----------------------------------------------------------------------- */

static int count_turns(void *arg)
{
	while (pier_yield() == 0)
		++*(int *)arg;
	return 0;
}

ON_FIBER(a_channel_that_is_always_ready_leaves_others_their_turn)
{
	pier_group g = PIER_GROUP;
	pier_chan *c = pier_chan_new(sizeof(int), 1);
	int turns = 0;

	CHECK_OK(pier_go(&g, count_turns, &turns));
	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(pier_chan_send(c, &i), 0);
		CHECK_EQ(pier_chan_recv(c, NULL), 1);
	}
	CHECK(turns >= 20);
	pier_group_end(&g);
	pier_chan_free(c);
	return 0;
}

/* ---- Threads ------------------------------------------------------------------------------------- */

static void *thread_sends(void *arg)
{
	struct job *j = arg;
	for (int i = 0; i < j->count; i++)
		CHECK_EQ(pier_chan_send(j->c, &i), 0);
	pier_chan_close(j->c);
	return NULL;
}

static int recv_all(void *arg)
{
	struct job *j = arg;
	int got, n = 0;
	while (pier_chan_recv(j->c, &got) == 1)
		CHECK_EQ(got, n++);
	CHECK_EQ(n, j->count);
	return 0;
}

TEST(threads_and_fibers_share_a_channel)
{
	test_skip_simulated("it has a thread of its own");
	for (unsigned capacity = 0; capacity < 3; capacity++) {
		struct job j = {.c = pier_chan_new(sizeof(int), capacity), .count = 2000};
		pthread_t t;
		CHECK_EQ(pthread_create(&t, NULL, thread_sends, &j), 0);
		CHECK_EQ(pier_run(recv_all, &j, .workers = 1), 0);
		pthread_join(t, NULL);
		pier_chan_free(j.c);
	}
}

TEST(threads_share_a_channel_without_a_runtime)
{
	test_skip_simulated("it has a thread of its own");
	struct job j = {.c = pier_chan_new(sizeof(int), 1), .count = 2000};
	pthread_t t;
	CHECK_EQ(pthread_create(&t, NULL, thread_sends, &j), 0);
	recv_all(&j);
	pthread_join(t, NULL);
	pier_chan_free(j.c);
}

TEST(a_deadline_ends_the_wait_of_a_thread)
{
	pier_chan *c = pier_chan_new(sizeof(int), 1);
	int64_t before = pier_now();
	PIER_WITHIN (PIER_MS(20))
		CHECK_EQ(pier_chan_recv(c, NULL), -ETIMEDOUT);
	CHECK(pier_now() - before >= PIER_MS(20));
	CHECK_EQ(pier_chan_try_send(c, &(int){1}), 0); /* nobody waits any more */
	CHECK_EQ(pier_chan_try_recv(c, NULL), 1);
	pier_chan_free(c);
}
