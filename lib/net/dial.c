/* From a URL to a conn: resolve, connect, one address after the other. */
#include "conn.h"
#include "options.h"

#include "io/socket.h"

#include <errno.h>
#include <pier/names.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define UNIX_RETRY PIER_MS(5) /* a full backlog gives no sign when it has room: unix(7) */

static int connect_fd(int fd, const pier_addr *to)
{
	struct io_op op = {.kind = IO_CONNECT, .fd = fd};
	pier_addr a = *to;
	op.addr.sa = &a.sa;
	op.addr.len = a.len;
	for (;;) {
		op.started = false;
		int64_t err = pier_await(&op, PIER_FOREVER, "a connection");
		if (err != -EBUSY)
			return (int)err;
		err = pier_sleep(UNIX_RETRY);
		if (err < 0)
			return (int)err;
	}
}

static int bind_source(int fd, const char *source, int family)
{
	pier_endpoint e;
	pier_addr from;
	if (!source)
		return 0;
	bool has_port = pier_endpoint_parse(source, &e) == 0 && e.scheme == PIER_TCP;
	int err = has_port ? pier_addr_parse(e.host, e.port, &from)
			   : pier_addr_parse(pier_text(source), 0, &from);
	if (err < 0)
		return err;
	if (from.sa.sa_family != family)
		return -EAFNOSUPPORT;
	pier_io_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	return pier_io_bind(fd, &from);
}

static void close_fd(int fd)
{
	struct io *io = pier_conn_io();
	if (io)
		io->backend->close_fd(io, fd);
	else
		pier_io_close(fd);
}

static int type_of(pier_scheme scheme)
{
	switch (scheme) {
	case PIER_UDP:
		return SOCK_DGRAM;
	case PIER_SEQPACKET:
		return SOCK_SEQPACKET;
	default:
		return SOCK_STREAM;
	}
}

/* One address: a descriptor, connected, or an error. */
static int try_address(const pier_addr *to, const pier_endpoint *e, const pier_dial_opts *opts)
{
	int fd = pier_io_socket(to->sa.sa_family, type_of(e->scheme));
	if (fd < 0)
		return fd;
	int err = pier_socket_options(fd, e);
	if (err == 0)
		err = bind_source(fd, opts->source, to->sa.sa_family);
	if (err == 0)
		err = connect_fd(fd, to);
	if (err < 0) {
		close_fd(fd);
		return err;
	}
	return fd;
}

static int addresses(const pier_endpoint *e, pier_addrs *out)
{
	pier_addrs one = {.count = 1};
	if (e->scheme == PIER_TCP || e->scheme == PIER_UDP)
		return pier_resolve(e->host, e->port, false, out);
	int err = pier_addr_unix(e->host, &one.at[0]);
	if (err == 0)
		*out = one;
	return err;
}

/* Addresses in order; the last error counts, but that the deadline came ends it all. */
static int connect_any(pier_conn *c, const pier_endpoint *e, const pier_dial_opts *opts)
{
	pier_addrs to;
	int fd = addresses(e, &to);
	for (unsigned i = 0; fd == 0 && i < to.count; i++) {
		fd = try_address(&to.at[i], e, opts);
		if (fd >= 0) {
			c->peer = to.at[i];
			c->fd = fd;
			return 0;
		}
		if (pier_stopped() == 0 && i + 1 < to.count)
			fd = 0;
	}
	return fd;
}

static int adopt_fd(pier_conn *c, int fd)
{
	enum io_sort sort;
	int err = pier_io_sort(fd, &sort);
	if (err < 0)
		return err;
	c->fd = fd;
	c->shared = true;
	c->socket = sort == IO_STREAM_SOCKET || sort == IO_MESSAGE_SOCKET;
	if (sort == IO_MESSAGE_SOCKET)
		c->via = &pier_transport_message;
	if (c->socket)
		pier_io_peer(fd, &c->peer);
	if (sort == IO_PIPE)
		c->blocks = !pier_io_unshare(fd);
	return 0;
}

static int dial(pier_conn *c, const char *url, const pier_dial_opts *opts)
{
	pier_endpoint e;
	int err = pier_endpoint_parse(url, &e);
	if (err < 0)
		return err;
	if (e.scheme == PIER_FD)
		return adopt_fd(c, e.fd);
	if (e.scheme == PIER_PAIR)
		return -PIER_EURL; /* a pair has two ends: pier_pair */
	if (e.scheme == PIER_UDP || e.scheme == PIER_SEQPACKET)
		c->via = &pier_transport_message;
	bool tls = e.scheme == PIER_TLS;
	if (tls)
		e.scheme = PIER_TCP;
	err = connect_any(c, &e, opts);
	return err == 0 && tls ? pier_tls_start_dialled(c, opts->tls, e.host) : err;
}

pier_conn *pier_dial_with(const char *url, const pier_dial_opts *opts)
{
	static const pier_dial_opts defaults = {.size = sizeof defaults};
	if (!opts)
		opts = &defaults;
	pier_conn *c = pier_conn_new(&pier_transport_stream, -1);
	if (!c)
		return NULL;
	pier_conn_options(c, opts->frame, opts->message_max, opts->idle);
	c->name = url ? strdup(url) : NULL;
	int err = 0;
	PIER_WITHIN (opts->timeout > 0 ? opts->timeout : PIER_FOREVER)
		err = dial(c, url, opts);
	if (err < 0) {
		pier_conn_fail(c, err, "connect to");
	} else if (c->peer.len) { /* from here on it is named by its address */
		free(c->name);
		c->name = NULL;
	}
	return c;
}

pier_conn *pier_adopt(int fd, const pier_dial_opts *opts)
{
	pier_conn *c = pier_conn_new(&pier_transport_stream, -1);
	if (!c)
		return NULL;
	if (opts)
		pier_conn_options(c, opts->frame, opts->message_max, opts->idle);
	int err = adopt_fd(c, fd);
	if (err < 0)
		pier_conn_fail(c, err, "adopt");
	return c;
}

int pier_pair(pier_conn *out[2])
{
	int fds[2];
	int err = pier_io_pair(SOCK_STREAM, fds);
	if (err < 0)
		return err;
	pier_conn *a = pier_conn_new(&pier_transport_stream, fds[0]);
	pier_conn *b = pier_conn_new(&pier_transport_stream, fds[1]);
	if (!a || !b) {
		free(a);
		free(b);
		pier_io_close(fds[0]);
		pier_io_close(fds[1]);
		return -ENOMEM;
	}
	a->name = strdup("pair");
	b->name = strdup("pair");
	out[0] = a;
	out[1] = b;
	return 0;
}
