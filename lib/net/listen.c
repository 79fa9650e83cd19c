/* Where to listen: sockets bound and listening, and the listener of one's own. */
#include "listen.h"

#include "conn.h"
#include "io/socket.h"
#include "options.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <pier/names.h>
#include <pier/server.h>
#include <stdlib.h>

#define BUSY_WAIT PIER_MS(300) /* for a port that is taken to become free */
#define BUSY_LOOK PIER_MS(20)

static int type_of(pier_scheme scheme)
{
	return scheme == PIER_UDP	  ? SOCK_DGRAM
	       : scheme == PIER_SEQPACKET ? SOCK_SEQPACKET
					  : SOCK_STREAM;
}

static bool is_inet(const pier_endpoint *e)
{
	return e->scheme == PIER_TCP || e->scheme == PIER_UDP;
}

static bool is_wildcard(const pier_addr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->sa;
	return a->sa.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr)
					   : v4->sin_addr.s_addr == htonl(INADDR_ANY);
}

static int bind_options(int fd, const pier_endpoint *e, const pier_addr *a, bool share)
{
	int err = 0;
	/* Connections that linger after a restart do not hold the port: socket(7). For udp the option
	 * would let two servers have it at once. */
	if (e->scheme == PIER_TCP)
		err = pier_io_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (err == 0 && share)
		err = pier_io_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (err == 0 &&
	    a->sa.sa_family == AF_INET6) /* the wildcard takes IPv4 too: RFC 3493 §5.3 */
		err = pier_io_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, e->host.len != 0);
	/* Answer from the address that was asked; a port with an address of its own has no other. */
	if (err == 0 && e->scheme == PIER_UDP && is_wildcard(a)) {
		err = a->sa.sa_family == AF_INET6
			      ? pier_io_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
			      : pier_io_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	}
	return err < 0 ? err : pier_socket_options(fd, e);
}

static int bind_one(const pier_endpoint *e, const pier_addr *a, bool share)
{
	int fd = pier_io_socket(a->sa.sa_family, type_of(e->scheme));
	if (fd < 0)
		return fd;
	int err = is_inet(e) ? bind_options(fd, e, a, share) : 0;
	if (err == 0)
		err = pier_io_bind(fd, a);
	if (err < 0) {
		pier_io_close(fd);
		return err;
	}
	return fd;
}

static int open_one(const pier_endpoint *e, const pier_addr *a, int backlog, bool share)
{
	int fd = bind_one(e, a, share);
	if (fd < 0 || e->scheme == PIER_UDP)
		return fd;
	int err = pier_io_listen(fd, backlog > 0 ? backlog : SOMAXCONN);
	if (err < 0) {
		pier_io_close(fd);
		return err;
	}
	return fd;
}

/* Sockets that share a port let others share it as well, and two servers would each get half of the
 * clients. Binding once without sharing tells whether someone listens there. A server that was just killed
 * may still seem to: the kernel ends its io_uring, and what that holds open, a moment after the process. */
static int check_free(const pier_endpoint *e, const pier_addr *a)
{
	int fd = -EADDRINUSE;
	if (e->port == 0)
		return 0;
	for (int64_t waited = 0; fd == -EADDRINUSE; waited += BUSY_LOOK) {
		fd = bind_one(e, a, false);
		if (fd == -EADDRINUSE && (waited >= BUSY_WAIT || pier_sleep(BUSY_LOOK) < 0))
			break;
	}
	if (fd < 0)
		return fd;
	pier_io_close(fd);
	return 0;
}

static void place_close(struct place *p, bool remove)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->fds[i] >= 0)
			pier_io_close(p->fds[i]);
	if (remove && p->addr.sa.sa_family == AF_UNIX)
		pier_io_unix_remove(&p->addr);
	free(p->fds);
	p->fds = NULL;
	p->count = 0;
}

static int place_open(const pier_endpoint *e, const pier_addr *a, unsigned copies, int backlog,
		      bool share, struct place *out)
{
	struct place p = {.addr = *a, .fds = calloc(copies, sizeof(int))};
	if (!p.fds)
		return -ENOMEM;
	int err = share || !is_inet(e) ? 0 : check_free(e, a);
	while (err == 0 && p.count < copies) {
		int fd = open_one(e, &p.addr, backlog, share || copies > 1);
		if (fd < 0) {
			err = fd;
			break;
		}
		p.fds[p.count++] = fd;
		if (p.count == 1) /* the others share the port that the kernel chose */
			err = pier_io_local(fd, &p.addr);
	}
	if (err < 0) {
		place_close(&p, false);
		return err;
	}
	*out = p;
	return 0;
}

