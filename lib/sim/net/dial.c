/* How a stream begins.
 *
 *	who dials              the kernel of who listens
 *	   ├── dial ────────────→  looks for a listener; makes the other end
 *	   ←──── ANSWER ─────────┤   connected
 *	   ├── CONFIRMED ───────→  can be accepted
 *	   ├── DATA … END ──────→ */
#include "sim/film.h"
#include "sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define DIAL_REPEAT PIER_S(1) /* RFC 6298 §2 */

/* Of its packets. */
static int family_of(const struct sock *s)
{
	return pier_addr_plain(&s->peer).sa.sa_family;
}

static int64_t bare_packet(const struct node *from, const struct node *to, int family)
{
	struct packet p = {from, to, family, 0};
	return pier_link_stream(&p);
}

static struct sock *other_end(struct sock *s, struct sock *listener)
{
	struct sock *peer = pier_sim_sock_new(listener->node, listener->family, listener->type);
	if (!peer)
		abort();
	struct stream *st = pier_stream_new(s->node, listener->node);
	st->local = s->family == AF_UNIX;
	st->family = family_of(s);
	st->message = s->type == SOCK_SEQPACKET;
	st->listener = listener;
	st->ends[0] = s;
	st->ends[1] = peer;
	s->stream = peer->stream = st;
	peer->end = 1;
	memcpy(peer->set, listener->set, sizeof peer->set); /* socket(7): inherited */
	pier_option_apply(peer);
	peer->state = SOCK_CONNECTED;
	peer->local = pier_addr_as_seen(&s->peer, peer->family);
	peer->peer = pier_addr_as_seen(&s->local, peer->family);
	return peer;
}

static void refused(struct event *e)
{
	struct sock *s = list_item(e, struct sock, dial);
	s->state = SOCK_BROKEN;
	s->error = -ECONNREFUSED;
	pier_world_trace("%s is refused at port %u", s->node->name, pier_addr_port(&s->peer));
	pier_film_arrow(FRAME_RESET, pier_node_of(s->node, &s->peer), s->node, s->dial_sent,
			"refused");
	pier_sim_sock_news(s);
}

static void dial_again(struct sock *s, bool for_good)
{
	int64_t now = pier_world->now;
	if (now - s->dial_began > FOR_A_CONN) {
		s->state = SOCK_BROKEN;
		s->error = -ETIMEDOUT;
		pier_sim_sock_news(s);
		return;
	}
	s->dial.flying = !for_good;
	s->dial_sent = now + s->dial_repeat;
	pier_event_at(&s->dial, s->dial_sent);
	s->dial_repeat *= 2;
}

static void dial_arrives(struct event *e)
{
	struct sock *s = list_item(e, struct sock, dial);
	struct node *n = pier_node_of(s->node, &s->peer);
	bool for_good = true, back_for_good;
	int family = family_of(s);
	if (!n || !pier_link_open(s->node, n, family, &for_good) ||
	    !pier_link_open(n, s->node, family, &back_for_good)) {
		if (n)
			pier_film_arrow(FRAME_LOST, s->node, n, s->dial_sent, "syn");
		dial_again(s, for_good);
		return;
	}
	pier_film_arrow(FRAME_SYN, s->node, n, s->dial_sent, "syn");
	struct sock *listener = pier_sim_sock_listener(n, &s->peer, SOCK_STREAM);
	if (!listener) {
		s->dial_sent = pier_world->now;
		e->fire = refused;
		e->flying = true;
		pier_event_at(e, pier_world->now + bare_packet(n, s->node, family));
	} else if (listener->queued >= listener->backlog) {
		dial_again(s, false);
	} else {
		other_end(s, listener);
		pier_world_trace("%s:%u → %s:%u  syn", s->node->name, pier_addr_port(&s->local),
				 n->name, pier_addr_port(&s->peer));
		pier_stream_say(s->stream, 1, CHUNK_ANSWER);
	}
}

static int dial_unix(struct sock *s, const pier_addr *to)
{
	struct sock *listener = pier_sim_sock_listener(s->node, to, s->type);
	if (!listener)
		return ((const struct sockaddr *)&to->sa)->sa_data[0] ? -ENOENT : -ECONNREFUSED;
	if (listener->queued >= listener->backlog)
		return -EAGAIN;
	s->peer = *to;
	struct sock *peer = other_end(s, listener);
	s->state = SOCK_CONNECTED;
	pier_sim_sock_enqueue(listener, peer);
	return 0;
}

