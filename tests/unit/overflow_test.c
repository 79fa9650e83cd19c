/* A stack that overflows is told as that, and nothing else is. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A sanitizer has the SIGSEGV for itself. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif

#ifdef SANITIZED
TEST(a_sanitizer_keeps_its_own_report)
{
	CHECK_EQ(pier_overflow_report(true), -EBUSY);
	CHECK_EQ(pier_overflow_report(false), -ENOENT);
}
#else

static char said[1024];

/* What a process that does body() says on stderr before the signal ends it. */
static const char *last_words(int (*body)(void), int signal)
{
	int ends[2], status;
	test_skip_emulated("qemu makes no guards, and says itself how a program died");
	CHECK_EQ(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		_exit(body() < 0 ? 1 : 0);
	}
	close(ends[1]);
	size_t len = 0;
	ssize_t n;
	while ((n = read(ends[0], said + len, sizeof said - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	close(ends[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), signal);
	return said;
}

static int dig(int depth)
{
	volatile char frame[500];
	frame[0] = (char)depth;
	return depth == 0 ? 0 : dig(depth - 1) + frame[0];
}

static int recurse(void *arg)
{
	(void)arg;
	return dig(1000000);
}

static int recurse_on_second_fiber(void *arg)
{
	pier_group g = PIER_GROUP;
	(void)arg;
	CHECK_OK(pier_go(&g, recurse, NULL));
	return pier_group_wait(&g);
}

static int overflow_here(void)
{
	CHECK_OK(pier_overflow_report(true));
	return pier_run(recurse_on_second_fiber, NULL, .workers = 1, .stack_size = 64 << 10);
}

TEST(a_fiber_that_overflows_its_stack_is_named)
{
	const char *words = last_words(overflow_here, SIGSEGV);
	CHECK(strstr(words, "fiber 0.1 in "));
	CHECK(strstr(words, " has overflowed its stack of 64 KiB"));
	CHECK(strstr(words, ".stack_size"));
}

static int call_second(void *arg)
{
	return pier_call(1, recurse, arg);
}

static int overflow_there(void)
{
	CHECK_OK(pier_overflow_report(true));
	return pier_run(call_second, NULL, .workers = 2);
}

TEST(it_is_named_on_another_worker_too)
{
	CHECK(strstr(last_words(overflow_there, SIGSEGV), "fiber 1.0 in "));
	CHECK(strstr(said, " has overflowed its stack of 256 KiB"));
}

static void overflow_in_handler(pier_conn *c, void *arg)
{
	(void)c;
	recurse(arg);
}

static pier_conn *visitor;

static void visit(const char *where, void *arg)
{
	char url[128];
	(void)arg;
	snprintf(url, sizeof url, "tcp://%s", where);
	visitor = pier_dial(url);
}

static int overflow_in_server(void)
{
	return pier_serve("tcp://127.0.0.1:0", overflow_in_handler, .workers = 2,
			  .on_listen = visit);
}

TEST(a_program_that_serves_reports_without_being_asked)
{
	CHECK(strstr(last_words(overflow_in_server, SIGSEGV), " has overflowed its stack of "));
}

/* ---- What is none -------------------------------------------------------------------------------- */

static int *volatile nowhere;

static int write_nowhere(void *arg)
{
	(void)arg;
	*nowhere = 1;
	return 0;
}

static int wild_on_fiber(void)
{
	CHECK_OK(pier_overflow_report(true));
	return pier_run(write_nowhere, NULL, .workers = 1);
}

static int wild_on_thread(void)
{
	CHECK_OK(pier_overflow_report(true));
	return write_nowhere(NULL);
}

static int sent(void)
{
	CHECK_OK(pier_overflow_report(true));
	raise(SIGSEGV);
	return 0;
}

static int overflow_unasked(void)
{
	return pier_run(recurse, NULL, .workers = 1);
}

TEST(no_other_fault_is_taken_for_an_overflow)
{
	CHECK_STR(last_words(wild_on_fiber, SIGSEGV), "");
	CHECK_STR(last_words(wild_on_thread, SIGSEGV), "");
	CHECK_STR(last_words(sent, SIGSEGV), "");
	CHECK_STR(last_words(overflow_unasked, SIGSEGV), "");
}

/* ---- Whose the signal is -------------------------------------------------------------------------- */

static void exit_by_handler(int sig)
{
	(void)sig;
	if (write(STDERR_FILENO, "mine", 4) == 4)
		signal(SIGSEGV, SIG_DFL);
}

static int wild_on_second(void *arg)
{
	return pier_call(1, write_nowhere, arg);
}

static int64_t wild_in_pool(void *arg)
{
	return write_nowhere(arg);
}

static int offload_wild(void *arg)
{
	return (int)pier_offload(wild_in_pool, arg);
}

static int handled_on_worker(void)
{
	signal(SIGSEGV, exit_by_handler);
	CHECK_EQ(pier_overflow_report(true), -EBUSY);
	return pier_run(wild_on_second, NULL, .workers = 2);
}

static int handled_in_pool(void)
{
	signal(SIGSEGV, exit_by_handler);
	return pier_run(offload_wild, NULL, .workers = 1);
}

/* A blocked fault would end the process past it. */
TEST(the_handler_of_the_program_has_the_faults_of_our_threads)
{
	CHECK_STR(last_words(handled_on_worker, SIGSEGV), "mine");
	CHECK_STR(last_words(handled_in_pool, SIGSEGV), "mine");
}

TEST(the_disposition_is_given_back)
{
	struct sigaction now;
	CHECK_EQ(pier_overflow_report(false), -ENOENT);
	CHECK_OK(pier_overflow_report(true));
	CHECK_EQ(pier_overflow_report(true), -EBUSY);
	CHECK_OK(pier_overflow_report(false));
	CHECK_EQ(sigaction(SIGSEGV, NULL, &now), 0);
	CHECK(now.sa_handler == SIG_DFL);
	CHECK_EQ(pier_serve("tcp://192.0.2.77:1", overflow_in_handler, .quiet = true),
		 -EADDRNOTAVAIL);
	CHECK_EQ(sigaction(SIGSEGV, NULL, &now), 0);
	CHECK(now.sa_handler == SIG_DFL);
}
#endif
