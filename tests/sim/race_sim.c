/* A name with two addresses (RFC 8305): the second is tried beside the first after 250 ms, or at once when that has
 * failed; the first that answers is kept, and the other is closed. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

#define STEP	PIER_MS(250)
#define LOOK_UP PIER_MS(5)  /* at most: lib/sim/backend.c */
#define SLACK	PIER_MS(10) /* that steps of threads take, and conns within them */
#define DIALS	4

/* Of the server's conns: those that are served, and the most at once. */
static int served, served_most;

static void echo(pier_conn *c, void *arg)
{
	(void)arg;
	served++;
	if (served_most < served)
		served_most = served;
	for (pier_bytes b; (b = pier_next(c)).p;)
		pier_send(c, b.p, b.len);
	served--;
}

static int both(void)
{
	return pier_serve("tcp://:7000", echo, .quiet = true);
}

static int v4_alone(void)
{
	return pier_serve("tcp://0.0.0.0:7000", echo, .quiet = true);
}

static int64_t set_delay(pier_sim *s)
{
	pier_sim_wire wire = {.delay = (int64_t)pier_sim_chance(s, PIER_S(1))};
	CHECK_OK(pier_sim_link(s, NULL, NULL, &wire));
	return wire.delay;
}

static void say_and_hear(pier_conn *c)
{
	char got[6] = "";
	CHECK_OK(pier_err(c));
	CHECK_EQ(pier_send(c, "hello", 5), 5);
	CHECK_EQ(pier_recv_all(c, got, 5), 5);
	CHECK_STR(got, "hello");
}

static bool is_about(int64_t took, int64_t wanted)
{
	return took >= wanted && took <= wanted + LOOK_UP + SLACK;
}

/* Both answer after two ways: the first one tried is the first to answer. */
static void dial_both(pier_sim *s)
{
	pier_tried tried;
	int64_t there_and_back = 2 * set_delay(s), began = pier_now();
	PIER_AUTO *c = pier_dial("tcp://srv:7000", .tried = &tried);
	CHECK(is_about(pier_now() - began, there_and_back));
	CHECK_EQ(tried.count, there_and_back > STEP + SLACK   ? 2
			      : there_and_back < STEP - SLACK ? 1
							      : tried.count);
	CHECK_EQ(tried.at[0].err, 0);
	CHECK_EQ(tried.at[0].to.sa.sa_family, AF_INET6);
	CHECK_EQ(pier_peer_addr(c)->sa.sa_family, AF_INET6);
	if (tried.count == 2) {
		CHECK_EQ(tried.at[1].err, -ECANCELED);
		CHECK_EQ(tried.at[1].to.sa.sa_family, AF_INET);
		CHECK(is_about(tried.at[1].took, there_and_back - STEP - SLACK));
	}
	say_and_hear(c);
	pier_sleep(PIER_S(5)); /* the loser's end has come, whenever it set out */
	CHECK_EQ(served, 1);
}

static int race_of_two(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", both));
	for (int i = 0; i < DIALS; i++) {
		dial_both(s);
		pier_sleep(PIER_S(5));
		CHECK_EQ(served, 0);
	}
	return pier_sim_check(s, served_most <= 2);
}

TEST_WITHIN(60, the_first_that_answers_is_kept_and_the_other_closed)
{
	CHECK_EQ(pier_sim_run(race_of_two, .seeds = 300), 0);
}

/* The first address refuses after two ways; the second is tried then, or after 250 ms, whichever is sooner. */
static int race_of_one(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", v4_alone));
	for (int i = 0; i < DIALS; i++) {
		pier_tried tried;
		int64_t there_and_back = 2 * set_delay(s), began = pier_now();
		int64_t second = there_and_back < STEP ? there_and_back : STEP;
		PIER_AUTO *c = pier_dial("tcp://srv:7000", .tried = &tried);
		CHECK(is_about(pier_now() - began, second + there_and_back));
		CHECK_EQ(tried.count, 2);
		CHECK_EQ(tried.at[0].err, -ECONNREFUSED);
		CHECK(is_about(tried.at[0].took, there_and_back));
		CHECK_EQ(tried.at[1].err, 0);
		say_and_hear(c);
	}
	return 0;
}

TEST_WITHIN(60, an_address_that_refuses_holds_up_the_next_for_250_ms_at_most)
{
	CHECK_EQ(pier_sim_run(race_of_one, .seeds = 300), 0);
}

/* Ended from outside, amid both: whoever got through at the last moment is closed as well. */
static int race_against_a_deadline(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", both));
	for (int i = 0; i < DIALS; i++) {
		int64_t there_and_back = 2 * set_delay(s);
		int64_t most =
			there_and_back - PIER_MS(5) + (int64_t)pier_sim_chance(s, PIER_MS(20));
		PIER_AUTO *c = pier_dial("tcp://srv:7000", .timeout = most > 0 ? most : 1);
		if (pier_err(c) == 0)
			say_and_hear(c);
		else
			CHECK_EQ(pier_err(c), -ETIMEDOUT);
		pier_sleep(PIER_S(5));
		CHECK_EQ(served, pier_err(c) == 0);
	}
	return 0;
}

TEST_WITHIN(60, a_race_that_is_ended_leaves_no_conn_to_the_server)
{
	CHECK_EQ(pier_sim_run(race_against_a_deadline, .seeds = 300), 0);
}

/* ---- Who listens ----------------------------------------------------------------------------------- */

static int until_it_listens(void)
{
	while (both() < 0)
		pier_sleep(PIER_MS(10));
	return 0;
}

/* Where there were too few descriptors, a server listens later or not at all, but not to one family alone. */
static int listen_without_means(pier_sim *s)
{
	pier_tried tried;
	CHECK_OK(pier_sim_node(s, "srv", until_it_listens));
	pier_sim_calm(s);
	pier_sleep(PIER_S(1));
	PIER_AUTO *c = pier_dial("tcp://srv:7000", .tried = &tried);
	say_and_hear(c);
	return pier_sim_check(s, tried.at[0].err == 0 && tried.at[0].to.sa.sa_family == AF_INET6);
}

TEST_WITHIN(60, a_server_that_listens_is_there_for_both_families)
{
	CHECK_EQ(pier_sim_run(listen_without_means, .seeds = 200, .faults = 0.3), 0);
}

/* ---- Names ---------------------------------------------------------------------------------------- */

static int resolve(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", both));
	for (int i = 0; i < 10; i++) {
		pier_addrs found = {0};
		int64_t most = (int64_t)pier_sim_chance(s, 2 * LOOK_UP), began = pier_now();
		bool known = pier_sim_chance(s, 2);
		int err = 0;
		PIER_WITHIN (most)
			err = pier_resolve(pier_text(known ? "srv" : "nobody"), 80, false, &found);
		CHECK(pier_now() - began <= most + SLACK);
		CHECK(err == -ETIMEDOUT || err == -PIER_ENAMETEMP ||
		      err == (known ? 0 : -PIER_ENONAME));
		CHECK_EQ(found.count, err == 0 ? 2 : 0);
	}
	pier_sim_calm(s);
	return pier_resolve(pier_text("srv"), 80, false, &(pier_addrs){0});
}

TEST_WITHIN(60, a_name_is_found_or_not_or_the_time_is_up)
{
	CHECK_EQ(pier_sim_run(resolve, .seeds = 300, .faults = 0.3), 0);
}
