/* How deep fibers have used their stacks. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pier.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEEP 40000
#define SHALLOW                                                                                    \
	8000 /* more than what the least fiber needs, also under a sanitizer or by ucontext */

#define ON_FIBER(name)                                                                             \
	static int name##_body(void *arg);                                                         \
	TEST(name)                                                                                 \
	{                                                                                          \
		CHECK_OK(pier_run(name##_body, NULL, .workers = 1));                               \
	}                                                                                          \
	static int name##_body(void *arg __attribute__((unused)))

static pier_stack_mark mark_of(int (*fn)(void *))
{
	pier_stack_mark marks[PIER_STACK_MARKS_MAX];
	int n = pier_stack_marks(0, marks, PIER_STACK_MARKS_MAX);
	if (n == -ENOTSUP)
		test_skip("a build without -Dstack_marks");
	CHECK_OK(n);
	for (int i = 0; i < n; i++)
		if (marks[i].fn == fn)
			return marks[i];
	return (pier_stack_mark){0};
}

static void run(int (*fn)(void *), int count)
{
	pier_group g = PIER_GROUP;
	for (int i = 0; i < count; i++)
		CHECK_OK(pier_go(&g, fn, NULL));
	CHECK_OK(pier_group_wait(&g));
	CHECK_OK(pier_yield()); /* the last of them has left its stack */
}

static int write_deep(void *arg)
{
	char deep[DEEP];
	(void)arg;
	memset(deep, 1, sizeof deep);
	__asm__ volatile("" ::"r"(deep) : "memory");
	return pier_yield();
}

static int write_little(void *arg)
{
	(void)arg;
	return pier_yield();
}

ON_FIBER(each_function_has_the_depth_of_its_deepest_fiber)
{
	run(write_deep, 3);
	run(write_little, 5);
	pier_stack_mark deep = mark_of(write_deep), little = mark_of(write_little);
	fprintf(stderr, "deep: %d, little: %d bytes\n", (int)deep.deepest, (int)little.deepest);
	CHECK_EQ(deep.fibers, 3);
	CHECK(deep.deepest >= DEEP && deep.deepest < DEEP + SHALLOW);
	CHECK_EQ(little.fibers, 5);
	/* On the stacks that the others left. */
	CHECK(little.deepest > 0 && little.deepest < SHALLOW);
	return 0;
}

static int depth_now;

static int go_down(void *arg)
{
	volatile char frame[512];
	frame[0] = 1;
	if (--depth_now > 0)
		go_down(arg);
	return frame[0] - 1;
}

ON_FIBER(deeper_only_ever_raises_the_mark)
{
	depth_now = 50;
	run(go_down, 1);
	uint64_t first = mark_of(go_down).deepest;
	CHECK(first >= 50 * 512 / 2);
	depth_now = 5;
	run(go_down, 1);
	CHECK_EQ(mark_of(go_down).deepest, first);
	depth_now = 100;
	run(go_down, 1);
	CHECK(mark_of(go_down).deepest > first + 20 * 512);
	return 0;
}

#define F(n)                                                                                       \
	static int f##n(void *arg)                                                                 \
	{                                                                                          \
		return arg ? n : 0;                                                                \
	}
#define F10(n) F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) F(n##6) F(n##7) F(n##8) F(n##9)
#define N10(n)                                                                                     \
	f##n##0, f##n##1, f##n##2, f##n##3, f##n##4, f##n##5, f##n##6, f##n##7, f##n##8, f##n##9
#define F70 F10(1) F10(2) F10(3) F10(4) F10(5) F10(6) F10(7)
F70

ON_FIBER(functions_beyond_the_most_share_the_last_mark)
{
	static int (*const many[])(void *) = {N10(1), N10(2), N10(3), N10(4),
					      N10(5), N10(6), N10(7)};
	mark_of(NULL);
	for (size_t i = 0; i < sizeof many / sizeof *many; i++)
		run(many[i], 1);
	CHECK_EQ(mark_of(f10).fibers, 1);
	CHECK_EQ(mark_of(f79).fibers, 0);
	CHECK_EQ(mark_of(NULL).fibers, 70 - (PIER_STACK_MARKS_MAX - 1));
	pier_stack_mark one;
	CHECK_EQ(pier_stack_marks(0, &one, 1), 1);
	CHECK(one.fn == f10);
	CHECK_EQ(pier_stack_marks(1, &one, 1), -ENOENT);
	return 0;
}

ON_FIBER(a_dump_tells_the_marks)
{
	char text[4096], line[64];
	int ends[2];
	run(write_deep, 2);
	snprintf(line, sizeof line, ": 2 used, at most %d bytes of 256 KiB\n",
		 (int)mark_of(write_deep).deepest);
	CHECK_OK(pipe2(ends, O_CLOEXEC));
	CHECK_OK(pier_dump(ends[1]));
	close(ends[1]);
	ssize_t n = read(ends[0], text, sizeof text - 1);
	CHECK(n > 0);
	text[n] = 0;
	close(ends[0]);
	fprintf(stderr, "%s", text);
	CHECK(strstr(text, "\nstacks of "));
	CHECK(strstr(text, line));
	return 0;
}
