/* A room under loss and partitions: of each speaker a member hears every line, once, in order; one that is too slow is cut
 * off, and has heard all until then. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS	 4
#define LINES	 20
#define LINE_LEN 600 /* bytes of a long one */

static pier_topic *room;

static void chat(pier_conn *c, void *arg)
{
	char line[LINE_LEN];
	(void)arg;
	pier_topic_add(room, c);
	pier_printf(c, "welcome\n");
	while (pier_gets(c, line, sizeof line) > 0)
		pier_sayf(room, NULL, "%s\n", line);
}

static int server_of(pier_on_full on_full)
{
	room = pier_topic_new(.backlog = 16, .on_full = on_full);
	int err = pier_serve("tcp://:7000", chat);
	pier_topic_free(room);
	return err;
}

static int cutting(void)
{
	return server_of(PIER_CLOSE_SLOW);
}

static int waiting(void)
{
	return server_of(PIER_WAIT);
}

struct member {
	pier_sim *sim;
	int number;
	pier_conn *conn;
	int heard[MEMBERS]; /* lines of each speaker */
};

static int speak(void *arg)
{
	struct member *m = arg;
	for (int i = 0; i < LINES && !pier_err(m->conn); i++) {
		pier_printf(m->conn, "%d %d\n", m->number, i);
		if (pier_sim_chance(m->sim, 3) == 0)
			pier_sleep((int64_t)pier_sim_chance(m->sim, PIER_MS(200)));
	}
	return 0;
}

static bool heard_all(const struct member *m)
{
	for (int i = 0; i < MEMBERS; i++)
		if (m->heard[i] < LINES)
			return false;
	return true;
}

/* Of a speaker that was cut off there is nothing more to come. */
static int listen_to_all(void *arg)
{
	struct member *m = arg;
	char line[64], *rest;
	pier_set_timeouts(m->conn, PIER_MIN(2), PIER_FOREVER);
	while (!heard_all(m) && pier_gets(m->conn, line, sizeof line) > 0) {
		long who = strtol(line, &rest, 10), number = strtol(rest, NULL, 10);
		CHECK(who >= 0 && who < MEMBERS);
		CHECK_EQ(number, m->heard[who]);
		m->heard[who]++;
	}
	return 0;
}

static void meet(pier_sim *s, struct member *members)
{
	char line[64];
	for (int i = 0; i < MEMBERS; i++) {
		members[i] = (struct member){.sim = s, .number = i};
		members[i].conn = pier_dial("tcp://srv:7000");
		CHECK(pier_gets(members[i].conn, line, sizeof line) > 0);
		CHECK_STR(line, "welcome");
	}
}

static int talk(pier_sim *s, int (*server)(void), bool all_hear)
{
	struct member members[MEMBERS];
	PIER_AUTO_GROUP all = PIER_GROUP;
	CHECK_OK(pier_sim_node(s, "srv", server));
	meet(s, members);
	for (int i = 0; i < MEMBERS; i++) {
		CHECK_OK(pier_go(&all, listen_to_all, &members[i]));
		CHECK_OK(pier_go(&all, speak, &members[i]));
	}
	CHECK_OK(pier_group_wait(&all));
	bool all_heard = true, cut = false;
	for (int i = 0; i < MEMBERS; i++) {
		int err = pier_err(members[i].conn);
		all_heard = all_heard && heard_all(&members[i]);
		cut = cut || (err && err != -ETIMEDOUT);
		pier_close(members[i].conn);
	}
	return pier_sim_check(s, all_heard || (cut && !all_hear));
}

static int talk_where_slow_ones_are_cut(pier_sim *s)
{
	return talk(s, cutting, false);
}

TEST_WITHIN(100, a_member_hears_each_speaker_in_order_until_it_is_cut)
{
	CHECK_EQ(pier_sim_run(talk_where_slow_ones_are_cut, .seeds = 300, .loss = 0.1,
			      .delay = PIER_MS(100), .partitions = 2),
		 0);
}

static int talk_where_all_are_awaited(pier_sim *s)
{
	return talk(s, waiting, true);
}

TEST_WITHIN(100, where_slow_ones_are_awaited_everyone_hears_everything)
{
	CHECK_EQ(pier_sim_run(talk_where_all_are_awaited, .seeds = 300, .loss = 0.1,
			      .delay = PIER_MS(100), .partitions = 2),
		 0);
}

/* ---- One that does not listen ----------------------------------------------------------------------- */

#define MANY 900 /* lines: in all more than any wire holds */

struct crowd {
	pier_sim *sim;
	pier_conn *speaker, *listener, *slow;
};

static int speak_much(void *arg)
{
	struct crowd *all = arg;
	char line[LINE_LEN];
	memset(line, 'x', sizeof line);
	for (int i = 0; i < MANY; i++) {
		snprintf(line, sizeof line, "%d ", i);
		line[strlen(line)] = 'x';
		line[LINE_LEN - 1] = '\n';
		CHECK_EQ(pier_send(all->speaker, line, sizeof line), sizeof line);
		pier_sleep(PIER_MS(1) + (int64_t)pier_sim_chance(all->sim, PIER_MS(5)));
	}
	return 0;
}

/* How many lines in a row it hears, from the first on. */
static int hear_in_order(pier_conn *c)
{
	char line[LINE_LEN + 1];
	int count = 0;
	while (count < MANY && pier_gets(c, line, sizeof line) > 0) {
		CHECK_EQ(strlen(line), LINE_LEN - 1);
		CHECK_EQ(strtol(line, NULL, 10), count);
		count++;
	}
	return count;
}

static int listen_well(void *arg)
{
	return hear_in_order(((struct crowd *)arg)->listener) == MANY ? 0 : -EPROTO;
}

static int drink(void *arg)
{
	char line[LINE_LEN + 1];
	struct crowd *all = arg;
	for (int i = 0; i < MANY && pier_gets(all->speaker, line, sizeof line) > 0; i++)
		;
	return 0;
}

static pier_conn *join(void)
{
	char line[16];
	pier_conn *c = pier_dial("tcp://srv:7000");
	CHECK(pier_gets(c, line, sizeof line) > 0);
	return c;
}

/* The others hear all meanwhile; the slow one a beginning, and then it is cut off. */
static int leave_a_slow_one(pier_sim *s)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	CHECK_OK(pier_sim_node(s, "srv", cutting));
	PIER_AUTO *speaker = join(), *listener = join(), *slow = join();
	struct crowd crowd = {s, speaker, listener, slow};
	CHECK_OK(pier_go(&all, speak_much, &crowd));
	CHECK_OK(pier_go(&all, drink, &crowd));
	CHECK_OK(pier_go(&all, listen_well, &crowd));
	CHECK_OK(pier_group_wait(&all));
	pier_sleep(PIER_S(5));
	int heard = hear_in_order(slow);
	return pier_sim_check(s, heard < MANY);
}

TEST_WITHIN(100, one_that_does_not_listen_is_cut_off_and_holds_up_nobody)
{
	CHECK_EQ(pier_sim_run(leave_a_slow_one, .seeds = 100), 0);
}
