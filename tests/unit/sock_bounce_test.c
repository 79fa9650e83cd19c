/* Datagrams that do not arrive: who hears of it, and what. */
#include "sock_pairs.h"

#include <pier/sockopt.h>
#include <poll.h>
#include <pthread.h>
#include <sys/un.h>
#include <time.h>

static const int families[] = {AF_INET, AF_INET6};
#define EACH_FAMILY(f) for (const int *f = families; f < families + 2; f++)

/* An address where nobody is any more. */
static pier_addr nobody_at(int family)
{
	pier_addr at;
	pier_sock s = bound_to(family, SOCK_DGRAM, &at);
	pier_sock_close(&s);
	return at;
}

static int64_t cpu(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* RFC 1122 §4.1.3.3: an ICMP error is for the application; udp(7): of a connected socket. */
ON_BOTH(a_connected_datagram_socket_hears_that_nobody_is_there)
{
	EACH_FAMILY(family)
	{
		pier_addr at = nobody_at(*family);
		pier_sock s;
		char byte, why[256], text[PIER_ADDR_TEXT], words[400];
		CHECK_OK(pier_socket(*family, SOCK_DGRAM, 0, &s));
		CHECK_OK(pier_sock_connect(&s, &at));
		pier_sock_set_timeouts(&s, PIER_MS(20), PIER_MS(20));
		say(&s, "anyone?");
		CHECK_EQ(pier_sock_recv(&s, &byte, 1, 0), -ECONNREFUSED);
		pier_sock_why(&s, -ECONNREFUSED, NULL, why, sizeof why);
		snprintf(words, sizeof words, "receive from %s: %s",
			 pier_addr_format(&at, text, sizeof text), pier_strerror(-ECONNREFUSED));
		CHECK_STR(why, words);
		CHECK_EQ(pier_sock_recv(&s, &byte, 1, 0), -ETIMEDOUT); /* it is told once */
		say(&s, "anyone?");
		CHECK_EQ(pier_sock_send(&s, "now?", 4, 0), -ECONNREFUSED);
		say(&s, "anyone?");
		CHECK_EQ(pier_sock_error(&s), -ECONNREFUSED);
		CHECK_EQ(pier_sock_error(&s), 0);
		pier_sock_close(&s);
	}
}

ON_BOTH(a_datagram_socket_that_is_not_connected_hears_nothing_unasked)
{
	EACH_FAMILY(family)
	{
		pier_addr at = nobody_at(*family);
		pier_sock s;
		char byte;
		CHECK_OK(pier_socket(*family, SOCK_DGRAM, 0, &s));
		pier_sock_set_timeouts(&s, PIER_MS(20), PIER_MS(20));
		for (int i = 0; i < 2; i++)
			CHECK_EQ(pier_sock_sendto(&s, "x", 1, 0, &at), 1);
		CHECK_EQ(pier_sock_recv(&s, &byte, 1, 0), -ETIMEDOUT);
		pier_sock_close(&s);
	}
}

/* ---- Asked for: IP_RECVERR ------------------------------------------------------------------------- */

struct listening {
	pier_sock s;
	pier_addr nobody, here;
};

static void open_listening(struct listening *l, int family)
{
	l->s = bound_to(family, SOCK_DGRAM, &l->here);
	l->nobody = nobody_at(family);
	CHECK_OK(pier_sock_set_bounces(&l->s, true));
}

static void *send_in_vain(void *arg)
{
	struct listening *l = arg;
	poll(NULL, 0, 40);
	CHECK_EQ(sendto(l->s.fd, "lost", 4, MSG_NOSIGNAL, &l->nobody.sa, l->nobody.len), 4);
	return NULL;
}

static void check_bounce(struct listening *l)
{
	char got[16], room[PIER_ANCILLARY_ROOM(64)], text[PIER_ADDR_TEXT];
	struct iovec piece = {got, sizeof got};
	pier_message m = pier_message_of(&piece);
	pier_bounce why;
	bool v6 = l->nobody.sa.sa_family == AF_INET6;

	m.ancillary = (pier_ancillary){.at = room, .room = sizeof room};
	ssize_t n = pier_sock_recvmsg(&l->s, &m, MSG_ERRQUEUE);
	CHECK_OK(n);
	CHECK_BYTES(pier_bytes_of(got, (size_t)n), "lost");
	CHECK(m.flags & MSG_ERRQUEUE);
	CHECK(pier_addr_eq(&m.addr, &l->nobody));
	CHECK_OK(pier_ancillary_bounce(&m.ancillary, &why));
	CHECK_EQ(why.err, -ECONNREFUSED);
	CHECK_EQ(why.type, v6 ? 1 : 3); /* destination unreachable … */
	CHECK_EQ(why.code, v6 ? 4 : 3); /* … its port */
	CHECK_EQ(why.mtu, 0);
	CHECK_STR(pier_addr_host(&why.by, text, sizeof text), v6 ? "::1" : "127.0.0.1");
}

ON_BOTH(what_did_not_arrive_is_told_with_whom_it_was_for)
{
	test_skip_emulated("qemu does not pass these reports on");
	test_skip_simulated("it has no such reports");
	EACH_FAMILY(family)
	{
		struct listening l;
		char byte;
		open_listening(&l, *family);
		CHECK_EQ(pier_sock_sendto(&l.s, "lost", 4, 0, &l.nobody), 4);
		CHECK_EQ(pier_sock_recv(&l.s, &byte, 1, 0), -ECONNREFUSED);
		check_bounce(&l);
		CHECK_EQ(pier_sock_recv(&l.s, &byte, 1, MSG_ERRQUEUE | MSG_DONTWAIT), -EAGAIN);
		pier_sock_close(&l.s);
	}
}

/* Input that waits is no report: who waits for reports is not woken by it, again and again. */
ON_BOTH(a_report_is_waited_for_while_input_waits)
{
	test_skip_emulated("qemu does not pass these reports on");
	test_skip_simulated("it has no such reports");
	struct listening l;
	pthread_t thread;
	open_listening(&l, AF_INET);
	CHECK_EQ(pier_sock_sendto(&l.s, "input", 5, 0, &l.here), 5);
	int64_t before = cpu();
	CHECK_EQ(pthread_create(&thread, NULL, send_in_vain, &l), 0);
	check_bounce(&l);
	CHECK(cpu() - before < PIER_MS(25));
	pthread_join(thread, NULL);
	CHECK_EQ(pier_sock_error(&l.s), 0); /* fetched, it is no error any more */
	check_recv(&l.s, "input");
	pier_sock_close(&l.s);
}

/* poll(2) tells of a report for as long as nobody fetches it. */
ON_BOTH(a_report_that_nobody_fetches_keeps_nobody_busy)
{
	test_skip_emulated("qemu does not pass these reports on");
	test_skip_simulated("it has no such reports");
	struct listening l;
	char byte;
	open_listening(&l, AF_INET);
	CHECK_EQ(pier_sock_sendto(&l.s, "lost", 4, 0, &l.nobody), 4);
	CHECK_EQ(pier_sock_recv(&l.s, &byte, 1, 0), -ECONNREFUSED);
	pier_sock_set_timeouts(&l.s, PIER_MS(60), 0);
	int64_t before = cpu();
	for (int i = 0; i < 2; i++)
		CHECK_EQ(pier_sock_recv(&l.s, &byte, 1, 0), -ETIMEDOUT);
	CHECK(cpu() - before < PIER_MS(50));
	check_bounce(&l);
	pier_sock_close(&l.s);
}

TEST(a_report_that_is_none_or_cut_is_no_bounce)
{
	char room[PIER_ANCILLARY_ROOM(64)], bytes[64] = {0};
	pier_ancillary a = {.at = room, .room = sizeof room};
	pier_bounce why = {.err = 7};
	CHECK_EQ(pier_ancillary_bounce(&a, &why), -ENODATA);
	CHECK_OK(pier_ancillary_add(&a, IPPROTO_IP, IP_RECVERR, bytes, 15));
	CHECK_EQ(pier_ancillary_bounce(&a, &why), -ENODATA);
	CHECK_EQ(why.err, 7);
	a.len = 0;
	bytes[0] = 111; /* without an address behind it */
	CHECK_OK(pier_ancillary_add(&a, IPPROTO_IPV6, IPV6_RECVERR, bytes, 16));
	CHECK_OK(pier_ancillary_bounce(&a, &why));
	CHECK_EQ(why.by.len, 0);
}

/* ---- Inside this machine: unix(7) ------------------------------------------------------------------ */

ON_BOTH(a_unix_datagram_for_who_has_gone_is_refused)
{
	pier_sock p[2];
	char byte;
	pier_addr at;
	CHECK_OK(pier_socketpair(SOCK_DGRAM, p));
	say(&p[1], "last words");
	pier_sock_close(&p[1]);
	check_recv(&p[0], "last words");
	CHECK_EQ(pier_sock_send(&p[0], "x", 1, 0), -ECONNREFUSED);
	pier_sock_set_timeouts(&p[0], PIER_MS(20), PIER_MS(20));
	CHECK_EQ(pier_sock_recv(&p[0], &byte, 1, 0), -ETIMEDOUT); /* datagrams have no end */
	pier_sock_close(&p[0]);

	CHECK_OK(pier_socket(AF_UNIX, SOCK_DGRAM, 0, &p[0]));
	CHECK_OK(pier_addr_unix(pier_text("@pier-nobody-is-here"), &at));
	CHECK_EQ(pier_sock_sendto(&p[0], "x", 1, 0, &at), -ECONNREFUSED);
	CHECK_OK(pier_addr_unix(pier_text("/nowhere/at/all"), &at));
	CHECK_EQ(pier_sock_sendto(&p[0], "x", 1, 0, &at), -ENOENT);
	pier_sock_close(&p[0]);
}
