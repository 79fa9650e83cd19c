#include "udp.h"

#include "io/socket.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024 /* a power of two */

struct datagram {
	struct datagram *next;
	size_t len;
	char data[];
};

/* Our address that the peer wrote to: the kernel's answer would come from another one on a machine with
 * several, and the peer would not know it. ip(7) IP_PKTINFO, RFC 3542 §6. */
union here {
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
};

struct udp_peer {
	struct udp_port *port;
	pier_conn *conn;
	struct udp_peer *bucket_next;
	struct list age; /* in port->by_age, the longest silent first */
	struct datagram *first, **last;
	unsigned count;
	size_t bytes;
	struct waitq arrivals;
	struct io_op *standby; /* to complete at the next arrival */
	union here here;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(union here))];
	socklen_t control_len;
};

struct udp_port {
	int fd;
	bool (*begin)(pier_conn *, void *);
	void *arg;
	unsigned peers, peers_max;
	uint64_t seed; /* peers choose their addresses: they must not choose the bucket too */
	struct list by_age;
	struct udp_peer *buckets[BUCKETS];
};

int pier_udp_port_new(int fd, unsigned peers_max, bool (*begin)(pier_conn *, void *), void *arg,
		      struct udp_port **out)
{
	struct udp_port *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->fd = fd;
	p->begin = begin;
	p->arg = arg;
	p->peers_max = peers_max;
	pier_io_random(&p->seed, sizeof p->seed);
	list_init(&p->by_age);
	*out = p;
	return 0;
}

void pier_udp_port_free(struct udp_port *p)
{
	struct io *io = pier_conn_io();
	if (!p)
		return;
	assert(p->peers == 0);
	io->backend->close_fd(io, p->fd);
	free(p);
}

/* ---- Finding a peer ------------------------------------------------------------------------------ */

static struct udp_peer **bucket_of(struct udp_port *p, const pier_addr *a)
{
	uint64_t h = p->seed;
	const unsigned char *at = (const unsigned char *)&a->storage;
	for (socklen_t i = 0; i < a->len; i++)
		h = (h ^ at[i]) * 0x100000001b3u;
	return &p->buckets[(h ^ h >> 32) & (BUCKETS - 1)];
}

static struct udp_peer *find(struct udp_port *p, const pier_addr *a)
{
	struct udp_peer *peer = *bucket_of(p, a);
	while (peer && !pier_addr_eq(&peer->conn->peer, a))
		peer = peer->bucket_next;
	return peer;
}

static const struct transport udp_peer_transport;

static struct udp_peer *peer_new(struct udp_port *p, const pier_addr *from)
{
	pier_conn *c = pier_conn_new(&udp_peer_transport, p->fd);
	struct udp_peer *peer = calloc(1, sizeof *peer);
	if (!c || !peer) {
		free(c);
		free(peer);
		return NULL;
	}
	c->peer = *from;
	c->udp = peer;
	peer->port = p;
	peer->conn = c;
	peer->last = &peer->first;
	waitq_init(&peer->arrivals);
	list_push(&p->by_age, &peer->age);
	struct udp_peer **bucket = bucket_of(p, from);
	peer->bucket_next = *bucket;
	*bucket = peer;
	p->peers++;
	return peer;
}

static void peer_close(pier_conn *c, bool reset)
{
	struct udp_peer *peer = c->udp;
	struct udp_port *p = peer->port;
	struct udp_peer **at = bucket_of(p, &c->peer);

	(void)reset;
	while (*at != peer)
		at = &(*at)->bucket_next;
	*at = peer->bucket_next;
	list_remove(&peer->age);
	p->peers--;
	while (peer->first) {
		struct datagram *d = peer->first;
		peer->first = d->next;
		free(d);
	}
	free(peer);
	c->udp = NULL;
	c->fd = -1;
}

/* ---- Arrivals ------------------------------------------------------------------------------------ */

static void tell_standby(struct udp_peer *peer, int64_t result)
{
	struct io_op *op = peer->standby;
	if (!op)
		return;
	peer->standby = NULL;
	op->result = result;
	op->done(op);
}

static bool queue(struct udp_peer *peer, const char *data, size_t len)
{
	if (peer->count == UDP_QUEUE_MAX || len > UDP_QUEUE_BYTES - peer->bytes)
		return false; /* as the kernel does when a socket's buffer is full */
	struct datagram *d = malloc(sizeof *d + len);
	if (!d)
		return false;
	d->next = NULL;
	d->len = len;
	memcpy(d->data, data, len);
	*peer->last = d;
	peer->last = &d->next;
	peer->count++;
	peer->bytes += len;
	list_remove(&peer->age);
	list_push(&peer->port->by_age, &peer->age);
	pier_waitq_wake(&peer->arrivals);
	tell_standby(peer, 1);
	return true;
}

/* The place of the destination, kept for the answer; the interface is left to the kernel's routes, save for
 * link-local addresses, which mean nothing without it. */
