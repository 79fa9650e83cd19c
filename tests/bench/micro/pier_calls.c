/* What a call of the raw layer costs beside the bare system call: both in turn, so that what disturbs meets both. The
 * ratio shall stay below 1.05. Where there is something to wait for, the other end is a thread. */
#include "clock.h"

#include <pier.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE  64
#define BATCH 16

static int fds[2], listener = -1;
static pier_sock socks[2], door = PIER_SOCK;
static pier_addr at;
static char bytes[SIZE];
static int said;

/* ---- Nothing to wait for ------------------------------------------------------------------------- */

static void bare_stream(long times)
{
	for (; times > 0; times--)
		if (send(fds[0], bytes, SIZE, MSG_NOSIGNAL) != SIZE ||
		    recv(fds[1], bytes, SIZE, 0) != SIZE)
			return;
}

static void sock_stream(long times)
{
	for (; times > 0; times--)
		if (pier_sock_send(&socks[0], bytes, SIZE, 0) != SIZE ||
		    pier_sock_recv(&socks[1], bytes, SIZE, 0) != SIZE)
			return;
}

static void bare_message(long times)
{
	struct iovec piece = {bytes, SIZE};
	for (; times > 0; times--) {
		struct msghdr out = {.msg_iov = &piece, .msg_iovlen = 1}, in = out;
		struct sockaddr_storage from;
		in.msg_name = &from;
		in.msg_namelen = sizeof from;
		if (sendmsg(fds[0], &out, MSG_NOSIGNAL) != SIZE || recvmsg(fds[1], &in, 0) != SIZE)
			return;
	}
}

static void sock_message(long times)
{
	struct iovec piece = {bytes, SIZE};
	pier_message out = pier_message_of(&piece), in = out;
	for (; times > 0; times--)
		if (pier_sock_sendmsg(&socks[0], &out, 0) != SIZE ||
		    pier_sock_recvmsg(&socks[1], &in, 0) != SIZE)
			return;
}

/* Who calls by hand fills its headers once; addresses and lengths come back in them. */
static void bare_batch(long times)
{
	struct iovec piece = {bytes, SIZE};
	struct sockaddr_storage from[BATCH];
	struct mmsghdr out[BATCH] = {0}, in[BATCH] = {0};
	for (int i = 0; i < BATCH; i++) {
		out[i].msg_hdr.msg_iov = in[i].msg_hdr.msg_iov = &piece;
		out[i].msg_hdr.msg_iovlen = in[i].msg_hdr.msg_iovlen = 1;
		in[i].msg_hdr.msg_name = &from[i];
	}
	for (; times > 0; times--) {
		for (int i = 0; i < BATCH; i++)
			in[i].msg_hdr.msg_namelen = sizeof from[i];
		if (sendmmsg(fds[0], out, BATCH, MSG_NOSIGNAL) != BATCH ||
		    recvmmsg(fds[1], in, BATCH, 0, NULL) != BATCH)
			return;
	}
}

static void sock_batch(long times)
{
	struct iovec piece = {bytes, SIZE};
	static pier_message out[BATCH], in[BATCH];
	for (int i = 0; i < BATCH; i++)
		out[i] = in[i] = pier_message_of(&piece);
	for (; times > 0; times--)
		if (pier_sock_sendmmsg(&socks[0], out, BATCH, 0) != BATCH ||
		    pier_sock_recvmmsg(&socks[1], in, BATCH, 0) != BATCH)
			return;
}

static void bare_asking(long times)
{
	for (; times > 0; times--) {
		pier_addr a = {.len = sizeof a.storage};
		int kind;
		socklen_t len = sizeof kind;
		if (getsockname(fds[0], &a.sa, &a.len) < 0 ||
		    getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &kind, &len) < 0)
			return;
	}
}

static void sock_asking(long times)
{
	for (; times > 0; times--) {
		pier_addr a;
		int kind;
		if (pier_sock_local(&socks[0], &a) < 0 ||
		    pier_sock_getopt_int(&socks[0], SOL_SOCKET, SO_TYPE, &kind) < 0)
			return;
	}
}

/* On 127.0.0.1, of whoever calls: the queue has a place for it. Closed by a reset, for the sake of ports. */
static const struct linger at_once = {.l_onoff = 1};

static void bare_meeting(long times)
{
	for (; times > 0; times--) {
		pier_addr from = {.len = sizeof from.storage};
		int a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int b = connect(a, &at.sa, at.len) < 0
				? -1
				: accept4(listener, &from.sa, &from.len, SOCK_CLOEXEC);
		setsockopt(a, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		close(a);
		close(b);
	}
}

static void sock_meeting(long times)
{
	for (; times > 0; times--) {
		pier_sock a, b;
		pier_addr from;
		if (pier_socket(AF_INET, SOCK_STREAM, 0, &a) < 0 ||
		    pier_sock_connect(&a, &at) < 0 || pier_sock_accept(&door, &b, &from) < 0)
			return;
		pier_sock_set_linger(&a, 0);
		pier_sock_close(&a);
		pier_sock_close(&b);
	}
}

/* ---- Something to wait for ------------------------------------------------------------------------ */

/* Each end waits for the other, 64 bytes to and fro. */
static ssize_t bare_hear(int fd)
{
	return recv(fd, bytes, SIZE, 0);
}

/* With a time-out, as the other side has in that step. */
static ssize_t polled_hear(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 60000) == 1 ? recv(fd, bytes, SIZE, 0) : -1;
}

