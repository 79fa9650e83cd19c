/* From a URL to a conn: resolve, connect, talk to the proxy if there is one. */
#include "net/conn.h"
#include "net/options.h"
#include "proxy.h"
#include "race.h"

#include "io/socket.h"

#include <errno.h>
#include <pier/names.h>
#include <stdio.h>
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

/* unix(7), autobind: a name that the kernel chooses, so that we can be answered. */
static int bind_somewhere(int fd)
{
	pier_addr any = {.len = sizeof(sa_family_t), .sa.sa_family = AF_UNIX};
	return pier_io_bind(fd, &any);
}

static int type_of(pier_scheme scheme)
{
	switch (scheme) {
	case PIER_UDP:
	case PIER_UNIXGRAM:
		return SOCK_DGRAM;
	case PIER_SEQPACKET:
		return SOCK_SEQPACKET;
	default:
		return SOCK_STREAM;
	}
}

/* What one dial needs besides the conn. On the heap, as it is large beside a fiber's stack. */
struct dialling {
	const pier_dial_opts *o;
	pier_endpoint to, next; /* the target; what is connected to: that, or the proxy before it */
	pier_addrs addrs;
	pier_tried tried;
	struct proxy proxy;
	char proxy_words[128];
};

static void wipe_dialling(struct dialling **d)
{
	if (*d)
		explicit_bzero(&(*d)->proxy, sizeof(*d)->proxy);
	free(*d);
}

/* The socket of one attempt. */
static int open_socket(const pier_addr *to, void *arg)
{
	const struct dialling *d = arg;
	int fd = pier_io_socket(to->sa.sa_family, type_of(d->next.scheme));
	if (fd < 0)
		return fd;
	int err = pier_socket_options(fd, &d->next);
	if (err == 0 && d->next.scheme == PIER_UNIXGRAM)
		err = bind_somewhere(fd);
	if (err == 0)
		err = bind_source(fd, d->o->source, to->sa.sa_family);
	if (err < 0) {
		close_fd(fd);
		return err;
	}
	return fd;
}

static int connect_unix(struct dialling *d)
{
	pier_addr *to = &d->addrs.at[0];
	int err = pier_addr_unix(d->next.host, to);
	int fd = err < 0 ? err : open_socket(to, d);
	if (fd < 0)
		return fd;
	err = connect_fd(fd, to);
	if (err < 0) {
		close_fd(fd);
		return err;
	}
	return fd;
}

static int connect_inet(struct dialling *d, unsigned *winner)
{
	int err = pier_resolve(d->next.host, d->next.port, false, &d->addrs);
	if (err < 0)
		return err;
	pier_race_sort(&d->addrs);
	return pier_race(&d->addrs, open_socket, d, &d->tried, winner);
}

static int connect_any(pier_conn *c, struct dialling *d)
{
	unsigned winner = 0;
	bool inet = d->next.scheme == PIER_TCP || d->next.scheme == PIER_UDP;
	int fd = inet ? connect_inet(d, &winner) : connect_unix(d);
	if (fd < 0)
		return fd;
	c->peer = d->addrs.at[winner];
	c->fd = fd;
	return 0;
}

