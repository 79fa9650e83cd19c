/* Conns that are lent from worker to worker, calls that call further, and a server by hand: each byte arrives once, and
 * what was lent comes back, however it ends. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

#define PASSES 6
#define LINES  12

static unsigned any_worker(pier_sim *s)
{
	return (unsigned)pier_sim_chance(s, (uint64_t)pier_workers());
}

/* ---- One conn, many workers ------------------------------------------------------------------------ */

struct journey {
	pier_sim *sim;
	pier_conn *conn;
	int heard, left; /* lines, passes */
};

static int hear_and_pass_on(pier_conn *c, void *arg)
{
	struct journey *j = arg;
	char line[32];
	for (uint64_t i = pier_sim_chance(j->sim, 4); i && j->heard < LINES; i--) {
		ssize_t n = pier_gets(c, line, sizeof line);
		if (n <= 0)
			return n < 0 ? (int)n : -EPROTO;
		CHECK_EQ(line[0] - 'a', j->heard);
		j->heard++;
		pier_printf(c, "%s\n", line);
	}
	return j->left-- ? pier_pass(c, any_worker(j->sim), hear_and_pass_on, j) : 0;
}

static int say_lines(void *arg)
{
	struct journey *j = arg;
	for (int i = 0; i < LINES; i++) {
		CHECK_OK(pier_printf(j->conn, "%c\n", 'a' + i));
		if (pier_sim_chance(j->sim, 3) == 0)
			pier_sleep((int64_t)pier_sim_chance(j->sim, PIER_US(100)));
	}
	return 0;
}

/* What is read on one worker and not spent goes along to the next. */
static int travel(pier_sim *s)
{
	pier_conn *two[2];
	char line[32];
	PIER_AUTO_GROUP speaker = PIER_GROUP;
	CHECK_OK(pier_pair(two));
	struct journey j = {s, two[1], 0, PASSES};
	CHECK_OK(pier_go(&speaker, say_lines, &j));
	while (j.heard < LINES) {
		j.left = PASSES;
		CHECK_OK(pier_pass(two[0], any_worker(s), hear_and_pass_on, &j));
	}
	CHECK_OK(pier_group_wait(&speaker));
	for (int i = 0; i < LINES; i++) {
		CHECK(pier_gets(two[1], line, sizeof line) > 0);
		CHECK_EQ(line[0] - 'a', i);
	}
	pier_close(two[1]);
	pier_close(two[0]);
	return 0;
}

TEST_WITHIN(60, a_conn_that_is_passed_on_loses_nothing_on_the_way)
{
	CHECK_EQ(pier_sim_run(travel, .seeds = 500, .workers = 4), 0);
}

static int stay_away(pier_conn *c, void *arg)
{
	(void)arg;
	return pier_recv(c, &(char){0}, 1) < 0 ? pier_err(c) : 0;
}

static int lend(void *arg)
{
	struct journey *j = arg;
	return pier_pass(j->conn, any_worker(j->sim), stay_away, j);
}

/* Cancelled while it is away: it comes back, and can be closed here. */
static int call_back(pier_sim *s)
{
	for (int i = 0; i < 10; i++) {
		pier_conn *two[2];
		PIER_AUTO_GROUP all = PIER_GROUP;
		CHECK_OK(pier_pair(two));
		struct journey j = {s, two[0], 0, 0};
		CHECK_OK(pier_go(&all, lend, &j));
		pier_sleep((int64_t)pier_sim_chance(s, PIER_US(30)));
		if (pier_sim_chance(s, 2))
			pier_send(two[1], "x", 1);
		pier_group_cancel(&all);
		int err = pier_group_wait(&all);
		CHECK(err == 0 || err == -ECANCELED);
		pier_close(two[0]);
		pier_close(two[1]);
	}
	return 0;
}

TEST_WITHIN(60, a_conn_that_is_lent_comes_back_when_its_owner_is_cancelled)
{
	CHECK_EQ(pier_sim_run(call_back, .seeds = 500, .workers = 4), 0);
}

/* ---- A server by hand ------------------------------------------------------------------------------ */

#define GUESTS 6

static int echo_line(void *arg)
{
	PIER_AUTO *c = arg;
	char line[32];
	while (pier_gets(c, line, sizeof line) > 0)
		pier_printf(c, "%s\n", line);
	return 0;
}

static int by_hand(void *arg)
{
	PIER_AUTO_LISTENER *l = NULL;
	PIER_AUTO_GROUP guests = PIER_GROUP;
	pier_conn *c;
	(void)arg;
	while (pier_listen("tcp://:7000", &l, .backlog = 3) < 0)
		if (pier_sleep(PIER_MS(10)) < 0) /* until there are descriptors */
			return 0;
	for (;;) {
		int err = pier_accept(l, &c);
		if (err == -ECANCELED)
			return 0;
		if (err < 0)
			pier_sleep(PIER_MS(10)); /* too many open files, say */
		else if (pier_go(&guests, echo_line, c) < 0)
			pier_close(c);
	}
}

static int guest(void *arg)
{
	pier_sim *s = arg;
	char line[32];
	for (int i = 0; i < 3; i++) {
		PIER_AUTO *c = pier_dial("tcp://srv:7000", .timeout = PIER_MIN(5));
		if (pier_err(c))
			continue; /* it may have been reset in the queue */
		pier_printf(c, "%d\n", i);
		if (pier_gets(c, line, sizeof line) > 0)
			CHECK_EQ(line[0] - '0', i);
		if (pier_sim_chance(s, 2))
			pier_abort((pier_conn *)c), c = NULL;
	}
	return 0;
}

static int until_told(void *arg)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	(void)arg;
	CHECK_OK(pier_go(&all, by_hand, NULL));
	pier_sleep(PIER_MIN(20));
	return 0;
}

static int server(void)
{
	return pier_run(until_told, NULL);
}

static int visit_by_hand(pier_sim *s)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	CHECK_OK(pier_sim_node(s, "srv", server));
	for (int i = 0; i < GUESTS; i++)
		CHECK_OK(pier_go(&all, guest, s));
	pier_sleep((int64_t)pier_sim_chance(s, PIER_S(1)));
	return pier_group_wait(&all);
}

TEST_WITHIN(60, a_server_by_hand_answers_or_refuses_and_ends)
{
	CHECK_EQ(pier_sim_run(visit_by_hand, .seeds = 200, .loss = 0.05, .delay = PIER_MS(20),
			      .faults = 0.1),
		 0);
}
