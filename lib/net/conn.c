/* A conn's life: birth, error, names, end. */
#include "standby.h"

#include "io/socket.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_MAX (4u << 20) /* bytes of last words that closing reads */

struct io *pier_conn_io(void)
{
	struct worker *w = pier_worker_self();
	return w ? w->io : pier_io_of_thread();
}

pier_conn *pier_conn_new(const struct transport *via, int fd, const pier_addr *peer)
{
	size_t room = offsetof(pier_conn, peer.storage) + (peer ? peer->len : 0);
	pier_conn *c = calloc(1, peer ? room : sizeof *c);
	if (!c)
		return NULL;
	if (peer) {
		memcpy(&c->peer.storage, &peer->storage, peer->len);
		c->peer.len = peer->len;
		c->peer_cut = true;
	}
	c->via = via;
	c->fd = fd;
	c->socket = true;
	c->message_max = PIER_MESSAGE_MAX;
	c->rd = c->wr = PIER_FOREVER;
	waitq_init(&c->writers);
	return c;
}

void pier_conn_free(pier_conn *c)
{
	pier_inbuf_drop(c);
	pier_gathered_free(c);
	free(c->name);
	free(c->why);
	free(c->peer_whole);
	free(c);
}

void pier_conn_options(pier_conn *c, pier_frame frame, size_t message_max, int64_t idle)
{
	c->frame = frame;
	c->message_max = message_max ? message_max : PIER_MESSAGE_MAX;
	pier_set_timeouts(c, idle, idle);
}

/* ---- Errors -------------------------------------------------------------------------------------- */

int pier_conn_fail(pier_conn *c, int err, const char *doing)
{
	if (c->err)
		return c->err;
	c->err = err;
	c->doing = doing;
	if (c->reader)
		pier_fiber_interrupt(c->reader, err);
	if (c->writer)
		pier_fiber_interrupt(c->writer, err);
	pier_waitq_interrupt(&c->writers, err);
	if (c->outbox)
		pier_outbox_failed(c);
	if (c->standby)
		pier_standby_end(c);
	return err;
}

int pier_err(const pier_conn *c)
{
	return c ? c->err : -ENOMEM;
}

const char *pier_why(pier_conn *c)
{
	if (!c)
		return pier_strerror(-ENOMEM);
	if (!c->err)
		return "";
	if (!c->why &&
	    asprintf(&c->why, "%s %s: %s", c->doing, pier_peer(c), pier_strerror(c->err)) < 0)
		c->why = NULL;
	return c->why ? c->why : pier_strerror(c->err);
}

/* A datagram that nobody took (ICMP port unreachable, udp(7)) says nothing of the next one. */
static bool passes(const pier_conn *c)
{
	return c->err == -ETIMEDOUT || (c->err == -ECONNREFUSED && c->via->message);
}

void pier_clear(pier_conn *c)
{
	if (!c || !passes(c) || c->torn || c->fd < 0)
		return;
	c->err = 0;
	free(c->why);
	c->why = NULL;
}

/* ---- Names --------------------------------------------------------------------------------------- */

pier_addr pier_conn_peer(const pier_conn *c)
{
	if (c->peer_whole)
		return *c->peer_whole;
	pier_addr peer = {.len = c->peer.len};
	memcpy(&peer.storage, &c->peer.storage, peer.len);
	return peer;
}

int pier_conn_rename(pier_conn *c, const pier_addr *peer)
{
	pier_addr *whole = c->peer_whole ? c->peer_whole : malloc(sizeof *whole);
	if (!whole)
		return pier_conn_fail(c, -ENOMEM, "serve");
	*whole = *peer;
	c->peer_whole = whole;
	free(c->name);
	c->name = NULL;
	return 0;
}

const char *pier_peer(pier_conn *c)
{
	char text[PIER_ADDR_TEXT];
	if (!c)
		return "?";
	if (!c->name && c->peer.len) {
		pier_addr peer = pier_conn_peer(c);
		c->name = strdup(pier_addr_format(&peer, text, sizeof text));
	}
	return c->name ? c->name : "?";
}

/* A caller may copy all of it, so it has to be whole. */
static const pier_addr *whole_peer(pier_conn *c)
{
	if (!c->peer_whole) {
		pier_addr peer = pier_conn_peer(c); /* before there is a whole one to be asked */
		c->peer_whole = malloc(sizeof peer);
		if (c->peer_whole)
			*c->peer_whole = peer;
	}
	return c->peer_whole;
}

const pier_addr *pier_peer_addr(const pier_conn *c)
{
	static const pier_addr none;
	const pier_addr *peer = NULL;
	if (c)
		peer = c->peer_cut ? whole_peer((pier_conn *)(uintptr_t)c) : &c->peer;
	return peer ? peer : &none;
}

