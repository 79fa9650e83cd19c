#include "depth.h"

#include "runtimes.h"
#include "sanitize.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES_ONCE 64 /* of which the kernel is asked at once */

struct depths *pier_depths_new(void)
{
#ifdef PIER_STACK_MARKS
	return calloc(1, sizeof(struct depths));
#else
	return NULL;
#endif
}

/* ---- Of one stack -------------------------------------------------------------------------------- */

/* The lowest page that is there; to read the others would bring them. One that is swapped out is taken for untouched:
 * mincore(2). */
static char *lowest_page(char *bottom, char *top)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), once = PAGES_ONCE * page;
	unsigned char there[PAGES_ONCE];

	for (char *at = bottom; at < top; at += once) {
		size_t left = (size_t)(top - at), size = left < once ? left : once;
		if (mincore(at, size, there) < 0)
			return top;
		for (size_t i = 0; i * page < size; i++)
			if (there[i] & 1)
				return at + i * page;
	}
	return top;
}

static char *lowest_word(char *at, char *top)
{
	while (at < top && *(uintptr_t *)at == 0)
		at += sizeof(uintptr_t);
	return at;
}

/* ---- By function --------------------------------------------------------------------------------- */

static struct depth *depth_of(struct depths *d, int (*fn)(void *))
{
	unsigned count = atomic_load_explicit(&d->count, memory_order_relaxed);
	for (unsigned i = 0; i < count; i++)
		if (d->at[i].fn == fn)
			return &d->at[i];
	if (count == PIER_STACK_MARKS_MAX)
		return &d->at[count - 1];
	d->at[count].fn = count == PIER_STACK_MARKS_MAX - 1 ? NULL : fn;
	atomic_store_explicit(&d->count, count + 1, memory_order_release);
	return &d->at[count];
}

void pier_depths_note(struct depths *d, int (*fn)(void *), char *bottom, char *top)
{
	if (RUNNING_ON_VALGRIND)
		return; /* it takes what was never written for undefined */
	char *lowest = lowest_word(lowest_page(bottom, top), top);
	struct depth *of = depth_of(d, fn);
	count_add(&of->fibers, 1);
	count_max(&of->deepest, (uint64_t)(top - lowest));
	memset(lowest, 0, (size_t)(top - lowest));
}

int pier_depths_read(const struct depths *d, pier_stack_mark *into, unsigned room)
{
	if (!d)
		return -ENOTSUP;
	unsigned count = atomic_load_explicit(&d->count, memory_order_acquire);
	for (unsigned i = 0; i < count && i < room; i++)
		into[i] = (pier_stack_mark){.fn = d->at[i].fn,
					    .fibers = count_get(&d->at[i].fibers),
					    .deepest = count_get(&d->at[i].deepest)};
	return (int)(count < room ? count : room);
}

int pier_stack_marks(unsigned worker, pier_stack_mark *into, unsigned room)
{
	pier_runtimes_hold();
	struct worker *w = pier_runtimes_worker(worker);
	int n = w ? pier_depths_read(w->stacks.depths, into, room) : -ENOENT;
	pier_runtimes_release();
	return n;
}
