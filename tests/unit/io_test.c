/* What every backend owes (io/backend.h). Each promise is kept by all of pier_io_backends[]: a new backend is
 * tested by its line in that table. */
#include "test.h"

#include "io/backend.h"
#include "io/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
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

/* Runs `body` on an io of each backend; one that the kernel refuses here is passed over. */
static void on_each(void (*body)(struct io *))
{
	for (size_t i = 0; pier_io_backends[i]; i++) {
		struct io *io;
		int err = pier_io_backends[i]->open(&io);
		fprintf(stderr, "on %s:\n", pier_io_backends[i]->name);
		if (err == -ENOSYS || err == -EPERM)
			continue;
		CHECK_OK(err);
		body(io);
		io->backend->close(io);
	}
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

static void note_end(struct io_op *op)
{
	struct asked *a = op->owner;
	a->times++;
	a->place = ++completions;
}

static void ask(struct io *io, struct asked *a)
{
	a->op.done = note_end;
	a->op.owner = a;
	a->at_once = io->backend->submit(io, &a->op);
	if (a->at_once)
		note_end(&a->op);
}

static void turn(struct io *io, int64_t ns)
{
	io->backend->wait(io, pier_io_clock() + ns);
}

/* Waits for the op's end, and a little for a second one that must not come. */
static int64_t answer(struct io *io, struct asked *a)
{
	for (int64_t end = pier_io_clock() + 5000 * MS; !a->times && pier_io_clock() < end;)
		turn(io, 100 * MS);
	CHECK_EQ(a->times, 1);
	turn(io, 0);
	CHECK_EQ(a->times, 1);
	return a->op.result;
}

static int64_t do_op(struct io *io, struct io_op op)
{
	struct asked a = {.op = op};
	ask(io, &a);
	return answer(io, &a);
}

static struct asked recv_of(int fd, void *at, size_t len)
{
	struct asked a = {.op = {.kind = IO_RECV, .fd = fd}};
	struct stat st;
	CHECK(fstat(fd, &st) == 0);
	if (!S_ISSOCK(st.st_mode))
		a.op.kind = IO_READ;
	a.op.mem.at = at;
	a.op.mem.len = len;
	return a;
}

static void put(int fd, const char *text)
{
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
}

/* ---- Two ends ------------------------------------------------------------------------------------- */

static pier_addr loopback(int family)
{
	pier_addr a;
	CHECK_OK(pier_addr_parse(pier_text(family == AF_INET6 ? "::1" : "127.0.0.1"), 0, &a));
	return a;
}

static int bound(int type, pier_addr *at)
{
	int fd = pier_io_socket(at->sa.sa_family, type);
	CHECK_OK(fd);
	CHECK_OK(pier_io_bind(fd, at));
	if (type != SOCK_DGRAM)
		CHECK_OK(pier_io_listen(fd, 16));
	CHECK_OK(pier_io_local(fd, at));
	return fd;
}

static struct io_op connect_to(int fd, pier_addr *to)
{
	struct io_op op = {.kind = IO_CONNECT, .fd = fd};
	op.addr.sa = &to->sa;
	op.addr.len = to->len;
	return op;
}

static void join(struct io *io, pier_addr at, int type, int out[2])
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
	CHECK(fcntl(out[0], F_GETFD) & FD_CLOEXEC);
	CHECK(fcntl(out[0], F_GETFL) & O_NONBLOCK);
	if (at.sa.sa_family == AF_INET) {
		pier_addr own;
		peer.len = a.op.addr.len;
		CHECK_OK(pier_io_local(out[1], &own));
		CHECK(pier_addr_eq(&own, &peer));
	}
	io->backend->close_fd(io, listener);
}

static void tcp_pair(struct io *io, int out[2])
{
	join(io, loopback(AF_INET), SOCK_STREAM, out);
}

static void unix_addr(pier_addr *out)
{
	char name[64];
	static int count;
	snprintf(name, sizeof name, "@pier-io-test-%d-%d", (int)getpid(), count++);
	CHECK_OK(pier_addr_unix(pier_text(name), out));
}

static void unix_pair(struct io *io, int out[2])
{
	pier_addr a;
	unix_addr(&a);
	join(io, a, SOCK_STREAM, out);
}

static void seqpacket_pair(struct io *io, int out[2])
{
	pier_addr a;
	unix_addr(&a);
	join(io, a, SOCK_SEQPACKET, out);
}

