/* Bytes and datagrams between two raw sockets, as Python's tests send them. */
#include "sock_pairs.h"

#include "fiber/sanitize.h"
#include "io/backend.h"
#include <linux/vm_sockets.h>
#include <poll.h>
#include <pthread.h>
#include <sys/time.h>
#include <time.h>

#define MSG "Michael Gilfix was here"

/* Either transport whose bytes have no bounds. */
static void stream_joined(int round, pier_sock out[2])
{
	if (round)
		CHECK_OK(pier_socketpair(SOCK_STREAM, out));
	else
		tcp_joined(out);
}

/* ---- Streams ------------------------------------------------------------------------------------- */

ON_BOTH(a_stream_is_read_at_once_or_in_parts_by_either_call)
{
	for (int round = 0; round < 4; round++) {
		pier_sock p[2];
		char got[64];
		pier_addr from = {.len = 7};
		size_t parts[] = {sizeof got, 0};
		if (round & 1) {
			parts[0] = strlen(MSG) - 3;
			parts[1] = sizeof got;
		}
		stream_joined(round > 1, p);
		say(&p[0], MSG);
		size_t sum = 0;
		for (int i = 0; i < 2 && parts[i]; i++)
			sum += (size_t)pier_sock_recvfrom(&p[1], got + sum,
							  parts[i] - (i ? sum : 0), 0, &from);
		CHECK_BYTES(pier_bytes_of(got, sum), MSG);
		CHECK_EQ(from.len, 0); /* the peer of a stream is known: recvfrom(2) */
		say(&p[1], MSG);
		for (sum = 0; sum < strlen(MSG);)
			sum += (size_t)pier_sock_recv(&p[0], got + sum, round & 1 ? 5 : 64, 0);
		CHECK_BYTES(pier_bytes_of(got, sum), MSG);
		part(p);
	}
}

ON_BOTH(all_that_was_sent_comes_before_the_end)
{
	static char much[2048];
	memset(much, 'f', sizeof much);
	for (int round = 0; round < 2; round++) {
		pier_sock p[2];
		char got[4096];
		size_t sum = 0;
		stream_joined(round, p);
		CHECK_EQ(pier_sock_send(&p[0], much, sizeof much, 0), sizeof much);
		pier_sock_close(&p[0]);
		for (ssize_t n; (n = pier_sock_recv(&p[1], got + sum, 1024, 0)) != 0;
		     sum += (size_t)n)
			CHECK_OK(n);
		CHECK_EQ(sum, sizeof much);
		CHECK_EQ(memcmp(got, much, sum), 0);
		pier_sock_close(&p[1]);
	}
}

ON_BOTH(what_was_sent_before_a_shutdown_comes_and_then_the_end)
{
	static const struct {
		int how, peer_sends, own_recv;
	} known[] = {{SHUT_WR, 1, -EAGAIN}, {SHUT_RDWR, 0, 0}};
	for (int i = 0; i < 4; i++) {
		pier_sock p[2];
		char got[64];
		stream_joined(i & 1, p);
		say(&p[0], MSG);
		CHECK_OK(pier_sock_shutdown(&p[0], known[i / 2].how));
		check_recv(&p[1], MSG);
		CHECK_EQ(pier_sock_recv(&p[1], got, sizeof got, 0), 0);
		CHECK_EQ(pier_sock_send(&p[0], "x", 1, 0), -EPIPE);
		CHECK_EQ(pier_sock_recv(&p[0], got, 1, MSG_DONTWAIT), known[i / 2].own_recv);
		if (known[i / 2].peer_sends) {
			say(&p[1], "half open");
			check_recv(&p[0], "half open");
		}
		part(p);
	}
}

ON_BOTH(a_shutdown_that_means_nothing_is_refused)
{
	pier_sock p[2];
	static const int ways[] = {-1, 3, 7, INT32_MAX};
	tcp_joined(p);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(pier_sock_shutdown(&p[0], ways[i]), -EINVAL);
	say(&p[0], "as before");
	check_recv(&p[1], "as before");
	part(p);
	CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &p[0]));
	CHECK_EQ(pier_sock_shutdown(&p[0], SHUT_RDWR), -ENOTCONN);
	pier_sock_close(&p[0]);
}

