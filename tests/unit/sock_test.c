/* Raw sockets: birth, meeting, bytes, time-outs, end. */
#include "sock_pairs.h"

#include "io/backend.h"
#include <time.h>

/* ---- Life ---------------------------------------------------------------------------------------- */

TEST(a_socket_knows_what_it_is)
{
	PIER_AUTO_SOCK s = PIER_SOCK;
	CHECK_OK(pier_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP, &s));
	CHECK_EQ(s.family, AF_INET);
	CHECK_EQ(s.type, SOCK_DGRAM);
	CHECK_EQ(s.protocol, IPPROTO_UDP);
	CHECK_EQ(s.rd, PIER_FOREVER);
	CHECK(fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
	CHECK(!pier_sock_is_inheritable(&s));
	CHECK_OK(pier_sock_set_inheritable(&s, true));
	CHECK(pier_sock_is_inheritable(&s));
}

TEST(what_cannot_be_is_refused_and_touches_nothing)
{
	pier_sock s = PIER_SOCK;
	CHECK_EQ(pier_socket(9999, SOCK_STREAM, 0, &s), -EAFNOSUPPORT);
	CHECK_EQ(pier_socket(AF_INET, SOCK_STREAM, IPPROTO_UDP, &s), -EPROTONOSUPPORT);
	CHECK_EQ(s.fd, -1);
	char byte;
	CHECK_EQ(pier_sock_recv(&s, &byte, 1, 0), -EBADF);
	CHECK_EQ(pier_sock_send(&s, "x", 1, 0), -EBADF);
	CHECK_EQ(pier_sock_detach(&s), -EBADF);
	int64_t sent = 7;
	CHECK_EQ(pier_sock_sendfile(&s, 0, 0, 1, &sent), -EPROTOTYPE);
	CHECK_EQ(sent, 0);
	pier_sock_close(&s);
}

TEST(an_adopted_socket_is_probed_and_comes_back_as_it_was)
{
	int fds[2];
	pier_sock s;
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	CHECK_OK(pier_sock_adopt(fds[0], &s));
	CHECK_EQ(s.family, AF_UNIX);
	CHECK_EQ(s.type, SOCK_SEQPACKET);
	CHECK(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	CHECK_EQ(pier_sock_detach(&s), fds[0]);
	CHECK_EQ(s.fd, -1);
	CHECK(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK));

	CHECK_EQ(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	CHECK_OK(pier_sock_adopt(fds[1], &s));
	CHECK_EQ(pier_sock_detach(&s), fds[1]);
	CHECK(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	close(fds[0]);
	close(fds[1]);
}

TEST(what_is_no_socket_is_not_adopted)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	pier_sock s = PIER_SOCK;
	CHECK_EQ(pier_sock_adopt(fd, &s), -ENOTSOCK);
	CHECK_EQ(pier_sock_fromfd(fd, &s), -ENOTSOCK);
	CHECK_EQ(pier_sock_fromfd(9999, &s), -EBADF);
	CHECK_EQ(s.fd, -1);
	close(fd);
}

ON_BOTH(a_duplicate_lives_on_when_the_first_is_closed)
{
	pier_sock p[2], twin, third;
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	pier_sock_set_timeouts(&p[0], PIER_S(3), PIER_S(4));
	CHECK_OK(pier_sock_dup(&p[0], &twin));
	CHECK_EQ(twin.rd, PIER_S(3));
	CHECK(!pier_sock_is_inheritable(&twin));
	CHECK_OK(pier_sock_fromfd(p[0].fd, &third));
	pier_sock_close(&p[0]);
	say(&twin, "one");
	check_recv(&p[1], "one");
	say(&p[1], "two");
	check_recv(&third, "two");
	pier_sock_close(&twin);
	pier_sock_close(&twin); /* twice is allowed */
	pier_sock_close(&third);
	pier_sock_close(&p[1]);
}

TEST(the_default_time_out_is_what_sockets_begin_with)
{
	pier_sock p[2];
	CHECK_EQ(pier_default_timeout(), PIER_FOREVER);
	pier_set_default_timeout(PIER_MS(20));
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	pier_set_default_timeout(PIER_FOREVER);
	char byte;
	CHECK_EQ(pier_sock_recv(&p[0], &byte, 1, 0), -ETIMEDOUT);
	part(p);
}

/* ---- Meeting ------------------------------------------------------------------------------------- */

ON_BOTH(tcp_meets_and_each_side_knows_the_other)
{
	for (int round = 0; round < 2; round++) {
		int family = round ? AF_INET6 : AF_INET;
		pier_addr at, local, peer, from;
		pier_sock listener = bound_to(family, SOCK_STREAM, &at), a, b;
		CHECK_OK(pier_socket(family, SOCK_STREAM, 0, &a));
		CHECK_EQ(pier_sock_peer(&a, &peer), -ENOTCONN);
		CHECK_OK(pier_sock_connect(&a, &at));
		CHECK_OK(pier_sock_accept(&listener, &b, &from));
		CHECK(fcntl(b.fd, F_GETFD) & FD_CLOEXEC);
		CHECK_OK(pier_sock_local(&a, &local));
		CHECK(pier_addr_eq(&local, &from));
		CHECK_OK(pier_sock_peer(&b, &peer));
		CHECK(pier_addr_eq(&local, &peer));
		CHECK_EQ(pier_sock_connect(&a, &at), -EISCONN);
		pier_sock_close(&a);
		pier_sock_close(&b);
		pier_sock_close(&listener);
	}
}

ON_BOTH(nobody_there_is_a_refusal_that_names_whom)
{
	pier_addr at;
	char why[200], expected[200], text[PIER_ADDR_TEXT];
	pier_sock gone = bound_to(AF_INET, SOCK_STREAM, &at), s;
	pier_sock_close(&gone);
	CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &s));
	int err = pier_sock_connect(&s, &at);
	CHECK_EQ(err, -ECONNREFUSED);
	snprintf(expected, sizeof expected, "connect to %s: Connection refused",
		 pier_addr_format(&at, text, sizeof text));
	CHECK_STR(pier_sock_why(&s, err, &at, why, sizeof why), expected);
	pier_sock_close(&s);
}

