/* A listener of one's own: conns taken by hand. */
#include "fiber/several.h"
#include "guests.h"
#include "io/socket.h"
#include "listen.h"
#include "net/conn.h"

#include <errno.h>
#include <pier/server.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A client that has come. */
struct arrival {
	int fd;
	bool message;
	pier_addr peer;
};

struct pier_listener {
	struct places places;
	pier_listen_opts o;
	struct arrival waiting[PLACES_MAX]; /* came at another place in the same moment */
	unsigned waiting_count;
	bool looking; /* a fiber waits at all places: the others wait for their turn */
	struct waitq turns;
	struct guests *guests; /* under TLS */
	char url[sizeof "seqpacket:" + PIER_ADDR_TEXT];
};

/* What a caller of an older header does not know of is 0. */
static pier_listen_opts known(const pier_listen_opts *opts)
{
	pier_listen_opts o = {0};
	if (opts)
		memcpy(&o, opts, opts->size < sizeof o ? opts->size : sizeof o);
	return o;
}

/* TLS is spoken over tcp, once a client is there. */
static int prepare_tls(pier_listener *l, pier_endpoint *e)
{
	const char *why;
	int err = pier_tls_can_serve(l->o.tls, &why);
	if (err < 0)
		return err;
	e->scheme = PIER_TCP;
	l->guests = pier_guests_new(l->o.tls);
	return l->guests ? 0 : -ENOMEM;
}

static int open_places(pier_listener *l, const pier_endpoint *e)
{
	int err = pier_places_open(e, 1, l->o.backlog, l->o.reuse_port, &l->places);
	for (unsigned i = 0; err == 0 && i < l->places.count; i++)
		if (has_datagrams(l->places.at[i].scheme))
			err = -EPROTOTYPE;
	return err;
}

int pier_listen_with(const char *url, const pier_listen_opts *opts, pier_listener **out)
{
	pier_endpoint e;
	int err = pier_endpoint_parse(url, &e);
	if (err < 0)
		return err;
	if (has_datagrams(e.scheme))
		return -EPROTOTYPE; /* there is nothing to accept: pier_serve makes peers of datagrams */
	pier_listener *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	l->o = known(opts);
	waitq_init(&l->turns);
	if (e.scheme == PIER_TLS)
		err = prepare_tls(l, &e);
	if (err == 0)
		err = open_places(l, &e);
	if (err < 0) {
		pier_places_give_up(&l->places);
		pier_guests_free(l->guests);
		free(l);
		return err;
	}
	*out = l;
	return 0;
}

static struct io_op accept_at(const struct place *p, pier_addr *peer)
{
	struct io_op op = {.kind = IO_ACCEPT, .fd = p->fds[0]};
	op.addr.sa = &peer->sa;
	op.addr.len = sizeof peer->storage;
	return op;
}

static struct arrival arrival_of(const struct place *p, const struct io_op *op,
				 const pier_addr *peer)
{
	struct arrival a = {
		.fd = (int)op->result, .message = p->scheme == PIER_SEQPACKET, .peer = *peer};
	a.peer.len = op->addr.len;
	return a;
}

static int accept_at_one(pier_listener *l, struct arrival *out)
{
	const struct place *p = &l->places.at[0];
	pier_addr peer = {0};
	struct io_op op = accept_at(p, &peer);
	int64_t fd = pier_await(&op, PIER_FOREVER, "a client");
	if (fd < 0)
		return (int)fd;
	*out = arrival_of(p, &op, &peer);
	return 0;
}

struct accepting {
	struct io_op op;
	pier_addr peer;
};

