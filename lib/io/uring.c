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
#include "ring.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef IORING_SETUP_DEFER_TASKRUN

#define SLOTS_FIRST 256

enum {
	TAG_NOTHING = 0,
	TAG_MAIL = 1,
	TAG_SLOTS = 2
}; /* user_data below the generation */

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
	struct ring ring;
	void *bufs[RING_BUFS]; /* by number: what the kernel may fill */
	struct slot *slots;
	uint32_t slot_room, slot_free;
	struct port **ports; /* by descriptor */
	size_t port_room;
};

static struct uring_io *of(struct io *io)
{
	return (struct uring_io *)io;
}

/* ---- Opening ------------------------------------------------------------------------------------- */

static void reap(struct uring_io *u);

/* Completions that have run over the ring stop it from taking entries: they are made room for. */
static struct io_uring_sqe *entry(struct uring_io *u)
{
	struct io_uring_sqe *s;
	while (!(s = pier_ring_entry(&u->ring))) {
		pier_ring_turn(&u->ring, 0);
		reap(u);
	}
	return s;
}

static bool offer(struct uring_io *u, uint16_t id)
{
	if (!u->bufs[id] && !(u->bufs[id] = pier_io_buf_take(&u->io)))
		return false;
	pier_ring_offer(&u->ring, id, u->bufs[id], IO_BUF_SIZE);
	return true;
}

/* Mail wakes the ring through its eventfd: each write is one completion, and the count is never read. */
static void listen_for_mail(struct uring_io *u)
{
	struct io_uring_sqe *s = entry(u);
	s->opcode = IORING_OP_POLL_ADD;
	s->fd = u->io.mail.eventfd;
	s->poll32_events = POLLIN;
	s->len = IORING_POLL_ADD_MULTI;
	s->user_data = TAG_MAIL;
}

static int start(struct uring_io *u)
{
	int err = pier_ring_open(&u->ring);
	if (err == 0)
		u->io.waits_on = u->ring.fd;
	if (err == 0)
		err = pier_io_mail_open(&u->io);
	for (uint16_t i = 0; err == 0 && i < RING_BUFS; i++)
		if (!offer(u, i))
			err = -ENOMEM;
	if (err == 0)
		listen_for_mail(u);
	return err;
}

static void uring_close(struct io *io)
{
	struct uring_io *u = of(io);
	while (pier_io_deliver(io))
		;
	pier_ring_close(&u->ring);
	for (unsigned i = 0; i < RING_BUFS; i++)
		pier_io_buf_give(io, u->bufs[i]);
	for (size_t i = 0; i < u->port_room; i++)
		free(u->ports[i]);
	free(u->ports);
	free(u->slots);
	pier_io_done(io);
	free(u);
}

static int uring_open(struct io **out)
{
	struct uring_io *u = calloc(1, sizeof *u);
	if (!u)
		return -ENOMEM;
	pier_io_init(&u->io, &pier_io_uring);
	u->ring.fd = -1;
	u->slot_free = UINT32_MAX;
	int err = start(u);
	if (err < 0) {
		uring_close(&u->io);
		return err;
	}
	*out = &u->io;
	return 0;
}

/* ---- Submitting ---------------------------------------------------------------------------------- */

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
		s->msg_flags = (unsigned)op->flags;
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

/* One call, outside the ring. */
static int64_t perform(struct uring_io *u, struct io_op *op)
{
	op->result = pier_io_perform(&u->io, op);
	if (op->kind == IO_RECVMMSG)
		u->ports[op->fd]->nothing_left = io_batch_emptied(op);
	return op->result;
}

/* Tried at once, outside the ring: what nearly always succeeds, and what the ring has no op for. */
static bool tries_first(const struct port *p, const struct io_op *op)
{
	if (op->nowait)
		return true;
	if (op->kind == IO_RECVMMSG)
		return !p->nothing_left;
	return op->kind != IO_ACCEPT && op->kind != IO_RECV && op->kind != IO_RECVMSG;
}

