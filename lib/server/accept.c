/* New conns: accepted, balanced over the workers, counted, and given a fiber. */
#include "station.h"

#include "base/log.h"
#include "io/socket.h"
#include "net/udp.h"

#include <errno.h>
#include <pier/tls.h>
#include <stdlib.h>

static void setup(struct station *st, pier_conn *c)
{
	const pier_serve_opts *o = &st->serving->o;
	pier_conn_options(c, o->frame, o->message_max, o->idle);
	pier_set_timeouts(c, o->rd ? o->rd : o->idle, o->wr ? o->wr : o->idle);
	c->station = st;
}

/* ---- One conn, from handler to close -------------------------------------------------------------- */

static void report(struct station *st, pier_conn *c)
{
	const struct serving *s = st->serving;
	int err = pier_err(c);
	bool expected = err == 0 || pier_is_disconnect(err) || err == -ECANCELED;
	if (expected)
		return;
	pier_log_line(PIER_INFO, "%s", pier_why(c));
	if (s->o.on_error)
		s->o.on_error(c, err, s->o.arg);
}

static int serve_conn(void *arg)
{
	pier_conn *c = arg;
	struct station *st = c->station;
	struct serving *s = st->serving;
	struct served me = {.conn = c};
	pier_addr peer = c->peer;

	list_push(&st->conns, &me.link);
	if (st->ordered[ORDER_END_CONNS])
		pier_conn_drain(c);
	if (!s->secure || pier_tls_start(c, s->o.tls, PIER_TLS_SERVER, NULL) == 0)
		s->handler(c, s->o.arg);
	report(st, c);
	pier_close(c);
	list_remove(&me.link); /* only now: an abort ends its lingering */
	pier_hosts_leave(&s->hosts, &peer);
	atomic_fetch_sub(&s->conns, 1);
	atomic_fetch_sub(&st->worker->load, 1);
	return 0;
}

static int refuse_conn(void *arg)
{
	pier_conn *c = arg;
	struct station *st = c->station;
	struct served me = {.conn = c};

	list_push(&st->conns, &me.link);
	PIER_WITHIN (PIER_LINGER)
		st->serving->o.on_full(c, st->serving->o.arg);
	pier_close(c);
	list_remove(&me.link);
	st->refusals--;
	return 0;
}

/* Tells a conn over the limits, if there is something to tell; never more than a few at a time. Under TLS it would
 * cost more than it saves. */
static bool refuse(struct station *st, pier_conn *c)
{
	if (!st->serving->o.on_full || st->serving->secure || st->refusals == REFUSALS_MAX)
		return false;
	st->refusals++;
	if (pier_go(&st->handlers, refuse_conn, c) == 0)
		return true;
	st->refusals--;
	return false;
}

static bool enter(struct serving *s, const pier_addr *peer)
{
	if (atomic_fetch_add(&s->conns, 1) < s->o.max_conns &&
	    pier_hosts_enter(&s->hosts, peer, s->o.max_per_host))
		return true;
	atomic_fetch_sub(&s->conns, 1);
	return false;
}

/* Counts a new conn and runs its handler, or refuses it. */
static bool begin(struct station *st, pier_conn *c)
{
	setup(st, c);
	if (!enter(st->serving, &c->peer))
		return refuse(st, c);
	atomic_fetch_add(&st->worker->load, 1);
	if (pier_go(&st->handlers, serve_conn, c) == 0)
		return true;
	atomic_fetch_sub(&st->worker->load, 1);
	atomic_fetch_sub(&st->serving->conns, 1);
	pier_hosts_leave(&st->serving->hosts, &c->peer);
	return false;
}

/* ---- From the kernel ----------------------------------------------------------------------------- */

/* A descriptor that changes its worker before anything has waited on it. */
struct handover {
	struct io_op note;
	struct station *to;
	pier_scheme scheme;
	int fd;
	pier_addr peer;
};

