/* What every backend owes (io/backend.h). Each promise is kept by all of pier_io_backends[]: a new backend
 * is tested by its line in that table. */
#ifndef IO_ASK_H
#define IO_ASK_H

#include "test.h"

#include "io/backend.h"
#include "io/direct.h"
#include "io/kernel.h"
#include "io/socket.h"
#include "io/uring.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pier/fiber.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MS INT64_C(1000000)

static inline void on_one(const char *name, int err, struct io *io, void (*body)(struct io *))
{
	fprintf(stderr, "on %s:\n", name);
	if (err == -ENOSYS || err == -EPERM)
		return; /* the kernel refuses it here */
	CHECK_OK(err);
	body(io);
	io->backend->close(io);
}

/* On io_uring where all that it has runs out at once, and where it has no more than Linux 6.1 gave it. */
static inline void on_narrow_rings(void (*body)(struct io *))
{
#ifdef IORING_SETUP_DEFER_TASKRUN
	static const struct ring_shape tiny = {.entries = 2, .completions = 4, .bufs = 2},
				       bare = {.entries = 256,
					       .completions = 4096,
					       .bufs = 256,
					       .bare = true};
	struct io *io = NULL;
	int err = pier_uring_open_shaped(&tiny, &io);
	on_one("uring, tiny", err, io, body);
	err = pier_uring_open_shaped(&bare, &io);
	on_one("uring, bare", err, io, body);
#else
	(void)body;
#endif
}

/* Runs `body` on an io of each backend; in a simulation (PIER_IO=sim) there is one. */
static inline void on_each(void (*body)(struct io *))
{
	if (pier_io_kernel) {
		struct io *io = NULL;
		int err = pier_io_open(&io);
		on_one("sim", err, io, body);
		return;
	}
	for (size_t i = 0; pier_io_backends[i]; i++) {
		struct io *io = NULL;
		int err = pier_io_backends[i]->open(&io);
		on_one(pier_io_backends[i]->name, err, io, body);
	}
	on_narrow_rings(body);
}

