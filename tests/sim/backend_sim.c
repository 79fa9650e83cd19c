/* What every backend owes (tests/unit/io_test.c), of the simulated one: each op completes exactly once, cancelled or not,
 * and the streams below carry what they were given. */
#include "test.h"

#include "fiber/worker.h"
#include "io/socket.h"

#include <errno.h>
#include <pier.h>
#include <string.h>

#define OPS 8

struct asked {
	struct io_op op;
	unsigned times;
	char byte;
};

static void note_end(struct io_op *op)
{
	((struct asked *)op->owner)->times++;
}

static struct io *own_io(void)
{
	return pier_worker_self()->io;
}

static void ask(struct asked *a)
{
	a->op.done = note_end;
	a->op.owner = a;
	if (io_submit(own_io(), &a->op))
		note_end(&a->op);
}

static void ask_recv(struct asked *a, int fd)
{
	*a = (struct asked){.op = {.kind = IO_RECV, .fd = fd}};
	a->op.mem.at = &a->byte;
	a->op.mem.len = 1;
	ask(a);
}

static void cancel_some(pier_sim *s, struct asked *ops)
{
	for (int i = 0; i < OPS; i++)
		if (!ops[i].times && pier_sim_chance(s, 2))
			io_cancel(own_io(), &ops[i].op);
}

static void cancel_all(struct asked *ops)
{
	for (int i = 0; i < OPS; i++)
		if (!ops[i].times)
			io_cancel(own_io(), &ops[i].op);
	CHECK_OK(pier_sleep(PIER_S(1)));
}

static void send_bytes(int fd, const char *bytes, size_t len)
{
	struct iovec iov = {(void *)(uintptr_t)bytes, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct asked a = {.op = {.kind = IO_SENDMSG, .fd = fd, .msg = &msg}};
	ask(&a);
	CHECK_OK(pier_sleep(PIER_MS(1)));
	CHECK_EQ(a.times, 1);
	CHECK_EQ(a.op.result, len);
}

/* A byte goes to one op or waits for the next; none is given twice, none lost by a cancel. */
static int cancel_receives(pier_sim *s)
{
	int fds[2];
	struct asked ops[OPS];
	char got[OPS + 1] = "";
	size_t count = 0;
	CHECK_OK(pier_io_pair(SOCK_STREAM, fds));
	for (int i = 0; i < OPS; i++)
		ask_recv(&ops[i], fds[0]);
	for (const char *at = "abcd"; *at; at++) {
		struct iovec iov = {(void *)(uintptr_t)at, 1};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		struct asked out = {.op = {.kind = IO_SENDMSG, .fd = fds[1], .msg = &msg}};
		ask(&out);
		pier_sleep((int64_t)pier_sim_chance(s, PIER_US(60)));
		cancel_some(s, ops);
		pier_sleep(PIER_MS(1));
		CHECK_EQ(out.times, 1);
	}
	cancel_all(ops);
	for (int i = 0; i < OPS; i++) {
		CHECK_EQ(ops[i].times, 1);
		CHECK(ops[i].op.result == 1 || ops[i].op.result == -ECANCELED);
		if (ops[i].op.result == 1)
			got[count++] = ops[i].byte;
	}
	while (count < 4) {
		struct asked a;
		ask_recv(&a, fds[0]);
		pier_sleep(PIER_MS(1));
		CHECK_EQ(a.times, 1);
		CHECK_EQ(a.op.result, 1);
		got[count++] = a.byte;
	}
	CHECK_STR(got, "abcd");
	pier_io_close(fds[0]);
	pier_io_close(fds[1]);
	return 0;
}

TEST_WITHIN(60, an_op_completes_once_whatever_comes_first)
{
	CHECK_EQ(pier_sim_run(cancel_receives, .seeds = 1000), 0);
}

static int look_up_and_leave(pier_sim *s)
{
	struct asked a = {.op = {.kind = IO_LOOKUP}};
	pier_addrs found = {0};
	a.op.lookup.host = "scenario";
	a.op.lookup.out = &found;
	ask(&a);
	pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(6)));
	if (!a.times)
		io_cancel(own_io(), &a.op);
	pier_sleep(PIER_MS(20));
	CHECK_EQ(a.times, 1);
	CHECK(a.op.result == 0 ? found.count == 2 : a.op.result == -ECANCELED);
	return 0;
}

