/* What every backend owes: order, cancelling, descriptors that come again. */
#include "io_ask.h"

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
	test_skip_simulated("it has a thread of its own");
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
	test_skip_simulated("it asks the real kernel by itself");
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
	test_skip_simulated("it asks the real kernel by itself");
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
