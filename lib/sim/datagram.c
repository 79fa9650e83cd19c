/* udp: each by itself, and each may be lost, come twice, or be overtaken. */
#include "film.h"
#include "sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* On its way. */
struct flight {
	struct event event;
	struct node *from, *to;
	pier_addr source, target;
	struct chunk *chunk; /* NULL: the word that nobody took one (ICMP) */
};

/* ---- Arriving ------------------------------------------------------------------------------------ */

static bool takes(const struct sock *s, const struct flight *f)
{
	return s->type == SOCK_DGRAM && s->node == f->to && pier_sim_sock_hears(s, &f->target) &&
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

static void arrives(struct event *e)
{
	struct flight *f = (struct flight *)e;
	struct sock *s = taker(f);
	bool up = f->to->state != NODE_CRASHED;
	pier_world_trace("%s:%u → %s:%u  datagram  %zu bytes%s", f->from->name,
			 pier_addr_port(&f->source), f->to->name, pier_addr_port(&f->target),
			 f->chunk->len, s ? "" : "  nobody takes it");
	pier_film_arrow(FRAME_DATAGRAM, f->from, f->to, f->chunk->sent, "%zu B%s", f->chunk->len,
			s ? "" : ", nobody takes it");
	pier_world_fold(f->chunk->len);
	if (up && !s)
		send_word(f);
	if (up && s && s->came.count < DATAGRAMS_MAX) {
		f->chunk->from = f->source;
		pier_chunks_push(&s->came, f->chunk);
		pier_sim_sock_news(s);
	} else {
		free(f->chunk);
	}
	free(f);
}

/* ---- Calls --------------------------------------------------------------------------------------- */

int64_t pier_datagram_connect(struct sock *s, const pier_addr *to)
{
	pier_addr target = pier_addr_plain(to);
	int err = pier_node_of(s->node, &target) ? pier_sim_sock_bind_any(s) : -ENETUNREACH;
	if (err < 0)
		return err;
	s->peer = *to;
	s->state = SOCK_CONNECTED;
	return 0;
}

/* What the other side sees as the sender. */
static pier_addr source_of(const struct sock *s, const struct node *n, const pier_addr *target)
{
	pier_addr own = pier_addr_plain(&s->local), any;
	uint16_t port = pier_addr_port(&s->local);
	const char *none = own.sa.sa_family == AF_INET6 ? "::" : "0.0.0.0";
	bool bound_to_one =
		pier_addr_parse(pier_text(none), port, &any) == 0 && !pier_addr_eq(&own, &any);
	pier_addr numbered;
	pier_node_addr(s->node, own.sa.sa_family, port, &numbered);
	if (n == s->node && (!bound_to_one || pier_addr_eq(&own, &numbered))) {
		own = *target;
		pier_addr_set_port(&own, port);
		return own;
	}
	if (!bound_to_one)
		pier_node_addr(s->node, target->sa.sa_family, port, &own);
	return own;
}

static void launch(struct sock *s, struct node *n, const pier_addr *target,
		   const struct msghdr *msg, size_t len)
{
	struct packet p = {s->node, n, target->sa.sa_family, len};
	int64_t takes_ns = pier_link_datagram(&p);
	struct flight *f = takes_ns < 0 ? NULL : calloc(1, sizeof *f);
	if (!f)
		return;
	*f = (struct flight){.from = s->node, .to = n, .target = *target};
	f->source = source_of(s, n, target);
	f->chunk = pier_chunk_new(CHUNK_DATA, msg->msg_iov, msg->msg_iovlen, len);
	f->event.fire = arrives;
	send_flight(f, takes_ns);
}

int64_t pier_datagram_send(struct sock *s, const struct msghdr *msg)
{
	size_t len = pier_iov_length(msg);
	pier_addr to = s->peer;
	if (s->error) {
		int err = s->error;
		s->error = 0;
		return err;
	}
	if (len > DATAGRAM_MAX)
		return -EMSGSIZE;
	if (msg->msg_name) {
		to = (pier_addr){.len = msg->msg_namelen};
		memcpy(&to.storage, msg->msg_name, msg->msg_namelen);
	} else if (s->state != SOCK_CONNECTED) {
		return -EDESTADDRREQ;
	}
	pier_addr target = pier_addr_plain(&to);
	struct node *n = pier_node_of(s->node, &target);
	int err = n ? pier_sim_sock_bind_any(s) : -ENETUNREACH;
	if (err < 0)
		return err;
	struct packet p = {s->node, n, target.sa.sa_family, len};
	launch(s, n, &target, msg, len);
	if (pier_link_twice(&p))
		launch(s, n, &target, msg, len);
	return (int64_t)len;
}

int64_t pier_datagram_receive(struct sock *s, struct msghdr *msg)
{
	struct chunk *c = pier_chunks_pop(&s->came);
	size_t at = 0;
	if (!c && s->error) {
		int err = s->error;
		s->error = 0;
		return err;
	}
	if (!c)
		return -EAGAIN;
	at = pier_iov_scatter(msg, 0, c->data, c->len);
	if (at < c->len)
		msg->msg_flags |= MSG_TRUNC;
	if (msg->msg_name) {
		pier_addr from = pier_addr_as_seen(&c->from, s->family);
		socklen_t room = msg->msg_namelen;
		memcpy(msg->msg_name, &from.storage, from.len < room ? from.len : room);
		msg->msg_namelen = from.len;
	}
	free(c);
	return (int64_t)at;
}
