#include "udp.h"

#include "datagrams.h"
#include "io/socket.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS	   1024 /* a power of two */
#define HANDED_MAX 64	/* datagrams, then handlers run */

#define SHORTAGE_PAUSE PIER_MS(10)
#define UNIX_ROOM_LOOK PIER_MS(1)

struct datagram {
	struct datagram *next;
	size_t len;
	char data[];
};

struct udp_peer {
	struct udp_port *port;
	pier_conn *conn;
	struct udp_peer *bucket_next;
	struct list age; /* in port->by_age, the longest silent first */
	int64_t heard;
	struct datagram *first, **last;
	unsigned count;
	size_t bytes;
	struct waitq arrivals;
	struct source source;  /* ours that the peer wrote to: it would not know another */
	struct io_op *standby; /* to complete at the next arrival */
};

struct udp_port {
	int fd;
	bool (*begin)(pier_conn *, void *);
	void *arg;
	unsigned peers;
	_Atomic int64_t silent_since;
	unsigned queued; /* datagrams that no handler has taken yet */
	struct batch *in;
	struct gather *out;
	uint64_t seed; /* peers choose their addresses: they must not choose the bucket too */
	struct list by_age;
	struct udp_peer *buckets[BUCKETS];
};

static void send_failed(void *peer, int err)
{
	pier_conn_fail(((struct udp_peer *)peer)->conn, err, "send to");
}

int pier_udp_port_new(int fd, bool (*begin)(pier_conn *, void *), void *arg, struct udp_port **out)
{
	struct udp_port *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	p->fd = fd;
	p->begin = begin;
	p->arg = arg;
	p->silent_since = PIER_FOREVER;
	pier_io_random(&p->seed, sizeof p->seed);
	list_init(&p->by_age);
	if (pier_batch_new(fd, &p->in) < 0 || pier_gather_new(fd, send_failed, &p->out) < 0) {
		free(p->in);
		free(p);
		return -ENOMEM;
	}
	*out = p;
	return 0;
}

void pier_udp_port_free(struct udp_port *p)
{
	struct io *io = pier_conn_io();
	if (!p)
		return;
	assert(p->peers == 0);
	pier_gather_free(p->out);
	io->backend->close_fd(io, p->fd);
	free(p->in);
	free(p);
}

/* ---- Finding a peer ------------------------------------------------------------------------------ */

