/* A room whose members come, go, stall and crash, under each policy: of one speaker nobody hears a line twice or out of
 * order, who stays hears what that policy promises, and the server stops. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

#define SPEAKERS 3
#define VISITORS 4
#define LINES	 30 /* of each speaker */

static pier_topic *room;

static void chat(pier_conn *c, void *arg)
{
	char line[64];
	(void)arg;
	pier_set_timeouts(c, PIER_FOREVER, PIER_S(20));
	pier_topic_add(room, c);
	pier_printf(c, "welcome\n");
	while (pier_gets(c, line, sizeof line) > 0) {
		if (!strcmp(line, "out"))
			pier_topic_remove(room, c);
		else if (!strcmp(line, "in"))
			pier_topic_add(room, c);
		else
			pier_sayf(room, NULL, "%s\n", line);
	}
}

static int server_of(pier_on_full on_full)
{
	room = pier_topic_new(.backlog = 8, .on_full = on_full);
	int err = pier_serve("tcp://:7000", chat, .quiet = true, .grace = PIER_S(2));
	pier_topic_free(room);
	return err;
}

static int cutting(void)
{
	return server_of(PIER_CLOSE_SLOW);
}

static int dropping(void)
{
	return server_of(PIER_DROP_OLDEST);
}

static int waiting(void)
{
	return server_of(PIER_WAIT);
}

struct member {
	pier_sim *sim;
	int number;
	pier_conn *conn;
	int last[SPEAKERS]; /* heard of each */
	int missed;
};

static void enter(struct member *m)
{
	char line[64];
	for (int i = 0; i < SPEAKERS; i++)
		m->last[i] = -1;
	m->conn = pier_dial("tcp://srv:7000");
	pier_set_timeouts(m->conn, PIER_S(60), PIER_FOREVER);
	pier_gets(m->conn, line, sizeof line);
}

/* Later lines of a speaker follow earlier ones; *missed counts the gaps. */
static bool hear(struct member *m)
{
	char line[64], *rest;
	if (pier_gets(m->conn, line, sizeof line) <= 0)
		return false;
	long who = strtol(line, &rest, 10), number = strtol(rest, NULL, 10);
	CHECK(who >= 0 && who < SPEAKERS);
	CHECK(number > m->last[who]);
	m->missed += (int)number - m->last[who] - 1;
	m->last[who] = (int)number;
	return true;
}

static bool has_heard_all(const struct member *m)
{
	for (int i = 0; i < SPEAKERS; i++)
		if (m->last[i] < LINES - 1)
			return false;
	return true;
}

static int listen_on(void *arg)
{
	struct member *m = arg;
	while (!has_heard_all(m) && hear(m))
		if (pier_sim_chance(m->sim, 20) == 0)
			pier_sleep((int64_t)pier_sim_chance(m->sim, PIER_MS(100)));
	return 0;
}

static int speak_on(void *arg)
{
	struct member *m = arg;
	for (int i = 0; i < LINES; i++) {
		pier_printf(m->conn, "%d %d\n", m->number, i);
		if (pier_sim_chance(m->sim, 4) == 0)
			pier_sleep((int64_t)pier_sim_chance(m->sim, PIER_MS(100)));
	}
	return 0;
}

/* Comes, hears a little, steps out and in again, and goes in one of three ways. */
static int visit(void *arg)
{
	struct member m = {.sim = arg};
	for (int i = 0; i < 4; i++) {
		enter(&m);
		for (uint64_t k = pier_sim_chance(m.sim, 15); k && hear(&m); k--)
			if (pier_sim_chance(m.sim, 5) == 0)
				pier_printf(m.conn, "%s\n",
					    pier_sim_chance(m.sim, 2) ? "out" : "in");
		if (pier_sim_chance(m.sim, 3) == 0)
			pier_sleep(PIER_MS(300)); /* it hears nothing meanwhile */
		if (pier_sim_chance(m.sim, 2))
			pier_close(m.conn);
		else
			pier_abort(m.conn);
	}
	return 0;
}

