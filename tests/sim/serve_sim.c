/* Servers that are stopped, that crash, that lack what they need. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

#define CLIENTS 5

static void answer(pier_conn *c, void *arg)
{
	char line[64];
	(void)arg;
	while (pier_gets(c, line, sizeof line) > 0)
		pier_printf(c, "%s\n", line);
}

static int server(void)
{
	return pier_serve("tcp://:7000", answer, .grace = PIER_S(2), .quiet = true);
}

/* Per message: between two of them a conn has no fiber. */
static void answer_once(pier_conn *c, void *arg)
{
	pier_bytes line = pier_next(c);
	(void)arg;
	if (line.p)
		pier_send(c, line.p, line.len); /* the LF is the frame's */
}

static int server_per_message(void)
{
	return pier_serve("tcp://:7000", answer_once, .grace = PIER_S(2), .frame = PIER_LINES,
			  .per_message = true);
}

struct client {
	pier_sim *sim;
	int answered;
};

/* Until the server ends it; then it is the end, or a reset: what was said last may have come too late. */
static int ask_for_ever(void *arg)
{
	struct client *m = arg;
	char line[64], want[64];
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	for (int i = 0; i < 1000; i++) {
		snprintf(want, sizeof want, "%d", i);
		pier_printf(c, "%s\n", want);
		if (pier_gets(c, line, sizeof line) <= 0)
			break;
		CHECK_STR(line, want);
		m->answered++;
		pier_sleep((int64_t)pier_sim_chance(m->sim, PIER_MS(30)));
	}
	int err = pier_err(c);
	CHECK(err == 0 || err == -ECONNREFUSED || err == -ETIMEDOUT || err == -ECANCELED ||
	      pier_is_disconnect(err));
	return 0;
}

static int stop_amid(pier_sim *s, int (*main_fn)(void))
{
	struct client clients[CLIENTS];
	PIER_AUTO_GROUP all = PIER_GROUP;
	CHECK_OK(pier_sim_node(s, "srv", main_fn));
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){.sim = s};
		CHECK_OK(pier_go(&all, ask_for_ever, &clients[i]));
	}
	pier_sleep((int64_t)pier_sim_chance(s, PIER_S(1)));
	CHECK_EQ(pier_sim_stop(s, "srv"), 0);
	pier_sim_calm(s);
	return pier_group_wait(&all);
}

static int stop_server(pier_sim *s)
{
	return stop_amid(s, server);
}

TEST_WITHIN(100, a_server_that_is_stopped_ends_and_leaves_no_client_waiting)
{
	CHECK_EQ(pier_sim_run(stop_server, .seeds = 300, .loss = 0.05, .delay = PIER_MS(50),
			      .partitions = 1),
		 0);
}

static int stop_server_per_message(pier_sim *s)
{
	return stop_amid(s, server_per_message);
}

TEST_WITHIN(100, a_server_per_message_ends_as_well)
{
	CHECK_EQ(pier_sim_run(stop_server_per_message, .seeds = 300, .loss = 0.05,
			      .delay = PIER_MS(50), .partitions = 1),
		 0);
}

/* ---- Crashes -------------------------------------------------------------------------------------- */

static int crash_server(pier_sim *s)
{
	struct client clients[CLIENTS];
	PIER_AUTO_GROUP all = PIER_GROUP;
	char line[64];
	CHECK_OK(pier_sim_node(s, "srv", server));
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){.sim = s};
		CHECK_OK(pier_go(&all, ask_for_ever, &clients[i]));
	}
	pier_sleep((int64_t)pier_sim_chance(s, PIER_S(1)));
	CHECK_OK(pier_sim_crash(s, "srv"));
	pier_sleep((int64_t)pier_sim_chance(s, PIER_S(3)));
	CHECK_OK(pier_sim_restart(s, "srv"));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	pier_printf(c, "again\n");
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "again");
	pier_group_cancel(&all);
	pier_group_wait(&all);
	return 0;
}

TEST_WITHIN(100, a_server_that_crashed_serves_again)
{
	CHECK_EQ(pier_sim_run(crash_server, .seeds = 300, .loss = 0.05, .delay = PIER_MS(50)), 0);
}

static int pause_server(pier_sim *s)
{
	char line[64];
	CHECK_OK(pier_sim_node(s, "srv", server));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	CHECK_OK(pier_sim_pause(s, "srv", true));
	pier_printf(c, "hello\n");
	PIER_WITHIN (PIER_S(5))
		CHECK_EQ(pier_gets(c, line, sizeof line), -ETIMEDOUT);
	pier_clear(c);
	CHECK_OK(pier_sim_pause(s, "srv", false));
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "hello");
	return 0;
}

TEST_WITHIN(60, a_server_that_stood_still_answers_then)
{
	CHECK_EQ(pier_sim_run(pause_server, .seeds = 100), 0);
}

/* ---- Last words ----------------------------------------------------------------------------------- */

#define MUCH 200000

/* Answers the first line and is done, whatever else comes. */
static void dismiss(pier_conn *c, void *arg)
{
	char line[64];
	(void)arg;
	pier_gets(c, line, sizeof line);
	pier_printf(c, "that will do\n");
}

static int dismissing(void)
{
	return pier_serve("tcp://:7000", dismiss, .quiet = true);
}

static int go_on(void *arg)
{
	static const char much[MUCH];
	pier_send(arg, much, sizeof much); /* may fail: nobody wants it */
	return 0;
}

static int talk_too_much(pier_sim *s)
{
	char line[64] = "";
	CHECK_OK(pier_sim_node(s, "srv", dismissing));
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	PIER_AUTO_GROUP speaker = PIER_GROUP; /* ends before its conn */
	pier_printf(c, "hello\n");
	CHECK_OK(pier_go(&speaker, go_on, c));
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "that will do");
	return 0;
}

TEST_WITHIN(60, last_words_reach_a_peer_that_still_talks)
{
	CHECK_EQ(pier_sim_run(talk_too_much, .seeds = 300, .delay = PIER_MS(50)), 0);
}

/* ---- Conns that end before their handler ------------------------------------------------------------ */

/* "bye" closes the conn, and the handler goes on for a while: its descriptor's number is another's by then. */
static void answer_or_leave(pier_conn *c, void *arg)
{
	char line[64];
	(void)arg;
	while (pier_gets(c, line, sizeof line) > 0) {
		if (!strcmp(line, "bye")) {
			pier_close(c);
			pier_sleep(PIER_MS(20));
			return;
		}
		pier_printf(c, "%s\n", line);
	}
}

static int leaving(void)
{
	return pier_serve("tcp://:7000", answer_or_leave, .quiet = true);
}

/* Short ones come and go beside one that stays. */
static int come_and_go(void *arg)
{
	pier_sim *s = arg;
	char line[64];
	for (int i = 0; i < 8; i++) {
		PIER_AUTO *c = pier_dial("tcp://srv:7000");
		pier_printf(c, "hello\n");
		CHECK(pier_gets(c, line, sizeof line) > 0);
		CHECK_STR(line, "hello");
		pier_printf(c, "bye\n");
		CHECK_EQ(pier_gets(c, line, sizeof line), 0);
		pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(5)));
	}
	return 0;
}

static int close_early(pier_sim *s)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	CHECK_OK(pier_sim_node(s, "srv", leaving));
	for (int i = 0; i < CLIENTS; i++)
		CHECK_OK(pier_go(&all, come_and_go, s));
	return pier_group_wait(&all);
}

TEST_WITHIN(60, a_conn_that_its_handler_closes_takes_no_other_along)
{
	CHECK_EQ(pier_sim_run(close_early, .seeds = 200), 0);
}