ON_BOTH(what_is_detached_goes_on_under_another_handle)
{
	pier_sock p[2], again;
	char byte;
	tcp_joined(p);
	say(&p[0], MSG);
	int number = p[1].fd, fd = pier_sock_detach(&p[1]);
	CHECK_EQ(fd, number);
	CHECK_EQ(pier_sock_recv(&p[1], &byte, 1, 0), -EBADF);
	pier_sock_close(&p[1]); /* what it gave away it does not close */
	CHECK_OK(pier_sock_adopt(fd, &again));
	check_recv(&again, MSG);
	pier_sock_close(&again);
	pier_sock_close(&p[0]);
}

ON_BOTH(a_peer_sees_a_close_at_once)
{
	pier_sock p[2];
	char byte;
	tcp_joined(p);
	pier_sock_close(&p[0]);
	struct pollfd in = {.fd = p[1].fd, .events = POLLIN};
	CHECK_EQ(poll(&in, 1, 1000), 1);
	CHECK_EQ(pier_sock_recv(&p[1], &byte, 1, 0), 0);
	part(p); /* closing twice is safe */
	part(p);
}

ON_BOTH(memory_of_no_bytes_is_no_end)
{
	pier_sock p[2];
	char none[1];
	pier_addr from;
	tcp_joined(p);
	say(&p[0], MSG);
	struct pollfd in = {.fd = p[1].fd, .events = POLLIN};
	CHECK_EQ(poll(&in, 1, 1000), 1);
	CHECK_EQ(pier_sock_recv(&p[1], none, 0, 0), 0);
	CHECK_EQ(pier_sock_recv(&p[1], NULL, 0, 0), 0);
	CHECK_EQ(pier_sock_recvfrom(&p[1], none, 0, 0, &from), 0);
	CHECK_EQ(pier_sock_recv_all(&p[1], none, 0), 0);
	check_recv(&p[1], MSG);
	part(p);
}

/* Only so much memory is written as was given. */
ON_BOTH(what_is_received_stays_inside_its_memory)
{
	pier_sock p[2];
	char got[16];
	struct iovec pieces[2] = {{got + 4, 3}, {got + 9, 2}};
	pier_message m = {.iov = pieces, .pieces = 2};
	for (int round = 0; round < 3; round++) {
		pier_addr from;
		memset(got, '.', sizeof got);
		stream_joined(round & 1, p);
		say(&p[0], MSG);
		ssize_t n = round == 0	 ? pier_sock_recv(&p[1], got + 4, 5, 0)
			    : round == 1 ? pier_sock_recvfrom(&p[1], got + 4, 5, 0, &from)
					 : pier_sock_recvmsg(&p[1], &m, 0);
		CHECK_EQ(n, 5);
		CHECK_BYTES(pier_bytes_of(got, 16),
			    round < 2 ? "....Micha......." : "....Mic..ha.....");
		part(p);
	}
}

/* ---- Pairs --------------------------------------------------------------------------------------- */

ON_BOTH(a_pair_is_of_unix_and_talks_both_ways)
{
	pier_sock p[2];
	pier_addr who;
	char text[PIER_ADDR_TEXT];
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(p[i].family, AF_UNIX);
		CHECK_EQ(p[i].type, SOCK_STREAM);
		CHECK_EQ(p[i].protocol, 0);
		CHECK_OK(pier_sock_peer(&p[i], &who)); /* nameless: no stranger can connect to it */
		CHECK_STR(pier_addr_format(&who, text, sizeof text), "unix");
		say(&p[i], MSG);
		check_recv(&p[!i], MSG);
	}
	part(p);
}

/* ---- Datagrams ----------------------------------------------------------------------------------- */

static const struct {
	int family, protocol;
} datagrams[] = {
	{AF_INET, 0}, {AF_INET6, 0}, {AF_INET, IPPROTO_UDPLITE}, {AF_INET6, IPPROTO_UDPLITE}};

/* A datagram socket on loopback; false where the kernel was built without it (udplite(7)). */
static bool datagram_bound(int i, pier_sock *s, pier_addr *at)
{
	int err = pier_socket(datagrams[i].family, SOCK_DGRAM, datagrams[i].protocol, s);
	if (err == -EPROTONOSUPPORT && datagrams[i].protocol)
		return false;
	CHECK_OK(err);
	*at = at_loopback(datagrams[i].family);
	CHECK_OK(pier_sock_bind(s, at));
	CHECK_OK(pier_sock_local(s, at));
	return true;
}

