/* Nobody on a worker starves another: one that never waits, one peer that floods, timers by the hundred thousand.
 *
 * What is promised is counted in steps of the one who is in the way, not in time: a busy machine makes both slow. */
#include "test.h"

#include "fiber/fiber.h"

#include <pier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A sanitizer's own memory for a fiber is many times ours, and TSan has numbers for 8,000 in all. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(SANITIZED) || defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define TIMERS	   2000
#define SLOW	   100
#define DEARER_MAX 10 /* what TSan does at a switch grows with the fibers */
#else
#define TIMERS	   100000
#define SLOW	   1000
#define DEARER_MAX 3 /* times: a word with that many timers beside it */
#endif

#define ON_ONE_WORKER_WITHIN(seconds, name)                                                        \
	static int name##_body(void *arg);                                                         \
	TEST_WITHIN(seconds, name)                                                                 \
	{                                                                                          \
		CHECK_OK(pier_run(name##_body, NULL, .workers = 1));                               \
	}                                                                                          \
	static int name##_body(void *arg __attribute__((unused)))

/* ---- Two who talk -------------------------------------------------------------------------------- */

static int echo_all(void *c)
{
	char byte;
	while (pier_recv(c, &byte, 1) > 0)
		pier_send(c, &byte, 1);
	pier_close(c);
	return 0;
}

struct talk {
	pier_conn *conn;
	pier_group echo;
};

static void talk_open(struct talk *t)
{
	pier_conn *pair[2];
	CHECK_OK(pier_pair(pair));
	*t = (struct talk){.conn = pair[0], .echo = PIER_GROUP};
	CHECK_OK(pier_go(&t->echo, echo_all, pair[1]));
}

static void talk_close(struct talk *t)
{
	pier_close(t->conn);
	CHECK_OK(pier_group_wait(&t->echo));
}

static void talk_once(struct talk *t)
{
	char byte = 'x';
	CHECK_EQ(pier_send(t->conn, &byte, 1), 1);
	CHECK_EQ(pier_recv(t->conn, &byte, 1), 1);
}

/* The most that `steps` grew during one of `rounds` words, and the most but for one in a hundred. */
struct grown {
	unsigned long most, p99;
};

static int ascending(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;
	return (x > y) - (x < y);
}

static struct grown grown_of(unsigned long *all, size_t count)
{
	qsort(all, count, sizeof *all, ascending);
	return (struct grown){.most = all[count - 1], .p99 = all[count - 1 - count / 100]};
}

/* ---- One that never waits ------------------------------------------------------------------------ */

#define ROUNDS	   1000
#define TURNS_MAX  8 /* of the worker, from a word to its echo */
#define FLOOD_SIZE 16384

static bool over;
static unsigned long steps;

/* Each op of it is complete at once. */
static int never_wait(void *arg)
{
	pier_conn *self[2];
	char byte = 'x';
	(void)arg;
	CHECK_OK(pier_pair(self));
	for (; !over; steps += 2) {
		CHECK_EQ(pier_send(self[0], &byte, 1), 1);
		CHECK_EQ(pier_recv(self[1], &byte, 1), 1);
	}
	pier_close(self[0]);
	pier_close(self[1]);
	return 0;
}

static int pass_to_self(void *arg)
{
	int item = 0;
	pier_chan *c = pier_chan_new(sizeof item, 1);
	(void)arg;
	for (; !over; steps += 2) {
		CHECK_OK(pier_chan_send(c, &item));
		CHECK_EQ(pier_chan_recv(c, &item), 1);
	}
	pier_chan_free(c);
	return 0;
}

static void talk_beside(int (*busy)(void *))
{
	static unsigned long during[ROUNDS];
	pier_group g = PIER_GROUP;
	struct talk t;

	talk_open(&t);
	CHECK_OK(pier_go(&g, busy, NULL));
	for (int i = 0; i < ROUNDS; i++) {
		unsigned long before = steps;
		talk_once(&t);
		during[i] = steps - before;
	}
	CHECK_OK(pier_sleep(PIER_MS(1))); /* timers come as well */
	over = true;
	CHECK_OK(pier_group_wait(&g));
	talk_close(&t);
	struct grown n = grown_of(during, ROUNDS);
	fprintf(stderr, "# steps of the busy one in a round: most %lu, p99 %lu\n", n.most, n.p99);
	CHECK(steps > ROUNDS); /* it was not starved either */
	CHECK(n.most <= TURNS_MAX * FIBER_STREAK_MAX);
}

ON_ONE_WORKER_WITHIN(30, one_whose_ops_never_wait_lets_others_talk)
{
	talk_beside(never_wait);
	return 0;
}

ON_ONE_WORKER_WITHIN(30, one_whose_channel_is_never_full_nor_empty_lets_others_talk)
{
	talk_beside(pass_to_self);
	return 0;
}

/* ---- One hot conn among many slow ones ----------------------------------------------------------- */

#define WORDS 10
#define LATE_MAX                                                                                   \
	4 /* times what a word takes where nothing is hot, and what the hot one takes meanwhile */
#define TRIES_MAX 5

static int hot[2];
static atomic_bool flood_over;

static void *flood(void *arg)
{
	static char block[FLOOD_SIZE * 4];
	(void)arg;
	while (!atomic_load(&flood_over))
		if (write(hot[0], block, sizeof block) < 0)
			break;
	shutdown(hot[0], SHUT_WR);
	return NULL;
}

static int swallow(void *c)
{
	while (pier_fill(c) > 0) {
		pier_spend(c, pier_view(c).len);
		steps++;
	}
	return 0;
}

struct slow {
	struct talk talk;
	unsigned long *during, *took;
};

static int say_words(void *arg)
{
	struct slow *s = arg;
	for (int i = 0; i < WORDS; i++) {
		CHECK_OK(pier_sleep(PIER_MS(20 + rand() % 80)));
		unsigned long before = steps;
		int64_t start = pier_now();
		talk_once(&s->talk);
		s->during[i] = steps - before;
		s->took[i] = (unsigned long)(pier_now() - start);
	}
	return 0;
}

static struct slow crowd[SLOW];
static unsigned long during[SLOW * WORDS], took[SLOW * WORDS];

static void all_say_words(struct grown *in_steps, struct grown *in_time)
{
	pier_group g = PIER_GROUP;
	for (int i = 0; i < SLOW; i++) {
		crowd[i].during = during + i * WORDS;
		crowd[i].took = took + i * WORDS;
		CHECK_OK(pier_go(&g, say_words, &crowd[i]));
	}
	CHECK_OK(pier_group_wait(&g));
	*in_steps = grown_of(during, SLOW * WORDS);
	*in_time = grown_of(took, SLOW * WORDS);
}

/* How long the hot conn's worker takes for a turn of it, with nobody else there. */
static unsigned long streak_of_hot(void)
{
	unsigned long before = steps;
	int64_t start = pier_now();
	while (steps - before < FIBER_STREAK_MAX * 16)
		CHECK_OK(pier_sleep(PIER_MS(1)));
	return (unsigned long)((pier_now() - start) /
			       (int64_t)((steps - before) / FIBER_STREAK_MAX));
}

/* True when the words came in time; that they came in turn is certain. */
static bool hot_among_slow(void)
{
	struct grown alone, alone_ns, beside, beside_ns;
	pier_group g = PIER_GROUP;
	pthread_t flooder;

	atomic_store(&flood_over, false);
	all_say_words(&alone, &alone_ns);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hot), 0);
	pier_conn *c = pier_adopt(hot[1], NULL);
	CHECK_OK(pier_err(c));
	CHECK_OK(pier_go(&g, swallow, c));
	CHECK_EQ(pthread_create(&flooder, NULL, flood, NULL), 0);
	unsigned long streak = streak_of_hot();
	all_say_words(&beside, &beside_ns);
	atomic_store(&flood_over, true);
	CHECK_OK(pier_group_wait(&g));
	pthread_join(flooder, NULL);
	pier_close(c);
	close(hot[0]);
	unsigned long late = LATE_MAX * (alone_ns.p99 + streak);
	fprintf(stderr,
		"# p99 alone %lu us, beside the hot one %lu us of %lu allowed; its receives: most "
		"%lu, p99 %lu\n",
		alone_ns.p99 / 1000, beside_ns.p99 / 1000, late / 1000, beside.most, beside.p99);
	CHECK(beside.most <= TURNS_MAX * FIBER_STREAK_MAX);
	return beside_ns.p99 <= late;
}

