/* The io_uring backend: ops go to the kernel together, once per turn, and come back as completions.
 *
 * - One ring a worker, SINGLE_ISSUER and DEFER_TASKRUN: completions are made when this thread asks for them,
 *   not by interrupting it (Linux 6.1).
 * - A receive holds no memory while it waits: the kernel takes a buffer of ours when bytes come (PBUF_RING).
 * - Sends go with the turn's one system call, unless the fibers of a turn take long.
 * - user_data is a slot and its generation, never a pointer: what the kernel says late or twice is dropped.
 * - What has no op of its own worth using (pipes, sendfile) waits by POLL_ADD and is then done by perform.c.
 *
 * Raw system calls, no liburing: docs/decisions/0008-io-uring.md. io_uring(7), io_uring_enter(2). */
#include "uring.h"

#include "entry.h"
#include "ports.h"
#include "slots.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef IORING_SETUP_DEFER_TASKRUN

#define TURN_LONG  1000000 /* ns: in a turn so long, what is said does not wait for its end */
#define SAID_SHORT 4096	   /* bytes: more often fills its socket up, and waits in the ring anyway */
#define CROWD	   4	   /* completions of a turn that surely did not sleep */

#define FEW_BUFS 4 /* a part of the ring's: with fewer it gets fresh ones */

/* What is fetched of ops before they are delivered. */
#define AHEAD	      32  /* ops */
#define OP_FETCHED    320 /* bytes: the op and what is above it on its stack */
#define OWNER_FETCHED 192
#define CACHE_LINE    64

enum {
	TAG_NOTHING = 0,
	TAG_MAIL = 1
}; /* user_data below SLOT_TAGS */