ON_BOTH(a_datagram_sent_to_an_address_comes_and_tells_from_whom)
{
	for (int i = 0; i < 4; i++) {
		pier_sock a, b;
		pier_addr at, own, from;
		char got[64];
		if (!datagram_bound(i, &a, &own))
			continue;
		CHECK(datagram_bound(i, &b, &at));
		for (int round = 0; round < 2; round++) {
			CHECK_EQ(pier_sock_sendto(&a, MSG, strlen(MSG), 0, &at), strlen(MSG));
			ssize_t n = round ? pier_sock_recv(&b, got, sizeof got, 0)
					  : pier_sock_recvfrom(&b, got, sizeof got, 0, &from);
			CHECK_BYTES(pier_bytes_of(got, (size_t)n), MSG);
			CHECK(pier_addr_eq(&from, &own));
		}
		pier_sock_close(&a);
		pier_sock_close(&b);
	}
}

ON_BOTH(a_datagram_that_cannot_go_is_an_error_of_its_own)
{
	static char much[1 << 17];
	pier_addr at, six = at_loopback(AF_INET6), none = {0}, cut, host = at_loopback(AF_INET);
	pier_sock s = bound_to(AF_INET, SOCK_DGRAM, &at);
	six.len = at.len - 1;
	cut = at;
	cut.len = 3;
	pier_addr_set_port(&host, 0);
	CHECK_EQ(pier_sock_sendto(&s, "foo", 3, 0, NULL), -EDESTADDRREQ);
	CHECK_EQ(pier_sock_sendto(&s, "foo", 3, 0, &none), -EDESTADDRREQ);
	CHECK_EQ(pier_sock_sendto(&s, "foo", 3, 0, &cut), -EINVAL);
	CHECK_EQ(pier_sock_sendto(&s, "foo", 3, 0, &host), -EINVAL); /* port 0 is nobody's */
	CHECK_EQ(pier_sock_sendto(&s, "foo", 3, MSG_OOB, &at), -EOPNOTSUPP);
	CHECK_EQ(pier_sock_sendto(&s, much, sizeof much, 0, &at), -EMSGSIZE);
	CHECK(pier_sock_sendto(&s, "foo", 3, 0, &six) < 0);
	CHECK_EQ(pier_sock_sendto(&s, "foo", 3, 0, &at), 3);
	check_recv(&s, "foo");
	pier_sock_close(&s);
}

/* ---- VSOCK --------------------------------------------------------------------------------------- */

static pier_sock vsock(void)
{
	pier_sock s;
	if (!pier_has(PIER_VSOCK))
		test_skip("no AF_VSOCK here");
	CHECK_OK(pier_socket(AF_VSOCK, SOCK_STREAM, 0, &s));
	CHECK_EQ(s.family, AF_VSOCK);
	return s;
}

TEST(the_buffers_of_a_vsock_have_their_bounds)
{
	test_skip_emulated("qemu knows no options of vsock");
	static const int names[] = {SO_VM_SOCKETS_BUFFER_MAX_SIZE, SO_VM_SOCKETS_BUFFER_SIZE,
				    SO_VM_SOCKETS_BUFFER_MIN_SIZE};
	uint64_t before[3], now;
	pier_sock s = vsock();
	size_t len = sizeof now;
	for (int i = 0; i < 3; i++)
		CHECK_OK(pier_sock_getopt(&s, AF_VSOCK, names[i], &before[i], &len));
	for (int i = 0; i < 3; i++) {
		now = before[i] * 2;
		CHECK_OK(pier_sock_setopt(&s, AF_VSOCK, names[i], &now, sizeof now));
	}
	for (int i = 0; i < 3; i++) {
		CHECK_OK(pier_sock_getopt(&s, AF_VSOCK, names[i], &now, &len));
		CHECK_EQ(now, before[i] * 2);
		CHECK_EQ(len, sizeof now);
	}
	pier_sock_close(&s);
}

