/* The blocking backend, for calls outside fibers: poll(2), then the call. Files and calls run where they
 * are asked; only names go to their pool, since no deadline could end them here. */
#include "backend.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define OPS_MAX 64 /* under way at once: a thread that blocks asks for one or two */

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

static bool block_submit(struct io *io, struct io_op *op)
{
	struct block_io *b = of(io);
	op->io = io;
	if (op->kind == IO_LOOKUP)
		return !pier_io_pool_submit(io, op);
	op->result = pier_io_perform(io, op);
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
	for (unsigned i = 0; i < b->count; i++) {
		if (b->ops[i] == op) {
			b->ops[i] = b->ops[--b->count];
			return true;
		}
	}
	return false;
}

static void block_cancel(struct io *io, struct io_op *op)
{
	if (op->kind == IO_LOOKUP ? pier_io_pool_abandon(op) : forget(of(io), op))
		pier_io_end(io, op, -ECANCELED);
}

/* Mail (the answer of a look-up) is waited for only where there is no descriptor to wait for: the eventfd
 * for it lives as long as that wait, so a thread that blocked once holds nothing open. */
static void block_wait(struct io *io, int64_t deadline)
{
	struct block_io *b = of(io);
	struct pollfd fds[OPS_MAX];
	nfds_t count = b->count;
	struct timespec t = {0};
	bool for_mail = count == 0, forever = false;

	for (unsigned i = 0; i < b->count; i++)
		fds[i] = (struct pollfd){.fd = b->ops[i]->fd,
					 .events = io_kind_reads(b->ops[i]->kind) ? POLLIN : POLLOUT};
	if (for_mail && pier_io_mail_open(io) == 0)
		fds[count++] = (struct pollfd){.fd = io->mail.eventfd, .events = POLLIN};
	io->now = pier_io_clock();
	if (!io->ended && deadline > io->now) {
		atomic_store(&io->mail.asleep, for_mail);
		if (!for_mail || !pier_io_has_mail(io)) {
			int64_t ns = deadline - io->now;
			forever = deadline == INT64_MAX;
			t = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
		}
	}
	ppoll(fds, count, forever ? NULL : &t, NULL);
	io->now = pier_io_clock();
	pthread_mutex_lock(&io->mail.lock); /* a sender may be about to write to the eventfd */
	atomic_store(&io->mail.asleep, false);
	pier_io_mail_close(io);
	pthread_mutex_unlock(&io->mail.lock);

	for (unsigned i = b->count; i-- > 0;) {
		struct io_op *op = b->ops[i];
		if (!fds[i].revents)
			continue;
		int64_t result = pier_io_perform(io, op);
		if (result == IO_WAIT)
			continue;
		forget(b, op);
		pier_io_end(io, op, result);
	}
	pier_io_deliver(io);
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
	pthread_once(&key_made, key_make);
	struct io *io = pthread_getspecific(key);
	if (!io && block_open(&io) == 0)
		pthread_setspecific(key, io);
	return io;
}
