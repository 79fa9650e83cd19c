/* What a call of the raw layer costs beside the bare system call: both in turn, so that what disturbs meets both. The
 * ratio, the median of all turns, shall stay below 1.05. Where there is something to wait for, the other end is a thread. */
#include "clock.h"

#include <pier.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE  64
#define BATCH 16
#define TURNS 150000

static int fds[2], listener = -1, events = -1;
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

/* Each end of a tcp connection waits for the other, 64 bytes to and fro: in recv, in poll with a time-out, or in epoll, as a thread does that
 * has other descriptors too. The other end is a thread always. */
static ssize_t bare_hear(int fd)
{
	return recv(fd, bytes, SIZE, 0);
}

static ssize_t polled_hear(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 60000) == 1 ? recv(fd, bytes, SIZE, 0) : -1;
}

static ssize_t epolled(int fd, int ms)
{
	struct epoll_event e;
	return epoll_wait(events, &e, 1, ms) == 1 ? recv(fd, bytes, SIZE, 0) : -1;
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

static void epolled_talk(long times)
{
	for (; times > 0; times--)
		if (send(fds[0], bytes, SIZE, MSG_NOSIGNAL) != SIZE || epolled(fds[0], -1) != SIZE)
			return;
}

static void epolled_talk_in_time(long times)
{
	for (; times > 0; times--)
		if (send(fds[0], bytes, SIZE, MSG_NOSIGNAL) != SIZE ||
		    epolled(fds[0], 60000) != SIZE)
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

enum where {
	ANYWHERE,
	ON_A_THREAD,
	ON_A_FIBER
};

static const struct step {
	const char *what;
	int type;
	long times;
	cost_fn *bare, *ours;
	void *(*bare_peer)(void *), *(*peer)(void *);
	enum where where;
	bool in_time;
} steps[] = {
	{"stream, send + recv", SOCK_STREAM, 200000, bare_stream, sock_stream, .where = ANYWHERE},
	{"datagram, send + recv", SOCK_DGRAM, 200000, bare_stream, sock_stream, .where = ANYWHERE},
	{"datagram, sendmsg + recvmsg", SOCK_DGRAM, 200000, bare_message, sock_message,
	 .where = ANYWHERE},
	{"datagram, sendmmsg + recvmmsg of 16", SOCK_DGRAM, 20000, bare_batch, sock_batch,
	 .where = ANYWHERE},
	{"getsockname + getsockopt", SOCK_STREAM, 200000, bare_asking, sock_asking,
	 .where = ANYWHERE},
	{"tcp, socket + connect + accept + close", SOCK_STREAM, 10000, bare_meeting, sock_meeting,
	 .where = ANYWHERE},
	{"two in turn, beside recv that blocks", SOCK_STREAM, TURNS, bare_talk, sock_talk,
	 bare_echo, sock_echo, ON_A_THREAD, false},
	{"two in turn, with time-outs, beside poll + recv", SOCK_STREAM, TURNS, polled_talk,
	 sock_talk, polled_echo, sock_echo, ON_A_THREAD, true},
	{"two in turn, beside epoll_wait + recv", SOCK_STREAM, TURNS, epolled_talk, sock_talk,
	 bare_echo, sock_echo, ON_A_FIBER, false},
	{"two in turn, with time-outs, beside epoll_wait + recv", SOCK_STREAM, TURNS,
	 epolled_talk_in_time, sock_talk, polled_echo, sock_echo, ON_A_FIBER, true},
};

static const char *const places[] = {"anywhere", "on a thread", "on a fiber"};

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *of)
{
	qsort(of, RUNS, sizeof *of, by_size);
	return of[RUNS / 2];
}

/* Each run of ours beside the bare one before it: a core that is slow for a while is slow for both. */
static void compare(const struct step *s, const char *where)
{
	double bare[RUNS], ours[RUNS], ratio[RUNS];
	for (int i = 0; i < RUNS; i++) {
		bare[i] = once(s->bare, s->times / RUNS);
		ours[i] = once(s->ours, s->times / RUNS);
		ratio[i] = ours[i] / bare[i];
	}
	printf("%s\"%s, %s\": %.1f, \"%s, %s: bare\": %.1f, \"%s, %s: ratio\": %.3f",
	       said++ ? ", " : "{", s->what, where, median(ours), s->what, where, median(bare),
	       s->what, where, median(ratio));
}

static int join(pier_sock ends[2])
{
	return pier_socket(AF_INET, SOCK_STREAM, 0, &ends[0]) < 0 ||
	       pier_sock_connect(&ends[0], &at) < 0 ||
	       pier_sock_accept(&door, &ends[1], NULL) < 0 ||
	       pier_sock_set_nodelay(&ends[0], true) < 0 ||
	       pier_sock_set_nodelay(&ends[1], true) < 0;
}

static int open_bare(const struct step *s)
{
	pier_sock ends[2];
	if (!s->peer)
		return socketpair(AF_UNIX, s->type, 0, fds);
	if (join(ends))
		return 1;
	for (int i = 0; i < 2; i++)
		fds[i] = pier_sock_detach(&ends[i]); /* blocking */
	struct epoll_event in = {.events = EPOLLIN | EPOLLET};
	events = epoll_create1(0);
	return s->where == ON_A_FIBER && epoll_ctl(events, EPOLL_CTL_ADD, fds[0], &in);
}

static int open_ends(const struct step *s)
{
	if (pier_socket(AF_INET, SOCK_STREAM, 0, &door) < 0 ||
	    pier_addr_parse(pier_text("127.0.0.1"), 0, &at) < 0 || pier_sock_bind(&door, &at) < 0 ||
	    pier_sock_listen(&door, 0) < 0 || pier_sock_local(&door, &at) < 0)
		return 1;
	if (open_bare(s) || (s->peer ? join(socks) : pier_socketpair(s->type, socks)))
		return 1;
	for (int i = 0; s->in_time && i < 2; i++)
		pier_sock_set_timeouts(&socks[i], PIER_S(60), PIER_S(60));
	listener = dup(door.fd); /* blocking is of the description: nobody waits on either */
	return listener < 0;
}

static void close_ends(void)
{
	pier_sock_close(&socks[1]);
	close(fds[1]);
	close(events);
	pier_sock_close(&door);
	close(listener);
}

static int measure(void *arg)
{
	enum where where = *(enum where *)arg;
	for (const struct step *s = steps; s < steps + sizeof steps / sizeof *steps; s++) {
		pthread_t bare_peer, peer;
		if (s->where && s->where != where)
			continue;
		if (open_ends(s) ||
		    (s->peer && (pthread_create(&bare_peer, NULL, s->bare_peer, NULL) != 0 ||
				 pthread_create(&peer, NULL, s->peer, NULL) != 0)))
			return 1;
		compare(s, places[where]);
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
	enum where thread = ON_A_THREAD, fiber = ON_A_FIBER;
	int err = pin() || measure(&thread) || pier_run(measure, &fiber, .workers = 1);
	puts("}");
	return err;
}
