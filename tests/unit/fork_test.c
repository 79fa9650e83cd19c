/* A child of fork(2) has one thread, and all works there anew. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The sanitizers' own locks are not let go in a child: ASan's allocator hangs there when another thread was in it, TSan
 * ends a child that starts a thread. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static int64_t answer(void *arg)
{
	(void)arg;
	return 42;
}

/* Each of the three pools, a timer, and a second worker. */
static int on_second(void *arg)
{
	(void)arg;
	return pier_worker_id() == 1 ? 7 : -EINVAL;
}

static int use_everything(void *arg)
{
	pier_addrs found;
	(void)arg;
	CHECK_EQ(pier_offload(answer, NULL), 42);
	CHECK_OK(pier_resolve(pier_text("localhost"), 80, false, &found));
	CHECK_OK(pier_sleep(PIER_MS(1)));
	CHECK_EQ(pier_call(1, on_second, NULL), 7);
	return 0;
}

static int run(void)
{
	return pier_run(use_everything, NULL, .workers = 2);
}

static void child_works(void)
{
	int status;
	test_skip_emulated("qemu fails in a child of several threads");
#ifdef SANITIZED
	return;
#endif
	pid_t pid = fork();
	if (pid == 0) {
		alarm(20);
		_exit(run() == 0 ? 0 : 1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

TEST_WITHIN(30, a_child_has_pools_of_its_own)
{
	CHECK_OK(run());
	child_works(); /* the threads of our pools are idle now */
	CHECK_OK(run());
}

static atomic_bool over;

static int keep_busy(void *arg)
{
	(void)arg;
	while (!atomic_load(&over))
		CHECK_EQ(pier_offload(answer, NULL), 42);
	return 0;
}

static void *run_busy(void *arg)
{
	(void)arg;
	CHECK_OK(pier_run(keep_busy, NULL, .workers = 1));
	return NULL;
}

/* What the runtime of another thread holds in the parent, nobody ever lets go in the child. */
TEST_WITHIN(60, a_child_works_whatever_other_threads_were_at)
{
	pthread_t other;
	CHECK_EQ(pthread_create(&other, NULL, run_busy, NULL), 0);
	for (int i = 0; i < 20; i++)
		child_works();
	atomic_store(&over, true);
	pthread_join(other, NULL);
}

static int dump_empty(void)
{
	pier_worker_stats s;
	char byte;
	int ends[2];
	CHECK_EQ(pier_stats(0, &s), -ENOENT);
	CHECK_EQ(pipe(ends), 0);
	CHECK_OK(pier_dump(ends[1]));
	close(ends[1]);
	CHECK_EQ(read(ends[0], &byte, 1), 0);
	return 0;
}

TEST(a_child_has_none_of_its_parents_workers)
{
	pthread_t other;
	pier_worker_stats s;
	int status;
	CHECK_EQ(pthread_create(&other, NULL, run_busy, NULL), 0);
	while (pier_stats(0, &s) != 0)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	pid_t pid = fork();
	if (pid == 0)
		_exit(dump_empty());
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_OK(pier_stats(0, &s));
	atomic_store(&over, true);
	pthread_join(other, NULL);
}