/* The talk with the proxy is a raw one, whatever comes after it. */
static int connect_through(pier_conn *c, struct dialling *d)
{
	pier_frame frame = c->frame;
	int err = d->to.scheme == PIER_TCP ? pier_proxy_parse(d->o->proxy, &d->proxy) : -EPROTOTYPE;
	if (err == -PIER_EURL) /* not told whole: it may have a password */
		snprintf(d->proxy_words, sizeof d->proxy_words,
			 "its URL is neither socks5://host:port nor http://host:port");
	if (err < 0)
		return err;
	d->next = d->proxy.at;
	err = connect_any(c, d);
	if (err < 0) {
		snprintf(d->proxy_words, sizeof d->proxy_words, "it was not reached");
		return err;
	}
	c->frame = PIER_RAW;
	err = pier_proxy_connect(c, &d->proxy, &d->to, d->proxy_words, sizeof d->proxy_words);
	c->frame = frame;
	return err;
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

static int dial(pier_conn *c, const char *url, struct dialling *d)
{
	int err = pier_endpoint_parse(url, &d->to);
	if (err < 0)
		return err;
	if (d->to.scheme == PIER_FD)
		return adopt_fd(c, d->to.fd);
	if (d->to.scheme == PIER_PAIR || d->to.scheme == PIER_SYSTEMD)
		return -PIER_EURL; /* a pair has two ends: pier_pair; the other is to listen on */
	if (type_of(d->to.scheme) != SOCK_STREAM)
		c->via = &pier_transport_message;
	bool tls = d->to.scheme == PIER_TLS;
	if (tls)
		d->to.scheme = PIER_TCP;
	d->next = d->to;
	err = d->o->proxy ? connect_through(c, d) : connect_any(c, d);
	return err == 0 && tls ? pier_tls_start_dialled(c, d->o->tls, d->to.host) : err;
}

/* Each address that was tried in vain, when there were several; and what the proxy said. */
static void explain(pier_conn *c, const struct dialling *d)
{
	char *text = NULL, at[PIER_ADDR_TEXT];
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return;
	fprintf(out, "connect to %s: %s", pier_peer(c), pier_strerror(c->err));
	if (d->o->proxy && !d->proxy.kind && d->proxy_words[0])
		fprintf(out, " (proxy: %s)", d->proxy_words);
	else if (d->proxy.kind)
		fprintf(out, " (proxy %.*s:%u%s%s)", (int)d->next.host.len, d->next.host.p,
			d->next.port, d->proxy_words[0] ? ": " : "", d->proxy_words);
	for (unsigned i = 0; d->tried.count > 1 && i < d->tried.count; i++)
		fprintf(out, "%s%s: %s", i ? "; " : " (tried ",
			pier_addr_format(&d->tried.at[i].to, at, sizeof at),
			pier_strerror(d->tried.at[i].err));
	fprintf(out, "%s", d->tried.count > 1 ? ")" : "");
	if (fclose(out) == 0)
		c->why = text;
	else
		free(text);
}

/* Of a name the sentence has said the name alone. */
static void say_where(pier_conn *c)
{
	char at[PIER_ADDR_TEXT], *why;
	if (asprintf(&why, "%s (at %s)", pier_why(c), pier_addr_format(&c->peer, at, sizeof at)) <
	    0)
		return;
	free(c->why);
	c->why = why;
}

/* The one that won the race was refused by us, or refused us, under TLS: no other is asked, since it is as likely as not
 * the same server. */
static void blame_winner(pier_conn *c, int err, struct dialling *d)
{
	pier_addr number;
	for (unsigned i = 0; i < d->tried.count; i++)
		if (d->tried.at[i].err == 0)
			d->tried.at[i].err = err;
	if (pier_addr_parse(d->to.host, 0, &number) < 0)
		say_where(c);
}

static void settle(pier_conn *c, int err, struct dialling *d)
{
	if (err < 0 && c->tls && !d->o->proxy)
		blame_winner(c, err, d);
	if (d->o->tried)
		*d->o->tried = d->tried;
	if (err < 0 && !c->tls && !c->why) {
		c->err = 0; /* the talk with a proxy has another sentence for it */
		pier_conn_fail(c, err, "connect to");
		if (d->tried.count > 1 || d->o->proxy)
			explain(c, d);
	} else if (err == 0 && c->peer.len &&
		   !d->o->proxy) { /* from here on it is named by its address */
		free(c->name);
		c->name = NULL;
	}
}

pier_conn *pier_dial_with(const char *url, const pier_dial_opts *opts)
{
	static const pier_dial_opts defaults = {.size = sizeof defaults};
	if (!opts)
		opts = &defaults;
	PIER_CLEANUP(wipe_dialling) struct dialling *d = calloc(1, sizeof *d);
	pier_conn *c = d ? pier_conn_new(&pier_transport_stream, -1, NULL) : NULL;
	if (!c)
		return NULL;
	d->o = opts;
	pier_conn_options(c, opts->frame, opts->message_max, opts->idle);
	c->name = url ? strdup(url) : NULL;
	int err = 0;
	PIER_WITHIN (opts->timeout > 0 ? opts->timeout : PIER_FOREVER)
		err = dial(c, url, d);
	settle(c, err, d);
	return c;
}

pier_conn *pier_adopt(int fd, const pier_dial_opts *opts)
{
	pier_conn *c = pier_conn_new(&pier_transport_stream, -1, NULL);
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
	pier_conn *a = pier_conn_new(&pier_transport_stream, fds[0], NULL);
	pier_conn *b = pier_conn_new(&pier_transport_stream, fds[1], NULL);
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

pier_conn *pier_pair_open(pier_conn **other)
{
	pier_conn *end[2] = {0};
	int err = pier_pair(end);
	*other = end[1];
	if (err == 0)
		return end[0];
	pier_conn *failed = pier_conn_new(&pier_transport_stream, -1, NULL);
	if (failed)
		pier_conn_fail(failed, err, "open a pair with");
	return failed;
}