static void begin(pier_sim *s, struct member *members, int (*server)(void))
{
	CHECK_OK(pier_sim_node(s, "srv", server));
	for (int i = 0; i < SPEAKERS; i++) {
		members[i] = (struct member){.sim = s, .number = i};
		enter(&members[i]);
		CHECK_OK(pier_err(members[i].conn));
	}
}

static void run_room(pier_sim *s, struct member *members)
{
	PIER_AUTO_GROUP stay = PIER_GROUP, visitors = PIER_GROUP;
	for (int i = 0; i < VISITORS; i++)
		CHECK_OK(pier_go(&visitors, visit, s));
	for (int i = 0; i < SPEAKERS; i++) {
		CHECK_OK(pier_go(&stay, listen_on, &members[i]));
		CHECK_OK(pier_go(&stay, speak_on, &members[i]));
	}
	if (pier_sim_chance(s, 3) == 0)
		pier_sim_calm(s);
	CHECK_OK(pier_group_wait(&stay));
	CHECK_OK(pier_group_wait(&visitors));
}

static void end(struct member *members)
{
	for (int i = 0; i < SPEAKERS; i++)
		pier_close(members[i].conn);
}

static int wait_for_all(pier_sim *s)
{
	struct member members[SPEAKERS];
	begin(s, members, waiting);
	run_room(s, members);
	for (int i = 0; i < SPEAKERS; i++)
		CHECK(pier_err(members[i].conn) ||
		      (has_heard_all(&members[i]) && !members[i].missed));
	end(members);
	return 0;
}

TEST_WITHIN(100, who_is_waited_for_hears_all_whoever_comes_and_goes)
{
	CHECK_EQ(pier_sim_run(wait_for_all, .seeds = 200, .loss = 0.05, .delay = PIER_MS(30)), 0);
}

static int cut_the_slow(pier_sim *s)
{
	struct member members[SPEAKERS];
	begin(s, members, cutting);
	run_room(s, members);
	for (int i = 0; i < SPEAKERS; i++)
		CHECK_EQ(members[i].missed, 0); /* all up to a point */
	end(members);
	return 0;
}

TEST_WITHIN(100, who_is_cut_off_has_heard_all_until_then)
{
	CHECK_EQ(pier_sim_run(cut_the_slow, .seeds = 200, .loss = 0.1, .delay = PIER_MS(30),
			      .partitions = 1),
		 0);
}

/* A conn that stays hears the last line that was said, whatever it missed before. */
static int drop_the_oldest(pier_sim *s)
{
	struct member members[SPEAKERS];
	begin(s, members, dropping);
	run_room(s, members);
	end(members);
	return 0;
}

TEST_WITHIN(100, who_is_too_slow_misses_the_oldest_and_never_hears_backwards)
{
	CHECK_EQ(pier_sim_run(drop_the_oldest, .seeds = 200, .loss = 0.1, .delay = PIER_MS(30)), 0);
}

/* The server stops, or crashes and comes back, while all that goes on. */
static int stop_amid(pier_sim *s)
{
	struct member members[SPEAKERS];
	int (*const servers[])(void) = {waiting, cutting, dropping};
	PIER_AUTO_GROUP all = PIER_GROUP;
	begin(s, members, servers[pier_sim_chance(s, 3)]);
	for (int i = 0; i < SPEAKERS; i++) {
		CHECK_OK(pier_go(&all, listen_on, &members[i]));
		CHECK_OK(pier_go(&all, speak_on, &members[i]));
		CHECK_OK(pier_go(&all, visit, s));
	}
	pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(500)));
	if (pier_sim_chance(s, 2)) {
		int64_t told = pier_now();
		CHECK_EQ(pier_sim_stop(s, "srv"), 0);
		CHECK(pier_now() - told <= PIER_S(2) + PIER_LINGER + PIER_MS(200));
	} else {
		CHECK_OK(pier_sim_crash(s, "srv"));
	}
	pier_sim_calm(s);
	CHECK_OK(pier_group_wait(&all));
	end(members);
	return 0;
}

TEST_WITHIN(100, a_room_that_is_closed_amid_a_talk_lets_everyone_go)
{
	CHECK_EQ(pier_sim_run(stop_amid, .seeds = 300, .loss = 0.05, .delay = PIER_MS(30),
			      .partitions = 1),
		 0);
}
