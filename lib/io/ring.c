#include "ring.h"

#ifdef IORING_SETUP_DEFER_TASKRUN

#include <errno.h>
#include <linux/time_types.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#define SQES_SIZE(r) ((r)->sq_entries * sizeof(struct io_uring_sqe))

#ifndef IORING_FEAT_NO_IOWAIT /* 6.15: a ring that waits is not counted as waiting for a disk */
#define IORING_FEAT_NO_IOWAIT  (1U << 17)
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif

const struct ring_shape pier_ring_usual = {.entries = 256, .completions = 4096, .bufs = 256};

static int setup(unsigned entries, struct io_uring_params *p)
{
	if (RUNNING_ON_VALGRIND) /* 3.19 lets no other thread run while one waits in a ring */
		return -ENOSYS;
	long fd = syscall(SYS_io_uring_setup, entries, p);
	return fd < 0 ? -errno : (int)fd;
}

static int enroll(int fd, unsigned what, void *arg, unsigned count)
{
	long n = syscall(SYS_io_uring_register, fd, what, arg, count);
	return n < 0 ? -errno : (int)n;
}

static int enter(struct ring *r, unsigned submit, unsigned complete, unsigned flags, void *arg,
		 size_t size)
{
	long n = syscall(SYS_io_uring_enter, r->enter_fd, submit, complete, r->enter_flags | flags,
			 arg, size);
	return n < 0 ? -errno : (int)n;
}

/* ---- Opening ------------------------------------------------------------------------------------- */

static void find_queues(struct ring *r, const struct io_uring_params *p)
{
	char *at = r->maps;
	unsigned *array = (unsigned *)(at + p->sq_off.array);

	r->sq_head = (unsigned *)(at + p->sq_off.head);
	r->sq_tail = (unsigned *)(at + p->sq_off.tail);
	r->sq_mask = *(unsigned *)(at + p->sq_off.ring_mask);
	r->cq_head = (unsigned *)(at + p->cq_off.head);
	r->cq_tail = (unsigned *)(at + p->cq_off.tail);
	r->cq_mask = *(unsigned *)(at + p->cq_off.ring_mask);
	r->cqes = (struct io_uring_cqe *)(at + p->cq_off.cqes);
	for (unsigned i = 0; i < p->sq_entries; i++)
		array[i] = i;
}

static int map_rings(struct ring *r, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(unsigned);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	int prot = PROT_READ | PROT_WRITE, how = MAP_SHARED | MAP_POPULATE;

	r->sq_entries = p->sq_entries;
	r->maps_size = sq > cq ? sq : cq;
	void *maps = mmap(NULL, r->maps_size, prot, how, r->fd, IORING_OFF_SQ_RING);
	if (maps == MAP_FAILED)
		return -errno;
	r->maps = maps;
	void *sqes = mmap(NULL, SQES_SIZE(r), prot, how, r->fd, IORING_OFF_SQES);
	if (sqes == MAP_FAILED)
		return -errno;
	r->sqes = sqes;
	/* A child of fork has no business in the ring. */
	madvise(r->maps, r->maps_size, MADV_DONTFORK);
	madvise(r->sqes, SQES_SIZE(r), MADV_DONTFORK);
	find_queues(r, p);
	return 0;
}

static size_t bufs_size(const struct ring *r)
{
	return r->bufs_count * sizeof(struct io_uring_buf);
}

static int map_bufs(struct ring *r, unsigned count)
{
	r->bufs_count = count;
	void *at = mmap(NULL, bufs_size(r), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	if (at == MAP_FAILED)
		return -errno;
	r->bufs = at;
	struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)at, .ring_entries = count};
	return enroll(r->fd, IORING_REGISTER_PBUF_RING, &reg, 1);
}

/* A number instead of a look-up of the descriptor at each enter: IORING_REGISTER_RING_FDS, 5.18. */
static void register_fd(struct ring *r)
{
	struct io_uring_rsrc_update update = {.offset = UINT32_MAX, .data = (uint64_t)r->fd};
	if (enroll(r->fd, IORING_REGISTER_RING_FDS, &update, 1) == 1) {
		r->enter_fd = (int)update.offset;
		r->enter_flags |= IORING_ENTER_REGISTERED_RING;
	}
}