#define ON_EACH_WITHIN(seconds, name)                                                              \
	static void name##_on(struct io *io);                                                      \
	TEST_WITHIN(seconds, name)                                                                 \
	{                                                                                          \
		on_each(name##_on);                                                                \
	}                                                                                          \
	static void name##_on(struct io *io)
#define ON_EACH(name) ON_EACH_WITHIN(20, name)

/* ---- Asking --------------------------------------------------------------------------------------- */

/* An op that counts how often it completes. */
struct asked {
	struct io_op op;
	unsigned times, place; /* which completion of the test it was */
	bool at_once;
};

static unsigned completions;

static inline void note_end(struct io_op *op)
{
	struct asked *a = op->owner;
	a->times++;
	a->place = ++completions;
}

static inline void ask(struct io *io, struct asked *a)
{
	a->op.done = note_end;
	a->op.owner = a;
	a->at_once = io->backend->submit(io, &a->op);
	if (a->at_once)
		note_end(&a->op);
}

static inline void turn(struct io *io, int64_t ns)
{
	io->backend->wait(io, pier_io_clock() + ns);
}

/* Waits for the op's end, and a little for a second one that must not come. */
static inline int64_t answer(struct io *io, struct asked *a)
{
	for (int64_t end = pier_io_clock() + 5000 * MS; !a->times && pier_io_clock() < end;)
		turn(io, 100 * MS);
	CHECK_EQ(a->times, 1);
	turn(io, 0);
	CHECK_EQ(a->times, 1);
	return a->op.result;
}

static inline int64_t do_op(struct io *io, struct io_op op)
{
	struct asked a = {.op = op};
	ask(io, &a);
	return answer(io, &a);
}

static inline bool is_socket(int fd)
{
	enum io_sort sort;
	CHECK_OK(pier_io_sort(fd, &sort));
	return sort == IO_STREAM_SOCKET || sort == IO_MESSAGE_SOCKET;
}

static inline struct asked recv_of(int fd, void *at, size_t len)
{
	struct asked a = {.op = {.kind = is_socket(fd) ? IO_RECV : IO_READ, .fd = fd}};
	a.op.mem.at = at;
	a.op.mem.len = len;
	return a;
}

static inline void put(int fd, const char *text)
{
	ssize_t n = is_socket(fd) ? pier_io_send(fd, text, strlen(text), 0)
				  : write(fd, text, strlen(text));
	CHECK_EQ(n, strlen(text));
}

/* What is there now: how much, or an error. */
static inline ssize_t get(int fd, void *into, size_t room)
{
	return is_socket(fd) ? pier_io_recv(fd, into, room, 0) : read(fd, into, room);
}

/* ---- Two ends ------------------------------------------------------------------------------------- */

static inline pier_addr loopback(int family)
{
	pier_addr a;
	CHECK_OK(pier_addr_parse(pier_text(family == AF_INET6 ? "::1" : "127.0.0.1"), 0, &a));
	return a;
}

static inline int bound(int type, pier_addr *at)
{
	int fd = pier_io_socket(at->sa.sa_family, type);
	CHECK_OK(fd);
	CHECK_OK(pier_io_bind(fd, at));
	if (type != SOCK_DGRAM)
		CHECK_OK(pier_io_listen(fd, 16));
	CHECK_OK(pier_io_local(fd, at));
	return fd;
}

static inline struct io_op connect_to(int fd, pier_addr *to)
{
	struct io_op op = {.kind = IO_CONNECT, .fd = fd};
	op.addr.sa = &to->sa;
	op.addr.len = to->len;
	return op;
}

static inline void join(struct io *io, pier_addr at, int type, int out[2])
{
	int listener = bound(type, &at);
	out[1] = pier_io_socket(at.sa.sa_family, type);
	pier_addr peer = {.len = sizeof peer.storage};
	struct asked a = {.op = {.kind = IO_ACCEPT, .fd = listener}};
	a.op.addr.sa = &peer.sa;
	a.op.addr.len = sizeof peer.storage;
	ask(io, &a);
	CHECK(!a.at_once);
	CHECK_EQ(do_op(io, connect_to(out[1], &at)), 0);
	out[0] = (int)answer(io, &a);
	CHECK_OK(out[0]);
	CHECK_EQ(pier_io_cloexec(out[0]), 1);
	CHECK_EQ(pier_io_nonblocking(out[0]), 1);
	if (at.sa.sa_family == AF_INET) {
		pier_addr own;
		peer.len = a.op.addr.len;
		CHECK_OK(pier_io_local(out[1], &own));
		CHECK(pier_addr_eq(&own, &peer));
	}
	io->backend->close_fd(io, listener);
}

static inline void tcp_pair(struct io *io, int out[2])
{
	join(io, loopback(AF_INET), SOCK_STREAM, out);
}

static inline void unix_addr(pier_addr *out)
{
	char name[64];
	static int count;
	snprintf(name, sizeof name, "@pier-io-test-%d-%d", (int)getpid(), count++);
	CHECK_OK(pier_addr_unix(pier_text(name), out));
}

static inline void unix_pair(struct io *io, int out[2])
{
	pier_addr a;
	unix_addr(&a);
	join(io, a, SOCK_STREAM, out);
}

static inline void seqpacket_pair(struct io *io, int out[2])
{
	pier_addr a;
	unix_addr(&a);
	join(io, a, SOCK_SEQPACKET, out);
}

static inline void udp_pair(struct io *io, int out[2])
{
	pier_addr a = loopback(AF_INET), b = a;
	out[0] = bound(SOCK_DGRAM, &a);
	out[1] = bound(SOCK_DGRAM, &b);
	CHECK_EQ(do_op(io, connect_to(out[0], &b)), 0);
	CHECK_EQ(do_op(io, connect_to(out[1], &a)), 0);
}

static inline void pipe_pair(struct io *io, int out[2])
{
	(void)io;
	CHECK_EQ(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
}

/* out[0] is read, out[1] written. */
static const struct kind {
	const char *name;
	void (*make)(struct io *, int out[2]);
	bool stream;
} kinds[] = {
	{"tcp", tcp_pair, true},  {"unix", unix_pair, true}, {"seqpacket", seqpacket_pair, false},
	{"udp", udp_pair, false}, {"pipe", pipe_pair, true},
};

/* The last is no socket, and not simulated. */
#define KINDS (sizeof kinds / sizeof *kinds - (pier_io_kernel != NULL))

static inline void part(struct io *io, const int fds[2])
{
	io->backend->close_fd(io, fds[0]);
	io->backend->close_fd(io, fds[1]);
}

static inline struct io_op send_of(int fd, struct msghdr *msg)
{
	return (struct io_op){.kind = is_socket(fd) ? IO_SENDMSG : IO_WRITEV, .fd = fd, .msg = msg};
}

static inline size_t fill_up(struct io *io, int fd)
{
	static char block[4096];
	size_t sum = 0;
	for (;;) {
		struct iovec iov = {block, sizeof block};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		struct asked a = {.op = send_of(fd, &msg)};
		a.op.nowait = true;
		ask(io, &a);
		CHECK(a.at_once);
		if (a.op.result == -EAGAIN)
			return sum;
		CHECK_OK(a.op.result);
		sum += (size_t)a.op.result;
	}
}

/* Until nothing more comes for a while. */
static inline void empty_out(int fd)
{
	static char block[65536];
	do {
		while (get(fd, block, sizeof block) > 0)
			;
		CHECK_OK(pier_sleep(50 * MS));
	} while (get(fd, block, sizeof block) > 0);
}

#endif
