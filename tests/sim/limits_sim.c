/* A server's limits under many who come at once: never more than were allowed, everyone told, nobody forgotten, and also
 * where the kernel itself has too little. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

#define MOST	3
#define CLIENTS 8

static int inside, opened, closed, told;

static bool is_within(void *arg)
{
	(void)arg;
	return inside <= MOST && opened >= closed;
}

static void answer(pier_conn *c, void *arg)
{
	char line[64];
	(void)arg;
	while (pier_gets(c, line, sizeof line) > 0)
		pier_printf(c, "%s\n", line);
}

static void answer_once(pier_conn *c, void *arg)
{
	char line[64];
	(void)arg;
	if (pier_gets(c, line, sizeof line) > 0)
		pier_printf(c, "%s", line); /* the LF is the frame's */
}

static void on_open(pier_conn *c, void *arg)
{
	(void)c;
	(void)arg;
	inside++;
	opened++;
}

static void on_close(pier_conn *c, void *arg)
{
	(void)c;
	(void)arg;
	inside--;
	closed++;
}

static void on_full(pier_conn *c, void *arg)
{
	(void)arg;
	told++;
	pier_printf(c, "full\n");
}

static int serve_all_at_once(void)
{
	return pier_serve("tcp://:7000", answer, .max_conns = MOST, .idle = PIER_S(5),
			  .quiet = true, .on_open = on_open, .on_close = on_close,
			  .on_full = on_full);
}

static int serve_per_message(void)
{
	return pier_serve("tcp://:7000", answer_once, .max_conns = MOST, .idle = PIER_S(5),
			  .quiet = true, .per_message = true, .frame = PIER_LINES,
			  .on_open = on_open, .on_close = on_close, .on_full = on_full);
}

/* Where there were too few descriptors to listen, there may be enough the next time. */
static int until_it_listens(int (*serve)(void))
{
	int err;
	while ((err = serve()) < 0)
		pier_sleep(PIER_MS(10));
	return err;
}

static int server(void)
{
	return until_it_listens(serve_all_at_once);
}

static int server_per_message(void)
{
	return until_it_listens(serve_per_message);
}

/* Answered, told that it is full, or cut off: by a reset that overtakes those words, or in their middle, by a kernel that had
 * no memory for more. Then it tries again. */
static int come(void *arg)
{
	pier_sim *s = arg;
	char line[64];
	for (int i = 0; i < 6; i++) {
		PIER_AUTO *c =
			pier_dial("tcp://srv:7000", .timeout = PIER_MIN(5), .idle = PIER_MIN(5));
		pier_printf(c, "%d\n", i);
		if (pier_gets(c, line, sizeof line) > 0)
			CHECK(!strncmp(line, "full", strlen(line)) || strtol(line, NULL, 10) == i);
		switch (pier_sim_chance(s, 4)) {
		case 0:
			pier_sleep((int64_t)pier_sim_chance(
				s, PIER_S(8))); /* it may be idle for too long */
			break;
		case 1:
			pier_abort(c);
			c = NULL;
			break;
		default:
			pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(50)));
		}
	}
	return 0;
}

static int crowd(pier_sim *s)
{
	char line[64];
	PIER_AUTO_GROUP all = PIER_GROUP;
	CHECK_OK(pier_sim_always(s, is_within, NULL, "no more than are allowed"));
	CHECK_OK(pier_sim_node(s, "srv", pier_sim_chance(s, 2) ? server : server_per_message));
	for (int i = 0; i < CLIENTS; i++)
		CHECK_OK(pier_go(&all, come, s));
	CHECK_OK(pier_group_wait(&all));
	pier_sim_calm(s);
	pier_sleep(PIER_MIN(20)); /* the half-open ones are idle by then */
	CHECK_EQ(inside, 0);
	CHECK_EQ(opened, closed);
	PIER_AUTO *c = pier_dial("tcp://srv:7000");
	pier_printf(c, "still there?\n");
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "still there?");
	return 0;
}

TEST_WITHIN(60, no_more_than_are_allowed_and_none_that_is_forgotten)
{
	CHECK_EQ(pier_sim_run(crowd, .seeds = 300, .loss = 0.05, .delay = PIER_MS(30),
			      .partitions = 1),
		 0);
}

TEST_WITHIN(60, the_same_where_the_kernel_has_too_little)
{
	CHECK_EQ(pier_sim_run(crowd, .seeds = 300, .delay = PIER_MS(30), .faults = 0.2), 0);
}

/* ---- Datagrams ------------------------------------------------------------------------------------- */

static int udp_server(void)
{
	return pier_serve("udp://:7000", answer, .max_conns = MOST, .quiet = true,
			  .on_open = on_open, .on_close = on_close);
}

/* The one that is silent for longest makes room for a new one, whose first word may be lost by that. */
static void ask(pier_conn *c, int number)
{
	char line[64];
	ssize_t n = 0;
	for (int tries = 0; tries < 3 && n <= 0; tries++) {
		pier_clear(c);
		pier_printf(c, "%d", number);
		n = pier_gets(c, line, sizeof line);
	}
	CHECK_OK(pier_err(c));
	CHECK_EQ(strtol(line, NULL, 10), number);
}

static int peers(pier_sim *s)
{
	CHECK_OK(pier_sim_node(s, "srv", udp_server));
	for (int i = 0; i < 10; i++) {
		PIER_AUTO *c = pier_dial("udp://srv:7000", .idle = PIER_S(1));
		ask(c, i);
		pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(10)));
		CHECK(inside <= MOST + 1); /* the one that goes may still say goodbye */
	}
	return 0;
}

TEST_WITHIN(60, a_new_peer_takes_the_place_of_the_most_silent)
{
	CHECK_EQ(pier_sim_run(peers, .seeds = 200), 0);
}
