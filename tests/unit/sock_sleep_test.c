/* A thread that waits without end waits in the call itself, on a description that blocks; and nobody else does. */
#include "sock_pairs.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

static bool blocks(int fd)
{
	return (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

static int64_t cpu_of_thread(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *say_x_later(void *arg)
{
	poll(NULL, 0, 20);
	CHECK_EQ(send(*(int *)arg, "x", 1, MSG_NOSIGNAL), 1);
	return NULL;
}

static void hear_x_later(pier_sock *s, int from)
{
	pthread_t thread;
	char byte;
	test_skip_simulated("it asks the real kernel by itself");
	CHECK_EQ(pthread_create(&thread, NULL, say_x_later, &from), 0);
	CHECK_EQ(pier_sock_recv(s, &byte, 1, 0), 1);
	pthread_join(thread, NULL);
}

/* After its first wait a thread's socket sleeps. */
static void asleep_pair(pier_sock s[2])
{
	CHECK_OK(pier_socketpair(SOCK_STREAM, s));
	CHECK(!blocks(s[0].fd));
	hear_x_later(&s[0], s[1].fd);
	CHECK(blocks(s[0].fd));
	CHECK(!blocks(s[1].fd));
}

TEST(a_thread_waits_in_the_call_itself_and_a_message_too)
{
	pier_sock s[2];
	char byte;
	struct iovec piece = {&byte, 1};
	pier_message m = pier_message_of(&piece);
	pthread_t thread;

	asleep_pair(s);
	hear_x_later(&s[0], s[1].fd);
	CHECK_EQ(pthread_create(&thread, NULL, say_x_later, &s[1].fd), 0);
	CHECK_EQ(pier_sock_recvmsg(&s[0], &m, 0), 1);
	pthread_join(thread, NULL);
	pier_sock_close(&s[1]);
	CHECK_EQ(pier_sock_recv(&s[0], &byte, 1, 0), 0);
	pier_sock_close(&s[0]);
}

TEST(what_shall_not_wait_does_not_on_a_socket_that_sleeps)
{
	pier_sock s[2];
	char byte, much[1 << 16] = {0};

	asleep_pair(s);
	CHECK_EQ(pier_sock_recv(&s[0], &byte, 1, MSG_DONTWAIT), -EAGAIN);
	PIER_WITHIN (PIER_MS(20))
		CHECK_EQ(pier_sock_recv(&s[0], &byte, 1, 0), -ETIMEDOUT);
	pier_sock_set_timeouts(&s[0], PIER_MS(20), PIER_MS(20));
	CHECK_EQ(pier_sock_recv(&s[0], &byte, 1, 0), -ETIMEDOUT);
	ssize_t n = 1;
	while (n > 0)
		n = pier_sock_send_some(&s[0], much, sizeof much, 0);
	CHECK_EQ(n, -ETIMEDOUT);
	pier_sock_set_timeouts(&s[0], 0, 0);
	CHECK_EQ(pier_sock_recv(&s[0], &byte, 1, 0), -EAGAIN);
	CHECK_EQ(pier_sock_send_some(&s[0], much, sizeof much, 0), -EAGAIN);
	part(s);
}

/* socket(7): the kernel's own time-out is none of ours. */
TEST(a_time_out_of_the_kernel_ends_no_wait)
{
	pier_sock s[2];
	struct timeval soon = {.tv_usec = 2000};
	asleep_pair(s);
	CHECK_OK(pier_sock_setopt(&s[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon));
	int64_t before = cpu_of_thread();
	hear_x_later(&s[0], s[1].fd);
	CHECK(cpu_of_thread() - before < PIER_MS(15));
	part(s);
}

/* ---- The same handle on a fiber, and other handles ------------------------------------------------- */

static int mark(void *arg)
{
	*(bool *)arg = true;
	return 0;
}

/* What waits here leaves the worker to others: `mark` runs meanwhile. */
static int recv_beside(void *arg)
{
	PIER_AUTO_GROUP others = PIER_GROUP;
	bool ran = false;
	char byte;
	CHECK_OK(pier_go(&others, mark, &ran));
	PIER_WITHIN (PIER_MS(30))
		CHECK_EQ(pier_sock_recv(arg, &byte, 1, 0), -ETIMEDOUT);
	CHECK(ran);
	return 0;
}

static int sendfile_beside(void *arg)
{
	PIER_AUTO_GROUP others = PIER_GROUP;
	bool ran = false;
	int64_t sent;
	FILE *file = tmpfile();
	CHECK_OK(ftruncate(fileno(file), 64 << 20));
	CHECK_OK(pier_go(&others, mark, &ran));
	PIER_WITHIN (PIER_MS(30))
		CHECK_EQ(pier_sock_sendfile(arg, fileno(file), 0, -1, &sent), -ETIMEDOUT);
	CHECK(sent > 0 && ran);
	fclose(file);
	return 0;
}

TEST(a_socket_that_sleeps_holds_no_worker_up)
{
	pier_sock s[2];
	asleep_pair(s);
	CHECK_EQ(pier_run(recv_beside, &s[0], .workers = 1), 0);
	CHECK_EQ(pier_run(sendfile_beside, &s[0], .workers = 1), 0);
	part(s);
}

TEST(a_socket_that_another_handle_put_to_sleep_holds_no_worker_up)
{
	pier_sock s[2], twin;
	CHECK_OK(pier_socketpair(SOCK_STREAM, s));
	CHECK_OK(pier_sock_dup(&s[0], &twin));
	hear_x_later(&s[0], s[1].fd);
	CHECK(blocks(twin.fd));
	CHECK_EQ(pier_run(recv_beside, &twin, .workers = 1), 0);
	CHECK_EQ(pier_run(sendfile_beside, &twin, .workers = 1), 0);
	hear_x_later(&s[0], s[1].fd); /* not blocking as it believed: it polls */
	pier_sock_close(&twin);
	part(s);
}

/* Listens, and has no place left for who comes: listen(2). */
static pier_sock full(pier_addr *at, pier_sock first[3])
{
	test_skip_simulated("it asks the real kernel by itself");
	pier_sock s = bound_to(AF_INET, SOCK_STREAM, at);
	CHECK_EQ(listen(s.fd, 0), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(pier_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, &first[i]));
		pier_sock_connect(&first[i], at);
	}
	return s;
}

struct call {
	pier_sock *s;
	const pier_addr *to;
};

static int connect_in_vain(void *arg)
{
	struct call *c = arg;
	PIER_WITHIN (PIER_MS(30))
		CHECK_EQ(pier_sock_connect(c->s, c->to), -ETIMEDOUT);
	return 0;
}

TEST(a_socket_that_slept_connects_again_without_holding_a_worker_up)
{
	pier_sock s[2], first[3];
	struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	pier_addr at;
	pier_sock listener = full(&at, first);
	tcp_joined(s);
	hear_x_later(&s[0], s[1].fd);
	CHECK(blocks(s[0].fd));
	CHECK_EQ(connect(s[0].fd, &nobody, sizeof nobody), 0);
	struct call again = {&s[0], &at};
	CHECK_EQ(pier_run(connect_in_vain, &again, .workers = 1), 0);
	for (int i = 0; i < 3; i++)
		pier_sock_close(&first[i]);
	pier_sock_close(&listener);
	part(s);
}

/* ---- What others have ------------------------------------------------------------------------------ */

TEST(a_socket_is_given_back_as_it_came_whether_it_slept_or_not)
{
	pier_sock s[2];
	asleep_pair(s);
	for (int i = 0; i < 2; i++) {
		int fd = pier_sock_detach(&s[i]);
		CHECK(blocks(fd));
		close(fd);
	}
}

TEST(a_socket_that_came_non_blocking_stays_so)
{
	int fds[2];
	pier_sock s;
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
	CHECK_OK(pier_sock_adopt(fds[0], &s));
	hear_x_later(&s, fds[1]);
	hear_x_later(&s, fds[1]);
	CHECK(!blocks(fds[0]));
	CHECK_EQ(pier_sock_detach(&s), fds[0]);
	CHECK(!blocks(fds[0]));
	close(fds[0]);
	close(fds[1]);
}

TEST(the_socket_below_a_conn_is_left_as_it_is)
{
	pier_sock s[2], below;
	CHECK_OK(pier_socketpair(SOCK_STREAM, s));
	PIER_AUTO *c = pier_sock_conn(&s[0], NULL);
	CHECK_OK(pier_sock_of(c, &below));
	hear_x_later(&below, s[1].fd);
	CHECK(!blocks(below.fd));
	pier_sock_close(&s[1]);
}
