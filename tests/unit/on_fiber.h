/* Promises kept on a fiber, and outside of fibers too. */
#ifndef ON_FIBER_H
#define ON_FIBER_H

#include "test.h"

#include <pier/fiber.h>
#include <stdio.h>

#define ON_FIBER_WITHIN(seconds, name)                                                             \
	static void name##_body(void);                                                             \
	static int name##_main(void *arg)                                                          \
	{                                                                                          \
		(void)arg;                                                                         \
		name##_body();                                                                     \
		return 0;                                                                          \
	}                                                                                          \
	TEST_WITHIN(seconds, name)                                                                 \
	{                                                                                          \
		CHECK_EQ(pier_run(name##_main, NULL, .workers = 4), 0);                            \
	}                                                                                          \
	static void name##_body(void)
#define ON_FIBER(name) ON_FIBER_WITHIN(15, name)

#define ON_BOTH_WITHIN(seconds, name)                                                              \
	static void name##_body(void);                                                             \
	static int name##_main(void *arg)                                                          \
	{                                                                                          \
		(void)arg;                                                                         \
		fprintf(stderr, "on a fiber:\n");                                                  \
		name##_body();                                                                     \
		return 0;                                                                          \
	}                                                                                          \
	TEST_WITHIN(seconds, name)                                                                 \
	{                                                                                          \
		fprintf(stderr, "outside of fibers:\n");                                           \
		name##_body();                                                                     \
		CHECK_EQ(pier_run(name##_main, NULL, .workers = 4), 0);                            \
	}                                                                                          \
	static void name##_body(void)
#define ON_BOTH(name) ON_BOTH_WITHIN(15, name)

#endif
