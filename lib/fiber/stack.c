/* Stacks: cut from slabs of address space, with a guard below each, the fiber's block at the top.
 *
 *	low │guard│            stack, growing down ←           │struct fiber│ high
 */
#include "fiber.h"

#include "base/log.h"
#include "depth.h"
#include "sanitize.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLAB_STACKS 64
#define GUARD_SIZE  4096u
#define COLOURS	    4
#define COLOUR_SIZE 256u
#define KEPT_TOP    8192	 /* bytes of a free stack that stay: its block and first frames */
#define IDLE_MAX    PIER_S(1)	 /* a free stack keeps the rest this long */
#define WARM_MAX    4096	 /* free stacks that may keep it at all */
#define TRIM_ONCE   64		 /* stacks that one turn gives back */
#define TRIM_PAUSE  PIER_MS(250) /* between two looks, since each may wake a quiet worker */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13: a guard without a mapping of its own */
#endif

struct slab {
	struct slab *next;
	char *at;
	size_t size;
	unsigned count;
	unsigned used; /* handed out at least once; the rest have no guard yet */
	unsigned maps; /* guards that cost a mapping */
	struct fiber *fibers[SLAB_STACKS]; /* the first `used` */
};

/* Of the whole process. */
static atomic_uint guard_maps;
static atomic_flag told = ATOMIC_FLAG_INIT;
atomic_bool pier_stack_guards_map;

/* A stack and its guard. An odd number of pages: with a power of two between them the hot pages of all stacks
 * would meet in the same few sets of the TLB and the caches. */
static size_t stride(const struct stacks *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE); /* some aarch64 has 16 or 64 KiB */
	return ((s->size + page - 1) & ~(page - 1)) + page;
}

static bool slab_map(struct stacks *s, struct slab *slab, unsigned count)
{
	size_t size = stride(s) * count;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (at == MAP_FAILED)
		return false;
	madvise(at, size, MADV_NOHUGEPAGE); /* else each first touch could take 2 MiB */
	*slab = (struct slab){.next = s->slabs, .at = at, .size = size, .count = count};
	return true;
}

/* Where address space is limited (RLIMIT_AS, vm.overcommit_memory=2), what is left may do for fewer. */
static struct slab *slab_new(struct stacks *s)
{
	struct slab *slab = malloc(sizeof *slab);
	if (!slab)
		return NULL;
	unsigned count = SLAB_STACKS;
	while (count && !slab_map(s, slab, count))
		count /= 2;
	if (!count) {
		free(slab);
		return NULL;
	}
	s->slabs = slab;
	atomic_fetch_add_explicit(&s->mapped, slab->size, memory_order_relaxed);
	return slab;
}

/* Each guard by mprotect splits a mapping in three; a quarter of what the process may have is left to others. */
static bool guard_by_map(struct slab *slab, char *bottom, size_t size)
{
	unsigned maps_max = pier_io_maps_max(), max = (maps_max - maps_max / 4) / 2;
	if (atomic_fetch_add(&guard_maps, 1) < max && mprotect(bottom, size, PROT_NONE) == 0) {
		slab->maps++;
		return true;
	}
	atomic_fetch_sub(&guard_maps, 1);
	if (!atomic_flag_test_and_set(&told))
		pier_log_line(
			PIER_ERROR,
			"no more fibers: %u have guards, and this kernel allows no more in "
			"vm.max_map_count "
			"= %u; raise it (sysctl -w vm.max_map_count=N), or use Linux 6.13 or later",
			atomic_load(&guard_maps), maps_max);
	return false;
}

static size_t guard_size(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	return page > GUARD_SIZE ? page : GUARD_SIZE;
}

static bool guard(struct slab *slab, char *bottom)
{
	size_t size = guard_size();
	if (!atomic_load_explicit(&pier_stack_guards_map, memory_order_relaxed)) {
		if (madvise(bottom, size, MADV_GUARD_INSTALL) == 0)
			return true;
		if (errno == EINVAL)
			atomic_store(&pier_stack_guards_map, true);
	}
	return guard_by_map(slab, bottom, size);
}

