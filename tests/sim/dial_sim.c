/* Dialling, under every interleaving: the first address that answers wins, a deadline and a cancel end it, and nothing
 * is left open. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

static void greet(pier_conn *c, void *arg)
{
	(void)arg;
	pier_send(c, "hello", 5);
}

static int both(void)
{
	return pier_serve("tcp://:7000", greet);
}

static int v4_only(void)
{
	return pier_serve("tcp://0.0.0.0:7000", greet);
}

static int hear(pier_conn *c)
{
	char got[6] = "";
	CHECK_OK(pier_err(c));
	CHECK_EQ(pier_recv_all(c, got, 5), 5);
	CHECK_STR(got, "hello");
	return 0;
}

static int dial_name(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", pier_sim_chance(s, 2) ? both : v4_only));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	return hear(c);
}

TEST_WITHIN(60, a_name_with_two_addresses_is_reached_by_the_one_that_answers)
{
	CHECK_EQ(pier_sim_run(dial_name, .seeds = 500, .loss = 0.3, .delay = PIER_S(1),
			      .partitions = 2),
		 0);
}

static int dial_nobody(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", both));
	PIER_AUTO *c = pier_dial("tcp://srv:7001");
	return pier_sim_check(s, pier_err(c) == -ECONNREFUSED);
}

TEST_WITHIN(60, a_port_where_nobody_listens_refuses)
{
	CHECK_EQ(pier_sim_run(dial_nobody, .seeds = 200, .loss = 0.1, .delay = PIER_MS(100)), 0);
}

static int dial_a_hole(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", both));
	CHECK_OK(pier_sim_cut(s, "srv", NULL));
	int64_t began = pier_now();
	PIER_AUTO *c = pier_dial("tcp://srv:7000", .timeout = PIER_S(3));
	CHECK_EQ(pier_err(c), -ETIMEDOUT);
	return pier_sim_check(s, pier_now() - began < PIER_S(4));
}

TEST_WITHIN(60, a_deadline_ends_a_dial_into_a_hole)
{
	CHECK_EQ(pier_sim_run(dial_a_hole, .seeds = 100), 0);
}

static int dial_late(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", both));
	CHECK_OK(pier_sim_cut(s, "srv", NULL));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	return pier_sim_check(s, pier_err(c) == -ETIMEDOUT);
}

TEST_WITHIN(60, without_a_deadline_tcp_gives_up_by_itself)
{
	CHECK_EQ(pier_sim_run(dial_late, .seeds = 20), 0);
}

/* ---- Ended at any moment -------------------------------------------------------------------------- */

static int dial_and_hear(void *arg)
{
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	char got[6] = "";
	(void)arg;
	if (pier_err(c) == 0 && pier_recv_all(c, got, 5) == 5)
		CHECK_STR(got, "hello");
	int err = pier_err(c);
	CHECK(err == 0 || err == -ECANCELED || err == -ETIMEDOUT);
	return 0;
}

/* The moment falls among those of the dial, as often on the same nanosecond as beside it. */
static int end_dials(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", both));
	for (int i = 0; i < 10; i++) {
		PIER_AUTO_GROUP all = PIER_GROUP;
		for (int k = 0; k < 3; k++)
			CHECK_OK(pier_go(&all, dial_and_hear, NULL));
		int64_t at = (int64_t)pier_sim_chance(s, PIER_MS(60));
		PIER_WITHIN (pier_sim_chance(s, 2) ? at : PIER_FOREVER) {
			pier_sleep(at);
			pier_group_cancel(&all);
			pier_group_wait(&all);
		}
	}
	return 0;
}

TEST_WITHIN(60, a_dial_that_is_ended_at_any_moment_leaves_nothing)
{
	CHECK_EQ(pier_sim_run(end_dials, .seeds = 500, .loss = 0.1, .delay = PIER_MS(20)), 0);
}

static int dial_without_means(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", both));
	for (int i = 0; i < 20; i++) {
		PIER_AUTO *c = pier_dial("tcp://srv:7000", .timeout = PIER_S(10));
		char got[5];
		if (pier_err(c) == 0)
			pier_recv_all(c, got, sizeof got);
	}
	return 0;
}

TEST_WITHIN(60, no_descriptor_is_lost_where_there_are_too_few)
{
	CHECK_EQ(pier_sim_run(dial_without_means, .seeds = 300, .loss = 0.05, .faults = 0.2), 0);
}