struct uring_io {
	struct io io;
	struct ring ring;
	void **bufs;	  /* by number: what the kernel may fill; NULL where one is lacking */
	uint16_t *vacant; /* the numbers of those … */
	unsigned lacking; /* … and how many */
	struct slots slots;
	uint32_t turn;
	bool crowd;	/* the turn brought many completions */
	bool slow_turn; /* the last one's fibers took long */
	struct ports ports;
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

/* Gives the kernel buffers for the vacant numbers: those that have come back, and fresh memory while more than `most`
 * are lacking. */
static void refill(struct uring_io *u, unsigned most)
{
	void *buf;
	while (u->lacking && (u->io.bufs.free || u->lacking > most) &&
	       (buf = pier_io_buf_take(&u->io))) {
		uint16_t id = u->vacant[--u->lacking];
		u->bufs[id] = buf;
		pier_ring_offer(&u->ring, id, buf, IO_BUF_SIZE);
	}
}

/* Who has read gives back a buffer soon. If a burst took fresh ones first, twice of what it needs would stay. */
static void refill_lazily(struct uring_io *u)
{
	refill(u, u->ring.bufs_count - u->ring.bufs_count / FEW_BUFS);
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

static int start(struct uring_io *u, const struct ring_shape *shape)
{
	int err = pier_ring_open(&u->ring, shape);
	if (err == 0)
		u->io.waits_on = u->ring.fd;
	if (err == 0)
		err = pier_io_mail_open(&u->io);
	if (err < 0)
		return err;
	u->bufs = calloc(shape->bufs, sizeof(*u->bufs));
	u->vacant = malloc(shape->bufs * sizeof(*u->vacant));
	if (!u->bufs || !u->vacant)
		return -ENOMEM;
	while (u->lacking < shape->bufs) {
		u->vacant[u->lacking] = (uint16_t)u->lacking;
		u->lacking++;
	}
	refill(u, 0);
	if (u->lacking)
		return -ENOMEM;
	listen_for_mail(u);
	return 0;
}

static void uring_close(struct io *io)
{
	struct uring_io *u = of(io);
	while (pier_io_deliver(io))
		;
	unsigned bufs = u->bufs ? u->ring.bufs_count : 0;
	pier_ring_close(&u->ring);
	for (unsigned i = 0; i < bufs; i++)
		pier_io_buf_give(io, u->bufs[i]);
	free(u->bufs);
	free(u->vacant);
	free(u->ports.at);
	free(u->slots.at);
	pier_io_done(io);
	free(u);
}

int pier_uring_open_shaped(const struct ring_shape *shape, struct io **out)
{
	struct uring_io *u = calloc(1, sizeof *u);
	if (!u)
		return -ENOMEM;
	pier_io_init(&u->io, &pier_io_uring);
	u->ring.fd = -1;
	u->slots.free = SLOT_NONE;
	int err = start(u, shape);
	if (err < 0) {
		uring_close(&u->io);
		return err;
	}
	*out = &u->io;
	return 0;
}

static int uring_open(struct io **out)
{
	return pier_uring_open_shaped(&pier_ring_usual, out);
}

/* ---- Submitting ---------------------------------------------------------------------------------- */

static bool is_short(const struct msghdr *msg)
{
	size_t len = 0;
	for (size_t i = 0; i < (size_t)msg->msg_iovlen && len <= SAID_SHORT; i++)
		len += msg->msg_iov[i].iov_len;
	return len <= SAID_SHORT;
}

/* An answer goes with those of others in the turn's one system call. What is short and follows another send, or
 * has no company, is cheaper by itself; and nobody waits for the end of a turn whose fibers take long. */
static bool sends_now(const struct uring_io *u, struct port *p, const struct io_op *op)
{
	bool alone = p->said || !u->crowd;
	p->said = true;
	return u->slow_turn || (alone && is_short(op->msg));
}

/* Tried at once, outside the ring: what the ring has no op for, some sends, and a backlog, of which the ring
 * would give one a turn. */
static bool tries_first(const struct uring_io *u, struct port *p, const struct io_op *op)
{
	if (op->kind == IO_RECVMMSG && !op->nowait)
		return !p->nothing_left;
	if (op->nowait || entry_polls(op))
		return true;
	if (op->kind == IO_SENDMSG)
		return sends_now(u, p, op);
	return op->kind == IO_ACCEPT && p->more_wait;
}

/* One call, outside the ring. */
static int64_t perform(struct uring_io *u, struct port *p, struct io_op *op)
{
	op->result = pier_io_perform(&u->io, op);
	if (op->kind == IO_RECVMMSG)
		p->nothing_left = io_batch_emptied(op);
	else if (op->kind == IO_ACCEPT && op->result < 0)
		p->more_wait = false;
	return op->result;
}

static bool queue_op(struct uring_io *u, struct io_op *op)
{
	const struct port *p = &u->ports.at[op->fd];
	if (!slot_take(&u->slots, op, u->turn))
		return false;
	struct io_uring_sqe *s = entry(u);
	if (op->kind == IO_RECV && !op->mem.at)
		refill_lazily(u);
	pier_entry_fill(s, op, p->nothing_left && !p->prompt);
	s->user_data = slot_tag(&u->slots, op);
	return true;
}

static bool uring_submit(struct io *io, struct io_op *op)
{
	struct uring_io *u = of(io);
	op->io = io;
	op->unwanted = false;
	if (io_kind_pooled(op->kind))
		return !pier_io_pool_submit(io, op);
	struct port *p = port_make(&u->ports, op->fd);
	op->result = -ENOMEM;
	if (!p)
		return true;
	struct line *l = line_of(p, op);
	if (!l->last && !op->tried && tries_first(u, p, op)) {
		if (perform(u, p, op) != IO_WAIT)
			return true;
	} else if (op->nowait) {
		op->result = -EAGAIN;
		return true;
	}
	op->slot = SLOT_NONE;
	op->result = -ENOMEM;
	if (!l->last && !queue_op(u, op))
		return true;
	line_push(l, op);
	return false;
}

/* An op has left its line: the next one's turn has come. What can be done at once, is. */
static void next_in_line(struct uring_io *u, struct port *p, struct line *l)
{
	struct io_op *op;
	while ((op = line_first(l)) && op->slot == SLOT_NONE) {
		int64_t result = tries_first(u, p, op) ? perform(u, p, op) : IO_WAIT;
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
	if (op->slot == SLOT_NONE) { /* the kernel does not know it yet */
		line_remove(line_of(&u->ports.at[op->fd], op), op);
		pier_io_end(io, op, -ECANCELED);
		return;
	}
	if (!slot_holds(&u->slots, op))
		return; /* its completion is here already */
	/* It may be complete in the kernel, and have found that it must wait again. */
	op->unwanted = true;
	struct io_uring_sqe *s = entry(u);
	s->opcode = IORING_OP_ASYNC_CANCEL;
	s->addr = slot_tag(&u->slots, op);
	s->user_data = TAG_NOTHING;
	s->flags = IOSQE_CQE_SKIP_SUCCESS;
}

/* ---- Completing ---------------------------------------------------------------------------------- */

/* The buffer that came with the bytes is the receiver's now; another will take its place in the ring. */
static void take_buf(struct uring_io *u, struct io_op *op, const struct io_uring_cqe *c)
{
	uint16_t id = (uint16_t)(c->flags >> IORING_CQE_BUFFER_SHIFT);
	if (c->res <= 0) {
		pier_ring_offer(&u->ring, id, u->bufs[id], IO_BUF_SIZE);
		return;
	}
	op->mem.at = u->bufs[id];
	u->bufs[id] = NULL;
	u->vacant[u->lacking++] = id;
}

/* The kernel had no buffer left. By now there are others, unless memory is out. */
static int64_t without_buf(struct uring_io *u)
{
	count_add(&u->io.counts.no_buffer, 1);
	refill(u, 0);
	return u->lacking == u->ring.bufs_count ? -ENOMEM : IO_WAIT;
}

/* The result, or IO_WAIT when the op has to go round again. */
static int64_t result_of(struct uring_io *u, struct port *p, struct io_op *op,
			 const struct io_uring_cqe *c)
{
	if (op->kind == IO_POLL_IN && c->res > 0)
		return 1;
	if (entry_polls(op) && c->res >= 0)
		return perform(u, p, op);
	if (c->res == -ENOBUFS && op->kind == IO_RECV && !op->mem.at)
		return without_buf(u);
	return c->res == -EINTR ? -ECANCELED : c->res;
}

/* Whether the next receive is worth a try at once: one that the kernel answers in the turn that asks it found
 * its bytes there. A turn that slept tells nothing of that. */
static void learn(struct uring_io *u, struct port *p, const struct io_op *op, uint32_t asked,
		  const struct io_uring_cqe *c)
{
	bool more = c->flags & IORING_CQE_F_SOCK_NONEMPTY;
	if (op->kind == IO_RECV) {
		p->nothing_left = !more;
		p->said = false;
		p->prompt = u->crowd && asked + 1 == u->turn;
	} else if (op->kind == IO_ACCEPT) {
		p->more_wait = more; /* said since 6.10 */
	}
}

static void complete(struct uring_io *u, const struct io_uring_cqe *c)
{
	struct slot *slot = slot_of(&u->slots, c->user_data);
	if (!slot)
		return;
	struct io_op *op = slot->op;
	struct port *p = &u->ports.at[op->fd];

	learn(u, p, op, slot->turn, c);
	slot_give(&u->slots, op->slot);
	if (c->flags & IORING_CQE_F_BUFFER)
		take_buf(u, op, c);
	int64_t result = result_of(u, p, op, c);
	if (result == IO_WAIT) {
		if (!op->unwanted && queue_op(u, op))
			return;
		result = op->unwanted ? -ECANCELED : -ENOMEM;
	}
	struct line *l = line_of(p, op);
	line_remove(l, op);
	pier_io_end(&u->io, op, result);
	next_in_line(u, p, l);
}

/* Ops live on the stacks of those who wait, and with a thousand of them none is in the cache: those that are
 * next are fetched together. */
static void fetch_ahead(struct uring_io *u)
{
	struct io_op *ops[AHEAD];
	unsigned count = 0;
	const struct io_uring_cqe *c;
	for (unsigned i = 0; i < AHEAD && (c = ring_ahead(&u->ring, i)); i++) {
		struct slot *slot = slot_of(&u->slots, c->user_data);
		if (!slot)
			continue;
		for (size_t at = 0; at < OP_FETCHED; at += CACHE_LINE)
			__builtin_prefetch((char *)slot->op + at, 1);
		ops[count++] = slot->op;
	}
	for (unsigned i = 0; i < count; i++) {
		__builtin_prefetch(&u->ports.at[ops[i]->fd], 1);
		for (size_t at = 0; at < OWNER_FETCHED; at += CACHE_LINE)
			__builtin_prefetch((char *)ops[i]->owner + at, 1);
	}
}

static void reap(struct uring_io *u)
{
	struct io_uring_cqe c;
	u->crowd = ring_ahead(&u->ring, CROWD - 1);
	for (unsigned i = 0; pier_ring_completion(&u->ring, &c); i++) {
		if (i % AHEAD == 0)
			fetch_ahead(u);
		if (c.user_data >= SLOT_TAGS)
			complete(u, &c);
		else if (c.user_data == TAG_MAIL && !(c.flags & IORING_CQE_F_MORE))
			listen_for_mail(u);
	}
}

static void uring_wait(struct io *io, int64_t deadline)
{
	struct uring_io *u = of(io);
	int64_t ns = 0, began = io->now;

	io->now = io->asked = pier_io_clock();
	u->slow_turn = io->now - began > TURN_LONG;
	u->turn++;
	refill_lazily(u);
	if (!io->ended && deadline > io->now && !pier_ring_has_completions(&u->ring)) {
		atomic_store(&io->mail.asleep, true);
		if (!pier_io_has_mail(io))
			ns = deadline == INT64_MAX ? INT64_MAX : deadline - io->now;
	}
	pier_ring_turn(&u->ring, ns);
	atomic_store(&io->mail.asleep, false);
	io->now = pier_io_clock();
	reap(u);
	pier_io_deliver(io);
}

static void uring_leave_fd(struct io *io, int fd)
{
	struct uring_io *u = of(io);
	struct port *p = port_find(&u->ports, fd);
	if (!p)
		return;
	assert(!p->in.last && !p->out.last); /* so no entry that is yet to be submitted names it */
	p->nothing_left = p->prompt = p->more_wait = p->said = false;
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
	.fills_ahead = true,
	.open = uring_open,
	.submit = uring_submit,
	.cancel = uring_cancel,
	.wait = uring_wait,
	.leave_fd = uring_leave_fd,
	.close_fd = uring_close_fd,
	.close = uring_close,
};
