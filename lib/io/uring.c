/* The io_uring backend: ops go to the kernel together, once per turn, and come back as completions.
 *
 * - One ring a worker, SINGLE_ISSUER and DEFER_TASKRUN: completions are made when this thread asks for them,
 *   not by interrupting it (Linux 6.1).
 * - A receive holds no memory while it waits: the kernel takes a buffer of ours when bytes come (PBUF_RING).
 * - user_data is a slot and its generation, never a pointer: what the kernel says late or twice is dropped.
 * - What has no op of its own worth using (pipes, sendfile) waits by POLL_ADD and is then done by perform.c.
 *
 * Raw system calls, no liburing: see docs/decisions. io_uring(7), io_uring_enter(2). */
#include "backend.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#endif

#ifdef IORING_SETUP_DEFER_TASKRUN

#include <linux/time_types.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define SQ_ENTRIES  256  /* ops that one system call submits */
#define CQ_ENTRIES  4096 /* completions that may wait; NODROP keeps more in the kernel */
#define BUFS	    256  /* buffers that wait in the kernel for data; a power of two */
#define BUF_GROUP   0
#define SLOTS_FIRST 256

#ifndef IORING_FEAT_NO_IOWAIT /* 6.15: a waiting ring is not counted as waiting for a disk */
#define IORING_FEAT_NO_IOWAIT  (1U << 17)
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif

enum { TAG_NOTHING = 0, TAG_MAIL = 1, TAG_SLOTS = 2 }; /* user_data below the generation */

/* The ops of one direction of a descriptor: the first is with the kernel, the others wait for it, since the
 * kernel promises no order among several. */
struct line {
	struct io_op *first, **last;
};

struct port {
	struct line in, out;
	bool nothing_left; /* the last receive emptied it: the next first try would be in vain */
};

struct slot {
	struct io_op *op; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

struct uring_io {
	struct io io;
	int ring;
	unsigned enter_flags;
	int enter_fd; /* the ring, or its registered number */
	void *rings;
	size_t rings_size;
	struct io_uring_sqe *sqes;
	unsigned *sq_tail, *sq_flags, sq_mask, sq_entries, sq_local; /* sq_local: our tail, not yet told */
	unsigned *sq_head;
	unsigned *cq_head, *cq_tail, cq_mask;
	struct io_uring_cqe *cqes;
	struct io_uring_buf_ring *buf_ring;
	void *bufs[BUFS];
	uint16_t buf_tail;
	struct slot *slots;
	uint32_t slot_room, slot_free;
	struct port **ports; /* by descriptor */
	size_t port_room;
};

static struct uring_io *of(struct io *io)
{
	return (struct uring_io *)io;
}

/* ---- System calls -------------------------------------------------------------------------------- */

static int uring_setup(unsigned entries, struct io_uring_params *p)
{
	long fd = syscall(SYS_io_uring_setup, entries, p);
	return fd < 0 ? -errno : (int)fd;
}

static int uring_register(int fd, unsigned what, void *arg, unsigned count)
{
	long n = syscall(SYS_io_uring_register, fd, what, arg, count);
	return n < 0 ? -errno : (int)n;
}

static int enter(struct uring_io *u, unsigned submit, unsigned complete, unsigned flags, void *arg,
		 size_t size)
{
	long n = syscall(SYS_io_uring_enter, u->enter_fd, submit, complete, u->enter_flags | flags, arg,
			 size);
	return n < 0 ? -errno : (int)n;
}

/* ---- Opening ------------------------------------------------------------------------------------- */

static int map_rings(struct uring_io *u, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(unsigned);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);

	u->rings_size = sq > cq ? sq : cq;
	char *at = mmap(NULL, u->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->ring,
			IORING_OFF_SQ_RING);
	if (at == MAP_FAILED)
		return -errno;
	u->rings = at;
	void *sqes = mmap(NULL, p->sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, u->ring, IORING_OFF_SQES);
	if (sqes == MAP_FAILED)
		return -errno;
	u->sqes = sqes;
	u->sq_entries = p->sq_entries;
	u->sq_head = (unsigned *)(at + p->sq_off.head);
	u->sq_tail = (unsigned *)(at + p->sq_off.tail);
	u->sq_flags = (unsigned *)(at + p->sq_off.flags);
	u->sq_mask = *(unsigned *)(at + p->sq_off.ring_mask);
	u->cq_head = (unsigned *)(at + p->cq_off.head);
	u->cq_tail = (unsigned *)(at + p->cq_off.tail);
	u->cq_mask = *(unsigned *)(at + p->cq_off.ring_mask);
	u->cqes = (struct io_uring_cqe *)(at + p->cq_off.cqes);
	unsigned *array = (unsigned *)(at + p->sq_off.array);
	for (unsigned i = 0; i < p->sq_entries; i++)
		array[i] = i;
	/* A child of fork has no business in the ring. */
	madvise(u->rings, u->rings_size, MADV_DONTFORK);
	madvise(u->sqes, p->sq_entries * sizeof(struct io_uring_sqe), MADV_DONTFORK);
	return 0;
}

