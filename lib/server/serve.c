/* pier_serve: opens the doors on every worker, waits to be told to stop, and ends what it began. */
#include "station.h"

#include "io/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNS_DEFAULT 10000
#define GRACE_DEFAULT PIER_S(5)

static void defaults(pier_serve_opts *o)
{
	if (o->max_conns == 0)
		o->max_conns = CONNS_DEFAULT;
	if (o->max_per_host == 0)
		o->max_per_host = o->max_conns;
	if (o->grace <= 0)
		o->grace = GRACE_DEFAULT;
}

/* ---- Being told to stop -------------------------------------------------------------------------- */

static void count_stop(struct serving *s)
{
	s->stops++;
	atomic_store(&s->stopping, true);
	pier_waitq_wake_all(&s->news);
}

static void note_stop(struct io_op *note)
{
	count_stop(note->owner);
}

void pier_serve_stop(pier_conn *c)
{
	struct serving *s = c && c->station ? c->station->serving : NULL;
	if (!s || atomic_flag_test_and_set(&s->stop_asked))
		return;
	s->stop_note = (struct io_op){.kind = IO_NOTE, .done = note_stop, .owner = s};
	pier_io_post(s->home->io, &s->stop_note);
}

bool pier_stopping(const pier_conn *c)
{
	return c && c->station && atomic_load(&c->station->serving->stopping);
}

/* Each station has news twice: its doors are closed; its conns have ended. */
void pier_serving_news(struct io_op *note)
{
	struct serving *s = note->owner;
	if (note->result)
		s->ended++;
	else
		s->quiet++;
	pier_waitq_wake_all(&s->news);
}

/* ---- Serving ------------------------------------------------------------------------------------- */

static void order_all(struct serving *s, enum order order)
{
	for (unsigned i = 0; i < s->count; i++)
		pier_station_order(&s->stations[i], order);
}

static void stop(struct serving *s)
{
	bool aborted = false;

	atomic_store(&s->stopping, true);
	if (s->o.on_stop)
		s->o.on_stop(s->o.arg);
	order_all(s, ORDER_CLOSE_DOORS);
	while (s->quiet < s->count)
		pier_waitq_wait_deaf(&s->news, "doors to close");
	order_all(s, ORDER_END_CONNS);
	while (s->ended < s->count) {
		if (s->stops > 1 && !aborted) {
			aborted = true;
			order_all(s, ORDER_ABORT);
		}
		pier_waitq_wait_deaf(&s->news, "conns to end");
	}
}

/* "127.0.0.1:80 and [::1]:80" */
static void tell_where(const struct serving *s, const struct places *places)
{
	char text[LISTEN_MAX * (PIER_ADDR_TEXT + 5)] = "", addr[PIER_ADDR_TEXT];
	size_t len = 0;
	for (unsigned i = 0; s->o.on_listen && i < places->count; i++) {
		pier_addr_format(&places->at[i].addr, addr, sizeof addr);
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? " and " : "",
					addr);
	}
	if (s->o.on_listen)
		s->o.on_listen(text, s->o.arg);
}

/* Sockets go to their stations, which close them. */
static void hand_out(struct serving *s, struct places *places)
{
	for (unsigned p = 0; p < places->count; p++) {
		for (unsigned i = 0; i < places->at[p].count; i++) {
			struct station *st = &s->stations[i];
			st->doors[st->door_count++] =
				(struct door){.station = st,
					      .fd = places->at[p].fds[i],
					      .scheme = places->at[p].scheme,
					      .alone = places->at[p].count == 1};
			places->at[p].fds[i] = -1;
		}
	}
}

static int open_stations(struct serving *s, struct runtime *rt)
{
	int n = pier_runtime_grow(rt, s->o.workers);
	if (n < 0)
		return n;
	s->count = (unsigned)n;
	s->stations = calloc(s->count, sizeof *s->stations);
	if (!s->stations)
		return -ENOMEM;
	for (unsigned i = 0; i < s->count; i++) {
		s->stations[i].serving = s;
		s->stations[i].worker = rt->workers[i];
	}
	return 0;
}

static bool shares_port(const struct serving *s)
{
	return s->endpoint.scheme == PIER_TCP || s->endpoint.scheme == PIER_UDP;
}

static int serve(struct serving *s)
{
	struct worker *w = pier_worker_self();
	struct places places = {0};

	if (w->id != 0)
		return -ENOTSUP; /* workers are started from the first */
	s->home = w;
	int err = open_stations(s, w->runtime);
	if (err == 0)
		err = pier_places_open(&s->endpoint, shares_port(s) ? s->count : 1, s->o.backlog,
				       false, &places);
	if (err < 0)
		return err;
	tell_where(s, &places);
	hand_out(s, &places);
	for (unsigned i = 0; i < s->count; i++)
		pier_station_start(&s->stations[i]);
	while (s->stops == 0 && err == 0)
		err = pier_waitq_wait(&s->news, PIER_FOREVER, "a reason to stop");
	stop(s);
	pier_places_close(&places);
	return 0;
}

static int serving_init(struct serving *s, const char *url, pier_handler handler,
			const pier_serve_opts *opts, const char **why)
{
	*s = (struct serving){.handler = handler};
	if (opts)
		s->o = *opts;
	defaults(&s->o);
	waitq_init_by_mail(&s->news);
	atomic_flag_clear(&s->stop_asked);
	int err = pier_endpoint_parse(url, &s->endpoint);
	if (err < 0 || s->endpoint.scheme != PIER_TLS)
		return err;
	s->endpoint.scheme = PIER_TCP;
	s->secure = true;
	return pier_tls_can_serve(s->o.tls, why);
}

static void serving_done(struct serving *s)
{
	pier_hosts_done(&s->hosts);
	free(s->stations);
}

/* ---- As the whole of a program --------------------------------------------------------------------- */

struct program {
	struct serving serving;
	struct io_signals signals;
};

/* The first signal stops, the second aborts. */
static int read_signals(void *arg)
{
	struct program *p = arg;
	char info[128]; /* struct signalfd_siginfo */
	for (;;) {
		struct io_op op = {.kind = IO_READ, .fd = p->signals.fd};
		op.mem.at = info;
		op.mem.len = sizeof info;
		int64_t n = pier_await(&op, PIER_FOREVER, "signals");
		if (n < 0)
			return (int)n;
		count_stop(&p->serving);
	}
}

static int run_program(void *arg)
{
	struct program *p = arg;
	PIER_AUTO_GROUP signals = PIER_GROUP;
	int err = pier_go(&signals, read_signals, p);
	return err < 0 ? err : serve(&p->serving);
}

static int serve_as_program(struct program *p, const char *url)
{
	int err = pier_io_signals_open(&p->signals);
	if (err < 0)
		return err;
	err = pier_run(run_program, p, .workers = p->serving.o.workers);
	pier_io_signals_close(&p->signals);
	if (err < 0 && !p->serving.o.quiet)
		fprintf(stderr, "cannot listen on %s: %s\n", url, pier_strerror(err));
	return err;
}

int pier_serve_with(const char *url, pier_handler handler, const pier_serve_opts *opts)
{
	struct program p;
	const char *why = NULL;
	int err = serving_init(&p.serving, url, handler, opts, &why);
	if (err < 0) {
		if (!pier_worker_self() && !p.serving.o.quiet)
			fprintf(stderr, "cannot listen on %s: %s\n", url,
				why ? why : pier_strerror(err));
		return err;
	}
	pier_hosts_init(&p.serving.hosts);
	err = pier_worker_self() ? serve(&p.serving) : serve_as_program(&p, url);
	serving_done(&p.serving);
	return err;
}
