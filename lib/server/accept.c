/* New conns: accepted, and balanced over the workers. */
#include "station.h"

#include "base/log.h"
#include "io/socket.h"
#include "net/udp/udp.h"

#include <errno.h>
#include <stdlib.h>

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
		pier_conn_new(message ? &pier_transport_message : &pier_transport_stream, fd, peer);
	if (!c) {
		pier_io_close(fd);
		return;
	}
	c->secure = scheme == PIER_TLS;
	if (!pier_station_enter(st, c)) {
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
	unsigned part = few / UNEVEN_PART;
	unsigned slack = door->alone ? 0 : part > UNEVEN_LEAST ? part : UNEVEN_LEAST;
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

/* False for what would only come again. */
static bool passes(int64_t err)
{
	if (is_shortage(err))
		wait_out_shortage((int)err);
	return is_shortage(err) || is_theirs(err);
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
		else if (!passes(n))
			return (int)n;
	}
}

static bool begin_peer(pier_conn *c, void *st)
{
	return pier_station_enter(st, c);
}

static int take_all(struct door *door)
{
	struct station *st = door->station;

	if (!has_datagrams(door->scheme))
		return accept_all(door);
	struct udp_port *port;
	int err;
	do
		err = pier_udp_port_new(door->fd, begin_peer, st, &port);
	while (err < 0 && passes(err) && pier_stopped() == 0);
	if (err < 0)
		return pier_stopped() < 0 ? -ECANCELED : err;
	door->port = port;
	do
		err = pier_udp_port_run(port);
	while (passes(err));
	return err;
}

int pier_door_run(void *arg)
{
	struct door *door = arg;
	int err = take_all(door);
	if (err != -ECANCELED)
		pier_serving_fail(door->station->serving, err);
	return 0; /* the other doors of the worker are closed in their time */
}
