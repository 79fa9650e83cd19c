/* What is kept whatever is called: nothing is inherited by programs that are run, and no write raises SIGPIPE. */
#include "sock_pairs.h"

#include <pier/file.h>
#include <spawn.h>
#include <sys/wait.h>

/* ---- CLOEXEC: PEP 446 -------------------------------------------------------------------------------- */

/* How many descriptors another program finds open. */
static int inherited(void)
{
	static char *const run[] = {(char *)"sh", (char *)"-c", (char *)"ls /proc/self/fd | wc -l",
				    NULL};
	static char *const environment[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	posix_spawn_file_actions_t actions;
	int ends[2], pid, status;
	char text[16] = "";

	CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
	CHECK_EQ(posix_spawn_file_actions_init(&actions), 0);
	CHECK_EQ(posix_spawn_file_actions_adddup2(&actions, ends[1], 1), 0);
	CHECK_EQ(posix_spawn(&pid, "/bin/sh", &actions, NULL, run, environment), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	CHECK(read(ends[0], text, sizeof text - 1) > 0);
	close(ends[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	return atoi(text);
}

struct all {
	pier_sock pair[2], tcp[2], twin, copy, got;
	pier_listener *listener, *local;
	pier_conn *dialled, *taken, *ends[2];
	pier_dir *folder;
	int file;
};

static void open_socks(struct all *a)
{
	char byte;
	int fd = socket(AF_INET, SOCK_DGRAM, 0); /* from elsewhere, and no better for it */
	unsigned count;

	CHECK_OK(pier_socketpair(SOCK_STREAM, a->pair));
	tcp_joined(a->tcp);
	CHECK_OK(pier_sock_dup(&a->tcp[0], &a->twin));
	CHECK_OK(pier_sock_fromfd(fd, &a->copy));
	close(fd);
	CHECK_EQ(pier_sock_send_fds(&a->pair[0], "x", 1, &a->tcp[0].fd, 1), 1);
	CHECK_EQ(pier_sock_recv_fds(&a->pair[1], &byte, 1, &fd, 1, &count), 1);
	CHECK_OK(pier_sock_adopt(fd, &a->got));
}

static void open_conns(struct all *a)
{
	char url[64];
	pier_addr at;
	CHECK_OK(pier_listen("tcp://127.0.0.1:0", &a->listener));
	snprintf(url, sizeof url, "unix:@pier-habits-%d", (int)getpid());
	CHECK_OK(pier_listen(url, &a->local));
	CHECK_OK(pier_listener_addr(a->listener, &at));
	snprintf(url, sizeof url, "tcp://127.0.0.1:%u", pier_addr_port(&at));
	a->dialled = pier_dial(url);
	CHECK_OK(pier_err(a->dialled));
	CHECK_OK(pier_accept(a->listener, &a->taken));
	CHECK_OK(pier_pair(a->ends));
}

static void close_all(struct all *a)
{
	pier_sock *socks[] = {&a->pair[0], &a->pair[1], &a->tcp[0], &a->tcp[1],
			      &a->twin,	   &a->copy,	&a->got};
	pier_conn *conns[] = {a->dialled, a->taken, a->ends[0], a->ends[1]};
	for (size_t i = 0; i < sizeof socks / sizeof *socks; i++)
		pier_sock_close(socks[i]);
	for (size_t i = 0; i < sizeof conns / sizeof *conns; i++)
		pier_close(conns[i]);
	pier_listener_close(a->listener);
	pier_listener_close(a->local);
	pier_file_close(a->file);
	pier_dir_close(a->folder);
}

/* On a fiber the descriptors of the runtime are open too: epoll, the ring, eventfd, signalfd. */
ON_BOTH(a_program_that_is_run_inherits_no_descriptor)
{
	test_skip_simulated("it runs a real program");
	static int outside;
	struct all a = {0};
	int before = inherited();
	if (outside)
		CHECK_EQ(before, outside);
	outside = before;
	open_socks(&a);
	open_conns(&a);
	CHECK_OK(pier_dir_open("/proc/self", false, &a.folder));
	CHECK_OK(a.file = pier_file_open(a.folder, "status", PIER_READ));
	CHECK_EQ(inherited(), before);
	CHECK_OK(pier_sock_set_inheritable(&a.copy, true)); /* and it would be seen */
	CHECK_EQ(inherited(), before + 1);
	close_all(&a);
}

/* ---- SIGPIPE ------------------------------------------------------------------------------------------ */

static volatile sig_atomic_t pipes_broken;

static void count_it(int number)
{
	(void)number;
	pipes_broken++;
}

static bool is_pending(void)
{
	sigset_t s;
	CHECK_EQ(sigpending(&s), 0);
	return sigismember(&s, SIGPIPE) == 1;
}

static char page[4096];
static struct iovec piece = {page, sizeof page};
static int file = -1;

static ssize_t by_send(pier_sock *s)
{
	return pier_sock_send(s, page, sizeof page, 0);
}

static ssize_t by_send_some(pier_sock *s)
{
	return pier_sock_send_some(s, page, sizeof page, 0);
}

static ssize_t by_sendto(pier_sock *s)
{
	return pier_sock_sendto(s, page, sizeof page, 0, NULL);
}

static ssize_t by_sendmsg(pier_sock *s)
{
	pier_message m = pier_message_of(&piece);
	return pier_sock_sendmsg(s, &m, 0);
}

static ssize_t by_sendmmsg(pier_sock *s)
{
	pier_message m[2] = {pier_message_of(&piece), pier_message_of(&piece)};
	return pier_sock_sendmmsg(s, m, 2, 0);
}

static ssize_t by_sendfile(pier_sock *s)
{
	int64_t sent;
	return pier_sock_sendfile(s, file, 0, sizeof page, &sent);
}

static ssize_t by_send_fds(pier_sock *s)
{
	return pier_sock_send_fds(s, page, sizeof page, &file, 1);
}

static ssize_t by_conn(pier_sock *s)
{
	PIER_AUTO *c = pier_sock_conn(s, NULL);
	pier_send(c, page, sizeof page);
	pier_printf(c, "%s", "more");
	return pier_finish(c);
}

static ssize_t by_file_of_conn(pier_sock *s)
{
	PIER_AUTO *c = pier_sock_conn(s, NULL);
	return pier_sendfile_fd(c, file, 0, sizeof page);
}

static ssize_t by_gathered_conn(pier_sock *s)
{
	PIER_AUTO *c = pier_sock_conn(s, NULL);
	pier_buffer(c, sizeof page * 2);
	pier_send(c, page, sizeof page);
	return pier_flush(c);
}

/* Workers have it blocked, and let none through when they end: the process would. */
static void write_in_vain(bool on_fiber)
{
	static ssize_t (*const ways[])(pier_sock *) = {
		by_send,     by_send_some, by_sendto, by_sendmsg,      by_sendmmsg,
		by_sendfile, by_send_fds,  by_conn,   by_file_of_conn, by_gathered_conn};
	FILE *at = tmpfile();
	CHECK_EQ(fwrite(page, sizeof page, 1, at), 1);
	CHECK_EQ(fflush(at), 0);
	file = fileno(at);
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		pier_sock p[2];
		CHECK_OK(pier_socketpair(SOCK_STREAM, p));
		pier_sock_close(&p[1]);
		fprintf(stderr, "way %zu\n", i);
		CHECK_EQ(ways[i](&p[0]), -EPIPE);
		pier_sock_close(&p[0]);
		CHECK(on_fiber || !is_pending());
	}
	fclose(at);
}

static int write_in_vain_on_fiber(void *arg)
{
	(void)arg;
	write_in_vain(true);
	return 0;
}

TEST(who_writes_to_one_that_has_gone_gets_an_error_and_no_signal)
{
	struct sigaction count = {.sa_handler = count_it};
	test_skip_simulated("signals are the real kernel's");
	CHECK_EQ(sigaction(SIGPIPE, &count, NULL), 0);
	write_in_vain(false);
	CHECK_EQ(pier_run(write_in_vain_on_fiber, NULL, .workers = 1), 0);
	CHECK(!is_pending());
	CHECK_EQ(pipes_broken, 0);
}