static void remember_here(struct udp_peer *peer, struct msghdr *msg)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		size_t size = 0;
		if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO) {
			size = sizeof peer->here.v4;
			memcpy(&peer->here.v4, CMSG_DATA(h), size);
			peer->here.v4.ipi_spec_dst = peer->here.v4.ipi_addr;
			peer->here.v4.ipi_ifindex = 0;
		} else if (h->cmsg_level == IPPROTO_IPV6 && h->cmsg_type == IPV6_PKTINFO) {
			size = sizeof peer->here.v6;
			memcpy(&peer->here.v6, CMSG_DATA(h), size);
			if (!IN6_IS_ADDR_LINKLOCAL(&peer->here.v6.ipi6_addr))
				peer->here.v6.ipi6_ifindex = 0;
		}
		if (size == 0)
			continue;
		struct cmsghdr *out = (struct cmsghdr *)peer->control;
		out->cmsg_level = h->cmsg_level;
		out->cmsg_type = h->cmsg_type;
		out->cmsg_len = (socklen_t)CMSG_LEN(size);
		memcpy(CMSG_DATA(out), &peer->here, size);
		peer->control_len = (socklen_t)CMSG_SPACE(size);
	}
}

static void arrive(struct udp_port *p, const pier_addr *from, struct msghdr *msg, const char *data,
		   size_t len)
{
	struct udp_peer *peer = find(p, from);
	if (peer) {
		queue(peer, data, len);
		return;
	}
	if (p->peers >= p->peers_max) {
		/* This datagram is lost; a repetition of it will find room. */
		if (p->peers)
			pier_conn_fail(list_item(p->by_age.next, struct udp_peer, age)->conn,
				       -ECONNABORTED, "make room for others beside");
		return;
	}
	peer = peer_new(p, from);
	if (!peer)
		return;
	remember_here(peer, msg);
	pier_conn *c = peer->conn;
	if (!queue(peer, data, len) || !p->begin(c, p->arg)) {
		peer_close(c, false);
		pier_conn_free(c);
	}
}

int pier_udp_port_run(struct udp_port *p)
{
	char *data = malloc(UINT16_MAX);
	_Alignas(struct cmsghdr) char control[256] = {0};
	int64_t n;

	if (!data)
		return -ENOMEM;
	do {
		pier_addr from = {0};
		struct iovec iov = {data, UINT16_MAX};
		struct msghdr msg = {.msg_name = &from.storage,
				     .msg_namelen = sizeof from.storage,
				     .msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = control,
				     .msg_controllen = sizeof control};
		struct io_op op = {.kind = IO_RECVMSG, .fd = p->fd, .msg = &msg};
		n = pier_await(&op, PIER_FOREVER, "datagrams");
		from.len = msg.msg_namelen;
		if (n >= 0)
			arrive(p, &from, &msg, data, (size_t)n);
		/* A peer that is gone (ICMP port unreachable) is no error of the port's. */
	} while (n >= 0 || n == -ECONNREFUSED || n == -EHOSTUNREACH || n == -ENETUNREACH);
	free(data);
	return (int)n;
}

/* ---- The conn of a peer -------------------------------------------------------------------------- */

static int64_t peer_poll(pier_conn *c, int64_t until)
{
	struct udp_peer *peer = c->udp;
	while (!peer->first) {
		int err = pier_waitq_wait(&peer->arrivals, until, "a datagram");
		if (err < 0)
			return err;
		if (c->err)
			return c->err;
	}
	return 1;
}

static int64_t peer_take(pier_conn *c)
{
	struct udp_peer *peer = c->udp;
	struct datagram *d = peer->first;
	if (!d)
		return -EAGAIN;
	peer->first = d->next;
	if (!peer->first)
		peer->last = &peer->first;
	peer->count--;
	peer->bytes -= d->len;
	size_t head = offsetof(struct datagram, data);
	c->in = (struct inbuf){
		.at = (char *)d, .start = head, .end = head + d->len, .room = head + d->len};
	return 1;
}

static int64_t peer_next(pier_conn *c, int64_t until)
{
	int64_t err = peer_poll(c, until);
	return err < 0 ? err : peer_take(c);
}

static bool peer_arm(pier_conn *c, struct io_op *op)
{
	struct udp_peer *peer = c->udp;
	op->result = 1;
	if (peer->first)
		return true;
	peer->standby = op;
	return false;
}

static void peer_disarm(pier_conn *c, struct io_op *op)
{
	(void)op;
	tell_standby(c->udp, -ECANCELED);
}

void pier_udp_address(pier_conn *c, struct msghdr *msg)
{
	struct udp_peer *peer = c->udp;
	msg->msg_name = &c->peer.storage;
	msg->msg_namelen = c->peer.len;
	msg->msg_control = peer->control_len ? peer->control : NULL;
	msg->msg_controllen = peer->control_len;
}

static int64_t peer_send(pier_conn *c, struct msghdr *msg, int64_t until)
{
	struct io_op op = {.kind = IO_SENDMSG, .fd = c->fd, .msg = msg};
	pier_udp_address(c, msg);
	return pier_await(&op, until, "room to send");
}

static int peer_finish(pier_conn *c)
{
	(void)c;
	return 0;
}

static const struct transport udp_peer_transport = {
	.message = true,
	.next = peer_next,
	.take = peer_take,
	.arm = peer_arm,
	.disarm = peer_disarm,
	.send = peer_send,
	.poll = peer_poll,
	.finish = peer_finish,
	.close = peer_close,
};
