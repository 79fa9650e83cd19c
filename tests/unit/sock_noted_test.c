/* The first error of a socket is noted, so that a sequence of calls may be checked once. */
#include "sock_pairs.h"

#include <linux/filter.h>

TEST(a_socket_that_cannot_be_had_says_why)
{
	PIER_AUTO_SOCK s = pier_sock_open(9999, SOCK_STREAM, 0);
	CHECK_EQ(s.fd, -1);
	CHECK_EQ(pier_sock_err(&s), -EAFNOSUPPORT);
	CHECK_EQ(pier_sock_bind(&s, &(pier_addr){0}), -EBADF);
	CHECK_EQ(pier_sock_err(&s), -EAFNOSUPPORT);
}

TEST(the_first_error_stays_and_stops_nothing)
{
	pier_addr at = pier_addr_of("127.0.0.1:0");
	PIER_AUTO_SOCK s = pier_sock_open(AF_INET, SOCK_STREAM, 0), twin = PIER_SOCK;
	CHECK_OK(pier_sock_bind(&s, &at));
	CHECK_EQ(pier_sock_err(&s), 0);
	CHECK_EQ(pier_sock_bind(&s, &at), -EINVAL);
	CHECK_OK(pier_sock_listen(&s, 1));
	CHECK_EQ(pier_sock_send(&s, "x", 1, 0), -EPIPE);
	CHECK_EQ(pier_sock_err(&s), -EINVAL);
	CHECK_OK(pier_sock_dup(&s, &twin));
	CHECK_EQ(pier_sock_err(&twin), 0);
	pier_sock_clear(&s);
	CHECK_EQ(pier_sock_err(&s), 0);
}

TEST(not_yet_is_no_error_and_too_late_is_one)
{
	pier_sock s[2];
	char byte;
	CHECK_OK(pier_socketpair(SOCK_STREAM, s));
	pier_sock_set_timeouts(&s[0], 0, 0);
	CHECK_EQ(pier_sock_recv(&s[0], &byte, 1, 0), -EAGAIN);
	CHECK_EQ(pier_sock_err(&s[0]), 0);
	pier_sock_set_timeouts(&s[0], PIER_MS(1), 0);
	CHECK_EQ(pier_sock_recv(&s[0], &byte, 1, 0), -ETIMEDOUT);
	CHECK_EQ(pier_sock_err(&s[0]), -ETIMEDOUT);
	pier_sock_close(&s[0]);
	pier_sock_close(&s[1]);
}

TEST(options_are_noted_too)
{
	PIER_AUTO_SOCK s = pier_sock_open(AF_UNIX, SOCK_STREAM, 0);
	CHECK_EQ(pier_sock_set_hops(&s, 5), -ENOPROTOOPT);
	CHECK_EQ(pier_sock_err(&s), -ENOPROTOOPT);
	pier_sock_clear(&s);
	CHECK_EQ(pier_sock_join(&s, &(pier_addr){0}, 0, NULL), -EAFNOSUPPORT);
	CHECK_EQ(pier_sock_err(&s), -EAFNOSUPPORT);
}

static void says(const pier_sock *s, const char *what, const char *wanted)
{
	char told[200] = "";
	int pipes[2], before = dup(STDERR_FILENO);

	CHECK_EQ(pipe(pipes), 0);
	dup2(pipes[1], STDERR_FILENO);
	int err = pier_sock_perror(s, what);
	dup2(before, STDERR_FILENO);
	close(pipes[1]);
	CHECK_EQ(err, pier_sock_err(s));
	CHECK(read(pipes[0], told, sizeof told - 1) >= 0);
	CHECK_STR(told, wanted);
	close(pipes[0]);
	close(before);
}

TEST(what_is_said_names_the_call_and_whom_it_concerned)
{
	pier_sock s[2];
	char byte;
	CHECK_OK(pier_socketpair(SOCK_STREAM, s));
	says(&s[0], "lo", "");
	pier_sock_set_timeouts(&s[0], PIER_MS(1), 0);
	pier_sock_recv(&s[0], &byte, 1, 0);
	CHECK_EQ(pier_sock_sendto(&s[0], "", 0, 0, &(pier_addr){0}), 0);
	char wanted[100];
	snprintf(wanted, sizeof wanted, "receive from 127.0.0.1: %s\n", pier_strerror(-ETIMEDOUT));
	says(&s[0], "127.0.0.1", wanted);
	snprintf(wanted, sizeof wanted, "receive from unix: %s\n", pier_strerror(-ETIMEDOUT));
	says(&s[0], NULL, wanted);
	pier_sock_close(&s[0]);
	pier_sock_close(&s[1]);
}

