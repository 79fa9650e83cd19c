/* What all backends share: completed ops, mail from other threads, buffers. */
#include "kernel.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif
#ifdef ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)	  ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

const struct io_backend *const pier_io_backends[] = {&pier_io_uring, &pier_io_epoll, &pier_io_block,
						     NULL};

__thread const struct io_kernel *pier_io_kernel;

static const struct io_backend *named(const char *name)
{
	for (size_t i = 0; pier_io_backends[i]; i++)
		if (!strcmp(pier_io_backends[i]->name, name))
			return pier_io_backends[i];
	return NULL;
}

/* io_uring may be missing, switched off or forbidden (containers do that): opening it is the only way to know. */
int pier_io_open(struct io **out)
{
	const char *name = getenv("PIER_IO");
	if (pier_io_kernel)
		return pier_io_kernel->open(out);
	if (name && *name) {
		const struct io_backend *b = named(name);
		return b ? b->open(out) : -EINVAL;
	}
	return pier_io_uring.open(out) == 0 ? 0 : pier_io_epoll.open(out);
}

void pier_io_init(struct io *io, const struct io_backend *backend)
{
	*io = (struct io){.backend = backend, .waits_on = -1, .now = pier_io_clock()};
	io->ended_last = &io->ended;
	io->mail.last = &io->mail.first;
	io->mail.eventfd = -1;
	pthread_mutex_init(&io->mail.lock, NULL);
}

int pier_io_mail_open(struct io *io)
{
	io->mail.eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return io->mail.eventfd < 0 ? -errno : 0;
}

void pier_io_mail_close(struct io *io)
{
	if (io->mail.eventfd >= 0)
		close(io->mail.eventfd);
	io->mail.eventfd = -1;
}

void pier_io_done(struct io *io)
{
	pier_io_mail_close(io);
	pthread_mutex_destroy(&io->mail.lock);
	free(io->bufs.spill);
	while (io->bufs.free) {
		void *buf = io->bufs.free;
		ASAN_UNPOISON_MEMORY_REGION(buf, IO_BUF_SIZE);
		io->bufs.free = *(void **)buf;
		free(buf);
	}
}

void pier_io_end(struct io *io, struct io_op *op, int64_t result)
{
	op->result = result;
	op->next = NULL;
	*io->ended_last = op;
	io->ended_last = &op->next;
}

static struct io_op *take_ended(struct io *io)
{
	struct io_op *first = io->ended;
	io->ended = NULL;
	io->ended_last = &io->ended;
	return first;
}

static struct io_op *take_mail(struct io *io)
{
	if (!atomic_load_explicit(&io->mail.any, memory_order_acquire))
		return NULL;
	pthread_mutex_lock(&io->mail.lock);
	struct io_op *first = io->mail.first;
	count_add(&io->counts.mail, io->mail.count);
	io->mail.count = 0;
	io->mail.first = NULL;
	io->mail.last = &io->mail.first;
	atomic_store_explicit(&io->mail.any, false, memory_order_relaxed);
	pthread_mutex_unlock(&io->mail.lock);
	return first;
}

static uint64_t batch_bytes(const struct io_op *op)
{
	uint64_t sum = 0;
	for (int64_t i = 0; i < op->result; i++)
		sum += op->batch.at[i].msg_len;
	return sum;
}

void pier_io_count_bytes(struct io *io, const struct io_op *op)
{
	if (op->result <= 0)
		return;
	switch (op->kind) {
	case IO_RECV:
	case IO_READ:
	case IO_RECVMSG:
		count_add(&io->counts.bytes_in, (uint64_t)op->result);
		return;
	case IO_RECVMMSG:
		count_add(&io->counts.bytes_in, batch_bytes(op));
		return;
	case IO_SENDMMSG:
		count_add(&io->counts.bytes_out, batch_bytes(op));
		return;
	case IO_SENDMSG:
	case IO_WRITEV:
	case IO_SENDFILE:
		count_add(&io->counts.bytes_out, (uint64_t)op->result);
		return;
	default:
		return;
	}
}

/* The op may be gone once done returns, so its successor is read first. */
static bool deliver(struct io *io, struct io_op *op)
{
	bool any = op != NULL;
	while (op) {
		struct io_op *next = op->next;
		if (op->kind != IO_NOTE) {
			io->under_way--;
			pier_io_count_bytes(io, op);
		}
		op->done(op);
		op = next;
	}
	return any;
}

bool pier_io_deliver(struct io *io)
{
	bool mail = deliver(io, take_mail(io));
	bool ended = deliver(io, take_ended(io));
	return mail || ended;
}

bool pier_io_has_mail(struct io *io)
{
	return atomic_load(&io->mail.any);
}

/* The sleeper says so before it looks for mail a last time, and the sender looks for a sleeper after it
 * has put the mail: one of the two always sees the other. */
void pier_io_post(struct io *io, struct io_op *op)
{
	op->next = NULL;
	pthread_mutex_lock(&io->mail.lock);
	*io->mail.last = op;
	io->mail.last = &op->next;
	io->mail.count++;
	atomic_store(&io->mail.any, true);
	bool wake = atomic_exchange(&io->mail.asleep, false);
	if (wake) {
		/* Under the lock: once it is released the io may be gone. */
		uint64_t one = 1;
		ssize_t n = write(io->mail.eventfd, &one, sizeof one);
		assert(n == sizeof one || errno == EAGAIN);
	}
	pthread_mutex_unlock(&io->mail.lock);
}

/* Free buffers are poisoned under ASan: a view used after its time is caught there. */
void *pier_io_buf_take(struct io *io)
{
	void *buf = io->bufs.free;
	if (!buf)
		return malloc(IO_BUF_SIZE);
	ASAN_UNPOISON_MEMORY_REGION(buf, IO_BUF_SIZE);
	io->bufs.free = *(void **)buf;
	io->bufs.count--;
	return buf;
}

void pier_io_buf_give(struct io *io, void *buf)
{
	if (!buf)
		return;
	if (io->bufs.count == IO_BUFS_KEPT) {
		free(buf);
		return;
	}
	*(void **)buf = io->bufs.free;
	io->bufs.free = buf;
	io->bufs.count++;
	ASAN_POISON_MEMORY_REGION(buf, IO_BUF_SIZE);
}

char *pier_io_spill(struct io *io)
{
	if (!io->bufs.spill)
		io->bufs.spill = malloc(IO_SPILL_SIZE);
	return io->bufs.spill;
}
