/* The first frame of a fiber's stack, and the switch itself where there is no assembly for it. */
#include "fiber.h"

#include <assert.h>

#if defined(__riscv) && __riscv_xlen == 64 && defined(__riscv_float_abi_double)
#define RISCV64
#endif

/* PIER_UCONTEXT (meson -Ducontext=true) tries the portable way where there is a better one. */
#if (defined(__x86_64__) || defined(__aarch64__) || defined(RISCV64)) && !defined(PIER_UCONTEXT)

void pier_switch_entry(void);

/* What pier_switch pops: the fiber where the entry looks for it, the entry as return address. */
void *pier_switch_prepare(void *bottom, void *top, struct fiber *f)
{
	(void)bottom;
#if defined(__x86_64__)
	/*	sp → r15 r14 r13 r12 rbx rbp entry	(above them the stack is 16-byte aligned) */
	enum {
		WORDS = 7,
		FIBER = 3,
		ENTRY = 6
	};
#elif defined(RISCV64)
	/*	sp → ra s0 s1 … s11 fs0 … fs11 -	(16-byte aligned) */
	enum {
		WORDS = 26,
		FIBER = 2,
		ENTRY = 0
	};
#else
	/*	sp → x19 … x28 x29 x30 d8 … d15 */
	enum {
		WORDS = 20,
		FIBER = 0,
		ENTRY = 11
	};
#endif
	uintptr_t *sp = (uintptr_t *)((uintptr_t)top & ~(uintptr_t)15) - WORDS;
	for (int i = 0; i < WORDS; i++)
		sp[i] = 0;
	sp[FIBER] = (uintptr_t)f;
	sp[ENTRY] = (uintptr_t)pier_switch_entry;
	return sp;
}

#else

#include <ucontext.h>

/* A place to go on from is a ucontext_t on the stack of whoever left. The pointer to the fiber travels as
 * two ints, all that makecontext(3) passes. */
static void enter(unsigned high, unsigned low)
{
	pier_fiber_main((struct fiber *)(((uintptr_t)high << 16 << 16) | low));
}

void *pier_switch_prepare(void *bottom, void *top, struct fiber *f)
{
	ucontext_t *at = (ucontext_t *)(((uintptr_t)top - sizeof *at) & ~(uintptr_t)63);
	int err = getcontext(at);
	assert(err == 0);
	at->uc_stack.ss_sp = bottom;
	at->uc_stack.ss_size = (size_t)((char *)at - (char *)bottom);
	at->uc_link = NULL;
	makecontext(at, (void (*)(void))enter, 2, (unsigned)((uintptr_t)f >> 16 >> 16),
		    (unsigned)(uintptr_t)f);
	return at;
}

void pier_switch(void **from, void *to)
{
	ucontext_t here;
	*from = &here;
	swapcontext(&here, to);
}

#endif
