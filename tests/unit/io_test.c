/* What every backend owes: bytes, connections, room. */
#include "io_ask.h"

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

/* ---- Many messages -------------------------------------------------------------------------------- */

#define MANY 8

struct many {
	char room[MANY][8];
	struct iovec iov[MANY];
	struct mmsghdr msgs[MANY];
};

static struct io_op recv_many(int fd, struct many *m, unsigned count)
{
	struct io_op op = {.kind = IO_RECVMMSG, .fd = fd, .batch = {m->msgs, count}};
	memset(m, 0, sizeof *m);
	for (unsigned i = 0; i < MANY; i++) {
		m->iov[i] = (struct iovec){m->room[i], sizeof m->room[i]};
		m->msgs[i].msg_hdr.msg_iov = &m->iov[i];
		m->msgs[i].msg_hdr.msg_iovlen = 1;
	}
	return op;
}

ON_EACH(one_call_takes_all_that_has_arrived)
{
	int fds[2];
	struct many m;
	udp_pair(io, fds);
	for (int round = 0; round < 3; round++) { /* the first call is in vain, or not */
		struct asked a = {.op = recv_many(fds[0], &m, MANY)};
		if (round != 1) {
			ask(io, &a);
			CHECK(!a.at_once);
		}
		put(fds[1], "one");
		put(fds[1], "");
		put(fds[1], "three");
		put(fds[1], "longer than its room");
		if (round == 1)
			ask(io, &a);
		CHECK_EQ(answer(io, &a), 4);
		CHECK_EQ(m.msgs[0].msg_len, 3);
		CHECK_EQ(m.msgs[1].msg_len, 0);
		CHECK(memcmp(m.room[2], "three", 5) == 0);
		CHECK_EQ(m.msgs[3].msg_len, sizeof m.room[3]);
		CHECK(m.msgs[3].msg_hdr.msg_flags & MSG_TRUNC);
		CHECK(!(m.msgs[2].msg_hdr.msg_flags & MSG_TRUNC));
	}
	part(io, fds);
}

ON_EACH(what_one_call_had_no_room_for_comes_by_the_next)
{
	int fds[2];
	struct many m;
	udp_pair(io, fds);
	for (int i = 0; i < 5; i++)
		put(fds[1], "x");
	CHECK_EQ(do_op(io, recv_many(fds[0], &m, 2)), 2);
	CHECK_EQ(do_op(io, recv_many(fds[0], &m, 2)), 2);
	CHECK_EQ(do_op(io, recv_many(fds[0], &m, 2)), 1);
	struct asked a = {.op = recv_many(fds[0], &m, 2)};
	a.op.nowait = true;
	ask(io, &a);
	CHECK(a.at_once);
	CHECK_EQ(a.op.result, -EAGAIN);
	put(fds[1], "y");
	a = (struct asked){.op = recv_many(fds[0], &m, 2)};
	a.op.nowait = true;
	ask(io, &a);
	CHECK_EQ(a.op.result, 1);
	a = (struct asked){.op = recv_many(fds[0], &m, 2)};
	ask(io, &a);
	CHECK(!a.at_once);
	io->backend->cancel(io, &a.op);
	CHECK_EQ(answer(io, &a), -ECANCELED);
	part(io, fds);
}

static struct io_op send_many(int fd, struct many *m, unsigned count)
{
	struct io_op op = recv_many(fd, m, count);
	op.kind = IO_SENDMMSG;
	for (unsigned i = 0; i < count; i++) {
		m->room[i][0] = (char)('a' + i);
		m->iov[i].iov_len = 1;
	}
	return op;
}

ON_EACH(an_error_in_the_middle_of_many_is_the_next_call_s)
{
	static char big[70000];
	int fds[2];
	char got[8];
	struct many m;
	udp_pair(io, fds);
	struct io_op op = send_many(fds[1], &m, 3);
	m.iov[1] = (struct iovec){big, sizeof big};
	CHECK_EQ(do_op(io, op), 1);
	op.batch.at = &m.msgs[1];
	op.batch.count = 2;
	CHECK_EQ(do_op(io, op), -EMSGSIZE);
	op.batch.at = &m.msgs[2];
	op.batch.count = 1;
	CHECK_EQ(do_op(io, op), 1);
	CHECK_EQ(get(fds[0], got, sizeof got), 1);
	CHECK_EQ(got[0], 'a');
	CHECK_EQ(get(fds[0], got, sizeof got), 1);
	CHECK_EQ(got[0], 'c');
	part(io, fds);
}

/* A unix datagram waits for its reader, where udp's would be dropped. */
ON_EACH(many_wait_for_room)
{
	int fds[2];
	struct many m;
	CHECK_OK(pier_io_pair(SOCK_DGRAM, fds));
	fill_up(io, fds[1]);
	struct asked a = {.op = send_many(fds[1], &m, 3)};
	ask(io, &a);
	turn(io, 10 * MS);
	CHECK_EQ(a.times, 0);
	empty_out(fds[0]);
	CHECK_EQ(answer(io, &a), 3);
	part(io, fds);
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
		pier_io_connect(fds[i], at);
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
		pier_io_close(others[i]);
	pier_io_close(listener);
}

/* ---- Waiting to write ----------------------------------------------------------------------------- */

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
		CHECK_EQ(get(fds[0], got, sizeof got), 5);
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