ON_BOTH(a_connect_that_may_not_wait_is_under_way)
{
	pier_addr at;
	pier_sock listener = bound_to(AF_INET, SOCK_STREAM, &at), a, b;
	CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &a));
	pier_sock_set_timeouts(&a, 0, 0);
	CHECK_EQ(pier_sock_connect(&a, &at), -EINPROGRESS);
	CHECK_OK(pier_sock_accept(&listener, &b, NULL));
	say(&b, "here");
	pier_sock_set_timeouts(&a, PIER_FOREVER, PIER_FOREVER);
	check_recv(&a, "here");
	pier_sock_close(&a);
	pier_sock_close(&b);
	pier_sock_close(&listener);
}

ON_BOTH(unix_sockets_of_every_type_and_kind_of_name_meet)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
	for (int i = 0; i < 4; i++) {
		char name[64];
		pier_addr at, from;
		pier_sock listener, a, b;
		snprintf(name, sizeof name, "%spier-sock-%d", i < 2 ? "@" : "/tmp/", (int)getpid());
		CHECK_OK(pier_addr_unix(pier_text(name), &at));
		CHECK_OK(pier_socket(AF_UNIX, types[i % 2], 0, &listener));
		CHECK_OK(pier_sock_bind(&listener, &at));
		CHECK_OK(pier_sock_listen(&listener, 1));
		CHECK_OK(pier_socket(AF_UNIX, types[i % 2], 0, &a));
		CHECK_OK(pier_sock_connect(&a, &at));
		CHECK_OK(pier_sock_accept(&listener, &b, &from));
		say(&a, "x");
		check_recv(&b, "x");
		pier_sock_close(&a);
		pier_sock_close(&b);
		pier_sock_close(&listener);
		if (i >= 2)
			unlink(name);
	}
}

/* ---- Bytes --------------------------------------------------------------------------------------- */