static void begin_fd(struct station *st, pier_scheme scheme, int fd, const pier_addr *peer)
{
	bool message = scheme == PIER_SEQPACKET;
	pier_conn *c =
		pier_conn_new(message ? &pier_transport_message : &pier_transport_stream, fd);
	if (!c) {
		pier_io_close(fd);
		return;
	}
	c->peer = *peer;
	if (!begin(st, c)) {
		c->via->close(c, true);
		pier_conn_free(c);
	}
}

static void receive_handover(struct io_op *note)
{
	struct handover *h = (struct handover *)note;
	begin_fd(h->to, h->scheme, h->fd, &h->peer);
	atomic_fetch_sub(&h->to->worker->load, 1);
	free(h);
}

/* The kernel spreads by the address of the peer, and conns live long, so chance alone leaves workers uneven.
 * One with too many gives the fresh conn to the one with the fewest; a unix socket has one acceptor, and is
 * spread by this alone. */
static struct station *choose(const struct door *door)
{
	struct station *st = door->station;
	struct serving *s = st->serving;
	struct station *least = st;
	unsigned here = atomic_load(&st->worker->load), few = here;
	for (unsigned i = 0; i < s->count; i++) {
		unsigned load = atomic_load(&s->stations[i].worker->load);
		if (load < few) {
			few = load;
			least = &s->stations[i];
		}
	}
	unsigned slack = door->alone ? 0 : few / 4 > UNEVEN_LEAST ? few / 4 : UNEVEN_LEAST;
	return here > few + slack ? least : st;
}

static void place(const struct door *door, int fd, const pier_addr *peer)
{
	struct station *to = choose(door);
	struct handover *h = to == door->station ? NULL : malloc(sizeof *h);
	if (!h) {
		begin_fd(door->station, door->scheme, fd, peer);
		return;
	}
	*h = (struct handover){.note = {.kind = IO_NOTE, .done = receive_handover},
			       .to = to,
			       .scheme = door->scheme,
			       .fd = fd,
			       .peer = *peer};
	atomic_fetch_add(&to->worker->load,
			 1); /* it counts on its way, or a burst would all go there */
	pier_io_post(to->worker->io, &h->note);
}

static bool is_shortage(int64_t err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOBUFS || err == -ENOMEM;
}

/* accept(2): what went wrong with one client before it was accepted is that client's. */
static bool is_theirs(int64_t err)
{
	switch (err) {
	case -ECONNABORTED:
	case -EPROTO:
	case -ENETDOWN:
	case -ENOPROTOOPT:
	case -EHOSTDOWN:
	case -ENONET:
	case -EHOSTUNREACH:
	case -EOPNOTSUPP:
	case -ENETUNREACH:
	case -EPERM:
		return true;
	default:
		return false;
	}
}

/* Clients wait in the backlog meanwhile; none is lost. */
static void wait_out_shortage(int err)
{
	pier_log_line(PIER_WARN, "no conn can be accepted for now: %s", pier_strerror(err));
	pier_sleep(ACCEPT_PAUSE);
}

static int accept_all(const struct door *door)
{
	struct station *st = door->station;
	for (;;) {
		pier_addr peer = {0};
		struct io_op op = {.kind = IO_ACCEPT, .fd = door->fd};
		op.addr.sa = &peer.sa;
		op.addr.len = sizeof peer.storage;
		int64_t n = pier_await(&op, PIER_FOREVER, "clients");
		peer.len = op.addr.len;
		if (n >= 0)
			count_add(&st->worker->counts.accepted, 1);
		if (n >= 0)
			place(door, (int)n, &peer);
		else if (is_shortage(n))
			wait_out_shortage((int)n);
		else if (!is_theirs(n))
			return (int)n;
	}
}

static bool begin_peer(pier_conn *c, void *st)
{
	return begin(st, c);
}

int pier_door_run(void *arg)
{
	struct door *door = arg;
	struct station *st = door->station;

	if (door->scheme != PIER_UDP)
		return accept_all(door);
	int err =
		pier_udp_port_new(door->fd, st->serving->o.max_conns, begin_peer, st, &door->port);
	return err < 0 ? err : pier_udp_port_run(door->port);
}