/* Puts a buffer where the kernel finds it; seen from the next publish on. */
static bool offer_buf(struct uring_io *u, uint16_t id)
{
	if (!u->bufs[id] && !(u->bufs[id] = pier_io_buf_take(&u->io)))
		return false;
	struct io_uring_buf *b = &u->buf_ring->bufs[u->buf_tail++ & (BUFS - 1)];
	b->addr = (uintptr_t)u->bufs[id];
	b->len = IO_BUF_SIZE;
	b->bid = id;
	return true;
}

static void publish_bufs(struct uring_io *u)
{
	__atomic_store_n(&u->buf_ring->tail, u->buf_tail, __ATOMIC_RELEASE);
}

static int open_bufs(struct uring_io *u)
{
	size_t size = BUFS * sizeof(struct io_uring_buf);
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	u->buf_ring = at;
	struct io_uring_buf_reg reg = {
		.ring_addr = (uintptr_t)at, .ring_entries = BUFS, .bgid = BUF_GROUP};
	int err = uring_register(u->ring, IORING_REGISTER_PBUF_RING, &reg, 1);
	for (unsigned i = 0; err == 0 && i < BUFS; i++)
		if (!offer_buf(u, (uint16_t)i))
			err = -ENOMEM;
	if (err == 0)
		publish_bufs(u);
	return err;
}

/* One number instead of a descriptor look-up at each enter: IORING_REGISTER_RING_FDS, 5.18. */
static void register_ring(struct uring_io *u)
{
	struct io_uring_rsrc_update r = {.offset = UINT32_MAX, .data = (uint64_t)u->ring};
	u->enter_fd = u->ring;
	if (uring_register(u->ring, IORING_REGISTER_RING_FDS, &r, 1) == 1) {
		u->enter_fd = (int)r.offset;
		u->enter_flags |= IORING_ENTER_REGISTERED_RING;
	}
}

static void uring_close(struct io *io);
static struct io_uring_sqe *sqe_take(struct uring_io *u);

/* Mail wakes the ring through its eventfd; each write is one completion, and the count is never read. */
static void listen_for_mail(struct uring_io *u)
{
	struct io_uring_sqe *s = sqe_take(u);
	s->opcode = IORING_OP_POLL_ADD;
	s->fd = u->io.mail.eventfd;
	s->poll32_events = POLLIN;
	s->len = IORING_POLL_ADD_MULTI;
	s->user_data = TAG_MAIL;
}

static int uring_start(struct uring_io *u)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP |
			 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		.cq_entries = CQ_ENTRIES};
	unsigned needs = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG |
			 IORING_FEAT_FAST_POLL | IORING_FEAT_CQE_SKIP;

	u->ring = uring_setup(SQ_ENTRIES, &p);
	if (u->ring < 0)
		return u->ring;
	if ((p.features & needs) != needs)
		return -ENOSYS;
	if (p.features & IORING_FEAT_NO_IOWAIT)
		u->enter_flags |= IORING_ENTER_NO_IOWAIT;
	register_ring(u);
	int err = map_rings(u, &p);
	if (err == 0)
		err = open_bufs(u);
	if (err == 0)
		err = pier_io_mail_open(&u->io);
	if (err == 0)
		listen_for_mail(u);
	return err;
}

static int uring_open(struct io **out)
{
	struct uring_io *u = calloc(1, sizeof *u);
	if (!u)
		return -ENOMEM;
	pier_io_init(&u->io, &pier_io_uring);
	u->ring = -1;
	u->slot_free = UINT32_MAX;
	int err = uring_start(u);
	if (err < 0) {
		uring_close(&u->io);
		return err;
	}
	*out = &u->io;
	return 0;
}

/* ---- Submitting ---------------------------------------------------------------------------------- */

static void tell_tail(struct uring_io *u)
{
	__atomic_store_n(u->sq_tail, u->sq_local, __ATOMIC_RELEASE);
}

static unsigned unsubmitted(struct uring_io *u)
{
	return u->sq_local - __atomic_load_n(u->sq_head, __ATOMIC_ACQUIRE);
}

