/* The two rings of io_uring(7) and its ring of buffers, by raw system calls: entries go in, completions come out. What
 * they mean is uring.c's. */
#ifndef IO_RING_H
#define IO_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#endif

#ifdef IORING_SETUP_DEFER_TASKRUN /* kernel headers of 6.1 or later */

struct ring_shape {
	unsigned entries;     /* ops that one system call submits */
	unsigned completions; /* that may wait; NODROP keeps more in the kernel */
	unsigned bufs;	      /* that wait in the kernel for data; a power of two */
	bool bare;	      /* without what came after 6.1: as on a kernel of that time */
};
extern const struct ring_shape pier_ring_usual;

struct ring {
	int fd;
	int enter_fd; /* fd, or its registered number */
	unsigned enter_flags;
	void *maps;
	size_t maps_size;
	struct io_uring_sqe *sqes;
	unsigned *sq_head, *sq_tail, sq_mask, sq_entries;
	unsigned sq_local; /* our tail, of which the kernel is not told yet */
	unsigned *cq_head, *cq_tail, cq_mask;
	struct io_uring_cqe *cqes;
	struct io_uring_buf_ring *bufs;
	unsigned bufs_count;
	uint16_t bufs_tail;
};

/* Opens a ring for this thread alone. 0, or -ENOSYS, -EPERM, -EINVAL … where the kernel has none of the 6.1
 * class or refuses it. */
int pier_ring_open(struct ring *r, const struct ring_shape *shape);
void pier_ring_close(struct ring *r);

/* A fresh entry, zeroed. NULL when the ring is full and the kernel takes nothing before completions are reaped. */
struct io_uring_sqe *pier_ring_entry(struct ring *r);

/* Submits what is there, without waiting. */
void pier_ring_submit(struct ring *r);

/* One system call: submits all, waits up to `ns` (0: not at all) for one completion, and has the kernel write
 * down those that are there. */
void pier_ring_turn(struct ring *r, int64_t ns);

/* The next completion. */
bool pier_ring_completion(struct ring *r, struct io_uring_cqe *out);
bool pier_ring_has_completions(struct ring *r);

/* The one `i` places behind it, which stays; NULL when there are not so many. */
static inline const struct io_uring_cqe *ring_ahead(const struct ring *r, unsigned i)
{
	unsigned count = __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) - *r->cq_head;
	return i < count ? &r->cqes[(*r->cq_head + i) & r->cq_mask] : NULL;
}

/* Puts a buffer where the kernel finds it. */
void pier_ring_offer(struct ring *r, uint16_t id, void *buf, size_t size);

#endif
#endif
