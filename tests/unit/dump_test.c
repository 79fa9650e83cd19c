/* What a dump tells. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ON_FIBER(name)                                                                             \
	static int name##_body(void *arg);                                                         \
	TEST(name)                                                                                 \
	{                                                                                          \
		CHECK_OK(pier_run(name##_body, NULL, .workers = 1));                               \
	}                                                                                          \
	static int name##_body(void *arg __attribute__((unused)))

static char text[1 << 16];

static const char *dump(void)
{
	int ends[2];
	CHECK_OK(pipe2(ends, O_CLOEXEC));
	CHECK_OK(pier_dump(ends[1]));
	close(ends[1]);
	size_t len = 0;
	ssize_t n;
	while ((n = read(ends[0], text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = 0;
	close(ends[0]);
	return text;
}

static unsigned lines_with(const char *in, const char *what)
{
	unsigned n = 0;
	for (const char *at = in; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static int recv_within(void *c)
{
	char byte;
	PIER_WITHIN (PIER_S(50))
		pier_recv(c, &byte, 1);
	return 0;
}

static int sleep_long(void *arg)
{
	(void)arg;
	pier_sleep(PIER_S(100));
	return 0;
}

ON_FIBER(each_fiber_is_listed_with_what_it_waits_for_and_for_how_long)
{
	pier_conn *pair[2];
	pier_group g = PIER_GROUP;

	CHECK_OK(pier_pair(pair));
	CHECK_OK(pier_go(&g, recv_within, pair[0]));
	CHECK_OK(pier_go(&g, sleep_long, NULL));
	CHECK_OK(pier_sleep(PIER_MS(20)));
	const char *told = dump();
	CHECK(strstr(told, "worker 0: 3 fibers, 0 ready, 1 ops under way\n"));
	CHECK_EQ(lines_with(told, "\nfiber 0."), 3);
	CHECK(strstr(told, "fiber 0.0 in "));
	CHECK(strstr(told, " runs\n"));
	const char *sleeper = strstr(told, "fiber 0.2 in "),
		   *reader = strstr(told, "fiber 0.1 in ");
	CHECK(reader && strstr(reader, ", for 0."));
	CHECK(strstr(reader, ", at most 49."));
	CHECK(strstr(reader, ", by an op\n"));
	CHECK(sleeper && strstr(sleeper, " waits for time, for 0."));
	pier_group_end(&g);
	CHECK_EQ(lines_with(dump(), "\nfiber 0."), 1);
	pier_close(pair[0]);
	pier_close(pair[1]);
	return 0;
}

TEST(a_dump_without_a_runtime_is_empty)
{
	CHECK_STR(dump(), "");
}

ON_FIBER(a_dump_to_a_closed_descriptor_says_so)
{
	CHECK_EQ(pier_dump(-1), -EBADF);
	return 0;
}

static int dump_cancelled(void *arg)
{
	(void)arg;
	CHECK_EQ(pier_sleep(PIER_S(100)), -ECANCELED);
	CHECK(strstr(dump(), ", cancelled\n") || strstr(text, " runs"));
	return 0;
}

ON_FIBER(a_cancelled_fiber_may_dump)
{
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, dump_cancelled, NULL));
	CHECK_OK(pier_yield());
	pier_group_end(&g);
	return 0;
}

/* ---- From another thread, of several workers ------------------------------------------------------ */

static char where[128];
static pthread_t asker;

/* The first byte stops the server. */
static void await_byte(pier_conn *c, void *arg)
{
	char byte;
	(void)arg;
	if (pier_recv(c, &byte, 1) > 0)
		pier_serve_stop(c);
}

static void *ask_from_outside(void *arg)
{
	struct timespec t = {.tv_nsec = 1000000};
	pier_conn *c = pier_dial(where);
	(void)arg;
	CHECK_OK(pier_err(c));
	while (lines_with(dump(), "an order to stop") < 3 || lines_with(text, ", by an op\n") < 4)
		nanosleep(&t, NULL);
	CHECK_EQ(lines_with(text, "worker "), 3);
	CHECK(strstr(text, "worker 0: "));
	CHECK(strstr(text, "\nworker 2: "));
	CHECK_EQ(lines_with(text, "a reason to stop"), 1);
	pier_send(c, "x", 1);
	pier_close(c);
	return NULL;
}

static void start_asker(const char *at, void *arg)
{
	(void)arg;
	snprintf(where, sizeof where, "tcp://%s", at);
	CHECK_EQ(pthread_create(&asker, NULL, ask_from_outside, NULL), 0);
}

TEST(a_thread_outside_sees_the_fibers_of_all_workers)
{
	CHECK_OK(pier_serve("tcp://127.0.0.1:0", await_byte, .workers = 3,
			    .on_listen = start_asker));
	pthread_join(asker, NULL);
}

/* ---- A worker that does not answer ---------------------------------------------------------------- */

static void *ask_the_busy(void *arg)
{
	(void)arg;
	CHECK_STR(dump(), "worker 0: too busy to answer\n");
	return NULL;
}

static int compute(void *arg)
{
	(void)arg;
	CHECK_EQ(pthread_create(&asker, NULL, ask_the_busy, NULL), 0);
	pthread_join(asker, NULL); /* as good as a long computation */
	return 0;
}

TEST(a_worker_too_busy_to_answer_is_named)
{
	CHECK_OK(pier_run(compute, NULL, .workers = 1));
}