static int unix_places(const pier_endpoint *e, int backlog, struct places *out)
{
	pier_addr a;
	int err = pier_addr_unix(e->host, &a);
	if (err == 0)
		err = pier_io_unix_take_over(&a, type_of(e->scheme));
	if (err == 0)
		err = place_open(e, &a, 1, backlog, false, &out->at[0]);
	if (err == 0)
		out->count = 1;
	return err;
}

/* The IPv6 wildcard serves both; without IPv6 the other one does. */
static int wildcard(pier_addrs *out, uint16_t port)
{
	static const char *const any[] = {"::", "0.0.0.0"};
	int fd = pier_io_socket(AF_INET6, SOCK_STREAM);
	const char *host = any[fd < 0];
	if (fd >= 0)
		pier_io_close(fd);
	out->count = 1;
	return pier_addr_parse(pier_text(host), port, &out->at[0]);
}

static bool is_missing(int err)
{
	return err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT;
}

int pier_places_open(const pier_endpoint *e, unsigned copies, int backlog, bool share,
		     struct places *out)
{
	struct places p = {0};
	pier_addrs to = {0};
	int err;

	if (!is_inet(e)) {
		err = e->scheme == PIER_UNIX || e->scheme == PIER_SEQPACKET
			      ? unix_places(e, backlog, &p)
			      : -PIER_EURL;
	} else {
		err = e->host.len ? pier_resolve(e->host, e->port, true, &to)
				  : wildcard(&to, e->port);
	}
	/* "localhost" may be ::1 and 127.0.0.1, and the machine may lack one of them. */
	for (unsigned i = 0; err == 0 && i < to.count; i++) {
		if (p.count && e->port == 0)
			pier_addr_set_port(&to.at[i], pier_addr_port(&p.at[0].addr));
		err = place_open(e, &to.at[i], copies, backlog, share, &p.at[p.count]);
		p.count += err == 0;
		if (is_missing(err) && (p.count || i + 1 < to.count))
			err = 0;
	}
	if (err < 0) {
		pier_places_close(&p);
		return err;
	}
	*out = p;
	return 0;
}

void pier_places_close(struct places *p)
{
	for (unsigned i = 0; i < p->count; i++)
		place_close(&p->at[i], true);
	p->count = 0;
}

/* ---- A listener of one's own ---------------------------------------------------------------------- */

struct pier_listener {
	struct places places;
	bool message;
	pier_listen_opts o;
};

int pier_listen_with(const char *url, const pier_listen_opts *opts, pier_listener **out)
{
	pier_endpoint e;
	int err = pier_endpoint_parse(url, &e);
	if (err < 0)
		return err;
	if (e.scheme == PIER_UDP)
		return -EPROTOTYPE; /* there is nothing to accept: pier_serve makes peers of datagrams */
	pier_listener *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	if (opts)
		l->o = *opts;
	l->message = e.scheme == PIER_SEQPACKET;
	err = pier_places_open(&e, 1, l->o.backlog, l->o.reuse_port, &l->places);
	if (err < 0) {
		free(l);
		return err;
	}
	/* One socket to wait on: of several addresses the first counts. */
	while (l->places.count > 1)
		place_close(&l->places.at[--l->places.count], true);
	*out = l;
	return 0;
}

int pier_accept(pier_listener *l, pier_conn **out)
{
	pier_addr peer = {0};
	struct io_op op = {.kind = IO_ACCEPT, .fd = l->places.at[0].fds[0]};
	int64_t fd;

	do {
		op.addr.sa = &peer.sa;
		op.addr.len = sizeof peer.storage;
		fd = pier_await(&op, PIER_FOREVER, "a client");
	} while (fd == -ECONNABORTED);
	if (fd < 0)
		return (int)fd;
	peer.len = op.addr.len;
	pier_conn *c = pier_conn_new(l->message ? &pier_transport_message : &pier_transport_stream,
				     (int)fd);
	if (!c) {
		pier_io_close((int)fd);
		return -ENOMEM;
	}
	c->peer = peer;
	pier_conn_options(c, l->o.frame, l->o.message_max, l->o.idle);
	*out = c;
	return 0;
}

int pier_listener_addr(const pier_listener *l, pier_addr *out)
{
	*out = l->places.at[0].addr;
	return 0;
}

void pier_listener_close(pier_listener *l)
{
	struct io *io = pier_conn_io();
	if (!l)
		return;
	struct place *p = &l->places.at[0];
	if (io) {
		io->backend->close_fd(io, p->fds[0]);
		p->fds[0] = -1;
	}
	pier_places_close(&l->places);
	free(l);
}
