/* Stacks: cut from slabs of address space, with a guard below each, the fiber's block at the top.
 *
 *	low │guard│            stack, growing down ←           │struct fiber│ high
 */
#include "fiber.h"
#include "sanitize.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLAB_STACKS 64
#define GUARD_SIZE 4096u
#define COLOURS	   4
#define COLOUR_SIZE 256u
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13: a guard without a mapping of its own */
#endif

struct slab {
	struct slab *next;
	char *at;
	size_t size;
	unsigned used; /* stacks handed out at least once; the rest have no guard yet */
};

/* A stack and its guard. An odd number of pages: with a power of two between them the hot pages of all stacks
 * would meet in the same few sets of the TLB and the caches. */
static size_t stride(const struct stacks *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE); /* some aarch64 has 16 or 64 KiB */
	return ((s->size + page - 1) & ~(page - 1)) + page;
}

static struct slab *slab_new(struct stacks *s)
{
	struct slab *slab = malloc(sizeof *slab);
	if (!slab)
		return NULL;
	size_t size = stride(s) * SLAB_STACKS;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (at == MAP_FAILED) {
		free(slab);
		return NULL;
	}
	madvise(at, size, MADV_NOHUGEPAGE); /* else each first touch could take 2 MiB */
	*slab = (struct slab){.next = s->slabs, .at = at, .size = size};
	s->slabs = slab;
	return slab;
}

/* mprotect splits the mapping, and a process has some 65,000 of them: the cheap way is tried first. */
static int guard(char *bottom)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	if (size < GUARD_SIZE)
		size = GUARD_SIZE;
	if (madvise(bottom, size, MADV_GUARD_INSTALL) == 0)
		return 0;
	return mprotect(bottom, size, PROT_NONE) < 0 ? -errno : 0;
}

static struct fiber *fresh(struct stacks *s)
{
	struct slab *slab = s->slabs;
	if (!slab || slab->used == SLAB_STACKS)
		slab = slab_new(s);
	if (!slab)
		return NULL;
	char *bottom = slab->at + slab->used * stride(s);
	if (guard(bottom) < 0)
		return NULL;
	slab->used++;
	size_t colour = slab->used % COLOURS * COLOUR_SIZE; /* apart within the page as well */
	struct fiber *f = (struct fiber *)(bottom + stride(s) - sizeof(struct fiber) - colour);
	f = (struct fiber *)((uintptr_t)f & ~(uintptr_t)63);
	*f = (struct fiber){.stack = bottom, .stack_size = stride(s)};
	f->valgrind = VALGRIND_STACK_REGISTER(bottom, f);
	return f;
}

struct fiber *pier_stack_take(struct stacks *s)
{
	struct fiber *f = s->free;
	if (!f)
		return fresh(s);
	s->free = f->group_next;
	return f;
}

void pier_stack_give(struct stacks *s, struct fiber *f)
{
	asan_clean(f->stack + GUARD_SIZE, (size_t)((char *)f - f->stack - GUARD_SIZE));
	f->group_next = s->free;
	s->free = f;
}

void pier_stacks_done(struct stacks *s)
{
	for (struct fiber *f = s->free; f; f = f->group_next)
		VALGRIND_STACK_DEREGISTER(f->valgrind);
	while (s->slabs) {
		struct slab *slab = s->slabs;
		s->slabs = slab->next;
		munmap(slab->at, slab->size);
		free(slab);
	}
	s->free = NULL;
}
