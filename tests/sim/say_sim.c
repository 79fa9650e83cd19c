/* Where everyone is waited for, a line that was said is heard by all, and one that was given up by none, whoever is
 * cancelled, runs out of time or leaves meanwhile. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS	 3
#define SPEAKERS 3
#define LINES	 12
#define MOMENT	 PIER_US(300)

struct hall {
	pier_sim *sim;
	pier_topic *topic;
	int said[SPEAKERS][LINES]; /* 0: heard by all; else by none */
};

struct member {
	struct hall *hall;
	pier_conn *ends[2]; /* the one that is in the room, and the one that listens */
	int heard[SPEAKERS][LINES];
	pier_sem joined, leaves;
};

struct speaker {
	struct hall *hall;
	int number;
};

static int on_any_worker(pier_sim *s, int (*fn)(void *), void *arg)
{
	return pier_call((unsigned)pier_sim_chance(s, (uint64_t)pier_workers()), fn, arg);
}

static int64_t any_moment(struct hall *h)
{
	return (int64_t)pier_sim_chance(h->sim, MOMENT);
}

static int listen_to(void *arg)
{
	struct member *m = arg;
	char line[64], *rest;
	while (pier_gets(m->ends[1], line, sizeof line) > 0) {
		long who = strtol(line, &rest, 10), number = strtol(rest, NULL, 10);
		CHECK(who >= 0 && who < SPEAKERS && number >= 0 && number < LINES);
		m->heard[who][number]++;
		if (pier_sim_chance(m->hall->sim, 4) == 0)
			pier_sleep(any_moment(m->hall));
	}
	return 0;
}

static int stay_in(void *arg)
{
	struct member *m = arg;
	PIER_AUTO_GROUP listener = PIER_GROUP;
	CHECK_OK(pier_pair(m->ends));
	CHECK_OK(pier_topic_add(m->hall->topic, m->ends[0]));
	pier_sem_give(&m->joined);
	CHECK_OK(pier_go(&listener, listen_to, m));
	CHECK_OK(pier_sem_take(&m->leaves));
	pier_close(m->ends[0]);
	CHECK_OK(pier_group_wait(&listener));
	pier_close(m->ends[1]);
	return 0;
}

static int stay_somewhere(void *arg)
{
	struct member *m = arg;
	return on_any_worker(m->hall->sim, stay_in, m);
}

static int say_lines(void *arg)
{
	struct speaker *me = arg;
	struct hall *h = me->hall;
	for (int i = 0; i < LINES; i++) {
		int *said = &h->said[me->number][i];
		*said = -ECANCELED;
		PIER_WITHIN (pier_sim_chance(h->sim, 2) ? any_moment(h) : PIER_FOREVER)
			*said = pier_sayf(h->topic, NULL, "%d %d\n", me->number, i);
		CHECK(*said == 0 || *said == -ETIMEDOUT || *said == -ECANCELED);
	}
	return 0;
}

static int say_somewhere(void *arg)
{
	struct speaker *me = arg;
	on_any_worker(me->hall->sim, say_lines, me);
	return 0;
}

static void judge(const struct hall *h, const struct member *m)
{
	for (int who = 0; who < SPEAKERS; who++)
		for (int i = 0; i < LINES; i++)
			CHECK_EQ(m->heard[who][i], h->said[who][i] == 0);
}

static void begin(struct hall *h, struct member *members, pier_group *stay)
{
	h->topic = pier_topic_new(.on_full = PIER_WAIT,
				  .backlog = 1 + (unsigned)pier_sim_chance(h->sim, 4));
	memset(h->said, 0xff, sizeof h->said); /* not said */
	for (int i = 0; i < MEMBERS; i++) {
		members[i] = (struct member){.hall = h};
		CHECK_OK(pier_go(stay, stay_somewhere, &members[i]));
	}
	for (int i = 0; i < MEMBERS; i++)
		CHECK_OK(pier_sem_take(&members[i].joined));
}

static int speak_and_be_heard(pier_sim *s)
{
	struct hall h = {.sim = s};
	struct member members[MEMBERS];
	struct speaker speakers[SPEAKERS];
	PIER_AUTO_GROUP stay = PIER_GROUP, some = PIER_GROUP, others = PIER_GROUP;
	begin(&h, members, &stay);
	for (int i = 0; i < SPEAKERS; i++) {
		speakers[i] = (struct speaker){&h, i};
		CHECK_OK(pier_go(i ? &others : &some, say_somewhere, &speakers[i]));
	}
	pier_sleep(any_moment(&h) * 4);
	pier_group_cancel(&some);
	pier_group_wait(&some);
	CHECK_OK(pier_group_wait(&others));
	pier_sleep(PIER_S(1)); /* what waits for a slower one is lost to who leaves meanwhile */
	for (int i = 0; i < MEMBERS; i++)
		pier_sem_give(&members[i].leaves);
	CHECK_OK(pier_group_wait(&stay));
	for (int i = 0; i < MEMBERS; i++)
		judge(&h, &members[i]);
	pier_topic_free(h.topic);
	return 0;
}

TEST_WITHIN(60, what_was_said_is_heard_by_all_and_what_was_given_up_by_none)
{
	CHECK_EQ(pier_sim_run(speak_and_be_heard, .seeds = 500, .workers = 4), 0);
}

/* One of them leaves at any moment: speakers who waited for it alone go on. */
static int leave_amid(pier_sim *s)
{
	struct hall h = {.sim = s};
	struct member members[MEMBERS];
	struct speaker speakers[SPEAKERS];
	PIER_AUTO_GROUP stay = PIER_GROUP, all = PIER_GROUP;
	begin(&h, members, &stay);
	for (int i = 0; i < SPEAKERS; i++) {
		speakers[i] = (struct speaker){&h, i};
		CHECK_OK(pier_go(&all, say_somewhere, &speakers[i]));
	}
	pier_sleep(any_moment(&h) * 4);
	pier_sem_give(&members[0].leaves);
	CHECK_OK(pier_group_wait(&all));
	pier_sleep(PIER_S(1));
	pier_sem_give(&members[1].leaves);
	pier_sem_give(&members[2].leaves);
	CHECK_OK(pier_group_wait(&stay));
	judge(&h, &members[1]);
	judge(&h, &members[2]);
	pier_topic_free(h.topic);
	return 0;
}

TEST_WITHIN(60, who_leaves_holds_up_no_speaker)
{
	CHECK_EQ(pier_sim_run(leave_amid, .seeds = 500, .workers = 4), 0);
}
