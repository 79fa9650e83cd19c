/* What the simulation itself promises: one seed is one run, and what is wrong is found. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void answer(pier_conn *c, void *arg)
{
	char line[64];
	(void)arg;
	while (pier_gets(c, line, sizeof line) > 0)
		pier_printf(c, "%s\n", line);
}

static int server(void)
{
	return pier_serve("tcp://:7000", answer, .quiet = true);
}

static int ask(pier_conn *c)
{
	char line[8] = "";
	pier_printf(c, "hello\n");
	return pier_gets(c, line, sizeof line) > 0 && !strcmp(line, "hello") ? 0 : -EPROTO;
}

/* ---- Time ----------------------------------------------------------------------------------------- */

static int sleep_for_a_year(pier_sim *s)
{
	int64_t began = pier_now(), wall = pier_wall();
	for (int day = 0; day < 20; day++)
		pier_sleep(PIER_S(24 * 3600));
	return pier_sim_check(s, pier_now() - began >= PIER_S(20 * 24 * 3600) &&
					 pier_wall() - wall >= PIER_S(20 * 24 * 3600));
}

TEST(twenty_days_pass_in_no_time)
{
	CHECK_EQ(pier_sim_run(sleep_for_a_year, .seeds = 3), 0);
}

/* ---- Links ---------------------------------------------------------------------------------------- */

static int measure(pier_sim *s)
{
	pier_sim_wire slow = {.delay = PIER_MS(250)};
	CHECK_OK(pier_sim_node(s, "srv", server));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	CHECK_OK(pier_sim_link(s, NULL, NULL, &slow));
	int64_t began = pier_now();
	CHECK_OK(ask(c));
	int64_t took = pier_now() - began;
	return pier_sim_check(s, took >= PIER_MS(500) && took < PIER_MS(510));
}

TEST(a_wire_takes_its_delay)
{
	CHECK_EQ(pier_sim_run(measure, .seeds = 50), 0);
}

static int cut_and_heal(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", server));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	CHECK_OK(ask(c));
	CHECK_OK(pier_sim_cut(s, "scenario", "srv"));
	PIER_WITHIN (PIER_S(10))
		CHECK(ask(c) < 0);
	CHECK_EQ(pier_err(c), -ETIMEDOUT);
	pier_clear(c);
	CHECK_OK(pier_sim_heal(s, "scenario", "srv"));
	char line[8];
	return pier_sim_check(s, pier_gets(c, line, sizeof line) > 0);
}

TEST(what_a_cut_held_up_comes_when_it_is_healed)
{
	CHECK_EQ(pier_sim_run(cut_and_heal, .seeds = 50), 0);
}

static int settle_beside_a_cut(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", server));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	pier_sim_settle(s);
	CHECK_OK(pier_sim_cut(s, NULL, "srv"));
	pier_printf(c, "hello\n");
	pier_sim_settle(s); /* although the line never arrives */
	CHECK_OK(pier_sim_heal(s, NULL, "srv"));
	char line[8];
	return pier_sim_check(s, pier_gets(c, line, sizeof line) > 0);
}

TEST(a_cut_of_the_scenario_s_keeps_nobody_from_settling)
{
	CHECK_EQ(pier_sim_run(settle_beside_a_cut, .seeds = 50), 0);
}

static int know_nodes(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", server));
	CHECK_EQ(pier_sim_node(s, "srv", server), -EEXIST);
	CHECK_EQ(pier_sim_node(s, "", server), -EINVAL);
	CHECK_EQ(pier_sim_crash(s, "nobody"), -ENOENT);
	CHECK_EQ(pier_sim_restart(s, "srv"), -EBUSY);
	CHECK_EQ(pier_sim_cut(s, "nobody", NULL), -ENOENT);
	PIER_AUTO *c = pier_dial("tcp://nobody:7000");
	CHECK_EQ(pier_err(c), -PIER_ENONAME);
	CHECK_EQ(pier_sim_stop(s, "srv"), 0);
	CHECK_EQ(pier_sim_stop(s, "srv"), -ESRCH);
	CHECK_OK(pier_sim_restart(s, "srv"));
	PIER_AUTO *d = pier_dial("tcp://SRV:7000");
	return ask(d);
}

TEST(nodes_are_called_by_their_names)
{
	CHECK_EQ(pier_sim_run(know_nodes, .seeds = 20), 0);
}

/* ---- What is wrong is found ----------------------------------------------------------------------- */

