/* Promises that the harness must find broken, each in its own way, and two it must find kept. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

TEST(kept)
{
	CHECK(true);
	CHECK_EQ(6 * 7, 42);
	CHECK_STR(NULL, NULL);
	CHECK_BYTES(pier_text("a"), "a");
	CHECK_OK(1);
}

TEST(condition)
{
	CHECK(1 > 2);
}

TEST(numbers)
{
	CHECK_EQ(-1, sizeof(char));
}

TEST(strings)
{
	CHECK_STR("a", NULL);
}

TEST(bytes)
{
	CHECK_BYTES(pier_text("ab"), "abc");
}

TEST(error)
{
	CHECK_OK(-PIER_ESLOW);
}

TEST(descriptor_left_open)
{
	CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
}

TEST(crash)
{
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

TEST_WITHIN(1, endless_and_deaf)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (;;)
		pause();
}

TEST(kept_after_all_that)
{
}
