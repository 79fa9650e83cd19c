/* What every backend owes: much at once, more than its rings and buffers hold, and ends in the midst of it. */
#include "io_ask.h"

enum {
	MANY = 40 /* more than a narrow ring has entries, completions or buffers */
};

/* ---- Receives ------------------------------------------------------------------------------------- */

struct crowd {
	int fds[MANY][2];
	struct asked in[MANY];
	char got[MANY][8];
};

static void gather(struct io *io, struct crowd *c, bool own_memory)
{
	for (int i = 0; i < MANY; i++) {
		unix_pair(io, c->fds[i]);
		c->in[i] = recv_of(c->fds[i][0], own_memory ? c->got[i] : NULL, own_memory ? 8 : 0);
		ask(io, &c->in[i]);
	}
	turn(io, 0);
}

static void speak(struct crowd *c)
{
	for (int i = 0; i < MANY; i++)
		put(c->fds[i][1], (char[]){(char)('A' + i), '\0'});
}

static void scatter(struct io *io, struct crowd *c)
{
	for (int i = 0; i < MANY; i++)
		part(io, c->fds[i]);
}

ON_EACH(completions_beyond_what_a_ring_holds_all_come)
{
	static struct crowd c;
	for (int round = 0; round < 3; round++) {
		gather(io, &c, true);
		speak(&c);
		for (int i = MANY - 1; i >= 0; i--) {
			CHECK_EQ(answer(io, &c.in[i]), 1);
			CHECK_EQ(c.got[i][0], 'A' + i);
		}
		scatter(io, &c);
	}
}

ON_EACH(receivers_beyond_the_buffers_get_one_in_their_turn)
{
	static struct crowd c;
	gather(io, &c, false);
	speak(&c);
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(answer(io, &c.in[i]), 1);
		CHECK_EQ(*(char *)c.in[i].op.mem.at, 'A' + i);
	}
	for (int i = 0; i < MANY; i++) /* each had its own till now */
		pier_io_buf_give(io, c.in[i].op.mem.at);
	scatter(io, &c);
}

/* They come back to the ring, and no others were made meanwhile. */
static void burst_on_ring(struct io *io)
{
	static struct crowd c;
	gather(io, &c, false);
	speak(&c);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(answer(io, &c.in[i]), 1);
	for (int i = 0; i < MANY; i++)
		pier_io_buf_give(io, c.in[i].op.mem.at);
	CHECK_EQ(io->bufs.count, MANY);
	turn(io, 0);
	CHECK_EQ(io->bufs.count, 0);
	scatter(io, &c);
}

TEST(a_burst_takes_no_buffers_but_those_that_a_ring_has)
{
	test_skip_simulated("there is one backend");
	struct io *io = NULL;
	int err = pier_io_uring.open(&io);
	on_one("uring", err, io, burst_on_ring);
}

ON_EACH(many_cancelled_at_once_each_complete_once)
{
	static struct crowd c;
	gather(io, &c, false);
	for (int i = 0; i < MANY; i += 2)
		put(c.fds[i][1], "x");
	for (int i = 0; i < MANY; i++)
		io->backend->cancel(io, &c.in[i].op);
	for (int i = 0; i < MANY; i++) {
		int64_t n = answer(io, &c.in[i]);
		CHECK(n == -ECANCELED || (n == 1 && i % 2 == 0));
		if (n == 1)
			pier_io_buf_give(io, c.in[i].op.mem.at);
	}
	scatter(io, &c);
}

/* Sanitizers end a program that has no memory left. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED

/* All the memory that there is, in buffers of an io, until given back. */
static void *hoard(void)
{
	void *all = NULL, *one;
	while ((one = malloc(IO_BUF_SIZE))) {
		*(void **)one = all;
		all = one;
	}
	return all;
}

static void give_back(void *all)
{
	while (all) {
		void *next = *(void **)all;
		free(all);
		all = next;
	}
}

ON_EACH(receivers_fail_while_memory_is_out_and_go_on_when_it_is_back)
{
	test_skip_emulated("the memory that is out is qemu's as well");
	test_skip_simulated("the memory that is out is the world's as well");
	static struct crowd c;
	struct rlimit was, little;
	int failed = 0;
	CHECK_EQ(getrlimit(RLIMIT_DATA, &was), 0);
	little = was;
	little.rlim_cur = 16 << 20;
	gather(io, &c, false);
	CHECK_EQ(setrlimit(RLIMIT_DATA, &little), 0);
	void *all = hoard();
	speak(&c);
	for (int i = 0; i < MANY; i++) {
		int64_t n = answer(io, &c.in[i]);
		CHECK(n == 1 || n == -ENOMEM);
		failed += n != 1;
	}
	give_back(all);
	CHECK_EQ(setrlimit(RLIMIT_DATA, &was), 0);
	fprintf(stderr, "  %d found no memory\n", failed);
	for (int i = 0; i < MANY; i++) {
		if (c.in[i].op.result == 1) {
			pier_io_buf_give(io, c.in[i].op.mem.at);
			continue;
		}
		c.in[i] = recv_of(c.fds[i][0], NULL, 0);
		ask(io, &c.in[i]);
		CHECK_EQ(answer(io, &c.in[i]), 1);
		CHECK_EQ(*(char *)c.in[i].op.mem.at, 'A' + i);
		pier_io_buf_give(io, c.in[i].op.mem.at);
	}
	scatter(io, &c);
}

