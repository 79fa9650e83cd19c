/* The epoll backend: completions, imitated. An op is tried at once; when the kernel says "not now" it
 * waits in its descriptor's slot, and each edge tries it again. A descriptor is registered once, for
 * both directions, edge-triggered, when something first has to wait for it: epoll(7). */
#include "backend.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Then fibers run: more buffers filled at once would fall out of the cache before they are read. */
#define EVENTS_ONCE 32
#define AHEAD	    8 /* events whose ops are looked at together */
#define HOUR_MS	    3600000
#define MAIL	    UINT64_MAX /* the tag of the eventfd */

struct waiting {
	struct io_op *first, **last;
};

struct slot {
	struct waiting in, out;
	uint32_t
		generation; /* of the descriptor's number: a late event of its predecessor is dropped */
	bool registered;
	bool hears_room; /* … for writing too, once something has waited for that */
	bool dry; /* the last receive took all there was, and no edge has come since: epoll(7), Q9 */
	/* An edge has told of the end, and there may be no other; or of urgent data, at which a receive stops short:
	 * dry says nothing. */
	bool ended;
};

struct epoll_io {
	struct io io;
	int epoll;
	struct slot *
		*slots; /* by descriptor; each in memory of its own, for its pointers into itself */
	size_t room;
};

static struct epoll_io *of(struct io *io)
{
	return (struct epoll_io *)io;
}

static void epoll_close(struct io *io);

static int epoll_open(struct io **out)
{
	struct epoll_io *e = calloc(1, sizeof *e);
	if (!e)
		return -ENOMEM;
	pier_io_init(&e->io, &pier_io_epoll);
	e->epoll = e->io.waits_on = epoll_create1(EPOLL_CLOEXEC);
	int err = e->epoll < 0 ? -errno : pier_io_mail_open(&e->io);
	struct epoll_event mail = {.events = EPOLLIN | EPOLLET, .data.u64 = MAIL};
	if (err == 0 && epoll_ctl(e->epoll, EPOLL_CTL_ADD, e->io.mail.eventfd, &mail) < 0)
		err = -errno;
	if (err < 0) {
		epoll_close(&e->io);
		return err;
	}
	*out = &e->io;
	return 0;
}

/* ---- Slots -------------------------------------------------------------------------------------- */

static struct slot *slot_make(struct epoll_io *e, int fd)
{
	size_t at = (size_t)fd;
	if (at >= e->room) {
		size_t room = e->room ? e->room : 64;
		while (room <= at)
			room *= 2;
		struct slot **slots = realloc(e->slots, room * sizeof(*slots));
		if (!slots)
			return NULL;
		memset(slots + e->room, 0, (room - e->room) * sizeof(*slots));
		e->slots = slots;
		e->room = room;
	}
	if (!e->slots[at]) {
		struct slot *s = calloc(1, sizeof *s);
		if (!s)
			return NULL;
		s->in.last = &s->in.first;
		s->out.last = &s->out.first;
		e->slots[at] = s;
	}
	return e->slots[at];
}

static struct slot *slot_find(const struct epoll_io *e, int fd)
{
	return (size_t)fd < e->room ? e->slots[fd] : NULL;
}

static struct waiting *side_of(struct slot *s, const struct io_op *op)
{
	return io_kind_reads(op->kind) ? &s->in : &s->out;
}

/* A datagram socket tells of room after each that has left, so nobody asks before it is missed. */
static int slot_register(struct epoll_io *e, struct slot *s, const struct io_op *op)
{
	bool room = s->hears_room || !io_kind_reads(op->kind);
	if (s->registered && room == s->hears_room)
		return 0;
	struct epoll_event ev = {.events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET |
					   (room ? EPOLLOUT : 0),
				 .data.u64 = (uint64_t)s->generation << 32 | (uint32_t)op->fd};
	if (epoll_ctl(e->epoll, s->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, op->fd, &ev) < 0)
		return -errno;
	s->registered = true;
	s->hears_room = room;
	return 0;
}

static void push(struct waiting *w, struct io_op *op)
{
	op->next = NULL;
	*w->last = op;
	w->last = &op->next;
}

static bool unlink_op(struct waiting *w, struct io_op *op)
{
	for (struct io_op **at = &w->first; *at; at = &(*at)->next) {
		if (*at == op) {
			*at = op->next;
			if (w->last == &op->next)
				w->last = at;
			return true;
		}
	}
	return false;
}

/* ---- Ops ---------------------------------------------------------------------------------------- */

/* A receive that did not fill its memory has emptied the stream: the next try would be in vain. */
static bool took_all(const struct slot *s, const struct io_op *op)
{
	size_t room = op->mem.len ? op->mem.len : IO_BUF_SIZE;
	if (op->kind == IO_RECVMMSG)
		return s->registered && !s->ended && io_batch_emptied(op);
	if (op->kind != IO_RECV)
		return io_kind_reads(op->kind) ? false : s->dry;
	return s->registered && !s->ended && op->result > 0 && (size_t)op->result < room;
}

static bool may_be_vain(const struct io_op *op)
{
	return (op->kind == IO_RECV || op->kind == IO_RECVMMSG) && !op->nowait;
}

