/* Each peer sends `depth` datagrams, waits until all are back, whatever their order, and sends the next.
 * What does not come back within RESEND is sent again and counted. A datagram begins with its number. */
#include "load.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define RESEND	    INT64_C(100000000) /* ns */
#define RESENT_MOST 1000

struct peer {
	int fd;
	int64_t left_at;
	uint64_t batch;	  /* the first number of it */
	uint64_t missing; /* a bit for each datagram */
};

struct udp {
	const struct plan *p;
	struct meter m;
	struct peer *peers;
	unsigned busy;
	int epoll;
	bool cut; /* by the kernel: what leaves together is one call and one message */
	char *in, *out;
};

static void compose(struct udp *u, unsigned i, uint64_t number, char *into)
{
	memcpy(into, pattern_at(i, number * u->p->size), u->p->size);
	memcpy(into, &number, sizeof number < u->p->size ? sizeof number : u->p->size);
}

/* Those that are missing: all of them, when the batch is new. */
static void send_missing(struct udp *u, unsigned i)
{
	struct peer *p = &u->peers[i];
	struct mmsghdr msgs[DEPTH_LARGEST] = {0};
	struct iovec iov[DEPTH_LARGEST];
	unsigned n = 0, size = u->p->size;
	for (unsigned k = 0; k < u->p->depth; k++) {
		if (!(p->missing >> k & 1))
			continue;
		compose(u, i, p->batch + k, u->out + n * size);
		iov[n] = (struct iovec){u->out + n * size, size};
		msgs[n].msg_hdr.msg_iov = &iov[n];
		msgs[n++].msg_hdr.msg_iovlen = 1;
	}
	p->left_at = now_ns();
	if (u->cut && send(p->fd, u->out, (size_t)n * size, 0) < 0)
		die("send: %s", strerror(errno));
	if (!u->cut && sendmmsg(p->fd, msgs, n, 0) < 0 && errno != EAGAIN)
		die("sendmmsg: %s", strerror(errno));
}

static void begin_batch(struct udp *u, unsigned i)
{
	struct peer *p = &u->peers[i];
	unsigned depth = u->p->depth;
	p->missing = depth == 64 ? UINT64_MAX : (UINT64_C(1) << depth) - 1;
	u->busy++;
	send_missing(u, i);
}

static void came(struct udp *u, unsigned i, const char *got, size_t n, int64_t now)
{
	struct peer *p = &u->peers[i];
	char want[SIZE_LARGEST];
	for (unsigned k = 0; k < u->p->depth; k++) {
		uint64_t number = p->batch + k;
		if (!(p->missing >> k & 1) || memcmp(got, &number, sizeof number) != 0)
			continue;
		compose(u, i, number, want);
		if (n != u->p->size || memcmp(got, want, n) != 0)
			die("peer %u: datagram %llu came back changed", i,
			    (unsigned long long)number);
		p->missing &= ~(UINT64_C(1) << k);
		meter_count(&u->m, p->left_at, now, n);
		return;
	}
	if (u->m.resent == 0) /* else the first of two is back after all */
		die("peer %u: a datagram came that was not sent", i);
}

static void hear(struct udp *u, unsigned i)
{
	struct peer *p = &u->peers[i];
	struct mmsghdr msgs[DEPTH_LARGEST] = {0};
	struct iovec iov[DEPTH_LARGEST];
	unsigned room = u->p->size + 1;
	for (unsigned k = 0; k < DEPTH_LARGEST; k++) {
		iov[k] = (struct iovec){u->in + k * room, room};
		msgs[k].msg_hdr.msg_iov = &iov[k];
		msgs[k].msg_hdr.msg_iovlen = 1;
	}
	int n = recvmmsg(p->fd, msgs, DEPTH_LARGEST, 0, NULL);
	if (n < 0 && errno != EAGAIN)
		die("recvmmsg: %s", strerror(errno));
	int64_t now = now_ns();
	for (int k = 0; k < n; k++)
		came(u, i, u->in + (unsigned)k * room, msgs[k].msg_len, now);
	if (n <= 0 || p->missing)
		return;
	p->batch += u->p->depth;
	u->busy--;
	if (u->m.phase != OVER)
		begin_batch(u, i);
}

static void resend(struct udp *u)
{
	int64_t now = now_ns();
	for (unsigned i = 0; i < u->p->conns; i++) {
		struct peer *p = &u->peers[i];
		if (!p->missing || now - p->left_at < RESEND)
			continue;
		u->m.resent += (unsigned)__builtin_popcountll(p->missing);
		send_missing(u, i);
	}
	if (u->m.resent > RESENT_MOST)
		die("more than %d datagrams were lost", RESENT_MOST);
}

static void turn(struct udp *u)
{
	static int64_t looked;
	struct epoll_event ev[EVENTS_ONCE];
	int n = epoll_wait(u->epoll, ev, EVENTS_ONCE, (int)(RESEND / 1000000));
	for (int i = 0; i < n; i++)
		hear(u, (unsigned)ev[i].data.u64);
	if (now_ns() - looked > RESEND) {
		looked = now_ns();
		resend(u);
	}
}

static void talk(const struct plan *p, bool cut)
{
	struct udp u = {.p = p, .epoll = watch_open(), .cut = cut};
	int size = (int)p->size;
	u.peers = calloc(p->conns, sizeof *u.peers);
	u.in = malloc((size_t)(p->size + 1) * DEPTH_LARGEST);
	u.out = malloc((size_t)p->size * DEPTH_LARGEST);
	if (!u.peers || !u.in || !u.out)
		die("out of memory");
	if (p->size < sizeof(uint64_t))
		die("a datagram has at least %zu bytes, for its number", sizeof(uint64_t));
	for (unsigned i = 0; i < p->conns; i++) {
		u.peers[i].fd = dial(p, SOCK_DGRAM);
		if (cut &&
		    setsockopt(u.peers[i].fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size) < 0)
			die("UDP_SEGMENT: %s", strerror(errno));
		watch(u.epoll, u.peers[i].fd, EPOLLIN, i);
	}
	ready(p);
	meter_start(&u.m, p);
	for (unsigned i = 0; i < p->conns; i++)
		begin_batch(&u, i);
	while (meter_turn(&u.m, now_ns()))
		turn(&u);
	while (u.busy)
		turn(&u);
	meter_print(&u.m);
	for (unsigned i = 0; i < p->conns; i++)
		close(u.peers[i].fd);
	free(u.peers);
	free(u.in);
	free(u.out);
}

void load_udp(const struct plan *p)
{
	talk(p, false);
}

void load_flood(const struct plan *p)
{
	talk(p, true);
}
