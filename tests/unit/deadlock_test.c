/* A deadlock is told, and nothing else is taken for one. */
#include "test.h"

#include "fiber/worker.h"

#include <pier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static char heard[4096];
static atomic_uint lines;
static struct waitq never, by_mail;

static void keep(pier_level level, const char *line)
{
	size_t len = strlen(heard);
	if (level < PIER_ERROR) /* on a busy machine a worker may be held up */
		return;
	snprintf(heard + len, sizeof heard - len, "%s\n", line);
	atomic_fetch_add(&lines, 1);
}

static void hear(pier_level level, const char *line, void *arg)
{
	(void)arg;
	keep(level, line);
}

/* So that a test ends: the first line about a fiber wakes them all. */
static void hear_and_help(pier_level level, const char *line, void *arg)
{
	(void)arg;
	keep(level, line);
	if (!strncmp(line, "fiber 0.1", 9))
		pier_waitq_wake_all(&never);
}

static int wait_for_nobody(void *arg)
{
	(void)arg;
	return pier_waitq_wait(&never, PIER_FOREVER, "the other");
}

static int lock_up(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2; i++) { /* told once */
		pier_group g = PIER_GROUP;
		waitq_init(&never);
		CHECK_OK(pier_go(&g, wait_for_nobody, NULL));
		if (i == 1) {
			CHECK_OK(pier_sleep(PIER_MS(20)));
			pier_waitq_wake_all(&never);
		}
		CHECK_OK(pier_group_wait(&g));
	}
	return 0;
}

TEST(a_deadlock_is_told_once_with_every_fiber)
{
	pier_log_to(hear_and_help, NULL);
	CHECK_OK(pier_run(lock_up, NULL, .workers = 1));
	CHECK(strstr(heard, "deadlock: the 2 fibers of worker 0 wait for each other"));
	CHECK(strstr(heard, "\nfiber 0.0 in "));
	CHECK(strstr(heard, " waits for its group, for 0."));
	CHECK(strstr(heard, " waits for the other, for 0."));
	CHECK_EQ(atomic_load(&lines), 3);
}

/* ---- What is none -------------------------------------------------------------------------------- */

static int64_t work(void *arg)
{
	struct timespec t = {.tv_nsec = 30000000};
	nanosleep(&t, NULL);
	(void)arg;
	return 0;
}

static int recv_byte(void *c)
{
	char byte;
	CHECK_EQ(pier_recv(c, &byte, 1), 1);
	return 0;
}

static void *wake_by_mail(void *note)
{
	struct io_op *op = note;
	work(NULL);
	pier_io_post(op->io, op);
	return NULL;
}

static void note_arrived(struct io_op *op)
{
	(void)op;
	pier_waitq_wake_all(&by_mail);
}

static void wait_for_mail(void)
{
	pthread_t other;
	struct io_op note = {.kind = IO_NOTE, .done = note_arrived, .io = pier_worker_self()->io};
	waitq_init_by_mail(&by_mail);
	CHECK_EQ(pthread_create(&other, NULL, wake_by_mail, &note), 0);
	CHECK_OK(pier_waitq_wait(&by_mail, PIER_FOREVER, "mail"));
	pthread_join(other, NULL);
}

static int wait_in_every_way(void *arg)
{
	pier_conn *pair[2];
	pier_addrs found;
	pier_group g = PIER_GROUP;
	(void)arg;

	CHECK_EQ(pier_offload(work, NULL), 0);
	CHECK_OK(pier_sleep(PIER_MS(20)));
	CHECK_OK(pier_resolve(pier_text("localhost"), 80, false, &found));
	wait_for_mail();
	CHECK_OK(pier_pair(pair));
	CHECK_OK(pier_go(&g, recv_byte, pair[0]));
	CHECK_EQ(pier_offload(work, NULL), 0);
	pier_send(pair[1], "x", 1);
	CHECK_OK(pier_group_wait(&g));
	PIER_WITHIN (PIER_MS(20)) {
		char byte;
		pier_recv(pair[0], &byte, 1);
	}
	pier_close(pair[0]);
	pier_close(pair[1]);
	return 0;
}

TEST(what_waits_for_kernel_clock_pool_or_mail_is_no_deadlock)
{
	pier_log_to(hear, NULL);
	CHECK_OK(pier_run(wait_in_every_way, NULL, .workers = 1));
	CHECK_STR(heard, "");
}

static char where[128];
static pthread_t client;

static void echo(pier_conn *c, void *arg)
{
	char byte;
	(void)arg;
	work(NULL);
	if (pier_recv(c, &byte, 1) == 1)
		pier_serve_stop(c);
}

static void *stop_it(void *arg)
{
	pier_conn *c = pier_dial(where);
	(void)arg;
	work(NULL);
	pier_send(c, "x", 1);
	pier_close(c);
	return NULL;
}

static void start_client(const char *at, void *arg)
{
	(void)arg;
	snprintf(where, sizeof where, "tcp://%s", at);
	CHECK_EQ(pthread_create(&client, NULL, stop_it, NULL), 0);
}

TEST(an_idle_server_is_no_deadlock)
{
	pier_log_to(hear, NULL);
	CHECK_OK(pier_serve("tcp://127.0.0.1:0", echo, .workers = 3, .on_listen = start_client));
	pthread_join(client, NULL);
	CHECK_STR(heard, "");
}