ON_BOTH(bytes_come_and_the_end_is_nothing)
{
	pier_sock p[2];
	char byte;
	tcp_joined(p);
	say(&p[0], "hello");
	check_recv(&p[1], "hello");
	CHECK_OK(pier_sock_shutdown(&p[0], SHUT_WR));
	CHECK_EQ(pier_sock_recv(&p[1], &byte, 1, 0), 0);
	say(&p[1], "half is open"); /* one direction is closed, the other is not */
	check_recv(&p[0], "half is open");
	CHECK_EQ(pier_sock_send(&p[0], "x", 1, 0), -EPIPE); /* and no SIGPIPE */
	part(p);
}

ON_BOTH(a_reset_is_told_from_an_end)
{
	pier_sock p[2];
	char byte, why[256];
	tcp_joined(p);
	CHECK_OK(pier_sock_set_linger(&p[0], 0));
	pier_sock_close(&p[0]);
	CHECK_EQ(pier_sock_recv(&p[1], &byte, 1, 0), -ECONNRESET);
	CHECK(strstr(pier_sock_why(&p[1], -ECONNRESET, NULL, why, sizeof why), "receive from"));
	pier_sock_close(&p[1]);
}

ON_BOTH(peeking_leaves_what_is_there)
{
	pier_sock p[2];
	char got[8];
	tcp_joined(p);
	say(&p[0], "peek");
	CHECK_EQ(pier_sock_recv(&p[1], got, 2, MSG_PEEK), 2);
	CHECK_EQ(pier_sock_recv(&p[1], got, sizeof got, MSG_PEEK), 4);
	CHECK_EQ(pier_sock_recv(&p[1], got, 2, 0), 2);
	check_recv(&p[1], "ek");
	part(p);
}

static pier_sock far;

static int write_in_pieces(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++) {
		say(&far, "0123456789");
		pier_sleep(PIER_MS(3));
	}
	pier_sock_close(&far);
	return 0;
}

ON_FIBER(exactly_so_many_come_or_it_is_told)
{
	pier_sock p[2];
	pier_group g = PIER_GROUP;
	char got[64];
	tcp_joined(p);
	far = p[1];
	CHECK_OK(pier_go(&g, write_in_pieces, NULL));
	CHECK_EQ(pier_sock_recv_all(&p[0], got, 25), 25);
	CHECK_EQ(pier_sock_recv(&p[0], got, 15, MSG_WAITALL), 15);
	CHECK_EQ(memcmp(got, "567890123456789", 15), 0);
	CHECK_EQ(pier_sock_recv_all(&p[0], got, 11), -PIER_ETRUNCATED);
	CHECK_EQ(pier_sock_recv_all(&p[0], got, 11), 0);
	CHECK_EQ(pier_sock_recv(&p[0], got, 11, MSG_WAITALL), 0);
	CHECK_OK(pier_group_wait(&g));
	pier_sock_close(&p[0]);
}

static char much[4 << 20];

static int drain_far(void *arg)
{
	size_t *sum = arg;
	static char got[30000];
	for (ssize_t n; (n = pier_sock_recv(&far, got, sizeof got, 0)) > 0; *sum += (size_t)n)
		;
	return 0;
}

ON_FIBER(all_is_sent_however_slowly_it_is_read)
{
	pier_sock p[2];
	pier_group g = PIER_GROUP;
	size_t sum = 0;
	tcp_joined(p);
	far = p[1];
	CHECK_OK(pier_go(&g, drain_far, &sum));
	CHECK_EQ(pier_sock_send(&p[0], much, sizeof much, 0), sizeof much);
	pier_sock_close(&p[0]);
	CHECK_OK(pier_group_wait(&g));
	CHECK_EQ(sum, sizeof much);
	pier_sock_close(&far);
}

ON_BOTH(some_is_sent_when_not_all_has_room)
{
	pier_sock p[2];
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	ssize_t n = pier_sock_send_some(&p[0], much, sizeof much, 0);
	CHECK(n > 0 && n < (ssize_t)sizeof much);
	CHECK_EQ(pier_sock_send_some(&p[0], much, sizeof much, MSG_DONTWAIT), -EAGAIN);
	part(p);
}

/* ---- Time-outs, cancel, close -------------------------------------------------------------------- */