static void udp_pair(struct io *io, int out[2])
{
	pier_addr a = loopback(AF_INET), b = a;
	out[0] = bound(SOCK_DGRAM, &a);
	out[1] = bound(SOCK_DGRAM, &b);
	CHECK_EQ(do_op(io, connect_to(out[0], &b)), 0);
	CHECK_EQ(do_op(io, connect_to(out[1], &a)), 0);
}

static void pipe_pair(struct io *io, int out[2])
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
#define KINDS (sizeof kinds / sizeof *kinds)

static void part(struct io *io, const int fds[2])
{
	io->backend->close_fd(io, fds[0]);
	io->backend->close_fd(io, fds[1]);
}

static struct io_op send_of(int fd, struct msghdr *msg)
{
	struct stat st;
	CHECK(fstat(fd, &st) == 0);
	return (struct io_op){
		.kind = S_ISSOCK(st.st_mode) ? IO_SENDMSG : IO_WRITEV, .fd = fd, .msg = msg};
}

/* ---- Bytes ---------------------------------------------------------------------------------------- */

ON_EACH(what_is_sent_arrives_over_every_transport)
{
	for (const struct kind *k = kinds; k < kinds + KINDS; k++) {
		int fds[2];
		char got[16] = "";
		fprintf(stderr, "  %s\n", k->name);
		k->make(io, fds);
		struct asked in = recv_of(fds[0], got, sizeof got);
		ask(io, &in);
		CHECK(!in.at_once);
		struct iovec iov[2] = {{(char[]){"hel"}, 3}, {(char[]){"lo"}, 2}};
		struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
		CHECK_EQ(do_op(io, send_of(fds[1], &msg)), 5);
		CHECK_EQ(answer(io, &in), 5);
		CHECK_STR(got, "hello");
		part(io, fds);
	}
}

ON_EACH(the_end_of_input_is_zero_bytes)
{
	for (const struct kind *k = kinds; k < kinds + KINDS; k++) {
		int fds[2];
		char got[16];
		if (k->make == udp_pair)
			continue;
		k->make(io, fds);
		struct asked in = recv_of(fds[0], got, sizeof got);
		ask(io, &in);
		io->backend->close_fd(io, fds[1]);
		CHECK_EQ(answer(io, &in), 0);
		io->backend->close_fd(io, fds[0]);
	}
}

ON_EACH(recvmsg_tells_who_sent)
{
	int fds[2];
	char got[8];
	pier_addr from = {0}, own;
	udp_pair(io, fds);
	struct iovec iov = {got, sizeof got};
	struct msghdr msg = {.msg_name = &from.storage,
			     .msg_namelen = sizeof from.storage,
			     .msg_iov = &iov,
			     .msg_iovlen = 1};
	struct asked in = {.op = {.kind = IO_RECVMSG, .fd = fds[0], .msg = &msg}};
	ask(io, &in);
	put(fds[1], "hello");
	CHECK_EQ(answer(io, &in), 5);
	from.len = msg.msg_namelen;
	CHECK_OK(pier_io_local(fds[1], &own));
	CHECK(pier_addr_eq(&from, &own));
	part(io, fds);
}

ON_EACH(a_recv_without_memory_gets_a_buffer_only_with_data)
{
	int fds[2];
	unix_pair(io, fds);
	struct asked in = recv_of(fds[0], NULL, 0);
	ask(io, &in);
	turn(io, 0);
	CHECK(in.op.mem.at == NULL);
	put(fds[1], "hello");
	CHECK_EQ(answer(io, &in), 5);
	CHECK(memcmp(in.op.mem.at, "hello", 5) == 0);
	pier_io_buf_give(io, in.op.mem.at);
	in = recv_of(fds[0], NULL, 0);
	io->backend->close_fd(io, fds[1]);
	ask(io, &in);
	CHECK_EQ(answer(io, &in), 0);
	CHECK(in.op.mem.at == NULL);
	io->backend->close_fd(io, fds[0]);
}

/* ---- Connecting ----------------------------------------------------------------------------------- */

