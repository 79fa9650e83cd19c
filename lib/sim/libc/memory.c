/* Memory of nodes: what each has, so that what its program left behind is found; and a share of it is refused where the scenario
 * wants that. For glibc, whose own functions have second names; not beneath a sanitizer, which does the same and more. */
#include "libc.h"

#undef malloc
#undef calloc

#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

#if defined __GLIBC__ && !defined SANITIZED && !defined __SANITIZE_ADDRESS__ &&                    \
	!defined __SANITIZE_THREAD__

#include <errno.h>
#include <malloc.h>

#define FIRST_BLOCKS 4096 /* room for; a power of two, as its doubles are */

extern void *__libc_malloc(size_t len);
extern void *__libc_calloc(size_t count, size_t len);
extern void *__libc_realloc(void *p, size_t len);
extern void *__libc_memalign(size_t align, size_t len);
extern void __libc_free(void *p);

struct block {
	void *p; /* NULL: a free place */
	size_t len;
	const void *site; /* who asked for it */
	struct node *node;
	unsigned boot;
};

/* By address, open: half of it is free at least. */
static struct block *blocks;
static size_t blocks_room, blocks_count;

static size_t home(const void *p)
{
	return (size_t)(((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 20) & (blocks_room - 1);
}

static struct block *find(const void *p)
{
	size_t at = home(p);
	while (blocks[at].p && blocks[at].p != p)
		at = (at + 1) & (blocks_room - 1);
	return &blocks[at];
}

static void grow(void)
{
	struct block *old = blocks;
	size_t old_room = blocks_room;
	blocks_room = old_room ? old_room * 2 : FIRST_BLOCKS;
	blocks = __libc_calloc(blocks_room, sizeof *blocks);
	if (!blocks)
		abort(); /* the machine is out of memory, not the simulated one */
	for (size_t i = 0; i < old_room; i++)
		if (old[i].p)
			*find(old[i].p) = old[i];
	__libc_free(old);
}

static void *note(void *p, size_t len, const void *site)
{
	struct node *n = libc_task()->node;
	if (!p)
		return p;
	if (blocks_count * 2 >= blocks_room)
		grow();
	struct block *b = find(p);
	blocks_count += !b->p;
	*b = (struct block){.p = p, .len = len, .site = site, .node = n, .boot = n->boots};
	return p;
}

/* Those behind it that were pushed on move up, so that they are found: Knuth, 6.4, algorithm R. */
static void forget(const void *p)
{
	struct block *b = blocks_count ? find(p) : NULL;
	if (!b || !b->p)
		return;
	size_t hole = (size_t)(b - blocks), mask = blocks_room - 1;
	blocks_count--;
	for (size_t at = (hole + 1) & mask; blocks[at].p; at = (at + 1) & mask) {
		if (((at - home(blocks[at].p)) & mask) < ((at - hole) & mask))
			continue;
		blocks[hole] = blocks[at];
		hole = at;
	}
	blocks[hole].p = NULL;
}

/* Counted; and it may be refused. */
static bool is_nodes(void)
{
	return !pier_aside && libc_task() && libc_task()->node->number;
}

static bool is_refused(void)
{
	if (!pier_chance_of(pier_world->memory_faults))
		return false;
	errno = ENOMEM;
	return true;
}

/* ---- What programs call -------------------------------------------------------------------------- */

void *malloc(size_t len)
{
	if (!is_nodes())
		return __libc_malloc(len);
	return is_refused() ? NULL : note(__libc_malloc(len), len, __builtin_return_address(0));
}

void *calloc(size_t count, size_t len)
{
	if (!is_nodes())
		return __libc_calloc(count, len);
	return is_refused()
		       ? NULL
		       : note(__libc_calloc(count, len), count * len, __builtin_return_address(0));
}

void *realloc(void *p, size_t len)
{
	bool counts = is_nodes();
	if (counts && len && is_refused())
		return NULL;
	void *now = __libc_realloc(p, len);
	if (p && (now || !len))
		forget(p);
	return counts ? note(now, len, __builtin_return_address(0)) : now;
}

void free(void *p)
{
	if (p)
		forget(p);
	__libc_free(p);
}

void *memalign(size_t align, size_t len)
{
	if (!is_nodes())
		return __libc_memalign(align, len);
	return is_refused() ? NULL
			    : note(__libc_memalign(align, len), len, __builtin_return_address(0));
}

void *aligned_alloc(size_t align, size_t len)
{
	return memalign(align, len);
}

int posix_memalign(void **out, size_t align, size_t len)
{
	int before = errno;
	void *p = memalign(align, len);
	errno = before;
	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}

/* ---- What is left -------------------------------------------------------------------------------- */

static void left(const struct node *n, struct left *out)
{
	*out = (struct left){0};
	for (size_t i = 0; i < blocks_room; i++) {
		const struct block *b = &blocks[i];
		if (!b->p || b->node != n || b->boot != n->boots)
			continue;
		out->blocks++;
		out->bytes += b->len;
		if (b->len > out->largest) {
			out->largest = b->len;
			out->site = b->site;
		}
	}
}

__attribute__((constructor)) static void take_over(void)
{
	pier_left = left;
}

#endif