static int fail_at_7(pier_sim *s)
{
	return pier_sim_check(s, pier_sim_seed(s) != 7);
}

/* Where it matters how many seeds run: ./dev sim may have asked for more. */
static void as_many_as_told(void)
{
	unsetenv("PIER_SIM_SEEDS");
	unsetenv("PIER_SIM_SECONDS");
}

TEST(a_check_that_does_not_hold_fails)
{
	as_many_as_told();
	CHECK_EQ(pier_sim_run(fail_at_7, .seeds = 6), 0);
	CHECK_EQ(pier_sim_run(fail_at_7, .seeds = 7), 1);
}

static int wait_for_nothing(pier_sim *s)
{
	pier_conn *two[2];
	(void)s;
	CHECK_OK(pier_pair(two));
	return pier_recv(two[0], &(char){0}, 1) < 0;
}

TEST(a_deadlock_is_found)
{
	CHECK_EQ(pier_sim_run(wait_for_nothing, .seeds = 1), 1);
}

static int forget_one(pier_sim *s)
{
	(void)s;
	pier_conn *two[2];
	CHECK_OK(pier_pair(two));
	pier_close(two[0]);
	return 0;
}

TEST(a_descriptor_that_is_left_open_is_found)
{
	CHECK_EQ(pier_sim_run(forget_one, .seeds = 1), 1);
}

static int crash(pier_sim *s)
{
	(void)s;
	abort();
}

TEST(a_crash_is_a_failure)
{
	CHECK_EQ(pier_sim_run(crash, .seeds = 1), 1);
}

static int stubborn(void)
{
	PIER_SHIELD (PIER_FOREVER)
		for (;;)
			pier_sleep(PIER_S(1));
	return 0;
}

static void ignore(pier_conn *c, void *arg)
{
	(void)c;
	(void)arg;
	stubborn();
}

static int deaf_server(void)
{
	return pier_serve("tcp://:7000", ignore, .quiet = true);
}

static int meet_a_stubborn_one(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", deaf_server));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	pier_sim_settle(s);
	return pier_err(c);
}

TEST(a_node_that_does_not_stop_is_found)
{
	CHECK_EQ(pier_sim_run(meet_a_stubborn_one, .seeds = 1), 1);
}

static bool is_small(void *count)
{
	return *(int *)count < 5;
}

static int grow(pier_sim *s)
{
	static int count;
	CHECK_OK(pier_sim_always(s, is_small, &count, "there are few"));
	for (count = 0; count < 8; count++)
		pier_sleep(PIER_MS(1));
	count = 0;
	return 0;
}

static int do_nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* Nothing has to wait for the clock: the call is there and back at once. */
static int grow_for_a_step(pier_sim *s)
{
	static int count = 8;
	CHECK_OK(pier_sim_always(s, is_small, &count, "there are few"));
	CHECK_OK(pier_call(0, do_nothing, NULL));
	count = 0;
	return 0;
}

TEST(what_must_always_hold_is_looked_at_all_the_time)
{
	CHECK_EQ(pier_sim_run(grow, .seeds = 1), 1);
}

TEST(what_must_always_hold_is_looked_at_after_each_step)
{
	CHECK_EQ(pier_sim_run(grow_for_a_step, .seeds = 1), 1);
}

/* The real clock is no part of the seed; only a system call of one's own gets there. */
static int look_outside(pier_sim *s)
{
	struct timespec t;
	(void)s;
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return pier_sleep(PIER_US(1) + t.tv_nsec % 1000000);
}

TEST(two_runs_of_a_seed_that_differ_are_found)
{
	CHECK_EQ(pier_sim_run(look_outside, .seeds = 1), 1);
}

static int look_outside_late(pier_sim *s)
{
	return pier_sim_seed(s) == 4 ? look_outside(s) : 0;
}

TEST(as_many_seeds_run_twice_as_are_asked_for)
{
	CHECK_EQ(pier_sim_run(look_outside_late, .seeds = 6), 0);
	setenv("PIER_SIM_TWICE", "6", 1);
	CHECK_EQ(pier_sim_run(look_outside_late, .seeds = 6), 1);
}

TEST(a_seed_that_is_no_number_is_refused)
{
	setenv("PIER_SIM_SEED", "forty-two", 1);
	CHECK_EQ(pier_sim_run(look_outside_late, .seeds = 1), 1);
	setenv("PIER_SIM_SEED", "2", 1);
	CHECK_EQ(pier_sim_run(look_outside_late, .seeds = 1), 0);
}
