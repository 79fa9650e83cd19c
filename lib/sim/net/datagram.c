/* udp: each by itself, and each may be lost, come twice, or be overtaken. */
#include "sim/film.h"
#include "sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS_MAX 64 /* of one send: UDP_MAX_SEGMENTS */

/* On its way. */
struct flight {
	struct event event;
	struct node *from, *to;
	pier_addr source, target;
	struct chunk *chunk; /* NULL: the word that nobody took one (ICMP) */
};

/* ---- Arriving ------------------------------------------------------------------------------------ */

static bool is_for_many(const struct flight *f)
{
	return pier_addr_is_group(&f->target) || pier_addr_is_broadcast(&f->target);
}

static bool takes(const struct sock *s, const struct flight *f)
{
	return s->type == SOCK_DGRAM && s->family != AF_UNIX && s->node == f->to &&
	       pier_sim_sock_hears(s, &f->target) &&
	       (!s->device || (s->device == 1) == (f->from == f->to)) &&
	       (!pier_addr_is_group(&f->target) || pier_group_has(s, &f->target)) &&
	       (s->state != SOCK_CONNECTED || pier_addr_eq(&s->peer, &f->source));
}

/* One that is connected to the sender comes first; of those that share a port, a sender has always the same. */
static struct sock *taker(const struct flight *f)
{
	struct sock *all[PIER_SIM_NODES], *s;
	unsigned count = 0;
	for (unsigned i = 0; i < pier_world->socks_high; i++) {
		s = pier_sim_sock_at(i);
		if (!s || !takes(s, f))
			continue;
		if (s->state == SOCK_CONNECTED)
			return s;
		if (count < sizeof all / sizeof *all)
			all[count++] = s;
	}
	return count ? all[pier_addr_port(&f->source) % count] : NULL;
}

static void send_flight(struct flight *f, int64_t takes_ns)
{
	f->event.flying = true;
	if (f->from == f->to && takes_ns == 0)
		f->event.fire(&f->event);
	else
		pier_event_at(&f->event, pier_world->now + takes_ns);
}

/* RFC 1122 §4.1.3.3: port unreachable. */
static void word_arrives(struct event *e)
{
	struct flight *f = (struct flight *)e;
	struct sock *s = taker(f);
	if (s && s->state == SOCK_CONNECTED) {
		s->error = -ECONNREFUSED;
		pier_sim_sock_news(s);
	}
	free(f);
}

static void send_word(const struct flight *f)
{
	struct packet p = {f->to, f->from, f->source.sa.sa_family, 0};
	int64_t takes_ns = pier_link_datagram(&p);
	struct flight *back = takes_ns < 0 ? NULL : calloc(1, sizeof *back);
	if (!back)
		return;
	*back = (struct flight){
		.from = f->to, .to = f->from, .source = f->target, .target = f->source};
	back->event.fire = word_arrives;
	send_flight(back, takes_ns);
}

/* Takes the chunk. */
static void put_in(struct sock *s, struct chunk *c)
{
	if (s->came.count < DATAGRAMS_MAX && c->len <= (size_t)s->set[OPT_RCVBUF] - s->came.bytes) {
		pier_chunks_push(&s->came, c);
		pier_sim_sock_news(s);
	} else {
		pier_chunk_free(c);
	}
}

static void put_in_all(const struct flight *f)
{
	for (unsigned i = 0; i < pier_world->socks_high; i++) {
		struct sock *s = pier_sim_sock_at(i);
		if (s && takes(s, f))
			put_in(s, pier_chunk_copy(f->chunk));
	}
	pier_chunk_free(f->chunk);
}

static void arrives(struct event *e)
{
	struct flight *f = (struct flight *)e;
	bool many = is_for_many(f), up = f->to->state != NODE_CRASHED;
	struct sock *s = many || !up ? NULL : taker(f);
	pier_world_trace("%s:%u → %s:%u  datagram  %zu bytes%s", f->from->name,
			 pier_addr_port(&f->source), f->to->name, pier_addr_port(&f->target),
			 f->chunk->len, s || many ? "" : "  nobody takes it");
	pier_film_arrow(FRAME_DATAGRAM, f->from, f->to, f->chunk->sent, "%zu B%s", f->chunk->len,
			s || many ? "" : ", nobody takes it");
	pier_world_fold(f->chunk->len);
	if (up && many) {
		put_in_all(f);
	} else if (s) {
		put_in(s, f->chunk);
	} else {
		if (up)
			send_word(f);
		pier_chunk_free(f->chunk);
	}
	free(f);
}

/* ---- Leaving ------------------------------------------------------------------------------------- */