static struct udp_peer **bucket_of(struct udp_port *p, const pier_addr *a)
{
	uint64_t h = p->seed;
	const unsigned char *at = (const unsigned char *)&a->storage;
	uint64_t word;
	for (socklen_t i = 0; i < a->len; i += sizeof word) {
		word = 0; /* behind the end of a unix name is what an older one left */
		memcpy(&word, at + i, a->len - i < sizeof word ? a->len - i : sizeof word);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return &p->buckets[(h ^ h >> 32) & (BUCKETS - 1)];
}

/* As one socket writes them down, so byte for byte. */
static bool same(const pier_addr *a, const pier_addr *b)
{
	return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

static struct udp_peer *find(struct udp_port *p, const pier_addr *a)
{
	struct udp_peer *peer = *bucket_of(p, a);
	while (peer && !same(&peer->conn->peer, a))
		peer = peer->bucket_next;
	return peer;
}

/* ---- Ages ---------------------------------------------------------------------------------------- */

static struct udp_peer *oldest(const struct udp_port *p)
{
	return list_empty(&p->by_age) ? NULL : list_item(p->by_age.next, struct udp_peer, age);
}

static void heard(struct udp_peer *peer)
{
	peer->heard = pier_conn_io()->now;
	list_remove(&peer->age);
	list_push(&peer->port->by_age, &peer->age);
}

static void publish_age(struct udp_port *p)
{
	struct udp_peer *peer = oldest(p);
	atomic_store_explicit(&p->silent_since, peer ? peer->heard : PIER_FOREVER,
			      memory_order_relaxed);
}

int64_t pier_udp_port_silent_since(const struct udp_port *p)
{
	return atomic_load_explicit(&p->silent_since, memory_order_relaxed);
}

void pier_udp_port_let_go(struct udp_port *p)
{
	struct udp_peer *peer = oldest(p);
	if (peer)
		pier_conn_fail(peer->conn, -ECONNABORTED, "make room for others beside");
}

/* ---- Peers --------------------------------------------------------------------------------------- */

static const struct transport udp_peer_transport;

static struct udp_peer *peer_new(struct udp_port *p, const pier_addr *from)
{
	pier_conn *c = pier_conn_new(&udp_peer_transport, p->fd, NULL);
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
	list_init(&peer->age);
	heard(peer);
	publish_age(p);
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
	publish_age(p);
	p->peers--;
	p->queued -= peer->count;
	pier_gather_forget(p->out, peer);
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
	peer->port->queued++;
	peer->bytes += len;
	heard(peer);
	publish_age(peer->port);
	pier_waitq_wake(&peer->arrivals);
	tell_standby(peer, 1);
	return true;
}

static struct udp_peer *admit(struct udp_port *p, const struct joined *j)
{
	struct udp_peer *peer = peer_new(p, j->from);
	if (!peer)
		return NULL;
	pier_source_of(j->msg, &peer->source);
	pier_conn *c = peer->conn;
	if (p->begin(c, p->arg))
		return peer;
	peer_close(c, false);
	pier_conn_free(c);
	return NULL;
}

/* Handlers take what they were given before there is more: queues are short. */
static int hand_out(struct udp_port *p, const struct joined *j, unsigned *handed)
{
	struct udp_peer *peer = NULL;
	size_t at = 0;
	do {
		size_t len = j->len - at < j->size ? j->len - at : j->size;
		if (*handed == HANDED_MAX) {
			*handed = 0;
			peer = NULL; /* it may be gone when we are back */
			int err = pier_yield();
			if (err < 0)
				return err;
		}
		if (!peer && !(peer = find(p, j->from)) && !(peer = admit(p, j)))
			return 0;
		queue(peer, j->data + at, len);
		++*handed;
		at += len;
	} while (at < j->len);
	return 0;
}

/* A peer that is gone (ICMP port unreachable) is no error of the port's. */
static bool is_theirs(int64_t err)
{
	return err == -ECONNREFUSED || err == -EHOSTUNREACH || err == -ENETUNREACH;
}

/* Without memory for a while: what comes waits in the socket, or is lost there, as datagrams may be. */
static bool passes(int64_t err)
{
	bool shortage = err == -ENOMEM || err == -ENOBUFS;
	if (shortage)
		pier_sleep(SHORTAGE_PAUSE);
	return shortage || is_theirs(err);
}

int pier_udp_port_run(struct udp_port *p)
{
	int err = 0;
	unsigned handed = 0;
	while (err == 0) {
		int64_t n = pier_batch_receive(p->in, p->fd);
		if (n < 0 && !passes(n))
			return (int)n;
		for (int64_t i = 0; i < n && err == 0; i++) {
			struct joined j = pier_batch_at(p->in, (unsigned)i);
			err = hand_out(p, &j, &handed);
		}
		if (n < BATCH_MAX) /* there is no more: the next receive waits, and others run */
			handed = 0;
	}
	return err;
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
	peer->port->queued--;
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
	pier_gather_flush(peer->port->out); /* what was said before goes before */
	msg->msg_name = &c->peer.storage;
	msg->msg_namelen = c->peer.len;
	msg->msg_control = peer->source.len ? peer->source.control : NULL;
	msg->msg_controllen = peer->source.len;
}

static size_t length(const struct msghdr *msg)
{
	size_t len = 0;
	for (size_t i = 0; i < (size_t)msg->msg_iovlen; i++)
		len += msg->msg_iov[i].iov_len;
	return len;
}

static int64_t send_together(pier_conn *c, const struct msghdr *msg, int64_t until)
{
	struct udp_peer *peer = c->udp;
	struct udp_port *p = peer->port;
	int64_t n;
	while ((n = pier_gather_put(p->out, peer, &c->peer, &peer->source, msg)) == -EAGAIN) {
		int err = pier_gather_wait(p->out, until);
		if (err < 0 || c->err)
			return err < 0 ? err : c->err;
	}
	if (p->queued == 0)
		pier_gather_flush(p->out);
	if (pier_fiber_self())
		pier_fiber_streak(pier_fiber_self());
	return n;
}

static int64_t send_alone(pier_conn *c, struct msghdr *msg, int64_t until)
{
	struct udp_port *p = c->udp->port;
	struct io_op op = {.kind = IO_SENDMSG, .fd = c->fd, .msg = msg};
	while (!pier_gather_flush(p->out)) { /* what was said before goes before */
		int err = pier_gather_wait(p->out, until);
		if (err < 0 || c->err)
			return err < 0 ? err : c->err;
	}
	pier_udp_address(c, msg);
	return pier_await(&op, until, "room to send");
}

/* unix(7): one who has no name cannot be answered; and one whose queue is full gives no sign when it has room again. */
static int64_t send_local(pier_conn *c, struct msghdr *msg, int64_t until)
{
	struct io_op op = {.kind = IO_SENDMSG, .fd = c->fd, .msg = msg, .nowait = true};
	int64_t n;
	if (c->peer.len <= sizeof(sa_family_t))
		return -EDESTADDRREQ;
	pier_udp_address(c, msg);
	while ((n = pier_await(&op, until, "room to send")) == -EAGAIN) {
		int err = pier_conn_io()->now >= until ? -ETIMEDOUT : pier_sleep(UNIX_ROOM_LOOK);
		if (err < 0)
			return err;
	}
	return n;
}

/* While handlers have datagrams to take, answers are gathered; the one to the last takes all along. */
static int64_t peer_send(pier_conn *c, struct msghdr *msg, int64_t until)
{
	struct udp_port *p = c->udp->port;
	int err = pier_wait_refused();
	if (err < 0)
		return err;
	if (c->peer.sa.sa_family == AF_UNIX)
		return send_local(c, msg, until);
	if (length(msg) <= GATHER_PIECE && (p->queued || p->out->count))
		return send_together(c, msg, until);
	return send_alone(c, msg, until);
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
