/* What the counters promise. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ON_FIBER(name)                                                                             \
	static int name##_body(void *arg);                                                         \
	TEST(name)                                                                                 \
	{                                                                                          \
		CHECK_OK(pier_run(name##_body, NULL, .workers = 1));                               \
	}                                                                                          \
	static int name##_body(void *arg __attribute__((unused)))

static pier_worker_stats now(void)
{
	pier_worker_stats s;
	CHECK_OK(pier_stats(0, &s));
	return s;
}

static int sleep_a_little(void *arg)
{
	(void)arg;
	return pier_sleep(PIER_MS(2));
}

static void sleep_together(int count)
{
	pier_group g = PIER_GROUP;
	for (int i = 0; i < count; i++)
		CHECK_OK(pier_go(&g, sleep_a_little, NULL));
	CHECK_OK(pier_group_wait(&g));
}

ON_FIBER(fibers_turns_switches_and_timers_are_counted)
{
	pier_worker_stats a = now();
	sleep_together(10);
	CHECK_OK(pier_sleep(PIER_MS(1))); /* the turn of the switches ends */
	pier_worker_stats b = now();
	CHECK_EQ(b.fibers_started - a.fibers_started, 10);
	CHECK_EQ(a.fibers, 1);
	CHECK_EQ(b.fibers, 1);
	CHECK_EQ(b.fibers_max, 11);
	CHECK_EQ(b.timers - a.timers, 11);
	CHECK(b.switches - a.switches >= 21); /* there, and back twice */
	CHECK(b.turns > a.turns);
	CHECK(b.stack_bytes >= 11 * (256 << 10));
	return 0;
}

ON_FIBER(a_turn_that_holds_the_others_up_is_counted)
{
	pier_worker_stats a;
	int tries = 0;
	do { /* a sleep is none; but on a busy machine anything may take long */
		a = now();
		CHECK_OK(pier_sleep(PIER_MS(30)));
	} while (now().turns_blocked > a.turns_blocked && ++tries < 20);
	CHECK(tries < 20);
	for (clock_t end = clock() + CLOCKS_PER_SEC / 50; clock() < end;)
		;
	CHECK_OK(pier_sleep(PIER_MS(1)));
	CHECK(now().turns_blocked > a.turns_blocked);
	CHECK(now().turn_longest_ns >= (uint64_t)PIER_MS(20));
	return 0;
}

static char heard[512];
static int lines;

static void hear(pier_level level, const char *line, void *arg)
{
	(void)arg;
	if (level != PIER_WARN || !strstr(line, " was held up for "))
		return;
	snprintf(heard, sizeof heard, "%s", line);
	lines++;
}

static int compute(void *arg)
{
	(void)arg;
	for (clock_t end = clock() + CLOCKS_PER_SEC / 20; clock() < end;)
		;
	return 0;
}

ON_FIBER(the_log_hears_which_fiber_held_the_others_up)
{
	pier_log_to(hear, NULL);
	CHECK_OK(pier_sleep(PIER_MS(1))); /* the turn that sees the sink */
	int64_t start = pier_now();
	bool named = false;
	for (int i = 0; i < 100 && !named;
	     i++) { /* on a busy machine, another may be named first */
		pier_group g = PIER_GROUP;
		char name[32];
		snprintf(name, sizeof name, " of them by fiber 0.%d in ", 2 * i + 2);
		CHECK_OK(pier_go(&g, sleep_a_little, NULL));
		CHECK_OK(pier_go(&g, compute, NULL));
		CHECK_OK(pier_group_wait(&g));
		CHECK_OK(pier_sleep(PIER_MS(1)));
		named = strstr(heard, name);
	}
	pier_log_to(NULL, NULL);
	CHECK(named);
	CHECK(lines <= 1 + (pier_now() - start) / PIER_S(1));
	CHECK(strncmp(heard, "worker 0 was held up for ", 25) == 0);
	return 0;
}

static int echo_once(void *c)
{
	char text[16];
	ssize_t n = pier_recv(c, text, sizeof text);
	CHECK_OK(n);
	pier_send(c, text, (size_t)n);
	return 0;
}

