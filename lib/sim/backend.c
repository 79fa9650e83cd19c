/* The backend of a simulated thread: an op is tried at once, or, where the seed likes that better, a little later; what
 * has to wait is tried again when its sock has news; what has ended is delivered by the next wait, or by one of the next,
 * so that a deadline may come between an end and its delivery. */
#include "sim/disk/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#define ASK_TAKES     PIER_MS(5)  /* a look-up, a file, work: at most */
#define KICK_WITHIN   PIER_US(50) /* an op that is not tried at once */
#define OPS_IN_VAIN   8		  /* of so many that could fail, one does */
#define SENDFILE_ONCE 65536

struct sim_io {
	struct io io;
	struct io_op *late, **late_last; /* ended, not yet seen */
};

/* A pooled op under way. */
struct ask {
	struct event event;
	struct list link;
	struct node *node;
	struct io_op *op;
};

static struct sim_io *of(struct io *io)
{
	return (struct sim_io *)io;
}

struct io *pier_sim_io_new(void)
{
	struct sim_io *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	pier_io_init(&s->io, &pier_io_sim);
	s->late_last = &s->late;
	return &s->io;
}

static int sim_open(struct io **out)
{
	struct io *io = pier_sim_io_new();
	if (io)
		*out = io;
	return io ? 0 : -ENOMEM;
}

void pier_sim_io_end(struct io_op *op, int64_t result)
{
	struct sim_io *s = of(op->io);
	op->result = result;
	op->next = NULL;
	*s->late_last = op;
	s->late_last = &op->next;
}

bool pier_sim_io_news(struct io *io)
{
	return of(io)->late || io->ended || pier_io_has_mail(io);
}

/* ---- One try ------------------------------------------------------------------------------------- */

static int64_t receive(struct io *io, struct sock *s, struct io_op *op)
{
	void *at = op->mem.at;
	size_t room = op->mem.len;
	if (!at) {
		at = pier_io_buf_take(io);
		room = IO_BUF_SIZE;
		if (!at)
			return -ENOMEM;
	}
	struct iovec iov = {at, room};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int64_t n = pier_sim_receive(s, &msg, op->flags);
	if (!op->mem.at && n > 0)
		op->mem.at = at;
	else if (!op->mem.at)
		pier_io_buf_give(io, at);
	return n;
}

static int64_t many(struct sock *s, struct io_op *op)
{
	unsigned done = 0;
	int64_t n = 0;
	for (; done < op->batch.count; done++) {
		struct mmsghdr *m = &op->batch.at[done];
		n = op->kind == IO_RECVMMSG ? pier_sim_receive(s, &m->msg_hdr, op->flags)
					    : pier_sim_send(s, &m->msg_hdr, op->flags);
		if (n < 0)
			break;
		m->msg_len = (unsigned)n;
	}
	return done ? done : n;
}

