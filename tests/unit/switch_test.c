/* What a fiber has in registers is its own, and its stack has an end. */
#include "test.h"

#include <pier.h>
#include <unwind.h>

/* More live values than there are callee-saved registers on any machine, whole numbers and floats. */
static double stir(unsigned seed, bool yields)
{
	uint64_t a = seed, b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5, g = a + 6,
		 h = a + 7;
	double k = seed, l = k + .5, m = k + 1.25, n = k + 2.5, o = k + 3, p = k + 4, q = k + 5.75;
	double r = k + 6, s = k + 7, t = k + 8, u = k + 9, v = k + 10;

	for (int i = 0; i < 100; i++) {
		if (yields)
			CHECK_OK(pier_yield());
		a += b ^ c, b += c ^ d, c += d ^ e, d += e ^ f, e += f ^ g, f += g ^ h, g += h ^ a;
		h += a ^ b;
		k = (k + l) / 2, l = (l + m) / 2, m = (m + n) / 2, n = (n + o) / 2, o = (o + p) / 2;
		p = (p + q) / 2, q = (q + r) / 2, r = (r + s) / 2, s = (s + t) / 2, t = (t + u) / 2;
		u = (u + v) / 2, v += k;
	}
	return k + l + m + n + o + p + q + r + s + t + u + v +
	       (double)(a ^ b ^ c ^ d ^ e ^ f ^ g ^ h);
}

static int stir_beside_others(void *arg)
{
	unsigned seed = *(unsigned *)arg;
	CHECK(stir(seed, true) == stir(seed, false));
	return 0;
}

static int start_stirring(void *arg)
{
	unsigned seeds[] = {1, 77, 1000, 65537};
	pier_group g = PIER_GROUP;
	(void)arg;
	for (int i = 0; i < 4; i++)
		CHECK_OK(pier_go(&g, stir_beside_others, &seeds[i]));
	return pier_group_wait(&g);
}

TEST(a_switch_keeps_the_registers)
{
	CHECK_EQ(pier_run(start_stirring, NULL, .workers = 1), 0);
}

#ifdef __GLIBC__ /* musl-gcc links a libgcc that was made for glibc and unwinds with its help */
static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *arg)
{
	(void)context;
	return ++*(int *)arg < 100 ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

static int unwind(void *arg)
{
	int frames = 0;
	(void)arg;
	CHECK_EQ(_Unwind_Backtrace(count_frame, &frames), _URC_END_OF_STACK);
	CHECK(frames < 20);
	return 0;
}

TEST(an_unwinder_comes_to_an_end)
{
	CHECK_EQ(pier_run(unwind, NULL, .workers = 1), 0);
}
#endif