static bool epoll_submit(struct io *io, struct io_op *op)
{
	op->io = io;
	if (io_kind_pooled(op->kind))
		return !pier_io_pool_submit(io, op);

	struct epoll_io *e = of(io);
	struct slot *s = slot_make(e, op->fd);
	if (!s) {
		op->result = -ENOMEM;
		return true;
	}
	struct waiting *w = side_of(s, op);
	if (!w->first && !op->tried && !(s->dry && may_be_vain(op))) {
		op->result = pier_io_perform(io, op);
		s->dry = took_all(s, op);
		if (op->result != IO_WAIT)
			return true;
	} else if (op->nowait) {
		op->result = -EAGAIN;
		return true;
	}
	int err = slot_register(e, s, op);
	if (err < 0) {
		op->result = err;
		return true;
	}
	push(w, op);
	return false;
}

static void epoll_cancel(struct io *io, struct io_op *op)
{
	if (io_kind_pooled(op->kind)) {
		if (pier_io_pool_abandon(op))
			pier_io_end(io, op, -ECANCELED);
		return;
	}
	struct slot *s = slot_find(of(io), op->fd);
	if (s && unlink_op(side_of(s, op), op))
		pier_io_end(io, op, -ECANCELED);
}

/* Edges tell that there is news, not how much: ops are tried in turn until one has to wait again. */
static void retry(struct io *io, struct slot *s, struct waiting *w)
{
	struct io_op *op;
	while ((op = w->first)) {
		int64_t result = op->result = pier_io_perform(io, op);
		if (w == &s->in)
			s->dry = took_all(s, op);
		if (result == IO_WAIT)
			return;
		w->first = op->next;
		if (!w->first)
			w->last = &w->first;
		pier_io_end(io, op, result);
	}
}

static void epoll_event(struct epoll_io *e, const struct epoll_event *ev)
{
	if (ev->data.u64 == MAIL)
		return; /* edge-triggered: each post makes a new edge, so the count need not be read */
	struct slot *s = slot_find(e, (int)(uint32_t)ev->data.u64);
	if (!s || s->generation != (uint32_t)(ev->data.u64 >> 32))
		return;
	if (ev->events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->ended = true;
	if (ev->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		s->dry = false;
		retry(&e->io, s, &s->in);
	}
	if (ev->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		retry(&e->io, s, &s->out);
}

/* An op lies on the stack of whoever waits, each in a page of its own; with a thousand conns those have long left the
 * TLB and the cache. Read one after the other the misses overlap; between system calls each would be waited for. It
 * must be a read: a prefetch that misses the TLB is dropped. */
static void look_ahead(const struct epoll_io *e, const struct epoll_event *ev, int n)
{
	for (int i = 0; i < n && i < AHEAD; i++) {
		const struct slot *s = slot_find(e, (int)(uint32_t)ev[i].data.u64);
		if (s && s->in.first)
			(void)*(const volatile enum io_kind *)&s->in.first->kind;
	}
}

static int sleep_for(struct epoll_io *e, struct epoll_event *events, int64_t ns)
{
	static atomic_bool lacks_pwait2;
	struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	bool forever = ns == INT64_MAX;

	if (!atomic_load_explicit(&lacks_pwait2, memory_order_relaxed)) {
		/* epoll_pwait2(2), for which musl has no name. */
		long n = syscall(SYS_epoll_pwait2, e->epoll, events, EVENTS_ONCE,
				 forever ? NULL : &t, NULL, (size_t)0);
		if (n >= 0 || errno != ENOSYS)
			return (int)n;
		atomic_store(&lacks_pwait2, true);
	}
	int64_t ms = ns / 1000000 + (ns % 1000000 > 0); /* up: a zero from truncation would spin */
	return epoll_wait(e->epoll, events, EVENTS_ONCE, ms > HOUR_MS ? HOUR_MS : (int)ms);
}

static void epoll_wait_for(struct io *io, int64_t deadline)
{
	struct epoll_io *e = of(io);
	struct epoll_event events[EVENTS_ONCE];
	int64_t ns = 0;

	io->now = io->asked = pier_io_clock();
	if (!io->ended && deadline > io->now) {
		atomic_store(&io->mail.asleep, true);
		if (!pier_io_has_mail(io))
			ns = deadline == INT64_MAX ? INT64_MAX : deadline - io->now;
	}
	int n = sleep_for(e, events, ns);
	atomic_store(&io->mail.asleep, false);
	if (ns)
		io->now = pier_io_clock();
	for (int i = 0; i < n; i++) {
		if (i % AHEAD == 0)
			look_ahead(e, &events[i], n - i);
		epoll_event(e, &events[i]);
	}
	pier_io_deliver(io);
}

static void epoll_leave_fd(struct io *io, int fd)
{
	struct epoll_io *e = of(io);
	struct slot *s = slot_find(e, fd);
	if (!s)
		return;
	assert(!s->in.first && !s->out.first);
	/* Else it would stay for as long as others hold the description: epoll(7), Q6. */
	if (s->registered)
		epoll_ctl(e->epoll, EPOLL_CTL_DEL, fd, NULL);
	s->generation++;
	s->registered = s->hears_room = s->dry = s->ended = false;
}

static void epoll_close_fd(struct io *io, int fd)
{
	epoll_leave_fd(io, fd);
	close(fd);
}

static void epoll_close(struct io *io)
{
	struct epoll_io *e = of(io);
	while (pier_io_deliver(io))
		;
	for (size_t i = 0; i < e->room; i++)
		free(e->slots[i]);
	free(e->slots);
	if (e->epoll >= 0)
		close(e->epoll);
	pier_io_done(io);
	free(e);
}

const struct io_backend pier_io_epoll = {
	.name = "epoll",
	.open = epoll_open,
	.submit = epoll_submit,
	.cancel = epoll_cancel,
	.wait = epoll_wait_for,
	.leave_fd = epoll_leave_fd,
	.close_fd = epoll_close_fd,
	.close = epoll_close,
};