/* Nobody is at an address of a hole, and nobody says so. */
static int dial_inet(struct sock *s, const pier_addr *to)
{
	pier_addr target = pier_addr_plain(to);
	struct node *n = pier_node_of(s->node, &target);
	if (pier_addr_port(to) == 0)
		return -ECONNREFUSED;
	if (!n && !pier_node_is_hole(&target))
		return -EHOSTUNREACH;
	int err = pier_sim_sock_bind_any(s);
	if (err < 0)
		return err == -EADDRINUSE ? -EADDRNOTAVAIL : err; /* connect(2) */
	s->peer = *to;
	pier_sim_sock_settle(s, n, to);
	s->state = SOCK_CONNECTING;
	s->dial_began = s->dial_sent = pier_world->now;
	s->dial_repeat = DIAL_REPEAT;
	s->dial.fire = dial_arrives;
	s->dial.flying = n != NULL;
	int64_t takes = n ? bare_packet(s->node, n, family_of(s)) : 0;
	pier_event_at(&s->dial, pier_world->now + takes);
	return -EINPROGRESS;
}

/* connect(2), AF_UNSPEC. */
static void dissolve(struct sock *s)
{
	s->state = SOCK_FRESH;
	s->mate = NULL;
	s->peer.len = 0;
	pier_sim_sock_unsettle(s);
}

int pier_sim_connect(struct sock *s, const pier_addr *to)
{
	if (s->type == SOCK_DGRAM && to->len == 0) {
		dissolve(s);
		return 0;
	}
	if (s->type == SOCK_DGRAM)
		return (int)pier_datagram_connect(s, to);
	if (s->error)
		return pier_sim_sock_take_error(s);
	if (s->state == SOCK_CONNECTING)
		return -EALREADY;
	if (s->state == SOCK_CONNECTED || s->state == SOCK_LISTENING)
		return -EISCONN;
	if (s->state == SOCK_BROKEN)
		return -ECONNABORTED;
	if (to->sa.sa_family != s->family)
		return -EAFNOSUPPORT;
	return s->family == AF_UNIX ? dial_unix(s, to) : dial_inet(s, to);
}

static int64_t dial(struct sock *s, struct io_op *op)
{
	pier_addr to = {.len = op->addr.len};
	memcpy(&to.storage, op->addr.sa, op->addr.len);
	int err = pier_sim_connect(s, &to);
	op->started = err == -EINPROGRESS;
	return op->started ? -EAGAIN : err == -EAGAIN ? -EBUSY : err;
}

int64_t pier_stream_connect(struct sock *s, struct io_op *op)
{
	if (!op->started)
		return dial(s, op);
	if (s->state == SOCK_CONNECTING)
		return -EAGAIN;
	return s->error ? pier_sim_sock_take_error(s) : 0;
}

/* Refused for lack of something, it stays where it is. */
int64_t pier_stream_accept(struct sock *s, struct io_op *op)
{
	struct sock *one = s->first;
	if (s->state != SOCK_LISTENING)
		return -EINVAL;
	if (!one)
		return -EAGAIN;
	int fd = pier_sim_sock_name(one);
	if (fd < 0)
		return fd;
	s->first = one->next;
	if (!s->first)
		s->last = NULL;
	s->queued--;
	one->queued = 0;
	bool broken = one->state == SOCK_BROKEN && pier_chance(2);
	if (broken || pier_chance_of(pier_world->faults)) {
		one->resets = true;
		pier_sim_sock_close(one, false);
		return -ECONNABORTED;
	}
	if (op->addr.sa) {
		socklen_t room = op->addr.len;
		memcpy(op->addr.sa, &one->peer.storage,
		       one->peer.len < room ? one->peer.len : room);
		op->addr.len = one->peer.len;
	}
	return fd;
}

int pier_stream_pair(struct node *n, int type, struct sock *out[2])
{
	if (type != SOCK_STREAM && type != SOCK_SEQPACKET && type != SOCK_DGRAM)
		return -EOPNOTSUPP;
	struct sock *a = pier_sim_sock_new(n, AF_UNIX, type);
	if (!a)
		return -ENOMEM;
	if (type == SOCK_DGRAM) {
		out[0] = a;
		out[1] = pier_sim_sock_new(n, AF_UNIX, type);
		if (!out[1])
			abort();
		pier_unixgram_pair(out[0], out[1]);
		return 0;
	}
	a->peer.sa.sa_family = AF_UNIX;
	a->peer.len = sizeof a->peer.sa.sa_family;
	out[0] = a;
	out[1] = other_end(a, a);
	a->stream->listener = NULL;
	a->state = SOCK_CONNECTED;
	out[1]->local = out[1]->peer = a->peer;
	return 0;
}
