/* PIER_WAIT: whoever speaks waits for the slowest. Every promise is kept for a member on the speaker's worker and
 * for one on another. */
#include "on_fiber.h"

#include <pier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define BACKLOG 8
#define SOON	PIER_MS(60)

enum order {
	STAY,
	READ,
	LEAVE,
	FAIL,
	CORK
};

/* A member with a worker of its own, and who hears it; it does nothing until it is ordered to. */
struct place {
	pier_topic *topic;
	unsigned worker;
	int64_t wr; /* of the member */
	atomic_int order, here;
	int count; /* lines to read */
	int err;   /* of the member, at its end */
	pier_conn *member;
	pier_group group;
};

static int hear_long(pier_conn *c)
{
	char line[1200];
	CHECK(pier_gets(c, line, sizeof line) > 1000);
	return atoi(line);
}

static int say_long(pier_topic *t, const pier_conn *but, int i)
{
	return pier_sayf(t, (pier_conn *)(uintptr_t)but, "%d %01000d", i, 0);
}

static int live(void *arg)
{
	struct place *p = arg;
	pier_conn *pair[2];
	CHECK_OK(pier_pair(pair));
	for (int i = 0; i < 2; i++)
		pier_set_frame(pair[i], PIER_LINES, 0);
	pier_set_timeouts(pair[0], 0, p->wr);
	CHECK_OK(pier_topic_add(p->topic, pair[0]));
	p->member = pair[0];
	if (p->order == CORK)
		pier_cork(pair[0]);
	atomic_store(&p->here, 1);
	while (p->order == STAY || p->order == CORK)
		CHECK_OK(pier_sleep(PIER_MS(1)));
	for (int i = 0; p->order == READ && i < p->count; i++)
		CHECK_EQ(hear_long(pair[1]), i);
	p->err = pier_err(pair[0]);
	if (p->order == FAIL) { /* its peer is gone, and it does not look */
		pier_abort(pair[1]);
		while (!pier_err(pair[0]))
			CHECK_OK(pier_sleep(PIER_MS(1)));
		pair[1] = NULL;
	}
	if (p->order == READ)
		CHECK_EQ(pier_poll(pair[1], PIER_MS(10)), 0); /* and no more */
	pier_abort(pair[0]);
	pier_abort(pair[1]);
	return 0;
}

static int go_there(void *arg)
{
	struct place *p = arg;
	return pier_call(p->worker, live, p);
}

static void settle(struct place *p)
{
	CHECK_OK(pier_go(&p->group, go_there, p));
	while (!p->here)
		CHECK_OK(pier_sleep(PIER_MS(1)));
}

static void order(struct place *p, enum order o, int count)
{
	p->count = count;
	atomic_store(&p->order, o);
	CHECK_OK(pier_group_wait(&p->group));
}

static pier_topic *patient_topic(void)
{
	return pier_topic_new(.backlog = BACKLOG, .on_full = PIER_WAIT);
}

/* Speaks until it has to wait; the first number that nobody heard. */
static int fill(pier_topic *t, int from)
{
	for (int i = from;; i++) {
		int err = 0;
		PIER_WITHIN (SOON)
			err = say_long(t, NULL, i);
		if (err == -ETIMEDOUT)
			return i;
		CHECK_OK(err);
		CHECK(i < 5000);
	}
}

#define ON_EACH_WORKER(name)                                                                       \
	static void name##_at(unsigned worker);                                                    \
	ON_FIBER(name)                                                                             \
	{                                                                                          \
		for (unsigned worker = 0; worker < 2; worker++)                                    \
			name##_at(worker);                                                         \
	}                                                                                          \
	static void name##_at(unsigned worker)

/* ---- One slow member ------------------------------------------------------------------------------ */

ON_EACH_WORKER(a_speaker_waits_until_its_deadline_and_what_it_could_not_say_nobody_hears)
{
	struct place p = {.topic = patient_topic(), .worker = worker};
	settle(&p);
	int said = fill(p.topic, 0);
	CHECK(said > 2 * BACKLOG);
	CHECK_EQ(fill(p.topic, said), said);
	order(&p, READ, said);
	CHECK_EQ(p.err, 0);
	pier_topic_free(p.topic);
}

