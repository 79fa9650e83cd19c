/* Where to listen: sockets bound and listening, or inherited. */
#include "listen.h"

#include "io/backend.h"
#include "io/direct.h"
#include "io/socket.h"
#include "net/options.h"

#include <errno.h>
#include <netinet/in.h>
#include <pier/error.h>
#include <pier/names.h>
#include <pier/time.h>
#include <stdlib.h>

#define BUSY_WAIT PIER_MS(300) /* for a port that is taken to become free */
#define BUSY_LOOK PIER_MS(20)

static int type_of(pier_scheme scheme)
{
	return has_datagrams(scheme)	  ? SOCK_DGRAM
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

/* Answers come from the address that was asked: ip(7). A socket with one address has no other. */
static int tell_address(int fd, const pier_addr *a)
{
	if (!is_wildcard(a))
		return 0;
	return a->sa.sa_family == AF_INET6 ? pier_io_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
					   : pier_io_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
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
	if (err == 0 && e->scheme == PIER_UDP)
		err = tell_address(fd, a);
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
	if (fd < 0 || has_datagrams(e->scheme))
		return fd;
	int err = pier_io_listen(fd, backlog > 0 ? backlog : LISTEN_BACKLOG);
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
	if (remove && !p->inherited && p->addr.sa.sa_family == AF_UNIX)
		pier_io_unix_remove(&p->addr);
	free(p->fds);
	p->fds = NULL;
	p->count = 0;
}

static int place_open(const pier_endpoint *e, const pier_addr *a, unsigned copies, int backlog,
		      bool share, struct place *out)
{
	struct place p = {.scheme = e->scheme, .addr = *a, .fds = calloc(copies, sizeof(int))};
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

/* ---- Inherited ------------------------------------------------------------------------------------ */

static int scheme_of(int fd, pier_scheme *out)
{
	int type = 0, accepts = 0;
	pier_addr a;
	int err = pier_io_option_get(fd, SOL_SOCKET, SO_TYPE, &type);
	if (err == 0)
		err = pier_io_option_get(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts);
	if (err == 0)
		err = pier_io_local(fd, &a);
	if (err < 0)
		return err;
	bool local = a.sa.sa_family == AF_UNIX;
	if (type == SOCK_DGRAM)
		*out = local ? PIER_UNIXGRAM : PIER_UDP;
	else if (!accepts)
		return -EPROTOTYPE;
	else
		*out = type == SOCK_SEQPACKET ? PIER_SEQPACKET : local ? PIER_UNIX : PIER_TCP;
	return 0;
}

static int place_inherit(int fd, struct place *out)
{
	struct place p = {.inherited = true, .count = 1};
	int err = scheme_of(fd, &p.scheme);
	if (err == 0)
		err = pier_io_local(fd, &p.addr);
	if (err == 0 && p.scheme == PIER_UDP)
		err = tell_address(fd, &p.addr);
	if (err == 0)
		err = pier_io_set_nonblocking(fd, true);
	if (err == 0 && !(p.fds = malloc(sizeof(int))))
		err = -ENOMEM;
	if (err < 0)
		return err;
	p.fds[0] = fd;
	*out = p;
	return 0;
}

static int inherited_places(const pier_endpoint *e, struct places *out)
{
	int fds[PLACES_MAX] = {e->fd}, count = 1, err = 0;
	if (e->scheme == PIER_SYSTEMD)
		count = pier_io_inherited(e->host, fds, PLACES_MAX);
	if (count <= 0)
		return -PIER_EINHERIT;
	for (int i = 0; i < count && err == 0; i++) {
		err = place_inherit(fds[i], &out->at[out->count]);
		out->count += err == 0;
	}
	return err;
}

/* ---- All of an endpoint --------------------------------------------------------------------------- */

/* The IPv6 wildcard serves both; without IPv6 the other one does. */
static int wildcard(pier_addrs *out, uint16_t port)
{
	static const char *const any[] = {"::", "0.0.0.0"};
	int fd = pier_io_socket(AF_INET6, SOCK_STREAM);
	const char *host = any[fd == -EAFNOSUPPORT];
	if (fd < 0 && fd != -EAFNOSUPPORT)
		return fd;
	if (fd >= 0)
		pier_io_close(fd);
	out->count = 1;
	return pier_addr_parse(pier_text(host), port, &out->at[0]);
}

static bool is_missing(int err)
{
	return err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT;
}

/* "localhost" may be ::1 and 127.0.0.1, and the machine may lack one of them. */
static int inet_places(const pier_endpoint *e, unsigned copies, int backlog, bool share,
		       struct places *out)
{
	pier_addrs to = {0};
	int err = e->host.len ? pier_resolve(e->host, e->port, true, &to) : wildcard(&to, e->port);
	for (unsigned i = 0; err == 0 && i < to.count; i++) {
		if (out->count && e->port == 0)
			pier_addr_set_port(&to.at[i], pier_addr_port(&out->at[0].addr));
		err = place_open(e, &to.at[i], copies, backlog, share, &out->at[out->count]);
		out->count += err == 0;
		if (is_missing(err) && (out->count || i + 1 < to.count))
			err = 0;
	}
	return err;
}

int pier_places_open(const pier_endpoint *e, unsigned copies, int backlog, bool share,
		     struct places *out)
{
	struct places p = {0};
	int err;

	switch (e->scheme) {
	case PIER_TCP:
	case PIER_UDP:
		err = inet_places(e, copies, backlog, share, &p);
		break;
	case PIER_UNIX:
	case PIER_SEQPACKET:
	case PIER_UNIXGRAM:
		err = unix_places(e, backlog, &p);
		break;
	case PIER_FD:
	case PIER_SYSTEMD:
		err = inherited_places(e, &p);
		break;
	default:
		err = -PIER_EURL;
	}
	if (err < 0) {
		pier_places_give_up(&p);
		return err;
	}
	*out = p;
	return 0;
}

void pier_places_give_up(struct places *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->at[i].inherited)
			p->at[i].fds[0] = -1;
	pier_places_close(p);
}

void pier_places_close(struct places *p)
{
	for (unsigned i = 0; i < p->count; i++)
		place_close(&p->at[i], true);
	p->count = 0;
}