ON_BOTH(each_direction_has_its_own_time_out)
{
	pier_sock p[2];
	char byte;
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	pier_sock_set_timeouts(&p[0], PIER_MS(30), 0);
	int64_t began = pier_io_clock();
	CHECK_EQ(pier_sock_recv(&p[0], &byte, 1, 0), -ETIMEDOUT);
	CHECK(pier_io_clock() - began >= PIER_MS(29));
	while (pier_sock_send_some(&p[0], much, sizeof much, 0) > 0)
		;
	CHECK_EQ(pier_sock_send(&p[0], much, 1, 0), -EAGAIN);
	pier_sock_set_timeouts(&p[0], 0, PIER_MS(30));
	CHECK_EQ(pier_sock_recv(&p[0], &byte, 1, 0), -EAGAIN);
	CHECK_EQ(pier_sock_send(&p[0], much, 1, 0), -ETIMEDOUT);
	part(p);
}

ON_BOTH(a_time_out_is_over_the_whole_call)
{
	pier_sock p[2];
	char got[8];
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	say(&p[1], "abc");
	pier_sock_set_timeouts(&p[0], PIER_MS(30), PIER_MS(30));
	CHECK_EQ(pier_sock_recv_all(&p[0], got, sizeof got), -ETIMEDOUT);
	CHECK_EQ(pier_sock_send(&p[0], much, sizeof much, 0), -ETIMEDOUT);
	part(p);
}

ON_BOTH(a_deadline_around_ends_a_wait)
{
	pier_sock p[2];
	char byte;
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	PIER_WITHIN (PIER_MS(20))
		CHECK_EQ(pier_sock_recv(&p[0], &byte, 1, 0), -ETIMEDOUT);
	say(&p[1], "x");
	CHECK_EQ(pier_sock_recv(&p[0], &byte, 1, 0), 1);
	part(p);
}

static void ring(int signal)
{
	(void)signal;
}