struct speaker {
	pier_topic *topic;
	pier_conn *but;
	int number, result;
	atomic_bool over;
};

static int speak(void *arg)
{
	struct speaker *s = arg;
	s->result = say_long(s->topic, s->but, s->number);
	atomic_store(&s->over, true);
	return 0;
}

static void start_to_wait(pier_group *g, struct speaker *s)
{
	CHECK_OK(pier_go(g, speak, s));
	pier_sleep(SOON);
	CHECK(!s->over);
}

ON_EACH_WORKER(a_speaker_that_waits_goes_on_when_the_member_reads)
{
	struct place p = {.topic = patient_topic(), .worker = worker};
	settle(&p);
	int said = fill(p.topic, 0);
	struct speaker s = {.topic = p.topic, .number = said};
	pier_group g = PIER_GROUP;
	start_to_wait(&g, &s);
	order(&p, READ, said + 1);
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(s.result, 0);
	pier_topic_free(p.topic);
}

static void ends_well_when_the_member(enum order o, unsigned worker)
{
	struct place p = {.topic = patient_topic(), .worker = worker};
	settle(&p);
	struct speaker s = {.topic = p.topic, .number = fill(p.topic, 0)};
	pier_group g = PIER_GROUP;
	start_to_wait(&g, &s);
	order(&p, o, 0);
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(s.result, 0);
	CHECK_OK(say_long(p.topic, NULL, 0)); /* to nobody */
	pier_topic_free(p.topic);
}

ON_EACH_WORKER(a_speaker_that_waits_goes_on_when_the_member_leaves)
{
	ends_well_when_the_member(LEAVE, worker);
}

ON_EACH_WORKER(a_speaker_that_waits_goes_on_when_the_member_fails)
{
	ends_well_when_the_member(FAIL, worker);
}

ON_EACH_WORKER(a_speaker_that_waits_can_be_cancelled)
{
	struct place p = {.topic = patient_topic(), .worker = worker};
	settle(&p);
	int said = fill(p.topic, 0);
	struct speaker s = {.topic = p.topic, .number = said};
	pier_group g = PIER_GROUP;
	start_to_wait(&g, &s);
	pier_group_end(&g);
	CHECK_EQ(s.result, -ECANCELED);
	order(&p, READ, said);
	pier_topic_free(p.topic);
}

#define MANY 600

static void say_many(pier_topic *t, const pier_conn *but)
{
	for (int i = 0; i < MANY; i++)
		CHECK_OK(say_long(t, but, i));
}

ON_EACH_WORKER(a_deaf_member_is_cut_off_by_its_write_timeout)
{
	struct place deaf = {.topic = patient_topic(), .worker = worker, .wr = PIER_MS(300)};
	struct place p = {.topic = deaf.topic, .worker = worker, .order = READ, .count = MANY};
	settle(&deaf);
	settle(&p);
	int64_t start = pier_now();
	say_many(p.topic, NULL);
	CHECK(pier_now() - start >= PIER_MS(300));
	CHECK_OK(pier_group_wait(&p.group));
	order(&deaf, LEAVE, 0);
	CHECK_EQ(deaf.err, -PIER_ESLOW);
	pier_topic_free(p.topic);
}

ON_EACH_WORKER(who_corks_past_its_queue_is_cut_off_and_not_waited_for)
{
	struct place p = {.topic = patient_topic(), .worker = worker, .order = CORK};
	settle(&p);
	say_many(p.topic, NULL);
	order(&p, LEAVE, 0);
	CHECK_EQ(p.err, -PIER_ESLOW);
	pier_topic_free(p.topic);
}

ON_EACH_WORKER(a_slow_member_is_not_waited_for_by_what_it_does_not_hear)
{
	struct place p = {.topic = patient_topic(), .worker = worker};
	struct place q = {.topic = p.topic, .worker = worker, .order = READ, .count = MANY};
	settle(&p);
	settle(&q);
	say_many(p.topic, p.member);
	CHECK_OK(pier_group_wait(&q.group));
	order(&p, LEAVE, 0);
	CHECK_EQ(p.err, 0);
	pier_topic_free(p.topic);
}

/* ---- Who speaks ------------------------------------------------------------------------------------ */

