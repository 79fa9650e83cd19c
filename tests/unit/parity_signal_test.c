/* Calls that wait while a signal comes, as CPython's tests of interrupted sockets have them. Their handler raises, which
 * ends the call; one in C cannot. Ours acts on the peer: that the call returns with what came of it, long before its
 * time-out, shows that the handler ran during the wait, and that the wait went on after it (PEP 475). */
#include "sock_pairs.h"

#include <stdatomic.h>
#include <sys/time.h>

#define LONG PIER_S(5)

static int far = -1; /* the peer, below */
static atomic_int rung;

/* send and recv may be called here: signal-safety(7). */
static void speak(int signal)
{
	int saved = errno;
	(void)signal;
	rung++;
	send(far, "bell", 4, MSG_DONTWAIT);
	errno = saved;
}

static void listen_to_all(int signal)
{
	static char sink[65536];
	int saved = errno;
	(void)signal;
	rung++;
	while (recv(far, sink, sizeof sink, MSG_DONTWAIT) > 0)
		;
	errno = saved;
}

static void ring_with(void (*handler)(int), int every_us)
{
	struct sigaction act = {.sa_handler = handler}; /* no SA_RESTART */
	struct itimerval t = {{0, every_us}, {0, 50000}};
	CHECK_EQ(sigaction(SIGALRM, &act, NULL), 0);
	CHECK_EQ(setitimer(ITIMER_REAL, &t, NULL), 0);
}

static void stop_ringing(void)
{
	CHECK_EQ(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), 0);
}

/* ---- Receiving ----------------------------------------------------------------------------------- */

static char got[64];

static ssize_t by_recv(pier_sock *s)
{
	return pier_sock_recv(s, got, sizeof got, 0);
}

static ssize_t by_recv_all(pier_sock *s)
{
	return pier_sock_recv_all(s, got, 4);
}

static ssize_t by_recvfrom(pier_sock *s)
{
	pier_addr from;
	return pier_sock_recvfrom(s, got, sizeof got, 0, &from);
}

static ssize_t by_recvmsg(pier_sock *s)
{
	struct iovec pieces[2] = {{got, 2}, {got + 2, sizeof got - 2}};
	pier_message m = pier_message_of(pieces);
	m.pieces = 2;
	return pier_sock_recvmsg(s, &m, 0);
}

static ssize_t by_recvmmsg(pier_sock *s)
{
	struct iovec piece = {got, sizeof got};
	pier_message m = pier_message_of(&piece);
	return pier_sock_recvmmsg(s, &m, 1, 0) == 1 ? (ssize_t)m.bytes : -1;
}

ON_BOTH(a_signal_is_handled_while_a_receive_waits_and_the_wait_goes_on)
{
	static const struct {
		const char *name;
		ssize_t (*receive)(pier_sock *s);
	} calls[] = {{"recv", by_recv},
		     {"recv_all", by_recv_all},
		     {"recvfrom", by_recvfrom},
		     {"recvmsg", by_recvmsg},
		     {"recvmmsg", by_recvmmsg}};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		pier_sock p[2];
		fprintf(stderr, "%s\n", calls[i].name);
		if (calls[i].receive == by_recv_all)
			tcp_joined(p);
		else
			udp_joined(AF_INET, p);
		pier_sock_set_timeouts(&p[1], LONG, LONG);
		far = p[0].fd;
		rung = 0;
		int64_t began = pier_now();
		ring_with(speak, 0);
		CHECK_EQ(calls[i].receive(&p[1]), 4);
		stop_ringing();
		CHECK_EQ(rung, 1);
		CHECK_EQ(memcmp(got, "bell", 4), 0);
		CHECK(pier_now() - began < LONG / 2);
		part(p);
	}
}

/* ---- Sending ------------------------------------------------------------------------------------- */

static char much[4 << 20];

static ssize_t by_send(pier_sock *s)
{
	return pier_sock_send(s, much, sizeof much, 0);
}

/* Until all has gone: each of them takes a part. */
static ssize_t in_parts(pier_sock *s, ssize_t (*some)(pier_sock *s, const char *p, size_t n))
{
	size_t done = 0;
	while (done < sizeof much) {
		ssize_t n = some(s, much + done, sizeof much - done);
		if (n < 0)
			return n;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static ssize_t some_by_send(pier_sock *s, const char *p, size_t n)
{
	return pier_sock_send_some(s, p, n, 0);
}

static ssize_t by_send_some(pier_sock *s)
{
	return in_parts(s, some_by_send);
}

static ssize_t some_by_sendto(pier_sock *s, const char *p, size_t n)
{
	return pier_sock_sendto(s, p, n, 0, NULL);
}

static ssize_t by_sendto(pier_sock *s)
{
	return in_parts(s, some_by_sendto);
}

static ssize_t some_by_sendmsg(pier_sock *s, const char *p, size_t n)
{
	struct iovec piece = {(void *)(uintptr_t)p, n};
	pier_message m = pier_message_of(&piece);
	return pier_sock_sendmsg(s, &m, 0);
}

static ssize_t by_sendmsg(pier_sock *s)
{
	return in_parts(s, some_by_sendmsg);
}

/* The peer reads in the handler only: what does not fit its buffers waits for a signal. */
ON_BOTH(a_signal_is_handled_while_a_send_waits_and_nothing_is_lost)
{
	static const struct {
		const char *name;
		ssize_t (*send)(pier_sock *s);
	} calls[] = {{"send", by_send},
		     {"send_some", by_send_some},
		     {"sendto", by_sendto},
		     {"sendmsg", by_sendmsg}};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		pier_sock p[2];
		fprintf(stderr, "%s\n", calls[i].name);
		CHECK_OK(pier_socketpair(SOCK_STREAM, p));
		pier_sock_set_timeouts(&p[1], LONG, LONG);
		far = p[0].fd;
		rung = 0;
		ring_with(listen_to_all, 5000);
		CHECK_EQ(calls[i].send(&p[1]), (ssize_t)sizeof much);
		stop_ringing();
		CHECK(rung > 0);
		part(p);
	}
}

/* ---- Meeting ------------------------------------------------------------------------------------- */

ON_BOTH(signals_lengthen_no_accept)
{
	pier_addr at;
	pier_sock listener = bound_to(AF_INET, SOCK_STREAM, &at), c;
	pier_sock_set_timeouts(&listener, PIER_MS(150), PIER_FOREVER);
	int64_t began = pier_now();
	rung = 0;
	ring_with(speak, 5000); /* to nobody: far is closed */
	CHECK_EQ(pier_sock_accept(&listener, &c, NULL), -ETIMEDOUT);
	stop_ringing();
	CHECK(rung > 1);
	CHECK(pier_now() - began >= PIER_MS(149) && pier_now() - began < PIER_S(3));
	pier_sock_close(&listener);
}