ON_FIBER(ops_and_their_bytes_are_counted)
{
	pier_conn *pair[2];
	pier_group g = PIER_GROUP;
	char text[16];

	CHECK_OK(pier_pair(pair));
	CHECK_OK(pier_go(&g, echo_once, pair[1]));
	pier_worker_stats a = now();
	CHECK_OK(pier_yield());
	pier_send(pair[0], "hello", 5);
	CHECK_EQ(pier_recv(pair[0], text, sizeof text), 5);
	CHECK_OK(pier_group_wait(&g));
	pier_worker_stats b = now();
	CHECK_EQ(b.bytes_in - a.bytes_in, 10);
	CHECK_EQ(b.bytes_out - a.bytes_out, 10);
	CHECK(b.ops - a.ops >= 4);
	CHECK(b.ops - a.ops > b.ops_inline - a.ops_inline);
	pier_close(pair[0]);
	pier_close(pair[1]);
	return 0;
}

static int recv_for_ever(void *c)
{
	char byte;
	pier_recv(c, &byte, 1);
	return 0;
}

static int64_t nothing(void *arg)
{
	(void)arg;
	return 7;
}

ON_FIBER(cancels_and_mail_are_counted)
{
	pier_conn *pair[2];
	pier_group g = PIER_GROUP;

	CHECK_OK(pier_pair(pair));
	CHECK_OK(pier_go(&g, recv_for_ever, pair[1]));
	CHECK_OK(pier_yield());
	pier_worker_stats a = now();
	pier_group_end(&g);
	CHECK_EQ(pier_offload(nothing, NULL), 7);
	pier_worker_stats b = now();
	CHECK_EQ(b.ops_cancelled - a.ops_cancelled, 1);
	CHECK_EQ(b.mail - a.mail, 1);
	pier_close(pair[0]);
	pier_close(pair[1]);
	return 0;
}

/* ---- From outside -------------------------------------------------------------------------------- */

static atomic_bool done;

static void *watch(void *arg)
{
	pier_worker_stats s;
	char page[1 << 14];
	uint64_t turns = 0;
	(void)arg;
	while (!atomic_load(&done)) {
		if (pier_stats(0, &s) == 0) {
			CHECK(s.turns >= turns);
			turns = s.turns;
		}
		CHECK_OK(pier_stats_write(page, sizeof page));
	}
	return NULL;
}

static int be_busy(void *arg)
{
	(void)arg;
	for (int i = 0; i < 40; i++)
		sleep_together(20);
	return 0;
}

TEST(counters_are_readable_on_any_thread_at_any_time)
{
	pthread_t watcher;
	pier_worker_stats s;
	CHECK_EQ(pier_stats(0, &s), -ENOENT);
	CHECK_EQ(pthread_create(&watcher, NULL, watch, NULL), 0);
	CHECK_OK(pier_run(be_busy, NULL, .workers = 1));
	atomic_store(&done, true);
	pthread_join(watcher, NULL);
	CHECK_EQ(pier_stats(0, &s), -ENOENT);
}

/* ---- The page ------------------------------------------------------------------------------------ */

ON_FIBER(the_page_has_a_line_for_each_counter_of_each_worker)
{
	char page[1 << 14];
	ssize_t n = pier_stats_write(page, sizeof page);
	CHECK_OK(n);
	CHECK_EQ(strlen(page), n);
	CHECK(strstr(page, "# HELP pier_fibers Fibers alive.\n# TYPE pier_fibers gauge\n"
			   "pier_fibers{worker=\"0\"} 1\n"));
	CHECK(strstr(page, "# TYPE pier_turns_total counter\npier_turns_total{worker=\"0\"} "));
	CHECK(strstr(page, "\npier_turn_longest_seconds{worker=\"0\"} 0."));
	CHECK_EQ(page[n - 1], '\n');
	return 0;
}

ON_FIBER(a_page_that_does_not_fit_is_refused_at_every_length)
{
	char page[1 << 14];
	ssize_t all = pier_stats_write(page, sizeof page);
	for (size_t room = 0; room < (size_t)all - 200; room += 7)
		CHECK_EQ(pier_stats_write(page, room), -EMSGSIZE);
	CHECK_OK(pier_stats_write(page, (size_t)all + 200)); /* the counters go on meanwhile */
	return 0;
}