/* It hears itself, and nobody reads: only its deadline ends that. */
ON_FIBER(a_member_may_speak_into_its_own_full_queue)
{
	pier_topic *t = patient_topic();
	pier_conn *p[2];
	CHECK_OK(pier_pair(p));
	for (int i = 0; i < 2; i++)
		pier_set_frame(p[i], PIER_LINES, 0);
	CHECK_OK(pier_topic_add(t, p[0]));
	int said = fill(t, 0);
	for (int i = 0; i < said; i++)
		CHECK_EQ(hear_long(p[1]), i);
	CHECK_OK(say_long(t, NULL, said));
	CHECK_EQ(hear_long(p[1]), said);
	pier_abort(p[1]);
	pier_close(p[0]);
	pier_topic_free(t);
}

static void *speak_on_a_thread(void *arg)
{
	struct speaker *s = arg;
	PIER_WITHIN (SOON)
		CHECK_EQ(say_long(s->topic, NULL, s->number), -ETIMEDOUT);
	speak(s);
	return NULL;
}

ON_EACH_WORKER(a_thread_outside_of_fibers_waits_as_well)
{
	test_skip_simulated("it has a thread of its own");
	struct place p = {.topic = patient_topic(), .worker = worker};
	pthread_t thread;
	settle(&p);
	int said = fill(p.topic, 0);
	struct speaker s = {.topic = p.topic, .number = said};
	CHECK_EQ(pthread_create(&thread, NULL, speak_on_a_thread, &s), 0);
	CHECK_OK(pier_sleep(2 * SOON));
	CHECK(!s.over);
	order(&p, READ, said + 1);
	pthread_join(thread, NULL);
	CHECK_EQ(s.result, 0);
	pier_topic_free(p.topic);
}

ON_EACH_WORKER(speakers_that_wait_speak_in_the_order_in_which_they_came)
{
	struct place p = {.topic = patient_topic(), .worker = worker};
	struct speaker s[20];
	pier_group g = PIER_GROUP;
	settle(&p);
	int said = fill(p.topic, 0);
	for (int i = 0; i < 20; i++) {
		s[i] = (struct speaker){.topic = p.topic, .number = said + i};
		CHECK_OK(pier_go(&g, speak, &s[i]));
	}
	pier_sleep(SOON);
	order(&p, READ, said + 20);
	CHECK_OK(pier_group_wait(&g));
	for (int i = 0; i < 20; i++)
		CHECK_EQ(s[i].result, 0);
	pier_topic_free(p.topic);
}

/* ---- A server that stops ---------------------------------------------------------------------------- */

struct hall {
	pier_topic *topic;
	char where[PIER_ADDR_TEXT];
	atomic_int here, refused;
};

static void note_where(const char *where, void *arg)
{
	snprintf(((struct hall *)arg)->where, PIER_ADDR_TEXT, "%s", where);
}

/* Speaks on and on; nobody reads. */
static void orate(pier_conn *c, void *arg)
{
	struct hall *hall = arg;
	CHECK_OK(pier_topic_add(hall->topic, c));
	hall->here++;
	while (say_long(hall->topic, NULL, 0) == 0)
		;
	hall->refused++;
}

static int serve_hall(void *arg)
{
	return pier_serve("tcp://127.0.0.1:0", orate, .arg = arg, .on_listen = note_where,
			  .frame = PIER_LINES, .grace = PIER_MS(50));
}

ON_FIBER(a_server_stops_though_its_speakers_wait_for_each_other)
{
	static struct hall hall;
	pier_group g = PIER_GROUP;
	pier_conn *deaf[8];
	char url[256];
	hall.topic = patient_topic();
	CHECK_OK(pier_go(&g, serve_hall, &hall));
	while (!*hall.where)
		CHECK_OK(pier_sleep(PIER_MS(1)));
	snprintf(url, sizeof url, "tcp://%s", hall.where);
	for (int i = 0; i < 8; i++)
		CHECK_OK(pier_err(deaf[i] = pier_dial(url)));
	while (hall.here < 8)
		CHECK_OK(pier_sleep(PIER_MS(1)));
	pier_sleep(4 * SOON);
	pier_group_end(&g);
	CHECK_EQ(hall.refused, 8);
	for (int i = 0; i < 8; i++)
		pier_abort(deaf[i]);
	pier_topic_free(hall.topic);
}