/* ---- Datagrams, with what came beside ------------------------------------------------------------ */

TEST(an_arrival_tells_what_the_socket_was_told_to_tell)
{
	test_skip_emulated("qemu does not know all of these control data");
	pier_arrival a;
	char text[8];
	pier_addr at;
	PIER_AUTO_SOCK in = pier_sock_open(AF_INET, SOCK_DGRAM, 0);
	PIER_AUTO_SOCK out = pier_sock_open(AF_INET, SOCK_DGRAM, 0);

	pier_sock_bind(&in, PIER_ADDR_AT("127.0.0.1:0"));
	CHECK_OK(pier_sock_local(&in, &at));
	pier_sock_set_hops(&out, 5);
	pier_sock_sendto(&out, "plain", 5, 0, &at);
	CHECK_EQ(pier_sock_recv_arrival(&in, text, sizeof text, 0, &a), 5);
	CHECK_EQ(a.to.len, 0);
	CHECK_EQ(a.interface, 0);
	CHECK_EQ(a.hops, -ENODATA);
	CHECK_EQ(a.time, -ENODATA);

	pier_sock_set_pktinfo(&in, true);
	pier_sock_set_recv_hops(&in, true);
	pier_sock_set_timestamps(&in, true);
	pier_sock_sendto(&out, "more than fits", 14, 0, &at);
	CHECK_EQ(pier_sock_recv_arrival(&in, text, sizeof text, 0, &a), 8);
	CHECK_STR(PIER_HOST_STR(&a.to), "127.0.0.1");
	CHECK_STR(PIER_HOST_STR(&a.from), "127.0.0.1");
	CHECK_EQ(a.interface, pier_interface_index("lo"));
	CHECK_EQ(a.hops, 5);
	CHECK(a.flags & MSG_TRUNC);
	CHECK(pier_wall() - a.time < PIER_S(5));
	CHECK_EQ(pier_sock_err(&in), 0);
	CHECK_EQ(pier_sock_err(&out), 0);
}

TEST(descriptors_beside_an_arrival_do_not_leak)
{
	pier_sock s[2];
	pier_arrival a;
	char byte;
	int lowest = dup(STDIN_FILENO);
	close(lowest);
	CHECK_OK(pier_socketpair(SOCK_STREAM, s));
	int file = dup(STDIN_FILENO);
	CHECK_EQ(pier_sock_send_fds(&s[0], "x", 1, &file, 1), 1);
	CHECK_EQ(pier_sock_recv_arrival(&s[1], &byte, 1, 0, &a), 1);
	close(file);
	pier_sock_close(&s[0]);
	pier_sock_close(&s[1]);
	file = dup(STDIN_FILENO);
	CHECK_EQ(file, lowest);
	close(file);
}

TEST(only_what_a_filter_lets_pass_arrives)
{
	static const struct sock_filter five_bytes[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 8 + 5, 0, 1), /* its UDP header too */
		BPF_STMT(BPF_RET, 8 + 3),
		BPF_STMT(BPF_RET, 0),
	};
	pier_addr at;
	char text[16];
	PIER_AUTO_SOCK in = bound_to(AF_INET, SOCK_DGRAM, &at);
	PIER_AUTO_SOCK out = pier_sock_open(AF_INET, SOCK_DGRAM, 0);
	CHECK_OK(pier_sock_set_filter(&in, five_bytes, 4));
	pier_sock_sendto(&out, "four", 4, 0, &at);
	pier_sock_sendto(&out, "fives", 5, 0, &at);
	CHECK_EQ(pier_sock_recv(&in, text, sizeof text, 0), 3);
	CHECK_EQ(pier_sock_set_filter(&in, five_bytes, BPF_MAXINSNS + 1), -EINVAL);
	CHECK_EQ(pier_sock_err(&in), -EINVAL);
}

TEST(a_connection_tells_its_state)
{
	PIER_AUTO_SOCK s = pier_sock_open(AF_INET, SOCK_STREAM, 0);
	PIER_AUTO_SOCK u = pier_sock_open(AF_INET, SOCK_DGRAM, 0);
	CHECK_STR(pier_sock_state(&s), "CLOSED");
	pier_sock_bind(&s, PIER_ADDR_AT("127.0.0.1:0"));
	pier_sock_listen(&s, 1);
	CHECK_STR(pier_sock_state(&s), "LISTEN");
	CHECK_STR(pier_sock_state(&u), "?");
}
