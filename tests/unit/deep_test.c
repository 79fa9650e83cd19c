/* Calls on the stack that fibers share. */
#include "fiber/fiber.h"
#include "on_fiber.h"

#include <pier.h>
#include <string.h>

#define DEPTH 65536

static int64_t where(void *out)
{
	char here[DEPTH];
	memset(here, 1, sizeof here);
	*(uintptr_t *)out = (uintptr_t)here;
	return here[DEPTH / 2] + 41;
}

static bool is_on_stack_of(const struct fiber *f, uintptr_t at)
{
	return at >= (uintptr_t)f->stack && at < (uintptr_t)f->stack + f->stack_size;
}

ON_FIBER(a_deep_call_leaves_the_stack_of_its_fiber_alone)
{
	uintptr_t at = 0;
	CHECK_EQ(pier_deep(where, &at), 42);
	CHECK(at && !is_on_stack_of(pier_fiber_self(), at));
}

static int call_often(void *of)
{
	uintptr_t *seen = of;
	for (int i = 0; i < 100; i++) {
		uintptr_t at = 0;
		CHECK_EQ(pier_deep(where, &at), 42);
		CHECK(!*seen || *seen == at);
		*seen = at;
		pier_yield();
	}
	return 0;
}

ON_FIBER(fibers_share_the_stack_of_deep_calls)
{
	uintptr_t seen = 0;
	pier_group g = PIER_GROUP;
	for (int i = 0; i < 10; i++)
		CHECK_OK(pier_go(&g, call_often, &seen));
	CHECK_OK(pier_group_wait(&g));
}

TEST(outside_fibers_it_is_a_call)
{
	uintptr_t at = 0;
	CHECK_EQ(pier_deep(where, &at), 42);
}
