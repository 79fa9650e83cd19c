/* The blocking backend, for calls outside fibers: poll(2), then the call. Files and calls run where they
 * are asked; only names go to their pool, since no deadline could end them here. */
#include "kernel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define OPS_MAX	  64	   /* under way at once: a thread that blocks asks for one or two */
#define MAIL_LOOK 10000000 /* ns between two looks for mail that cannot wake us */
#define NEWS_LOOK 1	   /* ms: poll(2) keeps telling of an error that nobody fetches */
#define HOUR_MS	  3600000

struct block_io {
	struct io io;
	struct io_op *ops[OPS_MAX];
	unsigned count;
};

static struct block_io *of(struct io *io)
{
	return (struct block_io *)io;
}

static int block_open(struct io **out)
{
	struct block_io *b = calloc(1, sizeof *b);
	if (!b)
		return -ENOMEM;
	pier_io_init(&b->io, &pier_io_block);
	*out = &b->io;
	return 0;
}

/* True when one of the first `n` ops waits for the same side of the same descriptor: it comes first. */
static bool is_behind(const struct block_io *b, unsigned n, const struct io_op *op)
{
	for (unsigned i = 0; i < n; i++) {
		const struct io_op *first = b->ops[i];
		if (first->fd == op->fd && io_kind_reads(first->kind) == io_kind_reads(op->kind))
			return true;
	}
	return false;
}

static int64_t try_now(struct io *io, struct io_op *op)
{
	if (!io_kind_pooled(op->kind) && is_behind(of(io), of(io)->count, op))
		return op->nowait ? -EAGAIN : IO_WAIT;
	return pier_io_perform(io, op);
}

static bool block_submit(struct io *io, struct io_op *op)
{
	struct block_io *b = of(io);
	op->io = io;
	if (op->kind == IO_LOOKUP)
		return !pier_io_pool_submit(io, op);
	op->result = op->tried ? IO_WAIT : try_now(io, op);
	if (op->result != IO_WAIT)
		return true;
	if (b->count == OPS_MAX) {
		op->result = -EBUSY;
		return true;
	}
	b->ops[b->count++] = op;
	return false;
}

static bool forget(struct block_io *b, const struct io_op *op)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < b->count; i++)
		if (b->ops[i] != op)
			b->ops[kept++] = b->ops[i];
	bool found = kept < b->count;
	b->count = kept;
	return found;
}

static void block_cancel(struct io *io, struct io_op *op)
{
	if (op->kind == IO_LOOKUP ? pier_io_pool_abandon(op) : forget(of(io), op))
		pier_io_end(io, op, -ECANCELED);
}

