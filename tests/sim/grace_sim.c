/* A stop with grace: no answer that was begun in time is lost, nobody is waited for longer than was said, and nobody is
 * left behind. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

#define GRACE	PIER_S(2)
#define CLIENTS 6
#define SLACK	PIER_MS(100) /* threads that start and end, a signal that is read */

static int serving, served; /* handlers inside, in all */

/* "N": thinks for N ms over each line, and says it back. */
static void think(pier_conn *c, void *arg)
{
	char line[32];
	(void)arg;
	serving++;
	while (pier_gets(c, line, sizeof line) > 0) {
		pier_sleep(PIER_MS(strtol(line, NULL, 10)));
		pier_printf(c, "%s\n", line);
	}
	serving--;
	served++;
}

static int thoughtful(void)
{
	return pier_serve("tcp://:7000", think, .grace = GRACE, .quiet = true);
}

static void think_once(pier_conn *c, void *arg)
{
	char line[32];
	(void)arg;
	serving++;
	if (pier_gets(c, line, sizeof line) > 0) {
		pier_sleep(PIER_MS(strtol(line, NULL, 10)));
		pier_printf(c, "%s", line); /* the LF is the frame's */
	}
	serving--;
	served++;
}

static int thoughtful_per_message(void)
{
	return pier_serve("tcp://:7000", think_once, .grace = GRACE, .quiet = true,
			  .frame = PIER_LINES, .per_message = true);
}

struct client {
	pier_sim *sim;
	int64_t asked_at; /* when the server has the question for sure */
	long ms;	  /* that it thinks about it */
	bool answered;
};

/* The wire has no delay to speak of, so the answer comes when the thought is over. */
static int ask_once(void *arg)
{
	struct client *m = arg;
	char line[32];
	m->ms = (long)pier_sim_chance(m->sim, 4000);
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	pier_printf(c, "%ld\n", m->ms);
	m->asked_at = pier_now() + PIER_MS(10);
	m->answered = pier_gets(c, line, sizeof line) > 0;
	if (m->answered)
		CHECK_EQ(strtol(line, NULL, 10), m->ms);
	while (pier_gets(c, line, sizeof line) > 0)
		;
	return 0;
}

static int idle(void *arg)
{
	(void)arg;
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	CHECK(pier_recv(c, &(char){0}, 1) <= 0);
	return 0;
}

static bool was_due(const struct client *m, int64_t told)
{
	return m->asked_at < told && m->asked_at + PIER_MS(m->ms) < told + GRACE - SLACK;
}

static int stop_gently(pier_sim *s)
{
	struct client clients[CLIENTS];
	PIER_AUTO_GROUP all = PIER_GROUP;
	bool once = pier_sim_chance(s, 2);
	CHECK_OK(pier_sim_node(s, "srv", once ? thoughtful_per_message : thoughtful));
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){.sim = s, .asked_at = PIER_FOREVER};
		CHECK_OK(pier_go(&all, ask_once, &clients[i]));
	}
	CHECK_OK(pier_go(&all, idle, NULL));
	pier_sleep((int64_t)pier_sim_chance(s, PIER_S(3)));
	int64_t told = pier_now();
	CHECK_EQ(pier_sim_stop(s, "srv"), 0);
	CHECK(pier_now() - told <= GRACE + PIER_LINGER + SLACK);
	CHECK_EQ(serving, 0);
	CHECK_OK(pier_group_wait(&all));
	for (int i = 0; i < CLIENTS; i++)
		CHECK(clients[i].answered || !was_due(&clients[i], told));
	return 0;
}

TEST_WITHIN(60, an_answer_that_was_begun_in_time_is_given_and_no_other_awaited)
{
	CHECK_EQ(pier_sim_run(stop_gently, .seeds = 500), 0);
}

/* ---- Whoever comes amid it ------------------------------------------------------------------------- */

struct visitor {
	pier_sim *sim;
	int answered;
};

/* Dials again and again, also while the server stops and starts anew; what was accepted is answered or told an end. */
static int visit(void *arg)
{
	struct visitor *v = arg;
	char line[32];
	for (int i = 0; i < 20; i++) {
		PIER_AUTO *c = pier_dial("tcp://srv:7000", .timeout = PIER_S(60));
		pier_printf(c, "%d\n", i);
		if (pier_gets(c, line, sizeof line) > 0) {
			CHECK_EQ(strtol(line, NULL, 10), i);
			v->answered++;
		}
		int err = pier_err(c);
		CHECK(err == 0 || err == -ECONNREFUSED || err == -ETIMEDOUT ||
		      pier_is_disconnect(err));
		pier_sleep((int64_t)pier_sim_chance(v->sim, PIER_MS(200)));
	}
	return 0;
}

static int stop_and_start(pier_sim *s)
{
	struct visitor v = {.sim = s};
	PIER_AUTO_GROUP all = PIER_GROUP;
	CHECK_OK(pier_sim_node(s, "srv",
			       pier_sim_chance(s, 2) ? thoughtful : thoughtful_per_message));
	for (int i = 0; i < 3; i++)
		CHECK_OK(pier_go(&all, visit, &v));
	for (int i = 0; i < 4; i++) {
		pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(500)));
		CHECK_EQ(pier_sim_stop(s, "srv"), 0);
		CHECK_OK(pier_sim_restart(s, "srv"));
	}
	CHECK_OK(pier_group_wait(&all));
	pier_sim_calm(s);
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	pier_printf(c, "1\n");
	return pier_sim_check(s, pier_gets(c, (char[8]){0}, 8) > 0);
}

TEST_WITHIN(100, a_server_that_is_stopped_and_started_leaves_nobody_without_a_word)
{
	CHECK_EQ(pier_sim_run(stop_and_start, .seeds = 300, .loss = 0.05, .delay = PIER_MS(20),
			      .partitions = 1),
		 0);
}