ON_ONE_WORKER_WITHIN(60, a_thousand_slow_conns_are_answered_beside_one_that_floods)
{
	struct rlimit files;
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_max < SLOW * 2 + 100)
		test_skip("too few descriptors: ulimit -Hn");
	files.rlim_cur = files.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (int i = 0; i < SLOW; i++)
		talk_open(&crowd[i].talk);
	int tries = 0;
	while (!hot_among_slow() && ++tries < TRIES_MAX)
		;
	CHECK(tries < TRIES_MAX);
	for (int i = 0; i < SLOW; i++)
		talk_close(&crowd[i].talk);
	return 0;
}

/* ---- Timers by the hundred thousand -------------------------------------------------------------- */

#define FIRED_MAX    4096 /* deadlines that may come between a word and its echo */
#define TALK_SECONDS 10

static unsigned long waits, woken;
static int64_t alarm_at;

static int sleep_until_alarm(void *arg)
{
	(void)arg;
	waits++;
	int err = pier_sleep(alarm_at - pier_now());
	woken++;
	return err == -ECANCELED ? 0 : err;
}

static void set_alarms(pier_group *g, int64_t ahead)
{
	waits = woken = 0;
	alarm_at = pier_now() + ahead;
	for (int i = 0; i < TIMERS; i++)
		CHECK_OK(pier_go(g, sleep_until_alarm, NULL));
	while (waits < TIMERS)
		CHECK_OK(pier_yield());
}

