/* What a call of the raw layer costs beside the bare system call: 64 bytes over a socketpair, nothing to wait for; both
 * in turn, so that what disturbs meets both. The ratio shall stay below 1.05. */
#include "clock.h"

#include <pier.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMES 200000
#define SIZE  64

static int fds[2];
static pier_sock socks[2];
static char bytes[SIZE];
static int said;

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

static const struct {
	const char *what;
	int type;
	cost_fn *bare, *ours;
} steps[] = {{"stream, send + recv", SOCK_STREAM, bare_stream, sock_stream},
	     {"datagram, send + recv", SOCK_DGRAM, bare_stream, sock_stream},
	     {"datagram, sendmsg + recvmsg", SOCK_DGRAM, bare_message, sock_message}};

/* The best of each, and what ours costs of the bare one. */
static void compare(size_t step, const char *where)
{
	double low = 1e18, high = 1e18;
	for (int i = 0; i < RUNS; i++) {
		double a = once(steps[step].bare, TIMES / RUNS),
		       b = once(steps[step].ours, TIMES / RUNS);
		low = a < low ? a : low;
		high = b < high ? b : high;
	}
	const char *what = steps[step].what;
	printf("%s\"%s, %s\": %.1f, \"%s, %s: bare\": %.1f, \"%s, %s: ratio\": %.3f",
	       said++ ? ", " : "{", what, where, high, what, where, low, what, where, high / low);
}

static int measure(void *where)
{
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (pier_socketpair(steps[i].type, socks) < 0 ||
		    socketpair(AF_UNIX, steps[i].type, 0, fds) < 0)
			return 1;
		compare(i, where);
		pier_sock_close(&socks[0]);
		pier_sock_close(&socks[1]);
		close(fds[0]);
		close(fds[1]);
	}
	return 0;
}

int main(void)
{
	int err = measure("on a thread") || pier_run(measure, "on a fiber", .workers = 1);
	puts("}");
	return err;
}