/* Some filters let a ring be made and then forbid its use. */
static int try_out(struct ring *r)
{
	struct io_uring_cqe c;
	struct io_uring_sqe *s = pier_ring_entry(r);
	s->opcode = IORING_OP_NOP;
	s->user_data = (uintptr_t)r;
	pier_ring_turn(r, 0);
	return pier_ring_completion(r, &c) && c.user_data == (uintptr_t)r ? 0 : -ENOSYS;
}

int pier_ring_open(struct ring *r, const struct ring_shape *shape)
{
	struct io_uring_params p = {.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL |
					     IORING_SETUP_CLAMP | IORING_SETUP_SINGLE_ISSUER |
					     IORING_SETUP_DEFER_TASKRUN,
				    .cq_entries = shape->completions};
	unsigned needs = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG |
			 IORING_FEAT_FAST_POLL | IORING_FEAT_CQE_SKIP;

	*r = (struct ring){.fd = setup(shape->entries, &p)};
	if (r->fd < 0)
		return r->fd;
	r->enter_fd = r->fd;
	int err = (p.features & needs) == needs ? map_rings(r, &p) : -ENOSYS;
	if (err == 0)
		err = map_bufs(r, shape->bufs);
	if (err == 0 && !shape->bare) {
		if (p.features & IORING_FEAT_NO_IOWAIT)
			r->enter_flags |= IORING_ENTER_NO_IOWAIT;
		register_fd(r);
	}
	if (err == 0)
		err = try_out(r);
	if (err < 0)
		pier_ring_close(r);
	return err;
}

void pier_ring_close(struct ring *r)
{
	if (r->sqes)
		munmap(r->sqes, SQES_SIZE(r));
	if (r->maps)
		munmap(r->maps, r->maps_size);
	if (r->fd >= 0)
		close(r->fd);
	if (r->bufs)
		munmap(r->bufs, bufs_size(r));
	*r = (struct ring){.fd = -1};
}

/* ---- Going round --------------------------------------------------------------------------------- */

static unsigned unsubmitted(const struct ring *r)
{
	return r->sq_local - __atomic_load_n(r->sq_head, __ATOMIC_ACQUIRE);
}

struct io_uring_sqe *pier_ring_entry(struct ring *r)
{
	if (unsubmitted(r) == r->sq_entries) {
		pier_ring_submit(r);
		if (unsubmitted(r) == r->sq_entries)
			return NULL;
	}
	struct io_uring_sqe *s = &r->sqes[r->sq_local++ & r->sq_mask];
	memset(s, 0, sizeof *s);
	return s;
}

static unsigned tell_tail(struct ring *r)
{
	__atomic_store_n(r->sq_tail, r->sq_local, __ATOMIC_RELEASE);
	return unsubmitted(r);
}

void pier_ring_submit(struct ring *r)
{
	unsigned count = tell_tail(r);
	if (count)
		enter(r, count, 0, 0, NULL, 0);
}

void pier_ring_turn(struct ring *r, int64_t ns)
{
	struct __kernel_timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	struct io_uring_getevents_arg arg = {.ts = ns == INT64_MAX ? 0 : (uintptr_t)&t};
	unsigned count = tell_tail(r);

	if (ns > 0)
		enter(r, count, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof arg);
	else
		enter(r, count, 0, IORING_ENTER_GETEVENTS, NULL, 0);
}

bool pier_ring_has_completions(struct ring *r)
{
	return *r->cq_head != __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE);
}

bool pier_ring_completion(struct ring *r, struct io_uring_cqe *out)
{
	if (!pier_ring_has_completions(r))
		return false;
	unsigned head = *r->cq_head;
	*out = r->cqes[head & r->cq_mask];
	__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
	return true;
}

void pier_ring_offer(struct ring *r, uint16_t id, void *buf, size_t size)
{
	struct io_uring_buf *b = &r->bufs->bufs[r->bufs_tail++ & (r->bufs_count - 1)];
	b->addr = (uintptr_t)buf;
	b->len = (uint32_t)size;
	b->bid = id;
	__atomic_store_n(&r->bufs->tail, r->bufs_tail, __ATOMIC_RELEASE);
}

#endif