#endif

/* ---- Clients -------------------------------------------------------------------------------------- */

struct door {
	int listener;
	pier_addr at;
	struct asked in;
	pier_addr peer;
};

static void ask_client(struct io *io, struct door *d)
{
	d->peer = (pier_addr){0};
	d->in = (struct asked){.op = {.kind = IO_ACCEPT, .fd = d->listener}};
	d->in.op.addr.sa = &d->peer.sa;
	d->in.op.addr.len = sizeof d->peer.storage;
	ask(io, &d->in);
}

static void open_door(struct door *d)
{
	d->at = loopback(AF_INET);
	d->listener = pier_io_socket(AF_INET, SOCK_STREAM);
	CHECK_OK(pier_io_bind(d->listener, &d->at));
	CHECK_OK(pier_io_listen(d->listener, MANY));
	CHECK_OK(pier_io_local(d->listener, &d->at));
}

static void come(const struct door *d, int fds[], int count)
{
	for (int i = 0; i < count; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CHECK_EQ(connect(fds[i], &d->at.sa, d->at.len), 0);
	}
}

/* Which of them it is; -1 for none. */
static int whose(const pier_addr *peer, const int fds[], int count)
{
	for (int i = 0; i < count; i++) {
		pier_addr own;
		CHECK_OK(pier_io_local(fds[i], &own));
		if (pier_addr_eq(&own, peer))
			return i;
	}
	return -1;
}

/* Every third accept is cancelled, at once or after a turn: a client it had got all the same is one that
 * counts. */
ON_EACH(a_storm_of_clients_is_accepted_each_once_whatever_is_cancelled)
{
	test_skip_simulated("it asks the real kernel by itself");
	struct door d;
	int fds[MANY], seen[MANY] = {0}, cancelled = 0;
	open_door(&d);
	ask_client(io, &d);
	turn(io, 0);
	come(&d, fds, MANY);
	for (int accepted = 0, tries = 0; accepted < MANY; tries++) {
		if (!d.in.times && tries % 3 == 2) {
			if (tries % 2)
				turn(io, 0);
			if (!d.in.times)
				io->backend->cancel(io, &d.in.op);
		}
		int64_t n = answer(io, &d.in);
		CHECK(n >= 0 || n == -ECANCELED);
		if (n >= 0) {
			d.peer.len = d.in.op.addr.len;
			int who = whose(&d.peer, fds, MANY);
			CHECK(who >= 0);
			CHECK_EQ(++seen[who], 1);
			CHECK(fcntl((int)n, F_GETFL) & O_NONBLOCK);
			io->backend->close_fd(io, (int)n);
			accepted++;
		} else {
			cancelled++;
		}
		ask_client(io, &d);
	}
	fprintf(stderr, "  %d cancelled\n", cancelled);
	turn(io, 5 * MS);
	CHECK_EQ(d.in.times, 0); /* nobody is there twice */
	io->backend->cancel(io, &d.in.op);
	CHECK_EQ(answer(io, &d.in), -ECANCELED);
	io->backend->close_fd(io, d.listener);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

/* A port is free once its accept is cancelled and its listener closed: the backend holds nothing of it. */
ON_EACH(a_cancelled_accept_lets_its_listener_go)
{
	test_skip_simulated("it asks the real kernel by itself");
	struct door d;
	open_door(&d);
	int low = dup(0);
	close(low);
	ask_client(io, &d);
	turn(io, 0);
	CHECK_EQ(dup(0), low); /* an accept that waits holds no number */
	close(low);
	io->backend->cancel(io, &d.in.op);
	CHECK_EQ(answer(io, &d.in), -ECANCELED);
	io->backend->close_fd(io, d.listener);
	int again = pier_io_socket(AF_INET, SOCK_STREAM);
	CHECK_OK(pier_io_bind(again, &d.at));
	CHECK_OK(pier_io_listen(again, 1));
	close(again);
}

/* ---- Sends ---------------------------------------------------------------------------------------- */

/* Reads to the end of input; the count. */
static size_t read_out(int fd, const char *expected)
{
	static char block[65536];
	size_t sum = 0;
	for (ssize_t n; (n = recv(fd, block, sizeof block, 0)) != 0; sum += (size_t)n) {
		CHECK(n > 0);
		CHECK(memcmp(block, expected + sum, (size_t)n) == 0);
	}
	return sum;
}

/* What the send says it took arrives, no byte more, and then the end. */
static void cut_off(struct io *io, void (*make)(struct io *, int[2]))
{
	enum {
		BIG = 8 << 20
	};
	int fds[2];
	char *big = malloc(BIG);
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)(i * 31 + (i >> 8) * 17);
	make(io, fds);
	CHECK_EQ(fcntl(fds[0], F_SETFL, 0), 0);
	size_t taken = 0;
	struct asked out;
	do {
		struct iovec iov = {big + taken, BIG - taken};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		out = (struct asked){.op = send_of(fds[1], &msg)};
		ask(io, &out);
		turn(io, 20 * MS);
		if (!out.times)
			io->backend->cancel(io, &out.op);
		int64_t n = answer(io, &out);
		taken += n > 0 ? (size_t)n : 0;
	} while (out.op.result > 0 && taken < BIG);
	CHECK_EQ(out.op.result, -ECANCELED);
	io->backend->close_fd(io, fds[1]);
	CHECK_EQ(read_out(fds[0], big), taken);
	io->backend->close_fd(io, fds[0]);
	free(big);
}