/* The one that came is taken, and who came elsewhere meanwhile waits for the next call. */
static int accept_at_any(pier_listener *l, struct arrival *out)
{
	struct accepting at[PLACES_MAX];
	struct several several;
	struct io_op *op;
	int err = pier_several_begin(&several), ignored;
	if (err < 0)
		return err;
	for (unsigned i = 0; i < l->places.count; i++) {
		at[i].peer = (pier_addr){0};
		at[i].op = accept_at(&l->places.at[i], &at[i].peer);
		pier_several_submit(&several, &at[i].op);
	}
	op = pier_several_next(&several, PIER_FOREVER, "a client", &err);
	pier_several_cancel(&several);
	for (; op; op = pier_several_next(&several, PIER_FOREVER, "", &ignored)) {
		struct accepting *a = (struct accepting *)op;
		if (op->result >= 0)
			l->waiting[l->waiting_count++] =
				arrival_of(&l->places.at[a - at], op, &a->peer);
		else if (op->result != -ECANCELED)
			err = (int)op->result;
	}
	if (!l->waiting_count)
		return err;
	*out = l->waiting[--l->waiting_count];
	return 0;
}

static void end_turn(pier_listener *l)
{
	l->looking = false;
	pier_waitq_wake(&l->turns);
}

static int begin_turn(pier_listener *l)
{
	int err = 0;
	while (l->looking && err == 0)
		err = pier_waitq_wait(&l->turns, PIER_FOREVER, "its turn to accept");
	if (err == 0)
		l->looking = true;
	else
		pier_waitq_wake(&l->turns); /* it may have been meant for us */
	return err;
}

/* One at a time: what came elsewhere meanwhile has room, since nothing waited when it began. */
static int look_in_turn(pier_listener *l, struct arrival *out)
{
	int err = begin_turn(l);
	if (err < 0)
		return err;
	if (l->waiting_count)
		*out = l->waiting[--l->waiting_count];
	else
		err = accept_at_any(l, out);
	end_turn(l);
	return err;
}

static int next_arrival(pier_listener *l, struct arrival *out)
{
	return l->places.count == 1 ? accept_at_one(l, out) : look_in_turn(l, out);
}

static int accept_plain(pier_listener *l, pier_conn **out)
{
	struct arrival a;
	int err;

	do
		err = next_arrival(l, &a);
	while (err == -ECONNABORTED);
	if (err < 0)
		return err;
	*out = pier_conn_new(a.message ? &pier_transport_message : &pier_transport_stream, a.fd,
			     &a.peer);
	if (!*out)
		pier_io_close(a.fd);
	return *out ? 0 : -ENOMEM;
}

static int accept_secure(pier_listener *l, pier_conn **out)
{
	int err = begin_turn(l);
	if (err < 0)
		return err;
	err = pier_guests_next(l->guests, &l->places, out);
	end_turn(l);
	return err;
}

int pier_accept(pier_listener *l, pier_conn **out)
{
	pier_conn *c = NULL;
	int err = l->guests ? accept_secure(l, &c) : accept_plain(l, &c);
	if (err < 0)
		return err;
	pier_conn_options(c, l->o.frame, l->o.message_max, l->o.idle);
	*out = c;
	return 0;
}

int pier_listener_addr(const pier_listener *l, pier_addr *out)
{
	*out = l->places.at[0].addr;
	return 0;
}

uint16_t pier_listener_port(const pier_listener *l)
{
	return pier_addr_port(&l->places.at[0].addr);
}

const char *pier_listener_url(pier_listener *l)
{
	const struct place *p = &l->places.at[0];
	const char *scheme = p->scheme == PIER_SEQPACKET ? "seqpacket:"
			     : p->scheme == PIER_UNIX	 ? "unix:"
			     : l->guests		 ? "tls://"
							 : "tcp://";
	snprintf(l->url, sizeof l->url, "%s%s", scheme, PIER_ADDR_STR(&p->addr));
	return l->url;
}

void pier_listener_close(pier_listener *l)
{
	struct io *io = pier_conn_io();
	if (!l)
		return;
	for (unsigned i = 0; io && i < l->places.count; i++) {
		io->backend->close_fd(io, l->places.at[i].fds[0]);
		l->places.at[i].fds[0] = -1;
	}
	while (l->waiting_count)
		pier_io_close(l->waiting[--l->waiting_count].fd);
	pier_places_close(&l->places);
	pier_guests_free(l->guests);
	free(l);
}