ON_EACH(a_refused_connect_says_so)
{
	pier_addr at = loopback(AF_INET), missing;
	int listener = bound(SOCK_STREAM, &at), fd = pier_io_socket(AF_INET, SOCK_STREAM);
	io->backend->close_fd(io, listener);
	CHECK_EQ(do_op(io, connect_to(fd, &at)), -ECONNREFUSED);
	io->backend->close_fd(io, fd);

	CHECK_OK(pier_addr_unix(pier_text("/nonexistent/socket"), &missing));
	fd = pier_io_socket(AF_UNIX, SOCK_STREAM);
	CHECK_EQ(do_op(io, connect_to(fd, &missing)), -ENOENT);
	io->backend->close_fd(io, fd);
}

/* A listener of this backlog answers no more: the kernel drops the SYN. */
static int full_listener(pier_addr *at, int fds[4])
{
	*at = loopback(AF_INET);
	int listener = pier_io_socket(AF_INET, SOCK_STREAM);
	CHECK_OK(pier_io_bind(listener, at));
	CHECK_OK(pier_io_listen(listener, 0));
	CHECK_OK(pier_io_local(listener, at));
	for (int i = 0; i < 4; i++) {
		fds[i] = pier_io_socket(AF_INET, SOCK_STREAM);
		connect(fds[i], &at->sa, at->len);
	}
	return listener;
}

ON_EACH(a_connect_that_nobody_answers_can_be_cancelled)
{
	int others[4];
	pier_addr at;
	int listener = full_listener(&at, others), fd = pier_io_socket(AF_INET, SOCK_STREAM);
	struct asked a = {.op = connect_to(fd, &at)};
	ask(io, &a);
	turn(io, 20 * MS);
	CHECK_EQ(a.times, 0);
	io->backend->cancel(io, &a.op);
	CHECK_EQ(answer(io, &a), -ECANCELED);
	io->backend->close_fd(io, fd);
	for (int i = 0; i < 4; i++)
		close(others[i]);
	close(listener);
}

/* ---- Waiting to write ----------------------------------------------------------------------------- */

static size_t fill_up(struct io *io, int fd)
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

static void empty_out(int fd)
{
	static char block[65536];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	while (poll(&p, 1, 50) > 0 && read(fd, block, sizeof block) > 0)
		;
}

ON_EACH(a_send_waits_for_room)
{
	for (const struct kind *k = kinds; k < kinds + KINDS; k++) {
		int fds[2];
		if (k->make == udp_pair)
			continue; /* a datagram never waits for its reader */
		fprintf(stderr, "  %s\n", k->name);
		k->make(io, fds);
		fill_up(io, fds[1]);
		struct iovec iov = {(char[]){"x"}, 1};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		struct asked out = {.op = send_of(fds[1], &msg)};
		ask(io, &out);
		turn(io, 10 * MS);
		CHECK_EQ(out.times, 0);
		empty_out(fds[0]);
		CHECK_EQ(answer(io, &out), 1);
		part(io, fds);
	}
}

ON_EACH(a_broken_stream_is_an_error_and_no_signal)
{
	int fds[2];
	struct iovec iov = {(char[]){"x"}, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	unix_pair(io, fds);
	io->backend->close_fd(io, fds[0]);
	CHECK_EQ(do_op(io, send_of(fds[1], &msg)), -EPIPE);
	io->backend->close_fd(io, fds[1]);
}

static int file_of(size_t len)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	for (size_t i = 0; i < len; i++) {
		char c = (char)('a' + i % 26);
		CHECK_EQ(pwrite(fd, &c, 1, (off_t)i), 1);
	}
	return fd;
}

ON_EACH(sendfile_moves_a_range)
{
	int file = file_of(1000);
	for (const struct kind *k = kinds; k < kinds + KINDS; k++) {
		int fds[2];
		char got[100] = "";
		if (!k->stream)
			continue;
		fprintf(stderr, "  %s\n", k->name);
		k->make(io, fds);
		struct io_op op = {.kind = IO_SENDFILE, .fd = fds[1]};
		op.file.fd2 = file;
		op.file.offset = 26;
		op.file.len = 5;
		CHECK_EQ(do_op(io, op), 5);
		CHECK_EQ(read(fds[0], got, sizeof got), 5);
		CHECK_STR(got, "abcde");
		op.file.offset = 990;
		op.file.len = 100;
		CHECK_EQ(do_op(io, op), 10);
		op.file.offset = 1000;
		CHECK_EQ(do_op(io, op), 0);
		part(io, fds);
	}
	close(file);
}

