/* The conns of a station: counted in, served by a fiber each, counted out. */
#include "station.h"

#include "base/log.h"

#include <errno.h>
#include <pier/tls.h>
#include <stdlib.h>

/* ---- The end ------------------------------------------------------------------------------------- */

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

/* It is known until it is closed: an abort ends its lingering. */
static void let_go(struct station *st, pier_conn *c)
{
	pier_close(c);
	list_remove(&c->link);
	if (list_empty(&st->conns))
		pier_waitq_wake_all(&st->emptied);
}

bool pier_station_open(struct station *st, pier_conn *c)
{
	const pier_serve_opts *o = &st->serving->o;
	if (o->data_size && !(c->data = calloc(1, o->data_size))) {
		c->unopened = true;
		pier_conn_fail(c, -ENOMEM, "serve");
		return false;
	}
	if (o->on_open)
		o->on_open(c, o->arg);
	return true;
}

void pier_station_handle(struct station *st, pier_conn *c)
{
	const struct serving *s = st->serving;
	if (pier_station_open(st, c))
		s->handler(c, s->o.arg);
}

void pier_station_say_goodbye(struct station *st, pier_conn *c)
{
	const struct serving *s = st->serving;
	report(st, c);
	if (s->o.on_close && !c->behind && !c->elsewhere && !c->unopened)
		s->o.on_close(c, s->o.arg);
}

static void count_out(struct serving *s)
{
	if (atomic_fetch_sub(&s->conns, 1) == 1 && s->o.max_served)
		pier_serving_empty(s);
}

void pier_station_leave(struct station *st, pier_conn *c)
{
	struct serving *s = st->serving;
	pier_addr peer = pier_conn_peer(c);

	pier_station_say_goodbye(st, c);
	if (s->o.data_size)
		free(c->data);
	let_go(st, c);
	if (!c->behind)
		pier_hosts_leave(&s->hosts, &peer);
	pier_conn_free(c);
	atomic_fetch_sub(&st->worker->load, 1);
	count_out(s);
}

/* ---- A fiber for all of a conn ------------------------------------------------------------------- */

bool pier_station_secure(const struct station *st, pier_conn *c)
{
	c->unopened = c->secure && pier_tls_start_served(c, st->serving->o.tls) < 0;
	return !c->unopened;
}

static int serve_conn(void *arg)
{
	pier_conn *c = arg;
	struct station *st = c->station;

	c->behind = pier_station_proxies(st, c);
	list_push(&st->conns, &c->link);
	if (st->ordered[ORDER_END_CONNS])
		pier_conn_drain(c);
	if (pier_station_meet(st, c)) {
		if (st->serving->o.isolate)
			pier_station_isolate(st, c);
		else if (pier_station_secure(st, c))
			pier_station_handle(st, c);
	}
	pier_station_leave(st, c);
	return 0;
}

/* ---- Over a limit -------------------------------------------------------------------------------- */

/* Never more than a few at a time. Isolated conns shake hands in processes of their own, and there is none for these. */
static bool may_tell(const struct station *st, const pier_conn *c)
{
	const pier_serve_opts *o = &st->serving->o;
	return o->on_full && st->refusals < REFUSALS_MAX && !(c->secure && o->isolate);
}

static void tell_full(struct station *st, pier_conn *c)
{
	if (pier_station_secure(st, c))
		st->serving->o.on_full(c, st->serving->o.arg);
}

void pier_station_tell_full(struct station *st, pier_conn *c)
{
	if (!may_tell(st, c))
		return;
	st->refusals++;
	PIER_WITHIN (PIER_LINGER)
		tell_full(st, c);
	st->refusals--;
}

static int refuse_conn(void *arg)
{
	pier_conn *c = arg;
	struct station *st = c->station;

	c->behind = pier_station_proxies(st, c);
	list_push(&st->conns, &c->link);
	PIER_WITHIN (PIER_LINGER) {
		if (pier_station_learn_client(st, c))
			tell_full(st, c);
	}
	let_go(st, c);
	pier_conn_free(c);
	st->refusals--;
	return 0;
}

/* Tells a conn over the limits, if there is something to tell. */
static bool refuse(struct station *st, pier_conn *c)
{
	if (!may_tell(st, c))
		return false;
	st->refusals++;
	if (pier_go(&st->handlers, refuse_conn, c) == 0)
		return true;
	st->refusals--;
	return false;
}

/* ---- The beginning ------------------------------------------------------------------------------- */

bool pier_station_welcomes(const struct station *st, const pier_addr *peer)
{
	const struct serving *s = st->serving;
	if (pier_networks_have(&s->denied, peer))
		return false;
	if (s->o.allow && !pier_networks_have(&s->allowed, peer))
		return false;
	return !s->o.verify || s->o.verify(peer, s->o.arg);
}

/* Of conns that are to be served at most. */
static bool is_one_of_the_last(struct serving *s)
{
	unsigned number = s->o.max_served ? atomic_fetch_add(&s->begun, 1) + 1 : 0;
	if (number && number == s->o.max_served)
		pier_serving_enough(s);
	return number <= s->o.max_served;
}

static void setup(struct station *st, pier_conn *c)
{
	const pier_serve_opts *o = &st->serving->o;
	pier_conn_options(c, o->frame, o->message_max, o->idle);
	pier_set_timeouts(c, o->rd ? o->rd : o->idle, o->wr ? o->wr : o->idle);
	c->station = st;
}

/* 0, or which limit is reached: -EUSERS of the server, -EDQUOT of the host. */
static int count_in(struct serving *s, const pier_addr *peer, bool behind)
{
	int err = 0;
	if (atomic_fetch_add(&s->conns, 1) >= s->o.max_conns)
		err = -EUSERS;
	else if (!behind && !pier_hosts_enter(&s->hosts, peer, s->o.max_per_host))
		err = -EDQUOT;
	if (err < 0)
		count_out(s);
	return err;
}

static bool begin(struct station *st, pier_conn *c)
{
	if (st->serving->o.per_message)
		return pier_calls_begin(st, c);
	return pier_go(&st->handlers, serve_conn, c) == 0;
}

bool pier_station_enter(struct station *st, pier_conn *c)
{
	pier_addr peer = pier_conn_peer(c);

	setup(st, c);
	bool behind = pier_station_proxies(st, c); /* then it is the client that counts */
	if (!behind && !pier_station_welcomes(st, &peer))
		return false;
	int full = count_in(st->serving, &peer, behind);
	if (full == -EUSERS && c->udp) {
		pier_serving_make_room(st->serving);
		return false;
	}
	if (full < 0)
		return refuse(st, c);
	atomic_fetch_add(&st->worker->load, 1);
	if (is_one_of_the_last(st->serving) && begin(st, c))
		return true;
	atomic_fetch_sub(&st->worker->load, 1);
	if (!behind)
		pier_hosts_leave(&st->serving->hosts, &peer);
	count_out(st->serving);
	return false;
}