int pier_local_addr(const pier_conn *c, pier_addr *out)
{
	if (!c || c->fd < 0)
		return -ENOTCONN;
	return pier_io_local(c->fd, out);
}

bool pier_is_message(const pier_conn *c)
{
	return c && (c->via->message || c->frame != PIER_RAW);
}

int pier_fileno(const pier_conn *c)
{
	return c && !c->udp ? c->fd : -1;
}

/* ---- Settings ------------------------------------------------------------------------------------ */

void pier_set_timeouts(pier_conn *c, int64_t rd, int64_t wr)
{
	if (!c)
		return;
	c->rd = rd > 0 ? rd : PIER_FOREVER;
	c->wr = wr > 0 ? wr : PIER_FOREVER;
}

int64_t pier_conn_until(pier_conn *c, int64_t timeout)
{
	int64_t at;
	(void)c;
	/* Not pier_now: the turn may have begun long before this wait. */
	if (timeout == PIER_FOREVER || __builtin_add_overflow(pier_io_clock(), timeout, &at))
		return PIER_FOREVER;
	return at;
}

void pier_set_frame(pier_conn *c, pier_frame frame, size_t message_max)
{
	if (!c)
		return;
	c->frame = frame;
	c->message_max = message_max ? message_max : PIER_MESSAGE_MAX;
	c->in.scanned = 0;
	c->arrived = false;
}

void pier_set_data(pier_conn *c, void *data)
{
	if (c)
		c->data = data;
}

void *pier_data(const pier_conn *c)
{
	return c ? c->data : NULL;
}

void pier_conn_drain(pier_conn *c)
{
	c->draining = true;
	if (c->reader && c->between)
		pier_fiber_interrupt(c->reader, -ESHUTDOWN);
	if (c->standby)
		pier_standby_end(c);
}

/* ---- Ending -------------------------------------------------------------------------------------- */

int pier_finish(pier_conn *c)
{
	if (!c)
		return -ENOMEM;
	if (c->gathered)
		pier_flush(c);
	if (c->err || c->finished)
		return c->err;
	int err = pier_conn_write_begin(c, PIER_FOREVER);
	if (err < 0)
		return pier_conn_fail(c, err, "finish sending to");
	c->finished = true;
	err = c->via->finish(c);
	pier_conn_write_end(c);
	return err < 0 && err != -ENOTCONN ? pier_conn_fail(c, err, "finish sending to") : 0;
}

/* The peer's last words are read and dropped, so that its TCP is not answered with a reset, which would
 * take our last words from its receive queue: RFC 1122 §4.2.2.13, RFC 9112 §9.6. */
static void drain(pier_conn *c)
{
	size_t read = 0;
	pier_inbuf_drop(c);
	c->between = false;
	while (!c->eof && read < DRAIN_MAX) {
		void *at = NULL;
		c->reader = pier_fiber_self(); /* whoever fails the conn ends this too */
		int64_t n = c->via->receive(c, &at, 0, PIER_FOREVER);
		c->reader = NULL;
		if (at)
			pier_io_buf_give(pier_conn_io(), at);
		if (n <= 0)
			break;
		read += (size_t)n;
	}
}

static bool ends_well(const pier_conn *c)
{
	return !c->err && c->fd >= 0 && c->socket && !c->via->message;
}

/* What a server owns, it frees itself after the handler; until then only the error is left of it. */
static void let_go(pier_conn *c, bool reset, int err)
{
	pier_held_end(c);
	if (c->fd >= 0)
		c->via->close(c, reset);
	if (c->station)
		pier_conn_fail(c, err, "talk to");
	else
		pier_conn_free(c);
}

void pier_close(pier_conn *c)
{
	if (!c)
		return;
	PIER_SHIELD (PIER_LINGER) {
		if (!c->err)
			pier_held_drain(c, PIER_FOREVER);
		if (c->gathered)
			pier_flush(c);
		if (c->outbox)
			pier_outbox_end(c, PIER_FOREVER);
		/* After the peer's end nothing of its can come any more: the close says all. */
		if (ends_well(c) && !c->eof && pier_finish(c) == 0)
			drain(c);
	}
	/* A socket whose queue is full: nobody reads it. */
	let_go(c, c->err == -PIER_ESLOW, -ESHUTDOWN);
}

void pier_abort(pier_conn *c)
{
	if (!c)
		return;
	if (c->outbox) {
		pier_conn_fail(c, -ECONNABORTED, "talk to");
		pier_outbox_end(c, 0);
	}
	let_go(c, true, -ECONNABORTED);
}