ON_EACH(sendfile_waits_for_room)
{
	int fds[2], file = file_of(10);
	unix_pair(io, fds);
	fill_up(io, fds[1]);
	struct asked a = {.op = {.kind = IO_SENDFILE, .fd = fds[1]}};
	a.op.file.fd2 = file;
	a.op.file.len = 10;
	ask(io, &a);
	turn(io, 10 * MS);
	CHECK_EQ(a.times, 0);
	empty_out(fds[0]);
	CHECK_EQ(answer(io, &a), 10);
	part(io, fds);
	close(file);
}

/* ---- Polling and not waiting ---------------------------------------------------------------------- */

ON_EACH(poll_tells_of_input_and_of_its_end)
{
	for (const struct kind *k = kinds; k < kinds + KINDS; k++) {
		int fds[2];
		k->make(io, fds);
		struct asked a = {.op = {.kind = IO_POLL_IN, .fd = fds[0]}};
		ask(io, &a);
		turn(io, 5 * MS);
		CHECK_EQ(a.times, 0);
		put(fds[1], "x");
		CHECK_EQ(answer(io, &a), 1);
		CHECK_EQ(do_op(io, (struct io_op){.kind = IO_POLL_IN, .fd = fds[0]}), 1);
		empty_out(fds[0]);
		a = (struct asked){.op = {.kind = IO_POLL_IN, .fd = fds[0]}};
		ask(io, &a);
		io->backend->close_fd(io, fds[1]);
		if (k->make != udp_pair) {
			CHECK_EQ(answer(io, &a), 1);
		} else {
			io->backend->cancel(io, &a.op);
			CHECK_EQ(answer(io, &a), -ECANCELED);
		}
		io->backend->close_fd(io, fds[0]);
	}
}

ON_EACH(nowait_never_waits)
{
	for (const struct kind *k = kinds; k < kinds + KINDS; k++) {
		int fds[2];
		char got[8];
		k->make(io, fds);
		struct asked in = recv_of(fds[0], got, sizeof got);
		in.op.nowait = true;
		ask(io, &in);
		CHECK(in.at_once);
		CHECK_EQ(in.op.result, -EAGAIN);
		put(fds[1], "hi");
		in = recv_of(fds[0], got, sizeof got);
		in.op.nowait = true;
		ask(io, &in);
		CHECK(in.at_once);
		CHECK_EQ(in.op.result, 2);
		part(io, fds);
	}
}

/* ---- Order ---------------------------------------------------------------------------------------- */

ON_EACH(ops_of_one_direction_complete_in_order)
{
	int fds[2];
	char got[3][4];
	struct asked in[3];
	unix_pair(io, fds);
	completions = 0;
	for (int i = 0; i < 3; i++) {
		in[i] = recv_of(fds[0], got[i], 4);
		ask(io, &in[i]);
	}
	put(fds[1], "abcdefghijkl");
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(answer(io, &in[i]), 4);
		CHECK_EQ(in[i].place, i + 1);
		CHECK(memcmp(got[i], &"abcdefghijkl"[i * 4], 4) == 0);
	}
	part(io, fds);
}

ON_EACH(a_later_op_does_not_overtake_one_that_waits)
{
	int fds[2];
	char first[4] = "", second[4] = "";
	unix_pair(io, fds);
	struct asked a = recv_of(fds[0], first, 2), b = recv_of(fds[0], second, 2), c = b;
	ask(io, &a);
	put(fds[1], "abcd"); /* unseen yet by the io */
	ask(io, &b);
	c.op.nowait = true;
	ask(io, &c);
	CHECK(c.at_once);
	CHECK_EQ(c.op.result, -EAGAIN);
	CHECK_EQ(answer(io, &a), 2);
	CHECK_EQ(answer(io, &b), 2);
	CHECK_STR(first, "ab");
	CHECK_STR(second, "cd");
	part(io, fds);
}