static struct fiber *fresh(struct stacks *s)
{
	struct slab *slab = s->slabs;
	if (!slab || slab->used == slab->count)
		slab = slab_new(s);
	if (!slab)
		return NULL;
	char *bottom = slab->at + slab->used * stride(s);
	if (!guard(slab, bottom))
		return NULL;
	size_t colour = slab->used % COLOURS * COLOUR_SIZE; /* apart within the page as well */
	struct fiber *f = (struct fiber *)(bottom + stride(s) - sizeof(struct fiber) - colour);
	f = (struct fiber *)((uintptr_t)f & ~(uintptr_t)63);
	slab->fibers[slab->used++] = f;
	*f = (struct fiber){.stack = bottom, .stack_size = stride(s)};
	f->valgrind = VALGRIND_STACK_REGISTER(bottom, f);
	return f;
}

bool pier_stack_guards(const struct fiber *f, const void *at)
{
	return (const char *)at >= f->stack && (const char *)at < f->stack + guard_size();
}

void pier_stacks_each(struct stacks *s, void (*fn)(struct fiber *, void *), void *arg)
{
	for (struct slab *slab = s->slabs; slab; slab = slab->next)
		for (unsigned i = 0; i < slab->used; i++)
			fn(slab->fibers[i], arg);
}

/* ---- The pool ------------------------------------------------------------------------------------ */

void pier_stacks_init(struct stacks *s, size_t size)
{
	*s = (struct stacks){.size = size, .depths = pier_depths_new()};
	list_init(&s->warm);
	list_init(&s->cold);
}

struct fiber *pier_stack_take(struct stacks *s)
{
	struct list *node = list_pop(&s->warm);
	if (node)
		s->warm_count--;
	else
		node = list_pop(&s->cold);
	return node ? list_item(node, struct fiber, link) : fresh(s);
}

void pier_stack_give(struct stacks *s, struct fiber *f, int64_t now)
{
	asan_clean(f->stack + GUARD_SIZE, (size_t)((char *)f - f->stack - GUARD_SIZE));
	if (s->depths)
		pier_depths_note(s->depths, f->fn, f->stack + guard_size(), (char *)f);
	f->wake_at = now;
	list_push(s->warm.next,
		  &f->link); /* in front: the warmest is taken first, the last has idled longest */
	s->warm_count++;
}

static int64_t idle_at(const struct stacks *s)
{
	if (list_empty(&s->warm))
		return PIER_FOREVER;
	return s->warm_count > WARM_MAX
		       ? 0
		       : list_item(s->warm.prev, struct fiber, link)->wake_at + IDLE_MAX;
}

int64_t pier_stacks_trim_at(const struct stacks *s)
{
	int64_t at = idle_at(s);
	return at < s->rest_until ? s->rest_until : at;
}

/* Not MADV_FREE: with that, nobody could see what the process really holds. The guard stays a guard. */
static void trim_one(struct stacks *s)
{
	struct fiber *f = list_item(s->warm.prev, struct fiber, link);
	list_remove(&f->link);
	s->warm_count--;
	madvise(f->stack + GUARD_SIZE, f->stack_size - GUARD_SIZE - KEPT_TOP, MADV_DONTNEED);
	list_push(s->cold.next, &f->link);
}

void pier_stacks_trim(struct stacks *s, int64_t now)
{
	if (now < s->rest_until)
		return;
	for (int i = 0; i < TRIM_ONCE && idle_at(s) <= now; i++)
		trim_one(s);
	if (idle_at(s) > now)
		s->rest_until = now + TRIM_PAUSE;
}

static void deregister(struct list *free)
{
	struct list *node;
	while ((node = list_pop(free)))
		VALGRIND_STACK_DEREGISTER(list_item(node, struct fiber, link)->valgrind);
}

void pier_stacks_done(struct stacks *s)
{
	deregister(&s->warm);
	deregister(&s->cold);
	free(s->depths);
	while (s->slabs) {
		struct slab *slab = s->slabs;
		s->slabs = slab->next;
		atomic_fetch_sub(&guard_maps, slab->maps);
		munmap(slab->at, slab->size);
		free(slab);
	}
}
