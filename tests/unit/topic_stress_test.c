/* What a topic promises under each policy, with members on four workers that read in fits and starts, and speakers on
 * all of them and on a thread. Messages are numbered in the order in which they are said. */
#include "on_fiber.h"

#include <pier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKERS	  4
#define LISTENERS 3 /* of each worker */
#define SPEECH	  800
#define ALL	  (SPEECH * (WORKERS + 1))

struct forum {
	pier_topic *topic;
	pier_on_full policy;
	pier_mutex floor; /* who has it speaks */
	int said;	  /* messages */
	atomic_int here, over;
	atomic_int cut, missed; /* members; messages */
};

struct listener {
	struct forum *forum;
	unsigned worker, seed;
	bool slow;
	pier_conn *member, *reader;
	int last; /* number heard */
	bool ended;
};

static unsigned roll(unsigned *seed, unsigned sides)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % sides;
}

/* ---- Speaking ------------------------------------------------------------------------------------- */

static void speak(struct forum *f, unsigned seed)
{
	for (int i = 0; i < SPEECH; i++) {
		int zeros = (int)(1 + roll(&seed, 600));
		CHECK_OK(pier_mutex_lock(&f->floor));
		CHECK_OK(pier_sayf(f->topic, NULL, "%d %0*d.", f->said++, zeros, 0));
		pier_mutex_unlock(&f->floor);
		if (roll(&seed, 50) == 0)
			pier_sleep(PIER_US(200));
	}
	f->over++;
}

static int speak_here(void *forum)
{
	speak(forum, 7 + (unsigned)pier_worker_id());
	return 0;
}

static void *speak_abroad(void *forum)
{
	speak(forum, 99);
	return NULL;
}

/* ---- Listening ------------------------------------------------------------------------------------ */

static void heard(struct listener *l, int number)
{
	struct forum *f = l->forum;
	CHECK(number > l->last && number < ALL);
	if (f->policy != PIER_DROP_OLDEST)
		CHECK_EQ(number, l->last + 1);
	f->missed += number - l->last - 1;
	l->last = number;
	l->ended = number == ALL - 1;
}

/* What had left before it was cut off is still to be heard. */
static void look_after_member(struct listener *l)
{
	if (!l->member || !pier_err(l->member))
		return;
	CHECK_EQ(l->forum->policy, PIER_CLOSE_SLOW);
	CHECK_EQ(pier_err(l->member), -PIER_ESLOW);
	l->forum->cut++;
	pier_abort(l->member);
	l->member = NULL;
}

static void hear_one(struct listener *l)
{
	char line[1024];
	ssize_t n = 0;
	look_after_member(l);
	PIER_WITHIN (PIER_MS(50))
		n = pier_gets(l->reader, line, sizeof line);
	if (n > 0 && strchr(line, '.'))
		heard(l, atoi(line));
	else if (n == -ETIMEDOUT)
		pier_clear(l->reader);
	else
		l->ended = true;
	CHECK(!l->ended || l->last == ALL - 1 || !l->member);
}

static int listen_here(void *arg)
{
	struct listener *l = arg;
	pier_conn *pair[2];
	CHECK_OK(pier_pair(pair));
	for (int i = 0; i < 2; i++)
		pier_set_frame(pair[i], PIER_LINES, 0);
	l->member = pair[0];
	l->reader = pair[1];
	CHECK_OK(pier_topic_add(l->forum->topic, l->member));
	l->forum->here++;
	for (int i = 1; !l->ended; i++) {
		hear_one(l);
		if (l->slow ? i % 100 == 0 : roll(&l->seed, 200) == 0)
			pier_sleep(l->slow ? PIER_MS(20) : PIER_US(100 * roll(&l->seed, 20)));
	}
	pier_abort(l->reader);
	pier_close(l->member);
	return 0;
}

static int listen_there(void *arg)
{
	struct listener *l = arg;
	return pier_call(l->worker, listen_here, l);
}

struct pulpit {
	struct forum *forum;
	unsigned worker;
};

static int speak_there(void *arg)
{
	struct pulpit *p = arg;
	return pier_call(p->worker, speak_here, p->forum);
}

static void hold(struct forum *f)
{
	struct listener l[WORKERS * LISTENERS];
	struct pulpit pulpits[WORKERS];
	pier_group g = PIER_GROUP;
	pthread_t thread;
	f->topic = pier_topic_new(.backlog = 32, .on_full = f->policy);
	for (unsigned i = 0; i < WORKERS * LISTENERS; i++) {
		l[i] = (struct listener){.forum = f,
					 .worker = i % WORKERS,
					 .seed = i,
					 .slow = i >= WORKERS && i < 2 * WORKERS - 1,
					 .last = -1};
		CHECK_OK(pier_go(&g, listen_there, &l[i]));
	}
	while (f->here < WORKERS * LISTENERS)
		CHECK_OK(pier_sleep(PIER_MS(1)));
	CHECK_EQ(pthread_create(&thread, NULL, speak_abroad, f), 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		pulpits[i] = (struct pulpit){f, i};
		CHECK_OK(pier_go(&g, speak_there, &pulpits[i]));
	}
	CHECK_OK(pier_group_wait(&g));
	pthread_join(thread, NULL);
	CHECK_EQ(f->said, ALL);
	pier_topic_free(f->topic);
}

ON_FIBER_WITHIN(60, cutting_the_slow_off_the_others_hear_all_and_they_a_whole_beginning)
{
	static struct forum f = {.policy = PIER_CLOSE_SLOW};
	hold(&f);
	CHECK(f.cut > 0);
	CHECK_EQ(f.missed, 0);
}

ON_FIBER_WITHIN(60, dropping_the_oldest_all_hear_the_last_and_none_out_of_order)
{
	static struct forum f = {.policy = PIER_DROP_OLDEST};
	hold(&f);
	CHECK(f.missed > 0);
}

ON_FIBER_WITHIN(60, waiting_for_the_slow_all_hear_all)
{
	static struct forum f = {.policy = PIER_WAIT};
	hold(&f);
	CHECK_EQ(f.missed + f.cut, 0);
}