static int64_t send_file(struct io *io, struct sock *s, struct io_op *op)
{
	static char block[SENDFILE_ONCE];
	size_t len = op->file.len < sizeof block ? op->file.len : sizeof block;
	struct io_op in = {.kind = IO_PREAD, .fd = op->file.fd2};
	in.file.at = block;
	in.file.len = len;
	in.file.offset = op->file.offset;
	int64_t n;
	if (!pier_disk_answer(s->node, &in, &n))
		n = pier_io_perform(io, &in);
	struct iovec iov = {block, n > 0 ? (size_t)n : 0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	return n <= 0 ? n : pier_stream_send(s, &msg);
}

static int64_t read_signal(struct sock *s, struct io_op *op)
{
	struct signalfd_siginfo info = {0};
	struct chunk *c = s->came.first;
	if (op->mem.len < sizeof info || !op->mem.at)
		return -EINVAL;
	if (!c)
		return -EAGAIN;
	info.ssi_signo = (uint32_t)c->data[0];
	free(pier_chunks_pop(&s->came));
	memcpy(op->mem.at, &info, sizeof info);
	return sizeof info;
}

static bool readable(const struct sock *s)
{
	return s->first || s->came.first || s->ended || s->error || s->shut_in ||
	       s->state == SOCK_BROKEN;
}

static int64_t once(struct io *io, struct sock *s, struct io_op *op)
{
	switch (op->kind) {
	case IO_ACCEPT:
		return pier_stream_accept(s, op);
	case IO_RECV:
		return receive(io, s, op);
	case IO_READ:
		return s->is_signals ? read_signal(s, op) : receive(io, s, op);
	case IO_RECVMSG:
		return pier_sim_receive(s, op->msg, op->flags);
	case IO_RECVMMSG:
	case IO_SENDMMSG:
		return many(s, op);
	case IO_POLL_IN:
		return readable(s) ? 1 : -EAGAIN;
	case IO_CONNECT:
		return pier_stream_connect(s, op);
	case IO_SENDMSG:
	case IO_WRITEV:
		return pier_sim_send(s, op->msg, op->flags);
	case IO_SENDFILE:
		return send_file(io, s, op);
	default:
		return -EINVAL;
	}
}

static int64_t try(struct io *io, struct sock *s, struct io_op *op)
{
	int64_t result = s->file ? pier_disk_once(io, s, op) : once(io, s, op);
	return result == -EAGAIN && !op->nowait ? IO_WAIT : result;
}

/* ---- Waiting for a sock -------------------------------------------------------------------------- */

static struct ops *side_of(struct sock *s, const struct io_op *op)
{
	return io_kind_reads(op->kind) ? &s->in : &s->out;
}

static void push(struct ops *q, struct io_op *op)
{
	op->next = NULL;
	*q->last = op;
	q->last = &op->next;
}

static bool take_out(struct ops *q, struct io_op *op)
{
	for (struct io_op **at = &q->first; *at; at = &(*at)->next) {
		if (*at != op)
			continue;
		*at = op->next;
		if (q->last == &op->next)
			q->last = at;
		return true;
	}
	return false;
}

/* What is tried may bring news to its own sock, when both ends are here: it must not be tried again within. */
static void retry(struct sock *s, struct ops *q)
{
	struct io_op *op;
	if (q->trying) {
		q->again = true;
		return;
	}
	q->trying = true;
	while ((op = q->first)) {
		q->again = false;
		int64_t result = try(op->io, s, op);
		if (result == IO_WAIT && !q->again)
			break;
		if (result == IO_WAIT)
			continue;
		take_out(q, op);
		pier_sim_io_end(op, result);
	}
	q->trying = false;
}

static void kicked(struct event *e)
{
	struct sock *s = list_item(e, struct sock, kick);
	retry(s, &s->in);
	retry(s, &s->out);
}

static void kick(struct sock *s, int64_t later)
{
	s->kick.fire = kicked;
	s->kick.flying = true;
	if (!s->kick.at.place)
		pier_event_at(&s->kick, pier_world->now + later);
}

/* Ops that wait are tried while the news comes in, or, where nothing is left to chance, once who brings it waits itself:
 * then a batch takes all that has come. */
void pier_sim_sock_room(struct sock *s)
{
	if (pier_world->o.whole && s->out.first)
		kick(s, 0);
	else
		retry(s, &s->out);
}

void pier_sim_sock_news(struct sock *s)
{
	if (pier_world->o.whole && (s->in.first || s->out.first)) {
		kick(s, 0);
		return;
	}
	retry(s, &s->in);
	retry(s, &s->out);
}

/* io_uring says so of any op when it finds no memory to remember it in. */
static bool finds_no_memory(void)
{
	return pier_chance_of(pier_world->faults) && pier_chance(OPS_IN_VAIN) == 0;
}

static bool submit_sock(struct io *io, struct sock *s, struct io_op *op)
{
	struct ops *q = side_of(s, op);
	if (finds_no_memory()) {
		op->result = -ENOMEM;
		return true;
	}
	bool later = pier_world->late && !op->nowait && pier_chance(2);
	op->result = q->first ? IO_WAIT : later ? IO_WAIT : try(io, s, op);
	if (q->first && op->nowait)
		op->result = -EAGAIN;
	if (op->result != IO_WAIT)
		return true;
	push(q, op);
	if (later)
		kick(s, (int64_t)pier_chance(KICK_WITHIN));
	return false;
}

/* ---- What other threads would do ----------------------------------------------------------------- */

static int64_t answer(struct io_op *op)
{
	pier_addrs found = {0};
	int64_t result;
	if (pier_disk_answer(pier_node_self(), op, &result))
		return result;
	if (op->kind != IO_LOOKUP)
		return pier_io_perform(op->io, op);
	if (op->lookup.question)
		return pier_names_ask(op->lookup.question, op->lookup.answer);
	int err = pier_names_look_up(op->lookup.host, op->lookup.port, op->lookup.passive, &found);
	if (err == 0)
		*op->lookup.out = found;
	return err;
}

/* The node that asks is met as the one that runs. */
static int64_t answer_at(struct io_op *op, struct node *n)
{
	struct pier_sim *w = pier_world;
	struct task at = {.node = n}, *was = w->task;
	w->task = &at;
	int64_t result = answer(op);
	w->task = was;
	return result;
}

static void end_ask(struct ask *a, int64_t result)
{
	struct io_op *op = a->op;
	list_remove(&a->link);
	free(a);
	pier_sim_io_end(op, result);
}

static void *call(void *arg)
{
	struct ask *a = arg;
	end_ask(a, a->op->call.fn(a->op->call.arg));
	return NULL;
}

/* Work is a thread like others: what it asks the node's kernel may take time. */
static void answered(struct event *e)
{
	struct ask *a = (struct ask *)e;
	if (a->op->kind != IO_CALL) {
		end_ask(a, answer_at(a->op, a->node));
		return;
	}
	struct task *t = pier_task_start(a->node, call, a);
	if (t)
		t->detached = true;
	else
		end_ask(a, -ENOMEM);
}

static bool submit_ask(struct io_op *op)
{
	struct ask *a = calloc(1, sizeof *a);
	op->result = -ENOMEM;
	if (!a)
		return true;
	a->op = op;
	a->node = pier_node_self();
	a->event.fire = answered;
	a->event.flying = true;
	list_push(&a->node->asks, &a->link);
	int64_t takes = (int64_t)pier_chance(ASK_TAKES);
	if (op->kind == IO_LOOKUP)
		takes += pier_world->names_take;
	pier_event_at(&a->event, pier_world->now + takes);
	return false;
}

static void forget_ask(struct ask *a)
{
	pier_event_drop(&a->event);
	list_remove(&a->link);
	free(a);
}

void pier_sim_io_forget_asks(struct node *n)
{
	while (!list_empty(&n->asks))
		forget_ask(list_item(n->asks.next, struct ask, link));
}

/* A look-up alone can be left: backend.h. */
static void cancel_ask(struct io_op *op)
{
	struct list *all = &pier_node_self()->asks;
	for (struct list *l = all->next; op->kind == IO_LOOKUP && l != all; l = l->next) {
		struct ask *a = list_item(l, struct ask, link);
		if (a->op != op)
			continue;
		forget_ask(a);
		pier_sim_io_end(op, -ECANCELED);
		return;
	}
}

/* ---- The backend --------------------------------------------------------------------------------- */

/* A real descriptor in a simulation is a file, or stdio: what would wait there would stop the clock. */
static bool submit_real(struct io *io, struct io_op *op)
{
	op->result = op->fd >= IO_FD_SIMULATED ? -EBADF : pier_io_perform(io, op);
	if (op->result == IO_WAIT)
		op->result = -ENOTSUP;
	return true;
}

static bool sim_submit(struct io *io, struct io_op *op)
{
	op->io = io;
	if (io_kind_pooled(op->kind))
		return submit_ask(op);
	struct sock *s = pier_sim_sock_find(op->fd);
	return s ? submit_sock(io, s, op) : submit_real(io, op);
}

static void sim_cancel(struct io *io, struct io_op *op)
{
	(void)io;
	if (io_kind_pooled(op->kind)) {
		cancel_ask(op);
		return;
	}
	struct sock *s = pier_sim_sock_find(op->fd);
	if (s && take_out(side_of(s, op), op))
		pier_sim_io_end(op, -ECANCELED);
}

static unsigned below(unsigned n)
{
	return (unsigned)pier_chance(n);
}

/* All that have ended, or the first of them, or none yet: whoever waits for one may run out of time meanwhile. */
static void see(struct sim_io *s)
{
	struct io_op *op;
	while ((op = s->late) && pier_chance(4)) {
		s->late = op->next;
		if (!s->late)
			s->late_last = &s->late;
		pier_io_end(&s->io, op, op->result);
	}
}

static void sim_wait(struct io *io, int64_t deadline)
{
	io->now = io->asked = pier_world->now;
	pier_task_wait(io, deadline);
	io->now = pier_world->now;
	see(of(io));
	pier_io_deliver(io);
	struct worker *w = pier_worker_self();
	if (w)
		pier_worker_shuffle(w, below);
}

static void sim_leave_fd(struct io *io, int fd)
{
	(void)io;
	(void)fd;
}

static void sim_close_fd(struct io *io, int fd)
{
	(void)io;
	pier_io_close(fd);
}

static void sim_close(struct io *io)
{
	while (of(io)->late || pier_io_has_mail(io) || io->ended) {
		see(of(io));
		pier_io_deliver(io);
	}
	pier_io_done(io);
	free(of(io));
}

const struct io_backend pier_io_sim = {
	.name = "sim",
	.open = sim_open,
	.submit = sim_submit,
	.cancel = sim_cancel,
	.wait = sim_wait,
	.leave_fd = sim_leave_fd,
	.close_fd = sim_close_fd,
	.close = sim_close,
};