/* Needs the kernel's own loopback of it: vsock(7), VMADDR_CID_LOCAL. */
ON_BOTH(a_vsock_talks_to_its_own_machine)
{
	pier_addr at, peer;
	char text[64], name[PIER_ADDR_TEXT];
	pier_sock listener = vsock(), a = vsock(), b;
	CHECK_OK(pier_addr_read(pier_text("vsock:4294967295:4294967295"), &at));
	CHECK_OK(pier_sock_bind(&listener, &at));
	CHECK_OK(pier_sock_listen(&listener, 0));
	CHECK_OK(pier_sock_local(&listener, &at));
	CHECK(sscanf(pier_addr_format(&at, name, sizeof name), "vsock:%*u:%63s", text) == 1);
	snprintf(name, sizeof name, "vsock:1:%s", text);
	CHECK_OK(pier_addr_read(pier_text(name), &at));
	pier_sock_set_timeouts(&a, PIER_S(1), PIER_S(1));
	int err = pier_sock_connect(&a, &at);
	if (err < 0) {
		pier_sock_close(&a);
		pier_sock_close(&listener);
		test_skip("no loopback of AF_VSOCK here");
	}
	CHECK_OK(pier_sock_accept(&listener, &b, &peer));
	CHECK_EQ(peer.sa.sa_family, AF_VSOCK);
	say(&a, MSG);
	check_recv(&b, MSG);
	pier_sock_close(&a);
	pier_sock_close(&b);
	pier_sock_close(&listener);
}

/* ---- Not waiting --------------------------------------------------------------------------------- */

ON_BOTH(a_call_that_may_not_wait_works_once_it_need_not)
{
	pier_addr at;
	char got[64];
	pier_sock listener = bound_to(AF_INET, SOCK_STREAM, &at), a, b = PIER_SOCK;
	struct pollfd in = {.fd = listener.fd, .events = POLLIN};
	pier_sock_set_timeouts(&listener, 0, 0);
	CHECK_EQ(pier_sock_accept(&listener, &b, NULL), -EAGAIN);
	CHECK_EQ(b.fd, -1);
	CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &a));
	CHECK_OK(pier_sock_connect(&a, &at));
	CHECK_EQ(poll(&in, 1, 1000), 1);
	CHECK_OK(pier_sock_accept(&listener, &b, NULL));
	CHECK_EQ(b.rd, PIER_FOREVER); /* not what its listener has */
	pier_sock_set_timeouts(&b, 0, 0);
	CHECK_EQ(pier_sock_recv(&b, got, sizeof got, 0), -EAGAIN);
	say(&a, MSG);
	in.fd = b.fd;
	CHECK_EQ(poll(&in, 1, 1000), 1);
	check_recv(&b, MSG);
	CHECK_EQ(pier_sock_recv(&b, got, sizeof got, 0), -EAGAIN);
	pier_sock_close(&a);
	pier_sock_close(&b);
	pier_sock_close(&listener);
}

ON_BOTH(a_sender_that_may_not_wait_sends_what_has_room)
{
	static char much[4 << 20];
	pier_sock p[2];
	tcp_joined(p);
	pier_sock_set_timeouts(&p[0], PIER_FOREVER, 0);
	ssize_t n = pier_sock_send_some(&p[0], much, sizeof much, 0);
	CHECK(n > 0);
	for (int i = 0; i < 1000 && n > 0; i++)
		n = pier_sock_send_some(&p[0], much, sizeof much, 0);
	CHECK_EQ(n, -EAGAIN);
	part(p);
}

/* ---- Time-outs ----------------------------------------------------------------------------------- */

ON_BOTH(whatever_waits_for_input_times_out)
{
	for (int i = 0; i < 5; i++) {
		pier_addr at;
		pier_sock s, b = PIER_SOCK;
		char byte;
		if (i == 4)
			s = bound_to(AF_INET, SOCK_STREAM, &at);
		else if (!datagram_bound(i, &s, &at))
			continue;
		for (int64_t timeout = 0; timeout <= PIER_MS(20); timeout += PIER_MS(20)) {
			pier_sock_set_timeouts(&s, timeout, PIER_FOREVER);
			int64_t began = pier_io_clock();
			ssize_t n = i == 4 ? pier_sock_accept(&s, &b, NULL)
					   : pier_sock_recv(&s, &byte, 1, 0);
			CHECK_EQ(n, timeout ? -ETIMEDOUT : -EAGAIN);
			CHECK(pier_io_clock() - began >= timeout);
		}
		pier_sock_close(&s);
	}
}

static void *write_late(void *fd)
{
	usleep(30000);
	CHECK_EQ(write(*(int *)fd, "late", 4), 4);
	return NULL;
}

