/* What a call of the raw layer costs beside the bare system call: 64 bytes over a socketpair, nothing to wait for; both in
 * turn, so that what disturbs meets both. */
#include "clock.h"

#include <pier.h>
#include <sys/socket.h>

#define TIMES	200000
#define SIZE	64
#define ALLOWED 1.05 /* a call of ours may cost so much of the bare one */

static int fds[2];
static pier_sock socks[2];
static char bytes[SIZE];

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

/* The median of many short pairs, each of one and the other: ns of the bare one, and the ratio. */
static double compare(const char *what, cost_fn *bare, cost_fn *ours)
{
	double low = 1e18, high = 1e18;
	for (int i = 0; i < RUNS; i++) {
		double a = once(bare, TIMES / RUNS), b = once(ours, TIMES / RUNS);
		low = a < low ? a : low;
		high = b < high ? b : high;
	}
	printf("%-28s %8.1f ns bare  %8.1f ns ours  %.3f%s\n", what, low, high, high / low,
	       high / low > ALLOWED ? "  too much" : "");
	return high / low;
}

static int measure(void *where)
{
	static const struct {
		const char *what;
		int type;
		cost_fn *bare, *ours;
	} steps[] = {{"stream, send + recv", SOCK_STREAM, bare_stream, sock_stream},
		     {"datagram, send + recv", SOCK_DGRAM, bare_stream, sock_stream},
		     {"datagram, sendmsg + recvmsg", SOCK_DGRAM, bare_message, sock_message}};
	int wrong = 0;
	puts(where);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (pier_socketpair(steps[i].type, socks) < 0 ||
		    socketpair(AF_UNIX, steps[i].type, 0, fds) < 0)
			return 1;
		wrong += compare(steps[i].what, steps[i].bare, steps[i].ours) > ALLOWED;
		pier_sock_close(&socks[0]);
		pier_sock_close(&socks[1]);
	}
	return wrong;
}

int main(void)
{
	int wrong = measure("outside of fibers:");
	wrong += pier_run(measure, "on a fiber:", .workers = 1);
	return wrong != 0;
}