static void reap(struct uring_io *u);

static struct io_uring_sqe *sqe_take(struct uring_io *u)
{
	while (unsubmitted(u) == u->sq_entries) {
		tell_tail(u);
		int n = enter(u, u->sq_entries, 0, 0, NULL, 0);
		if (n == -EBUSY || n == -EAGAIN) /* completions have run over: make room for them */
			reap(u);
	}
	struct io_uring_sqe *s = &u->sqes[u->sq_local++ & u->sq_mask];
	memset(s, 0, sizeof *s);
	return s;
}

static bool slot_take(struct uring_io *u, struct io_op *op, uint64_t *tag)
{
	if (u->slot_free == UINT32_MAX) {
		uint32_t room = u->slot_room ? u->slot_room * 2 : SLOTS_FIRST;
		struct slot *slots = realloc(u->slots, room * sizeof(*slots));
		if (!slots)
			return false;
		for (uint32_t i = u->slot_room; i < room; i++)
			slots[i] = (struct slot){.next_free = i + 1 < room ? i + 1 : UINT32_MAX};
		u->slot_free = u->slot_room;
		u->slots = slots;
		u->slot_room = room;
	}
	uint32_t i = u->slot_free;
	u->slot_free = u->slots[i].next_free;
	u->slots[i].op = op;
	op->slot = i;
	*tag = (uint64_t)u->slots[i].generation << 32 | (i + TAG_SLOTS);
	return true;
}

static void slot_give(struct uring_io *u, uint32_t i)
{
	u->slots[i].op = NULL;
	u->slots[i].generation++;
	u->slots[i].next_free = u->slot_free;
	u->slot_free = i;
}

static struct port *port_of(struct uring_io *u, int fd)
{
	size_t at = (size_t)fd;
	if (at >= u->port_room) {
		size_t room = u->port_room ? u->port_room : 64;
		while (room <= at)
			room *= 2;
		struct port **ports = realloc(u->ports, room * sizeof(*ports));
		if (!ports)
			return NULL;
		memset(ports + u->port_room, 0, (room - u->port_room) * sizeof(*ports));
		u->ports = ports;
		u->port_room = room;
	}
	struct port *p = u->ports[at];
	if (!p && (p = u->ports[at] = calloc(1, sizeof *p))) {
		p->in.last = &p->in.first;
		p->out.last = &p->out.first;
	}
	return p;
}

static struct line *line_of(struct port *p, const struct io_op *op)
{
	return io_kind_reads(op->kind) ? &p->in : &p->out;
}

static void line_push(struct line *l, struct io_op *op)
{
	op->next = NULL;
	*l->last = op;
	l->last = &op->next;
}

static void line_remove(struct line *l, struct io_op *op)
{
	struct io_op **at = &l->first;
	while (*at != op)
		at = &(*at)->next;
	*at = op->next;
	if (l->last == &op->next)
		l->last = at;
}

static void prepare_recv(struct uring_io *u, struct io_uring_sqe *s, struct io_op *op)
{
	s->opcode = IORING_OP_RECV;
	s->msg_flags = (unsigned)op->flags;
	if (u->ports[op->fd]->nothing_left)
		s->ioprio = IORING_RECVSEND_POLL_FIRST;
	if (op->mem.at) {
		s->addr = (uintptr_t)op->mem.at;
		s->len = (unsigned)op->mem.len;
	} else {
		s->flags = IOSQE_BUFFER_SELECT;
		s->buf_group = BUF_GROUP;
		s->len = IO_BUF_SIZE;
	}
}

static void prepare(struct uring_io *u, struct io_uring_sqe *s, struct io_op *op)
{
	s->fd = op->fd;
	switch (op->kind) {
	case IO_ACCEPT:
		s->opcode = IORING_OP_ACCEPT;
		s->addr = (uintptr_t)op->addr.sa;
		s->addr2 = (uintptr_t)&op->addr.len;
		s->accept_flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
		return;
	case IO_RECV:
		prepare_recv(u, s, op);
		return;
	case IO_RECVMSG:
		s->opcode = IORING_OP_RECVMSG;
		s->addr = (uintptr_t)op->msg;
		s->len = 1;
		s->msg_flags = (unsigned)op->flags | MSG_CMSG_CLOEXEC;
		return;
	case IO_SENDMSG:
		if (io_msg_plain(op->msg)) {
			s->opcode = IORING_OP_SEND;
			s->addr = (uintptr_t)op->msg->msg_iov->iov_base;
			s->len = (unsigned)op->msg->msg_iov->iov_len;
			s->msg_flags = (unsigned)op->flags | MSG_NOSIGNAL;
			return;
		}
		s->opcode = IORING_OP_SENDMSG;
		s->addr = (uintptr_t)op->msg;
		s->len = 1;
		s->msg_flags = (unsigned)op->flags | MSG_NOSIGNAL;
		return;
	default:
		s->opcode = IORING_OP_POLL_ADD;
		s->poll32_events = io_kind_reads(op->kind) ? POLLIN : POLLOUT;
		return;
	}
}