/* What the sender chose, by an order or by bind; else what goes with the target. */
static pier_addr source_of(const struct sock *s, const struct node *n, const pier_addr *target,
			   const struct orders *o)
{
	pier_addr own = pier_addr_plain(o->source.len ? &o->source : &s->local);
	uint16_t port = pier_addr_port(&s->local);
	if (own.sa.sa_family != target->sa.sa_family || pier_addr_is_any(&own)) {
		if (n == s->node && !pier_addr_is_any(target))
			own = *target;
		else
			pier_node_addr(s->node, target->sa.sa_family, port, &own);
	}
	pier_addr_set_port(&own, port);
	return own;
}

static void launch(struct sock *s, struct node *n, const pier_addr *target, struct chunk *c)
{
	struct packet p = {s->node, n, target->sa.sa_family, c->len};
	int64_t takes_ns = pier_link_datagram(&p);
	struct flight *f = takes_ns < 0 ? NULL : calloc(1, sizeof *f);
	if (!f)
		return;
	*f = (struct flight){.from = s->node, .to = n, .target = *target};
	f->source = c->beside->from;
	f->chunk = pier_chunk_copy(c);
	f->chunk->beside->local = n == s->node;
	f->event.fire = arrives;
	send_flight(f, takes_ns);
}

static void launch_to(struct sock *s, struct node *n, const pier_addr *target, struct chunk *c)
{
	struct packet p = {s->node, n, target->sa.sa_family, c->len};
	launch(s, n, target, c);
	if (pier_link_twice(&p))
		launch(s, n, target, c);
}

/* Every node is on the one net; the sender's own hears it too, unless it asked not to. */
static void launch_to_all(struct sock *s, const pier_addr *target, struct chunk *c)
{
	bool v6 = target->sa.sa_family == AF_INET6, group = pier_addr_is_group(target);
	bool loops = !group || s->set[v6 ? OPT_MULTICAST_LOOP6 : OPT_MULTICAST_LOOP];
	bool leaves = !group || s->set[v6 ? OPT_MULTICAST_HOPS : OPT_MULTICAST_TTL] > 0;
	for (unsigned i = 0; i < pier_world->node_count; i++) {
		struct node *n = pier_world->nodes[i];
		if (n == s->node ? loops : leaves)
			launch(s, n, target, c);
	}
}

struct route {
	struct node *to; /* NULL: all */
	pier_addr target;
};

/* Sent to no address, it goes to this node: ip(7). */
static int route_of(struct sock *s, const struct msghdr *msg, struct route *out)
{
	pier_addr to = s->peer;
	if (msg->msg_name) {
		to = (pier_addr){.len = msg->msg_namelen};
		memcpy(&to.storage, msg->msg_name, msg->msg_namelen);
		if (to.sa.sa_family != s->family)
			return -EAFNOSUPPORT;
	} else if (s->state != SOCK_CONNECTED) {
		return -EDESTADDRREQ;
	}
	out->target = pier_addr_plain(&to);
	out->to = NULL;
	if (pier_addr_port(&to) == 0)
		return -EINVAL;
	if (pier_addr_is_group(&to))
		return 0;
	if (pier_addr_is_broadcast(&to))
		return s->set[OPT_BROADCAST] ? 0 : -EACCES;
	out->to = pier_node_of(s->node, &out->target);
	return out->to || pier_node_is_hole(&out->target) ? 0 : -ENETUNREACH;
}

static bool must_not_be_cut(const struct sock *s, int family)
{
	return family == AF_INET6 ? s->set[OPT_MTU_DISCOVER6] == IPV6_PMTUDISC_DO
				  : s->set[OPT_MTU_DISCOVER] == IP_PMTUDISC_DO;
}

/* udp(7): a segment has to fit the way, and there are not too many of them. */
static int check_size(const struct sock *s, const struct route *r, const struct orders *o,
		      size_t len)
{
	struct packet p = {s->node, r->to ? r->to : s->node, r->target.sa.sa_family, len};
	size_t whole = pier_link_whole(&p);
	if (len > DATAGRAM_MAX)
		return -EMSGSIZE;
	if (o->segment && len > o->segment)
		return o->segment > whole || len > (size_t)o->segment * SEGMENTS_MAX ? -EINVAL : 0;
	return len > whole && must_not_be_cut(s, p.family) ? -EMSGSIZE : 0;
}

/* Takes the chunk. */
static void launch_piece(struct sock *s, const struct route *r, const struct orders *o,
			 struct chunk *c)
{
	c->beside = pier_beside_new(o);
	c->beside->to = r->target;
	c->beside->from = source_of(s, r->to, &r->target, o);
	if (r->to)
		launch_to(s, r->to, &r->target, c);
	else if (!pier_node_is_hole(&r->target))
		launch_to_all(s, &r->target, c);
	pier_chunk_free(c);
}