/* The end of such a time is beyond what a clock counts to, which makes it no short one. */
ON_BOTH(a_time_out_beyond_every_clock_is_waited_for)
{
	test_skip_simulated("it asks the real kernel by itself");
	static const int64_t longest[] = {PIER_FOREVER, INT64_MAX - 1, INT64_MAX - PIER_S(1)};
	for (int i = 0; i < 3; i++) {
		pier_sock p[2];
		pthread_t peer;
		tcp_joined(p);
		pier_sock_set_timeouts(&p[1], longest[i], longest[i]);
		CHECK_EQ(p[1].rd, longest[i]);
		CHECK_EQ(pthread_create(&peer, NULL, write_late, &p[0].fd), 0);
		check_recv(&p[1], "late");
		pthread_join(peer, NULL);
		say(&p[1], "in time");
		check_recv(&p[0], "in time");
		part(p);
	}
}

/* What comes later than usual, but in time, is no time-out. */
static int send_later(void *arg)
{
	pier_sleep(PIER_MS(60));
	say(arg, "done!");
	return 0;
}

ON_FIBER(what_comes_in_time_is_no_time_out)
{
	pier_sock p[2];
	char got[8];
	pier_group g = PIER_GROUP;
	tcp_joined(p);
	CHECK_OK(pier_go(&g, send_later, &p[0]));
	pier_sock_set_timeouts(&p[1], PIER_MS(10), PIER_FOREVER);
	CHECK_EQ(pier_sock_recv(&p[1], got, sizeof got, 0), -ETIMEDOUT);
	pier_sock_set_timeouts(&p[1], PIER_S(5), PIER_FOREVER);
	check_recv(&p[1], "done!");
	CHECK_OK(pier_group_wait(&g));
	part(p);
}

/* ---- Signals ------------------------------------------------------------------------------------- */

/* A handler as bad as they come: it leaves errno in ruins. ThreadSanitizer allows none of those. */
static void ring(int signal)
{
	(void)signal;
#ifndef FIBER_TSAN
	errno = EDOM;
#endif
}

static void ring_each(int64_t ns)
{
	struct sigaction act = {.sa_handler = ring}; /* no SA_RESTART */
	struct itimerval each = {.it_interval.tv_usec = ns / 1000, .it_value.tv_usec = ns / 1000};
	CHECK_EQ(sigaction(SIGALRM, &act, NULL), 0);
	CHECK_EQ(setitimer(ITIMER_REAL, &each, NULL), 0);
}

struct reader {
	pier_sock s;
	size_t sum;
};

static int read_all_slowly(void *arg)
{
	static char got[64 << 10];
	struct reader *r = arg;
	for (ssize_t n; (n = pier_sock_recv(&r->s, got, sizeof got, 0)) != 0; r->sum += (size_t)n) {
		CHECK_OK(n);
		pier_sleep(PIER_MS(1));
	}
	return 0;
}

ON_FIBER(signals_do_not_tear_what_is_sent)
{
	static char much[4 << 20];
	pier_sock p[2];
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	struct reader r = {.s = p[1]};
	ring_each(PIER_MS(3));
	CHECK_OK(pier_go(&g, read_all_slowly, &r));
	CHECK_EQ(pier_sock_send(&p[0], much, sizeof much, 0), sizeof much);
	pier_sock_close(&p[0]);
	CHECK_OK(pier_group_wait(&g));
	ring_each(0);
	CHECK_EQ(r.sum, sizeof much);
	pier_sock_close(&r.s);
}

ON_BOTH(signals_lengthen_no_send_and_no_accept)
{
	static char much[8 << 20];
	pier_addr at;
	pier_sock p[2], listener = bound_to(AF_INET, SOCK_STREAM, &at), b;
	CHECK_OK(pier_socketpair(SOCK_STREAM, p));
	pier_sock_set_timeouts(&p[0], PIER_FOREVER, PIER_MS(60));
	pier_sock_set_timeouts(&listener, PIER_MS(60), PIER_FOREVER);
	ring_each(PIER_MS(5));
	int64_t began = pier_io_clock();
	CHECK_EQ(pier_sock_send(&p[0], much, sizeof much, 0), -ETIMEDOUT);
	CHECK(pier_io_clock() - began >= PIER_MS(60));
	CHECK_EQ(pier_sock_accept(&listener, &b, NULL), -ETIMEDOUT);
	int64_t took = pier_io_clock() - began;
	ring_each(0);
	CHECK(took >= PIER_MS(120) && took < PIER_S(3));
	part(p);
	pier_sock_close(&listener);
}