/* Tried at once, outside the ring: what nearly always succeeds, and what the ring has no op for. */
static bool tries_first(const struct io_op *op)
{
	return op->nowait || (op->kind != IO_ACCEPT && op->kind != IO_RECV && op->kind != IO_RECVMSG);
}

static bool queue_op(struct uring_io *u, struct io_op *op)
{
	uint64_t tag;
	if (!slot_take(u, op, &tag))
		return false;
	struct io_uring_sqe *s = sqe_take(u);
	prepare(u, s, op);
	s->user_data = tag;
	return true;
}

static bool uring_submit(struct io *io, struct io_op *op)
{
	struct uring_io *u = of(io);
	op->io = io;
	if (io_kind_pooled(op->kind))
		return !pier_io_pool_submit(io, op);
	struct port *p = port_of(u, op->fd);
	op->result = -ENOMEM;
	if (!p)
		return true;
	struct line *l = line_of(p, op);
	if (!l->first && tries_first(op)) {
		op->result = pier_io_perform(io, op);
		if (op->result != IO_WAIT)
			return true;
	} else if (op->nowait) {
		op->result = -EAGAIN;
		return true;
	}
	op->slot = UINT32_MAX;
	op->result = -ENOMEM;
	if (!l->first && !queue_op(u, op))
		return true;
	line_push(l, op);
	return false;
}

/* An op has left its line: the next one's turn has come. What can be done at once, is. */
static void next_in_line(struct uring_io *u, struct line *l)
{
	struct io_op *op;
	while ((op = l->first) && op->slot == UINT32_MAX) {
		int64_t result = tries_first(op) ? pier_io_perform(&u->io, op) : IO_WAIT;
		if (result == IO_WAIT) {
			if (queue_op(u, op))
				return;
			result = -ENOMEM;
		}
		line_remove(l, op);
		pier_io_end(&u->io, op, result);
	}
}

static void uring_cancel(struct io *io, struct io_op *op)
{
	struct uring_io *u = of(io);
	if (io_kind_pooled(op->kind)) {
		if (pier_io_pool_abandon(op))
			pier_io_end(io, op, -ECANCELED);
		return;
	}
	if (op->slot == UINT32_MAX) { /* the kernel does not know it yet */
		line_remove(line_of(u->ports[op->fd], op), op);
		pier_io_end(io, op, -ECANCELED);
		return;
	}
	if (op->slot >= u->slot_room || u->slots[op->slot].op != op)
		return; /* its completion is here already */
	struct io_uring_sqe *s = sqe_take(u);
	s->opcode = IORING_OP_ASYNC_CANCEL;
	s->addr = (uint64_t)u->slots[op->slot].generation << 32 | (op->slot + TAG_SLOTS);
	s->user_data = TAG_NOTHING;
	s->flags = IOSQE_CQE_SKIP_SUCCESS;
}

/* ---- Completing ---------------------------------------------------------------------------------- */

/* The buffer that came with the bytes is the receiver's now; another takes its place in the ring. */
static void take_buf(struct uring_io *u, struct io_op *op, const struct io_uring_cqe *c)
{
	uint16_t id = (uint16_t)(c->flags >> IORING_CQE_BUFFER_SHIFT);
	if (c->res > 0) {
		op->mem.at = u->bufs[id];
		u->bufs[id] = NULL;
	}
	if (offer_buf(u, id))
		publish_bufs(u);
}

static bool by_poll(const struct io_op *op)
{
	return op->kind != IO_ACCEPT && op->kind != IO_RECV && op->kind != IO_RECVMSG &&
	       op->kind != IO_SENDMSG;
}

/* True when the op has to go round again. */
static bool goes_on(struct uring_io *u, struct io_op *op, const struct io_uring_cqe *c, int64_t *result)
{
	*result = c->res;
	if (by_poll(op) && c->res >= 0) {
		*result = pier_io_perform(&u->io, op);
		return *result == IO_WAIT;
	}
	return c->res == -ENOBUFS && op->kind == IO_RECV && !op->mem.at;
}