ON_EACH(a_send_cut_off_by_close_is_followed_by_the_end)
{
	test_skip_simulated("it asks the real kernel by itself");
	cut_off(io, tcp_pair);
	cut_off(io, unix_pair);
}

/* Each has heard something when it speaks, as one that answers. */
ON_EACH(many_answers_of_one_turn_all_arrive)
{
	test_skip_simulated("it asks the real kernel by itself");
	static struct crowd c;
	static struct asked out[MANY];
	static struct msghdr msg[MANY];
	struct iovec iov = {(char[]){"hello"}, 5};
	gather(io, &c, true);
	speak(&c);
	while (!c.in[MANY - 1].times)
		turn(io, 100 * MS);
	for (int i = 0; i < MANY; i++) {
		msg[i] = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
		out[i] = (struct asked){.op = send_of(c.fds[i][0], &msg[i])};
		ask(io, &out[i]);
	}
	for (int i = 0; i < MANY; i++) {
		char got[8];
		CHECK_EQ(answer(io, &c.in[i]), 1);
		CHECK_EQ(answer(io, &out[i]), 5);
		CHECK_EQ(recv(c.fds[i][1], got, sizeof got, MSG_DONTWAIT), 5);
	}
	scatter(io, &c);
}

/* Those that compute long do not keep what others have said until they are through. */
ON_EACH(what_is_said_in_a_long_turn_leaves_at_once)
{
	test_skip_simulated("it asks the real kernel by itself");
	static struct crowd c;
	struct iovec iov = {(char[]){"hello"}, 5};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	gather(io, &c, true);
	for (int64_t end = pier_io_clock() + 3 * MS; pier_io_clock() < end;)
		;
	speak(&c);
	turn(io, 100 * MS);
	int heard = 0;
	while (!c.in[heard].times)
		heard++;
	struct asked out = {.op = send_of(c.fds[heard][0], &msg)};
	ask(io, &out);
	struct pollfd p = {.fd = c.fds[heard][1], .events = POLLIN};
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(answer(io, &out), 5);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(answer(io, &c.in[i]), 1);
	scatter(io, &c);
}

/* ---- Half of io_uring ----------------------------------------------------------------------------- */

static void refused(int call)
{
	struct io *io;
	test_forbid(call);
	unsetenv("PIER_IO");
	CHECK_OK(pier_io_open(&io));
	CHECK(io->backend == &pier_io_epoll);
	int fds[2];
	unix_pair(io, fds);
	part(io, fds);
	io->backend->close(io);
	setenv("PIER_IO", "uring", 1);
	CHECK(pier_io_open(&io) < 0); /* who asks for it by name is told */
}

TEST(where_no_ring_may_be_made_epoll_serves)
{
	test_skip_simulated("there is one backend");
	refused(SYS_io_uring_setup);
}

TEST(where_a_ring_may_have_no_buffers_epoll_serves)
{
	test_skip_simulated("there is one backend");
	refused(SYS_io_uring_register);
}

TEST(where_a_ring_may_be_made_and_not_used_epoll_serves)
{
	test_skip_simulated("there is one backend");
	refused(SYS_io_uring_enter);
}
