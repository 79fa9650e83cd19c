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