TEST(signals_lengthen_no_time_out)
{
	pier_sock p[2];
	char byte;
	struct sigaction act = {.sa_handler = ring}; /* no SA_RESTART */
	CHECK_EQ(sigaction(SIGALRM, &act, NULL), 0);
	timer_t timer;
	struct itimerspec each = {{0, 5000000}, {0, 5000000}};
	CHECK_EQ(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
	CHECK_EQ(timer_settime(timer, 0, &each, NULL), 0);
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	pier_sock_set_timeouts(&p[0], PIER_MS(60), PIER_FOREVER);
	int64_t began = pier_now();
	CHECK_EQ(pier_sock_recv(&p[0], &byte, 1, 0), -ETIMEDOUT);
	int64_t took = pier_now() - began;
	CHECK(took >= PIER_MS(59) && took < PIER_S(3));
	timer_delete(timer);
	part(p);
}

struct waiter {
	pier_sock *s;
	int result;
};

static int wait_for_input(void *arg)
{
	struct waiter *w = arg;
	char byte;
	w->result = (int)pier_sock_recv(w->s, &byte, 1, 0);
	return 0;
}

static int wait_for_client(void *arg)
{
	struct waiter *w = arg;
	pier_sock c;
	w->result = pier_sock_accept(w->s, &c, NULL);
	return 0;
}

ON_FIBER(closing_ends_the_waits_of_others_first)
{
	pier_sock p[2];
	pier_addr at;
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	pier_sock listener = bound_to(AF_INET, SOCK_STREAM, &at);
	struct waiter w[3] = {{&p[0], 1}, {&listener, 1}, {&listener, 1}};
	CHECK_OK(pier_go(&g, wait_for_input, &w[0]));
	CHECK_OK(pier_go(&g, wait_for_client, &w[1]));
	CHECK_OK(pier_go(&g, wait_for_client, &w[2]));
	pier_sleep(PIER_MS(5));
	pier_sock_close(&p[0]);
	char byte;
	CHECK_EQ(pier_sock_recv(&p[1], &byte, 1, 0), 0); /* it is really closed */
	pier_sock_close(&listener);
	CHECK_OK(pier_group_wait(&g));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(w[i].result, -EBADF);
	pier_sock_close(&p[1]);
}

ON_FIBER(a_cancelled_fiber_leaves_its_wait)
{
	pier_sock p[2];
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	struct waiter w = {&p[0], 1};
	CHECK_OK(pier_go(&g, wait_for_input, &w));
	pier_sleep(PIER_MS(5));
	pier_group_cancel(&g);
	pier_group_wait(&g);
	CHECK_EQ(w.result, -ECANCELED);
	say(&p[1], "x");
	check_recv(&p[0], "x");
	part(p);
}

static int adopt_there(void *arg)
{
	pier_sock s;
	CHECK_OK(pier_sock_adopt(*(int *)arg, &s));
	check_recv(&s, "hello");
	pier_sock_close(&s);
	return 0;
}

ON_FIBER(a_socket_goes_to_another_worker_by_its_descriptor)
{
	pier_sock p[2];
	char byte;
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	pier_sock_set_timeouts(&p[0], PIER_MS(5), PIER_FOREVER);
	CHECK_EQ(pier_sock_recv(&p[0], &byte, 1, 0), -ETIMEDOUT); /* known to this worker */
	int fd = pier_sock_detach(&p[0]);
	say(&p[1], "hello");
	CHECK_OK(pier_call(1, adopt_there, &fd));
	pier_sock_close(&p[1]);
}

/* ---- Conns and words ----------------------------------------------------------------------------- */

ON_BOTH(a_socket_becomes_a_conn_and_lends_its_options_back)
{
	pier_sock p[2], below;
	char line[16];
	tcp_joined(p);
	PIER_AUTO *c = pier_sock_conn(&p[0], NULL);
	CHECK_OK(pier_err(c));
	CHECK_EQ(p[0].fd, -1);
	say(&p[1], "line\n");
	CHECK(pier_gets(c, line, sizeof line) > 0);
	CHECK_STR(line, "line");
	CHECK_OK(pier_sock_of(c, &below));
	CHECK_EQ(below.fd, pier_fileno(c));
	CHECK_EQ(below.type, SOCK_STREAM);
	pier_sock_close(&p[1]);
}

ON_BOTH(a_socket_says_what_it_is)
{
	pier_sock p[2];
	char text[PIER_SOCK_TEXT], expected[PIER_SOCK_TEXT], a[PIER_ADDR_TEXT], b[PIER_ADDR_TEXT];
	pier_addr local, peer;
	tcp_joined(p);
	CHECK_OK(pier_sock_local(&p[0], &local));
	CHECK_OK(pier_sock_peer(&p[0], &peer));
	snprintf(expected, sizeof expected, "fd %d: AF_INET SOCK_STREAM, %s to %s", p[0].fd,
		 pier_addr_format(&local, a, sizeof a), pier_addr_format(&peer, b, sizeof b));
	CHECK_STR(pier_sock_str(&p[0], text, sizeof text), expected);
	part(p);
	CHECK_STR(pier_sock_str(&p[0], text, sizeof text), "closed");
}

/* ---- A fiber that never has to wait -------------------------------------------------------------- */

static bool had_a_turn;

static int take_a_turn(void *arg)
{
	(void)arg;
	had_a_turn = true;
	return 0;
}

ON_FIBER(calls_that_never_wait_let_others_run)
{
	pier_sock p[2];
	pier_group g = PIER_GROUP;
	had_a_turn = false;
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	CHECK_OK(pier_go(&g, take_a_turn, NULL));
	for (int i = 0; !had_a_turn; i++) {
		CHECK(i < 1000);
		say(&p[0], "x");
		check_recv(&p[1], "x");
	}
	CHECK_OK(pier_group_wait(&g));
	part(p);
}

static int talk_on(void *sock)
{
	pier_sock *p = sock;
	char byte;
	ssize_t n = 1;
	while (n == 1) {
		n = pier_sock_send(&p[0], "x", 1, 0);
		if (n == 1)
			n = pier_sock_recv(&p[1], &byte, 1, 0);
	}
	return (int)n;
}

ON_FIBER(calls_that_never_wait_feel_a_cancel_and_a_deadline)
{
	pier_sock p[2];
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	CHECK_OK(pier_go(&g, talk_on, p));
	pier_sleep(PIER_MS(5));
	pier_group_cancel(&g);
	pier_group_wait(&g);
	PIER_WITHIN (PIER_MS(5))
		CHECK_EQ(talk_on(p), -ETIMEDOUT);
	part(p);
}