static bool queue_op(struct uring_io *u, struct io_op *op)
{
	uint64_t tag;
	if (!slot_take(u, op, &tag))
		return false;
	struct io_uring_sqe *s = entry(u);
	prepare(u, s, op);
	s->user_data = tag;
	return true;
}

static bool uring_submit(struct io *io, struct io_op *op)
{
	struct uring_io *u = of(io);
	op->io = io;
	op->unwanted = false;
	if (io_kind_pooled(op->kind))
		return !pier_io_pool_submit(io, op);
	struct port *p = port_of(u, op->fd);
	op->result = -ENOMEM;
	if (!p)
		return true;
	struct line *l = line_of(p, op);
	if (!l->first && tries_first(p, op)) {
		if (perform(u, op) != IO_WAIT)
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
		int64_t result = tries_first(u->ports[op->fd], op) ? perform(u, op) : IO_WAIT;
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
	op->unwanted =
		true; /* it may be complete in the kernel, and have found that it must wait again */
	struct io_uring_sqe *s = entry(u);
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
	offer(u, id);
}

static bool by_poll(const struct io_op *op)
{
	return op->kind != IO_ACCEPT && op->kind != IO_RECV && op->kind != IO_RECVMSG &&
	       op->kind != IO_SENDMSG;
}

/* True when the op has to go round again. */
static bool goes_on(struct uring_io *u, struct io_op *op, const struct io_uring_cqe *c,
		    int64_t *result)
{
	*result = c->res;
	if (by_poll(op) && c->res >= 0) {
		*result = perform(u, op);
		return *result == IO_WAIT;
	}
	bool again = c->res == -ENOBUFS && op->kind == IO_RECV && !op->mem.at;
	if (again)
		count_add(&u->io.counts.no_buffer, 1);
	return again;
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
		if (!op->unwanted && queue_op(u, op))
			return;
		result = op->unwanted ? -ECANCELED : -ENOMEM;
	}
	struct line *l = line_of(p, op);
	line_remove(l, op);
	pier_io_end(&u->io, op, result == -EINTR ? -ECANCELED : result);
	next_in_line(u, l);
}

static void reap(struct uring_io *u)
{
	struct io_uring_cqe c;
	while (pier_ring_completion(&u->ring, &c)) {
		if (c.user_data >= TAG_SLOTS)
			complete(u, &c);
		else if (c.user_data == TAG_MAIL && !(c.flags & IORING_CQE_F_MORE))
			listen_for_mail(u);
	}
}

static void uring_wait(struct io *io, int64_t deadline)
{
	struct uring_io *u = of(io);
	int64_t ns = 0;

	io->now = io->asked = pier_io_clock();
	if (!io->ended && deadline > io->now && !pier_ring_has_completions(&u->ring)) {
		atomic_store(&io->mail.asleep, true);
		if (!pier_io_has_mail(io))
			ns = deadline == INT64_MAX ? INT64_MAX : deadline - io->now;
	}
	pier_ring_turn(&u->ring, ns);
	atomic_store(&io->mail.asleep, false);
	if (ns)
		io->now = pier_io_clock();
	reap(u);
	pier_io_deliver(io);
}

static void uring_leave_fd(struct io *io, int fd)
{
	struct uring_io *u = of(io);
	/* What was asked and is not yet submitted must not meet the number's next owner. */
	pier_ring_submit(&u->ring);
	if ((size_t)fd < u->port_room && u->ports[fd]) {
		assert(!u->ports[fd]->in.first && !u->ports[fd]->out.first);
		u->ports[fd]->nothing_left = false;
	}
}

static void uring_close_fd(struct io *io, int fd)
{
	uring_leave_fd(io, fd);
	close(fd);
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
#define uring_leave_fd NULL
#define uring_close_fd NULL
#define uring_close    NULL

#endif

const struct io_backend pier_io_uring = {
	.name = "uring",
	.open = uring_open,
	.submit = uring_submit,
	.cancel = uring_cancel,
	.wait = uring_wait,
	.leave_fd = uring_leave_fd,
	.close_fd = uring_close_fd,
	.close = uring_close,
};