static struct timespec until(const struct io *io, int64_t deadline, int64_t most)
{
	int64_t ns = deadline - io->now < most ? deadline - io->now : most;
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* Mail brings a look-up's answer, or what a waiter waits for, who then has no op under way. */
static bool expects_mail(const struct block_io *b)
{
	return b->count == 0 || b->io.under_way > b->count;
}

/* poll(2) costs less than ppoll(2), which tells the time that is left; but it counts in milliseconds. It may so end
 * early, and the rest is slept then. */
static int sleep_deaf(const struct io *io, struct pollfd *fds, nfds_t count, int64_t deadline)
{
	int64_t ms = (deadline - io->now) / 1000000;
	struct timespec t = until(io, deadline, INT64_MAX);

	if (ms > 0)
		return poll(fds, count,
			    deadline == INT64_MAX ? -1
			    : ms > HOUR_MS	  ? HOUR_MS
						  : (int)ms);
	return ppoll(fds, count, &t, NULL);
}

/* The eventfd for mail lives as long as one wait, so a thread that blocked once holds nothing open. When none
 * can be had, mail is looked for now and then. */
static void sleep_for_mail(struct io *io, struct pollfd *fds, nfds_t count, int64_t deadline)
{
	bool wakes = pier_io_mail_open(io) == 0;
	struct timespec t = {0};

	if (wakes)
		fds[count++] = (struct pollfd){.fd = io->mail.eventfd, .events = POLLIN};
	atomic_store(&io->mail.asleep, wakes);
	if (!pier_io_has_mail(io))
		t = until(io, deadline, wakes ? INT64_MAX : MAIL_LOOK);
	ppoll(fds, count, &t, NULL);
	pthread_mutex_lock(&io->mail.lock); /* a sender may be about to write to the eventfd */
	atomic_store(&io->mail.asleep, false);
	pier_io_mail_close(io);
	pthread_mutex_unlock(&io->mail.lock);
}

/* In the order of their asking; what has to wait again holds up what is behind it. */
static void retry(struct block_io *b, const struct pollfd *fds)
{
	unsigned count = b->count, kept = 0;
	for (unsigned i = 0; i < count; i++) {
		struct io_op *op = b->ops[i];
		bool news = fds[i].revents && !is_behind(b, kept, op);
		int64_t result = news ? pier_io_perform(&b->io, op) : IO_WAIT;
		if (result == IO_WAIT)
			b->ops[kept++] = op;
		else
			pier_io_end(&b->io, op, result);
	}
	b->count = kept;
}

static void block_wait(struct io *io, int64_t deadline)
{
	struct block_io *b = of(io);
	struct pollfd fds[OPS_MAX + 1];

	for (unsigned i = 0; i < b->count; i++)
		fds[i] = (struct pollfd){.fd = b->ops[i]->fd, .events = io_op_news(b->ops[i])};
	if (deadline != INT64_MAX)
		io->now = pier_io_clock();
	if (io->ended || deadline <= io->now)
		ppoll(fds, b->count, &(struct timespec){0}, NULL);
	else if (expects_mail(b))
		sleep_for_mail(io, fds, b->count, deadline);
	else
		sleep_deaf(io, fds, b->count, deadline);
	retry(b, fds);
	if (!pier_io_deliver(io))
		io->now = pier_io_clock(); /* only who got nothing asks whether it is too late */
}

bool pier_io_idles(const struct io *io)
{
	return io->backend == &pier_io_block && io->under_way == 0;
}

int64_t pier_io_do_alone(struct io *io, struct io_op *op, int64_t now, int64_t deadline)
{
	struct pollfd p = {.fd = op->fd, .events = io_op_news(op)};
	int64_t result = op->tried ? IO_WAIT : pier_io_perform(io, op);

	count_add(&io->counts.ops, 1);
	io->now = now;
	while (result == IO_WAIT) {
		if (deadline <= io->now)
			return -ETIMEDOUT;
		if (sleep_deaf(io, &p, 1, deadline) > 0)
			result = pier_io_perform(io, op);
		if (result == IO_WAIT && p.revents && !(p.revents & p.events))
			poll(NULL, 0, NEWS_LOOK);
		if (result == IO_WAIT && deadline != INT64_MAX)
			io->now = pier_io_clock();
	}
	op->result = result;
	pier_io_count_bytes(io, op);
	return result;
}

/* The kernel's own waits, and the cheapest. */
ssize_t pier_io_recv_asleep(int fd, void *into, size_t room)
{
	ssize_t n;
	do
		n = recv(fd, into, room, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t pier_io_recvmsg_asleep(int fd, struct msghdr *msg, int flags)
{
	ssize_t n;
	do
		n = recvmsg(fd, msg, flags);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Nothing is remembered between waits. */
static void block_leave_fd(struct io *io, int fd)
{
	(void)io;
	(void)fd;
}

static void block_close_fd(struct io *io, int fd)
{
	(void)io;
	close(fd);
}

static void block_close(struct io *io)
{
	while (pier_io_deliver(io))
		;
	pier_io_done(io);
	free(of(io));
}

const struct io_backend pier_io_block = {
	.name = "block",
	.open = block_open,
	.submit = block_submit,
	.cancel = block_cancel,
	.wait = block_wait,
	.leave_fd = block_leave_fd,
	.close_fd = block_close_fd,
	.close = block_close,
};

/* ---- One per thread, made when first asked for ---------------------------------------------------- */

static pthread_once_t key_made = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void io_end(void *io)
{
	block_close(io);
}

static void main_end(void)
{
	struct io *io = pthread_getspecific(key);
	pthread_setspecific(key, NULL);
	if (io)
		block_close(io);
}

static void key_make(void)
{
	pthread_key_create(&key, io_end);
	atexit(main_end); /* the main thread's keys are not ended by exit(3) */
}

struct io *pier_io_of_thread(void)
{
	if (pier_io_kernel)
		return pier_io_kernel->io_of_thread();
	pthread_once(&key_made, key_make);
	struct io *io = pthread_getspecific(key);
	if (!io && block_open(&io) == 0)
		pthread_setspecific(key, io);
	return io;
}