static void *bare_echo(void *arg)
{
	while (bare_hear(fds[1]) == SIZE && send(fds[1], bytes, SIZE, MSG_NOSIGNAL) == SIZE)
		;
	return arg;
}

static void *polled_echo(void *arg)
{
	while (polled_hear(fds[1]) == SIZE && send(fds[1], bytes, SIZE, MSG_NOSIGNAL) == SIZE)
		;
	return arg;
}

static void *sock_echo(void *arg)
{
	while (pier_sock_recv(&socks[1], bytes, SIZE, 0) == SIZE &&
	       pier_sock_send(&socks[1], bytes, SIZE, 0) == SIZE)
		;
	return arg;
}

static void bare_talk(long times)
{
	for (; times > 0; times--)
		if (send(fds[0], bytes, SIZE, MSG_NOSIGNAL) != SIZE || bare_hear(fds[0]) != SIZE)
			return;
}

static void polled_talk(long times)
{
	for (; times > 0; times--)
		if (send(fds[0], bytes, SIZE, MSG_NOSIGNAL) != SIZE || polled_hear(fds[0]) != SIZE)
			return;
}

static void sock_talk(long times)
{
	for (; times > 0; times--)
		if (pier_sock_send(&socks[0], bytes, SIZE, 0) != SIZE ||
		    pier_sock_recv(&socks[0], bytes, SIZE, 0) != SIZE)
			return;
}

/* ---- Both in turn --------------------------------------------------------------------------------- */

static const struct step {
	const char *what;
	int type;
	long times;
	cost_fn *bare, *ours;
	void *(*bare_peer)(void *), *(*peer)(void *);
	bool in_time;
} steps[] = {
	{"stream, send + recv", SOCK_STREAM, 200000, bare_stream, sock_stream, NULL, NULL, false},
	{"datagram, send + recv", SOCK_DGRAM, 200000, bare_stream, sock_stream, NULL, NULL, false},
	{"datagram, sendmsg + recvmsg", SOCK_DGRAM, 200000, bare_message, sock_message, NULL, NULL,
	 false},
	{"datagram, sendmmsg + recvmmsg of 16", SOCK_DGRAM, 20000, bare_batch, sock_batch, NULL,
	 NULL, false},
	{"getsockname + getsockopt", SOCK_STREAM, 200000, bare_asking, sock_asking, NULL, NULL,
	 false},
	{"tcp, socket + connect + accept + close", SOCK_STREAM, 10000, bare_meeting, sock_meeting,
	 NULL, NULL, false},
	{"two threads in turn, beside recv that blocks", SOCK_STREAM, 50000, bare_talk, sock_talk,
	 bare_echo, sock_echo, false},
	{"two threads in turn, with time-outs, beside poll + recv", SOCK_STREAM, 50000, polled_talk,
	 sock_talk, polled_echo, sock_echo, true},
};

/* The best of each, and what ours costs of the bare one. */
static void compare(const struct step *s, const char *where)
{
	double low = 1e18, high = 1e18;
	for (int i = 0; i < RUNS; i++) {
		double a = once(s->bare, s->times / RUNS), b = once(s->ours, s->times / RUNS);
		low = a < low ? a : low;
		high = b < high ? b : high;
	}
	printf("%s\"%s, %s\": %.1f, \"%s, %s: bare\": %.1f, \"%s, %s: ratio\": %.3f",
	       said++ ? ", " : "{", s->what, where, high, s->what, where, low, s->what, where,
	       high / low);
}

static int open_ends(const struct step *s)
{
	if (pier_socketpair(s->type, socks) < 0 || socketpair(AF_UNIX, s->type, 0, fds) < 0 ||
	    pier_socket(AF_INET, SOCK_STREAM, 0, &door) < 0 ||
	    pier_addr_parse(pier_text("127.0.0.1"), 0, &at) < 0 || pier_sock_bind(&door, &at) < 0 ||
	    pier_sock_listen(&door, 0) < 0)
		return 1;
	for (int i = 0; s->in_time && i < 2; i++)
		pier_sock_set_timeouts(&socks[i], PIER_S(60), PIER_S(60));
	listener = dup(door.fd); /* blocking is of the description: nobody waits on either */
	return pier_sock_local(&door, &at) < 0 || listener < 0;
}

static void close_ends(void)
{
	pier_sock_close(&socks[1]);
	close(fds[1]);
	pier_sock_close(&door);
	close(listener);
}

static int measure(void *where)
{
	for (const struct step *s = steps; s < steps + sizeof steps / sizeof *steps; s++) {
		pthread_t bare_peer, peer;
		if (open_ends(s) ||
		    (s->peer && (pthread_create(&bare_peer, NULL, s->bare_peer, NULL) != 0 ||
				 pthread_create(&peer, NULL, s->peer, NULL) != 0)))
			return 1;
		compare(s, where);
		pier_sock_close(&socks[0]);
		close(fds[0]);
		if (s->peer) {
			pthread_join(bare_peer, NULL);
			pthread_join(peer, NULL);
		}
		close_ends();
	}
	return 0;
}

/* On one core: how threads are spread would decide more than what they call. */
static int pin(void)
{
	cpu_set_t all, one;
	int cpu = 0;
	if (sched_getaffinity(0, sizeof all, &all) < 0)
		return 1;
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof one, &one) < 0;
}

int main(void)
{
	int err = pin() || measure("on a thread") || pier_run(measure, "on a fiber", .workers = 1);
	puts("}");
	return err;
}