/* The CPU of this process for a word under a deadline of its own. */
static double cost_of_word(struct talk *t)
{
	clock_t least = 0;
	for (int try = 0; try < 5; try++) {
		clock_t start = clock();
		for (int i = 0; i < ROUNDS; i++)
			PIER_WITHIN (PIER_S(TALK_SECONDS) - PIER_MS(i))
				talk_once(t);
		clock_t cost = clock() - start;
		if (try == 0 || cost < least)
			least = cost;
	}
	return (double)least / CLOCKS_PER_SEC / ROUNDS;
}

ON_ONE_WORKER_WITHIN(60, a_hundred_thousand_timers_cost_a_word_next_to_nothing)
{
	pier_group g = PIER_GROUP;
	struct talk t;

	talk_open(&t);
	double alone = cost_of_word(&t);
	set_alarms(&g, PIER_S(1000));
	double beside = cost_of_word(&t);
	fprintf(stderr, "# a word: %.2f us, beside %d timers %.2f us\n", alone * 1e6, TIMERS,
		beside * 1e6);
	CHECK(beside <= alone * DEARER_MAX);
	pier_group_end(&g);
	talk_close(&t);
	return 0;
}

ON_ONE_WORKER_WITHIN(60, a_hundred_thousand_deadlines_at_once_let_others_talk)
{
	pier_group g = PIER_GROUP;
	unsigned long most = 0, rounds = 0;
	struct talk t;

	talk_open(&t);
	int64_t ahead = PIER_MS(250);
	while (set_alarms(&g, ahead), pier_now() >= alarm_at) { /* some were set too late */
		pier_group_end(&g);
		g = (pier_group)PIER_GROUP;
		ahead *= 2;
	}
	while (woken < TIMERS) {
		unsigned long before = woken;
		talk_once(&t);
		if (woken - before > most)
			most = woken - before;
		rounds++;
	}
	fprintf(stderr, "# deadlines that came during a word: most %lu; %lu words meanwhile\n",
		most, rounds);
	CHECK_OK(pier_group_wait(&g));
	CHECK(most <= FIRED_MAX);
	talk_close(&t);
	return 0;
}
