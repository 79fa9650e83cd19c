/* What every backend owes: time, mail, pools. */
#include "io_ask.h"

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
	test_skip_simulated("it has a thread of its own");
	int64_t start = pier_io_clock();
	hear_all(io, 1, 5, 20000);
	CHECK(pier_io_clock() - start < 3000 * MS);
}

ON_EACH(a_post_wakes_a_sleeper_that_waits_for_a_descriptor_too)
{
	test_skip_simulated("it has a thread of its own");
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
	test_skip_simulated("it has a thread of its own");
	hear_all(io, 4, 10000, 0);
}

ON_EACH_WITHIN(40, posts_that_meet_the_sleeper_falling_asleep_wake_it)
{
	test_skip_simulated("it has a thread of its own");
	hear_all(io, 2, 1500, 1);
}

/* ---- Pools ---------------------------------------------------------------------------------------- */

static struct io_op on_file(enum io_kind kind, int fd)
{
	return (struct io_op){.kind = kind, .fd = fd};
}

ON_EACH(ops_on_files_complete)
{
	test_skip_simulated("it asks the real kernel by itself");
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
	test_skip_simulated("it has a thread of its own");
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
	test_skip_simulated("it has a thread of its own");
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