ON_EACH(both_directions_of_one_descriptor_wait_at_once)
{
	int fds[2];
	char got[4];
	unix_pair(io, fds);
	fill_up(io, fds[1]);
	struct iovec iov = {(char[]){"x"}, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct asked in = recv_of(fds[1], got, 4), out = {.op = send_of(fds[1], &msg)};
	ask(io, &in);
	ask(io, &out);
	put(fds[0], "hi");
	CHECK_EQ(answer(io, &in), 2);
	CHECK_EQ(out.times, 0);
	empty_out(fds[0]);
	CHECK_EQ(answer(io, &out), 1);
	part(io, fds);
}

/* ---- Cancelling ----------------------------------------------------------------------------------- */

ON_EACH(a_cancelled_op_completes_once)
{
	for (const struct kind *k = kinds; k < kinds + KINDS; k++) {
		int fds[2];
		char got[8];
		k->make(io, fds);
		struct asked in = recv_of(fds[0], got, sizeof got);
		ask(io, &in);
		io->backend->cancel(io, &in.op);
		io->backend->cancel(io, &in.op);
		CHECK_EQ(answer(io, &in), -ECANCELED);
		put(fds[1], "hi"); /* for the next one, untouched */
		in = recv_of(fds[0], got, sizeof got);
		ask(io, &in);
		CHECK_EQ(answer(io, &in), 2);
		part(io, fds);
	}
}

ON_EACH(the_ops_around_a_cancelled_one_keep_their_order)
{
	int fds[2];
	char got[3][2];
	struct asked in[3];
	unix_pair(io, fds);
	completions = 0;
	for (int i = 0; i < 3; i++) {
		in[i] = recv_of(fds[0], got[i], 2);
		ask(io, &in[i]);
	}
	io->backend->cancel(io, &in[1].op);
	CHECK_EQ(answer(io, &in[1]), -ECANCELED);
	in[1] = recv_of(fds[0], got[1], 2);
	ask(io, &in[1]);
	put(fds[1], "abcdef");
	for (int i = 0; i < 3; i++)
		CHECK_EQ(answer(io, &in[i]), 2);
	CHECK(memcmp(got[0], "ab", 2) == 0);
	CHECK(memcmp(got[2], "cd", 2) == 0);
	CHECK(memcmp(got[1], "ef", 2) == 0);
	part(io, fds);
}

ON_EACH(a_waiting_send_can_be_cancelled)
{
	int fds[2];
	unix_pair(io, fds);
	fill_up(io, fds[1]);
	struct iovec iov = {(char[]){"x"}, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct asked out = {.op = send_of(fds[1], &msg)};
	ask(io, &out);
	io->backend->cancel(io, &out.op);
	CHECK_EQ(answer(io, &out), -ECANCELED);
	part(io, fds);
}

struct writer {
	int fd;
	sem_t go, gone;
	bool end;
};

static void *write_when_told(void *arg)
{
	struct writer *w = arg;
	for (;;) {
		sem_wait(&w->go);
		if (w->end)
			return NULL;
		put(w->fd, "x");
		sem_post(&w->gone);
	}
}

/* Whoever wins, the op completes once, and no byte is lost. */
ON_EACH(a_cancel_that_races_with_data_loses_nothing)
{
	int fds[2], real = 0;
	struct writer w = {0};
	pthread_t thread;
	char got;
	unix_pair(io, fds);
	w.fd = fds[1];
	sem_init(&w.go, 0, 0);
	sem_init(&w.gone, 0, 0);
	CHECK_EQ(pthread_create(&thread, NULL, write_when_told, &w), 0);
	for (int i = 0; i < 2000; i++) {
		struct asked in = recv_of(fds[0], &got, 1);
		ask(io, &in);
		sem_post(&w.go);
		if (i % 3 == 0)
			sem_wait(&w.gone);
		if (i % 2)
			turn(io, 0);
		if (!in.times)
			io->backend->cancel(io, &in.op);
		int64_t n = answer(io, &in);
		if (i % 3)
			sem_wait(&w.gone);
		CHECK(n == 1 || n == -ECANCELED);
		real += n == 1;
		if (n != 1) {
			in = recv_of(fds[0], &got, 1);
			ask(io, &in);
			CHECK_EQ(answer(io, &in), 1);
		}
	}
	fprintf(stderr, "  %d of 2000 were not cancelled\n", real);
	w.end = true;
	sem_post(&w.go);
	pthread_join(thread, NULL);
	sem_destroy(&w.go);
	sem_destroy(&w.gone);
	part(io, fds);
}

/* ---- Descriptors that come again ------------------------------------------------------------------ */

/* A pair whose read end has the number `fd`. */
static int pair_at(int fd)
{
	int fds[2];
	CHECK_OK(pier_io_pair(SOCK_STREAM, fds));
	if (fds[1] == fd) {
		int other = fds[0];
		fds[0] = fds[1];
		fds[1] = other;
	}
	if (fds[0] != fd) {
		CHECK_EQ(dup3(fds[0], fd, O_CLOEXEC), fd);
		close(fds[0]);
	}
	return fds[1];
}

ON_EACH(a_reused_number_hears_nothing_of_its_predecessor)
{
	int fds[2];
	char got[8];
	unix_pair(io, fds);
	for (int i = 0; i < 10; i++) {
		struct asked in = recv_of(fds[0], got, sizeof got);
		ask(io, &in);
		io->backend->cancel(io, &in.op);
		CHECK_EQ(answer(io, &in), -ECANCELED);
		int keep = dup(fds[0]); /* its description, and what waits on it, lives on */
		put(fds[1], "stale");
		io->backend->close_fd(io, fds[0]);
		close(fds[1]);
		fds[1] = pair_at(fds[0]);
		in = recv_of(fds[0], got, sizeof got);
		ask(io, &in);
		turn(io, 2 * MS);
		CHECK_EQ(in.times, 0);
		put(fds[1], "new");
		CHECK_EQ(answer(io, &in), 3);
		CHECK(memcmp(got, "new", 3) == 0);
		close(keep);
	}
	part(io, fds);
}

ON_EACH(a_description_that_comes_again_by_its_old_number_is_heard)
{
	int fds[2];
	char got[8];
	unix_pair(io, fds);
	int keep = dup(fds[0]);
	for (int i = 0; i < 3; i++) {
		struct asked in = recv_of(fds[0], got, sizeof got);
		ask(io, &in);
		put(fds[1], "hi");
		CHECK_EQ(answer(io, &in), 2);
		io->backend->close_fd(io, fds[0]);
		CHECK_EQ(fcntl(keep, F_DUPFD_CLOEXEC, fds[0]), fds[0]);
	}
	part(io, fds);
	close(keep);
}

/* ---- Time ----------------------------------------------------------------------------------------- */

ON_EACH(a_wait_ends_at_its_deadline)
{
	for (int ms = 0; ms <= 60; ms += 15) {
		int64_t start = pier_io_clock(), end = start + ms * MS + 300000;
		while (pier_io_clock() < end) {
			io->backend->wait(io, end);
			CHECK(io->now >= start && io->now <= pier_io_clock());
		}
		CHECK(pier_io_clock() - end < 50 * MS);
		/* Once is enough: an io that wakes early would spin. */
		start = pier_io_clock();
		io->backend->wait(io, start + 2 * MS);
		CHECK(pier_io_clock() >= start + 2 * MS);
	}
}

ON_EACH(a_deadline_that_has_passed_does_not_sleep)
{
	int64_t start = pier_io_clock();
	io->backend->wait(io, start - 1000 * MS);
	io->backend->wait(io, 0);
	CHECK(pier_io_clock() - start < 1000 * MS);
}

ON_EACH(a_deadline_holds_beside_an_op_that_waits)
{
	int fds[2];
	char got;
	unix_pair(io, fds);
	struct asked in = recv_of(fds[0], &got, 1);
	ask(io, &in);
	int64_t start = pier_io_clock(), took;
	do /* it may wake for nothing, but not late */
		io->backend->wait(io, start + 20 * MS);
	while ((took = pier_io_clock() - start) < 20 * MS);
	CHECK(took < 70 * MS);
	CHECK_EQ(in.times, 0);
	io->backend->cancel(io, &in.op);
	CHECK_EQ(answer(io, &in), -ECANCELED);
	part(io, fds);
}

/* ---- Mail ----------------------------------------------------------------------------------------- */

struct sender {
	struct io *io;
	struct note {
		struct io_op op;
		struct sender *from;
		int number;
	} * notes;
	int count, heard, pause_us;
	pthread_t home;
};

static void hear(struct io_op *op)
{
	struct note *n = (struct note *)op;
	CHECK_EQ(n->number, n->from->heard);
	CHECK(pthread_equal(pthread_self(), n->from->home));
	n->from->heard++;
}

static void *send_notes(void *arg)
{
	struct sender *s = arg;
	for (int i = 0; i < s->count; i++) {
		if (s->pause_us)
			usleep((useconds_t)s->pause_us);
		s->notes[i] = (struct note){
			.op = {.kind = IO_NOTE, .done = hear}, .from = s, .number = i};
		pier_io_post(s->io, &s->notes[i].op);
	}
	return NULL;
}

static void hear_all(struct io *io, int threads, int count, int pause_us)
{
	struct sender s[8];
	pthread_t thread[8];
	int64_t end = pier_io_clock() + 15000 * MS;
	for (int i = 0; i < threads; i++) {
		s[i] = (struct sender){.io = io,
				       .notes = calloc((size_t)count, sizeof(struct note)),
				       .count = count,
				       .pause_us = pause_us,
				       .home = pthread_self()};
		CHECK_EQ(pthread_create(&thread[i], NULL, send_notes, &s[i]), 0);
	}
	for (int i = 0; i < threads; i++)
		while (s[i].heard < count && pier_io_clock() < end)
			io->backend->wait(io, end);
	for (int i = 0; i < threads; i++) {
		CHECK_EQ(s[i].heard, count);
		pthread_join(thread[i], NULL);
		free(s[i].notes);
	}
}

ON_EACH(a_post_wakes_a_sleeper)
{
	int64_t start = pier_io_clock();
	hear_all(io, 1, 5, 20000);
	CHECK(pier_io_clock() - start < 3000 * MS);
}

ON_EACH(a_post_wakes_a_sleeper_that_waits_for_a_descriptor_too)
{
	int fds[2];
	char got;
	unix_pair(io, fds);
	struct asked in = recv_of(fds[0], &got, 1);
	ask(io, &in);
	int64_t start = pier_io_clock();
	hear_all(io, 1, 5, 20000);
	CHECK(pier_io_clock() - start < 3000 * MS);
	put(fds[1], "x");
	CHECK_EQ(answer(io, &in), 1);
	part(io, fds);
}

ON_EACH_WITHIN(40, posts_of_four_threads_all_come_each_in_order)
{
	hear_all(io, 4, 10000, 0);
}

ON_EACH_WITHIN(40, posts_that_meet_the_sleeper_falling_asleep_wake_it)
{
	hear_all(io, 2, 1500, 1);
}

/* ---- Pools ---------------------------------------------------------------------------------------- */

static struct io_op on_file(enum io_kind kind, int fd)
{
	return (struct io_op){.kind = kind, .fd = fd};
}

ON_EACH(ops_on_files_complete)
{
	char dir[] = "/tmp/pier-io-XXXXXX", got[8] = "";
	CHECK(mkdtemp(dir));
	int home = open(dir, O_PATH | O_CLOEXEC);
	struct io_op op = {.kind = IO_OPEN, .flags = O_RDWR | O_CREAT};
	op.file.dir = home;
	op.file.path = "a";
	op.file.mode = 0600;
	int fd = (int)do_op(io, op);
	CHECK_OK(fd);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);

	op = on_file(IO_PWRITE, fd);
	op.file.at = (char[]){"hello"};
	op.file.len = 5;
	op.file.offset = 2;
	CHECK_EQ(do_op(io, op), 5);
	CHECK_EQ(do_op(io, on_file(IO_FSYNC, fd)), 0);
	op = on_file(IO_PREAD, fd);
	op.file.at = got;
	op.file.len = 4;
	op.file.offset = 3;
	CHECK_EQ(do_op(io, op), 4);
	CHECK_STR(got, "ello");
	struct stat st;
	op = on_file(IO_STAT, fd);
	op.file.at = &st;
	CHECK_EQ(do_op(io, op), 0);
	CHECK_EQ(st.st_size, 7);

	op = on_file(IO_MKDIR, -1);
	op.file.dir = home;
	op.file.path = "d";
	op.file.mode = 0700;
	CHECK_EQ(do_op(io, op), 0);
	CHECK_EQ(do_op(io, op), -EEXIST);
	op = on_file(IO_RENAME, -1);
	op.file.dir = home;
	op.file.path = "a";
	op.file.fd2 = home;
	op.file.path2 = "d/b";
	CHECK_EQ(do_op(io, op), 0);
	op = on_file(IO_REMOVE, -1);
	op.file.dir = home;
	op.file.path = "d/b";
	CHECK_EQ(do_op(io, op), 0);
	CHECK_EQ(do_op(io, op), -ENOENT);
	op.file.path = "d";
	op.flags = AT_REMOVEDIR;
	CHECK_EQ(do_op(io, op), 0);
	close(fd);
	close(home);
	CHECK_EQ(rmdir(dir), 0);
}

static int64_t add_one(void *arg)
{
	return *(int *)arg + 1;
}

ON_EACH(many_calls_complete_each_with_its_result)
{
	enum {
		CALLS = 200
	};
	static struct asked calls[CALLS];
	static int numbers[CALLS];
	for (int i = 0; i < CALLS; i++) {
		numbers[i] = i;
		calls[i] = (struct asked){.op = {.kind = IO_CALL}};
		calls[i].op.call.fn = add_one;
		calls[i].op.call.arg = &numbers[i];
		ask(io, &calls[i]);
	}
	for (int i = 0; i < CALLS; i++)
		CHECK_EQ(answer(io, &calls[i]), i + 1);
}

static struct io_op look_up(const char *host, pier_addrs *out)
{
	struct io_op op = {.kind = IO_LOOKUP};
	op.lookup.host = host;
	op.lookup.port = 80;
	op.lookup.out = out;
	return op;
}

ON_EACH(a_look_up_finds_localhost)
{
	pier_addrs found = {0};
	CHECK_EQ(do_op(io, look_up("localhost", &found)), 0);
	CHECK(found.count > 0);
	CHECK_EQ(pier_addr_port(&found.at[0]), 80);
}

ON_EACH(a_name_longer_than_any_is_none)
{
	char name[300];
	pier_addrs found = {.count = 77};
	memset(name, 'a', sizeof name);
	name[sizeof name - 1] = '\0';
	CHECK_EQ(do_op(io, look_up(name, &found)), -PIER_ENONAME);
	CHECK_EQ(found.count, 77);
}

ON_EACH(an_abandoned_look_up_is_harmless)
{
	for (int i = 0; i < 50; i++) {
		struct asked *a = calloc(1, sizeof *a);
		pier_addrs *found = calloc(1, sizeof *found);
		a->op = look_up("localhost", found);
		ask(io, a);
		if (i % 2)
			usleep(200);
		if (!a->at_once)
			io->backend->cancel(io, &a->op);
		int64_t err = answer(io, a);
		CHECK(err == 0 || err == -ECANCELED);
		free(a); /* what the pool still has to do with them shows here */
		free(found);
	}
}

static sem_t gate;

static int64_t wait_at_gate(void *arg)
{
	(void)arg;
	while (sem_wait(&gate) < 0)
		;
	return 1;
}

ON_EACH(a_full_pool_says_busy)
{
	enum {
		MOST = 8 + 4096
	};
	static struct asked calls[MOST + 1];
	int full = 0;
	if (io->backend == &pier_io_block)
		return; /* runs calls where they are asked */
	sem_init(&gate, 0, 0);
	memset(calls, 0, sizeof calls);
	for (; full <= MOST; full++) {
		calls[full].op.kind = IO_CALL;
		calls[full].op.call.fn = wait_at_gate;
		ask(io, &calls[full]);
		if (calls[full].at_once)
			break;
	}
	CHECK(full >= 4096 && full <= MOST);
	CHECK_EQ(calls[full].op.result, -EBUSY);
	for (int i = 0; i < full; i++)
		sem_post(&gate);
	for (int i = 0; i < full; i++)
		CHECK_EQ(answer(io, &calls[i]), 1);
	sem_destroy(&gate);
}

/* ---- Poor machines -------------------------------------------------------------------------------- */

static void sleep_and_be_woken(struct io *io)
{
	a_wait_ends_at_its_deadline_on(io);
	struct sender s = {.io = io,
			   .notes = calloc(1, sizeof(struct note)),
			   .count = 1,
			   .pause_us = 20000,
			   .home = pthread_self()};
	pthread_t thread;
	CHECK_EQ(pthread_create(&thread, NULL, send_notes, &s), 0);
	while (!s.heard)
		io->backend->wait(io, INT64_MAX);
	pthread_join(thread, NULL);
	free(s.notes);
}

/* As before 5.11, or in a container whose filter does not know the call. */
TEST(a_kernel_without_epoll_pwait2_serves_as_well)
{
	test_forbid(SYS_epoll_pwait2);
	on_each(sleep_and_be_woken);
}

/* Nothing more can be opened: not even what a look-up's answer would wake us by. */
ON_EACH(a_look_up_ends_though_descriptors_are_out)
{
	struct rlimit was, none;
	pier_addrs found = {0};
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 3;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	int64_t err = do_op(io, look_up("localhost", &found));
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	CHECK(err <= 0);
}