static void launch_pieces(struct sock *s, const struct route *r, const struct orders *o,
			  struct chunk *all)
{
	for (size_t at = 0; at < all->len; at += o->segment) {
		size_t left = all->len - at;
		struct iovec iov = {all->data + at, left < o->segment ? left : o->segment};
		launch_piece(s, r, o, pier_chunk_new(CHUNK_DATA, &iov, 1, iov.iov_len));
	}
	pier_chunk_free(all);
}

/* ---- Calls --------------------------------------------------------------------------------------- */

int64_t pier_datagram_connect(struct sock *s, const pier_addr *to)
{
	if (s->family == AF_UNIX)
		return pier_unixgram_connect(s, to);
	pier_addr target = pier_addr_plain(to);
	bool known = pier_node_of(s->node, &target) || pier_addr_is_group(&target) ||
		     pier_node_is_hole(&target);
	if (to->sa.sa_family != s->family)
		return -EAFNOSUPPORT;
	int err = known ? pier_sim_sock_bind_any(s) : -ENETUNREACH;
	if (err < 0)
		return err;
	pier_sim_sock_unsettle(s);
	pier_sim_sock_settle(s, pier_node_of(s->node, &target), to);
	s->peer = *to;
	s->state = SOCK_CONNECTED;
	return 0;
}

int64_t pier_datagram_send(struct sock *s, const struct msghdr *msg)
{
	size_t len = pier_iov_length(msg);
	struct route r;
	struct orders o;
	if (s->error)
		return pier_sim_sock_take_error(s);
	if (s->shut_out)
		return -EPIPE;
	if (pier_chance_of(pier_world->faults))
		return pier_chance(2) ? -ENOBUFS : -ENOMEM;
	int err = route_of(s, msg, &r);
	if (err == 0)
		err = pier_orders_read(s, msg, &o);
	if (err == 0)
		err = check_size(s, &r, &o, len);
	if (err == 0)
		err = pier_sim_sock_bind_any(s);
	if (err < 0)
		return err;
	struct chunk *c = pier_chunk_new(CHUNK_DATA, msg->msg_iov, (size_t)msg->msg_iovlen, len);
	if (o.segment && len > o.segment)
		launch_pieces(s, &r, &o, c);
	else
		launch_piece(s, &r, &o, c);
	return (int64_t)len;
}

/* UDP_GRO: those behind the first that have its sender and its size come along; a shorter one ends it. */
static bool goes_along(const struct chunk *first, const struct chunk *next, size_t room)
{
	return next && next->len && next->len <= first->len && next->len <= room &&
	       pier_addr_eq(&first->beside->from, &next->beside->from) &&
	       pier_addr_eq(&first->beside->to, &next->beside->to);
}

static size_t take_along(struct sock *s, const struct msghdr *msg, const struct chunk *first,
			 size_t at)
{
	struct chunk *c;
	size_t last = first->len, room = pier_iov_length(msg);
	room = room < DATAGRAM_MAX ? room : DATAGRAM_MAX;
	for (unsigned count = 1; count < SEGMENTS_MAX && last == first->len &&
				 goes_along(first, c = s->came.first, room - at) &&
				 (pier_world->o.whole || pier_chance(4));
	     count++) {
		last = c->len;
		at += pier_iov_scatter(msg, at, c->data, c->len);
		pier_chunk_free(pier_chunks_pop(&s->came));
	}
	return at;
}

static void tell_sender(const struct sock *s, struct msghdr *msg, const struct chunk *c)
{
	if (!msg->msg_name)
		return;
	pier_addr from = pier_addr_as_seen(&c->beside->from, s->family);
	socklen_t room = msg->msg_namelen;
	memcpy(msg->msg_name, &from.storage, from.len < room ? from.len : room);
	msg->msg_namelen = from.len;
}

int64_t pier_datagram_receive(struct sock *s, struct msghdr *msg, int flags)
{
	size_t room = msg->msg_controllen;
	bool peeks = flags & MSG_PEEK;
	struct chunk *c = peeks ? s->came.first : pier_chunks_pop(&s->came);
	if (!c && s->error)
		return pier_sim_sock_take_error(s);
	if (!c)
		return s->shut_in ? 0 : -EAGAIN;
	size_t at = pier_iov_scatter(msg, 0, c->data, c->len), len = c->len, joined = 0;
	if (at < len)
		msg->msg_flags |= MSG_TRUNC;
	else if (s->set[OPT_GRO] && !peeks && at)
		joined = take_along(s, msg, c, at);
	tell_sender(s, msg, c);
	pier_beside_tell(s, msg, room, c, flags, joined > at ? (unsigned)len : 0);
	if (joined > at)
		at = joined;
	if (!peeks)
		pier_chunk_free(c);
	if (s->family == AF_UNIX && !peeks)
		pier_unixgram_room(s);
	return flags & MSG_TRUNC && at < len ? (int64_t)len : (int64_t)at;
}