static void complete(struct uring_io *u, const struct io_uring_cqe *c)
{
	uint32_t i = (uint32_t)c->user_data - TAG_SLOTS;
	if (i >= u->slot_room || u->slots[i].generation != (uint32_t)(c->user_data >> 32))
		return;
	struct io_op *op = u->slots[i].op;
	int64_t result;

	struct port *p = u->ports[op->fd];

	slot_give(u, i);
	if (op->kind == IO_RECV)
		p->nothing_left = !(c->flags & IORING_CQE_F_SOCK_NONEMPTY);
	if (c->flags & IORING_CQE_F_BUFFER)
		take_buf(u, op, c);
	if (goes_on(u, op, c, &result)) {
		if (queue_op(u, op))
			return;
		result = -ENOMEM;
	}
	struct line *l = line_of(p, op);
	line_remove(l, op);
	pier_io_end(&u->io, op, result == -EINTR ? -ECANCELED : result);
	next_in_line(u, l);
}

static void reap(struct uring_io *u)
{
	unsigned head = *u->cq_head;
	unsigned tail = __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE);
	while (head != tail) {
		struct io_uring_cqe c = u->cqes[head++ & u->cq_mask];
		__atomic_store_n(u->cq_head, head, __ATOMIC_RELEASE);
		if (c.user_data == TAG_MAIL) {
			if (!(c.flags & IORING_CQE_F_MORE))
				listen_for_mail(u);
		} else if (c.user_data >= TAG_SLOTS) {
			complete(u, &c);
		}
		if (head == tail)
			tail = __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE);
	}
}

static bool has_completions(struct uring_io *u)
{
	return *u->cq_head != __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE);
}

/* One system call a turn: submits all, waits if there is nothing else to do, brings what is complete. */
static void turn(struct uring_io *u, int64_t ns)
{
	struct __kernel_timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	struct io_uring_getevents_arg arg = {.ts = ns == INT64_MAX ? 0 : (uintptr_t)&t};
	unsigned submit = unsubmitted(u);

	tell_tail(u);
	if (ns > 0)
		enter(u, submit, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof arg);
	else
		enter(u, submit, 0, IORING_ENTER_GETEVENTS, NULL, 0);
}

static void uring_wait(struct io *io, int64_t deadline)
{
	struct uring_io *u = of(io);
	int64_t ns = 0;

	io->now = pier_io_clock();
	if (!io->ended && deadline > io->now && !has_completions(u)) {
		atomic_store(&io->mail.asleep, true);
		if (!pier_io_has_mail(io))
			ns = deadline == INT64_MAX ? INT64_MAX : deadline - io->now;
	}
	turn(u, ns);
	atomic_store(&io->mail.asleep, false);
	if (ns)
		io->now = pier_io_clock();
	reap(u);
	pier_io_deliver(io);
}

static void uring_close_fd(struct io *io, int fd)
{
	struct uring_io *u = of(io);
	/* What was asked and not yet submitted must not meet the number's next owner. */
	if (unsubmitted(u)) {
		tell_tail(u);
		enter(u, unsubmitted(u), 0, 0, NULL, 0);
	}
	if ((size_t)fd < u->port_room && u->ports[fd]) {
		assert(!u->ports[fd]->in.first && !u->ports[fd]->out.first);
		u->ports[fd]->nothing_left = false;
	}
	close(fd);
}

static void uring_close(struct io *io)
{
	struct uring_io *u = of(io);
	while (pier_io_deliver(io))
		;
	if (u->sqes)
		munmap(u->sqes, u->sq_entries * sizeof(struct io_uring_sqe));
	if (u->rings)
		munmap(u->rings, u->rings_size);
	if (u->ring >= 0)
		close(u->ring);
	if (u->buf_ring)
		munmap(u->buf_ring, BUFS * sizeof(struct io_uring_buf));
	for (unsigned i = 0; i < BUFS; i++)
		pier_io_buf_give(io, u->bufs[i]);
	for (size_t i = 0; i < u->port_room; i++)
		free(u->ports[i]);
	free(u->ports);
	free(u->slots);
	pier_io_done(io);
	free(u);
}

#else /* kernel headers older than 6.1 */

static int uring_open(struct io **out)
{
	(void)out;
	return -ENOSYS;
}

#define uring_submit   NULL
#define uring_cancel   NULL
#define uring_wait     NULL
#define uring_close_fd NULL
#define uring_close    NULL

#endif

const struct io_backend pier_io_uring = {
	.name = "uring",
	.open = uring_open,
	.submit = uring_submit,
	.cancel = uring_cancel,
	.wait = uring_wait,
	.close_fd = uring_close_fd,
	.close = uring_close,
};