TEST(a_look_up_is_answered_or_left_not_both)
{
	CHECK_EQ(pier_sim_run(look_up_and_leave, .seeds = 300), 0);
}

static int fill_and_empty(pier_sim *s)
{
	static char block[4096];
	int fds[2];
	size_t in = 0, out = 0;
	(void)s;
	CHECK_OK(pier_io_pair(SOCK_STREAM, fds));
	struct iovec iov = {block, sizeof block};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	for (;;) {
		struct asked a = {.op = {.kind = IO_SENDMSG, .fd = fds[1], .msg = &msg}};
		a.op.nowait = true;
		ask(&a);
		CHECK_EQ(a.times, 1);
		if (a.op.result == -EAGAIN)
			break;
		CHECK(a.op.result > 0);
		in += (size_t)a.op.result;
	}
	struct asked last = {.op = {.kind = IO_SENDMSG, .fd = fds[1], .msg = &msg}};
	ask(&last);
	pier_sleep(PIER_MS(10));
	CHECK_EQ(last.times, 0);
	while (out < in) {
		char got[4096];
		struct asked a = {.op = {.kind = IO_RECV, .fd = fds[0]}};
		a.op.mem.at = got;
		a.op.mem.len = sizeof got;
		ask(&a);
		pier_sleep(PIER_MS(1));
		CHECK_EQ(a.times, 1);
		CHECK(a.op.result > 0);
		out += (size_t)a.op.result;
	}
	CHECK_EQ(last.times, 1);
	pier_io_close(fds[1]);
	pier_io_close(fds[0]);
	return 0;
}

TEST(a_send_waits_for_room_and_goes_on_when_there_is)
{
	CHECK_EQ(pier_sim_run(fill_and_empty, .seeds = 200), 0);
}

/* ---- What a kernel answers ------------------------------------------------------------------------- */

static int own_port(int fd)
{
	pier_addr a;
	CHECK_OK(pier_io_local(fd, &a));
	return pier_addr_port(&a);
}

static int bind_twice(pier_sim *s)
{
	pier_addr any, one;
	(void)s;
	CHECK_OK(pier_addr_parse(pier_text("::"), 7000, &any));
	CHECK_OK(pier_addr_parse(pier_text("127.0.0.1"), 7000, &one));
	int a = pier_io_socket(AF_INET6, SOCK_STREAM), b = pier_io_socket(AF_INET, SOCK_STREAM);
	CHECK_OK(pier_io_bind(a, &any));
	CHECK_EQ(pier_io_bind(b, &one), -EADDRINUSE);
	CHECK_EQ(pier_io_bind(a, &any), -EINVAL);
	pier_addr_set_port(&one, 0);
	CHECK_OK(pier_io_bind(b, &one));
	CHECK(own_port(b) >= 32768);
	CHECK_OK(pier_io_listen(b, 1));
	pier_io_close(a);
	pier_io_close(b);
	CHECK_EQ(pier_io_socket(AF_INET, SOCK_RAW), -ESOCKTNOSUPPORT);
	return 0;
}

TEST(a_port_has_one_owner)
{
	CHECK_EQ(pier_sim_run(bind_twice, .seeds = 20), 0);
}

static int close_on_unread(pier_sim *s)
{
	int fds[2];
	char byte;
	(void)s;
	CHECK_OK(pier_io_pair(SOCK_STREAM, fds));
	send_bytes(fds[1], "x", 1);
	pier_io_close(fds[0]); /* unread: a reset */
	pier_sleep(PIER_MS(1));
	struct asked a = {.op = {.kind = IO_RECV, .fd = fds[1]}};
	a.op.mem.at = &byte;
	a.op.mem.len = 1;
	ask(&a);
	pier_sleep(PIER_MS(1));
	CHECK_EQ(a.times, 1);
	CHECK_EQ(a.op.result, -ECONNRESET);
	pier_io_close(fds[1]);
	return 0;
}

TEST(unread_input_makes_a_reset_of_the_close)
{
	CHECK_EQ(pier_sim_run(close_on_unread, .seeds = 50), 0);
}
