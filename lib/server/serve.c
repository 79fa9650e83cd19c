/* pier_serve: opens the doors on every worker, waits to be told to stop, and ends what it began. */
#include "signal.h"
#include "station.h"

#include "base/log.h"
#include "io/socket.h"

#include <errno.h>
#include <pier/stats.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNS_DEFAULT	  10000
#define PROCESSES_DEFAULT 40
#define GRACE_DEFAULT	  PIER_S(5)

static void defaults(pier_serve_opts *o)
{
	if (o->max_conns == 0)
		o->max_conns = o->isolate ? PROCESSES_DEFAULT : CONNS_DEFAULT;
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

void pier_serving_stop(struct serving *s)
{
	if (atomic_flag_test_and_set(&s->stop_asked))
		return;
	s->stop_note = (struct io_op){.kind = IO_NOTE, .done = note_stop, .owner = s};
	pier_io_post(s->home->io, &s->stop_note);
}

void pier_serve_stop(pier_conn *c)
{
	struct serving *s = c && c->station ? c->station->serving : NULL;
	if (s && s->o.isolate)
		s->told_in_child = true; /* its process tells ours when it ends */
	else if (s)
		pier_serving_stop(s);
}

void pier_serving_fail(struct serving *s, int err)
{
	int none = 0;
	atomic_compare_exchange_strong(&s->failure, &none, err);
	pier_log_line(PIER_ERROR, "the server stops: no more conns can be accepted: %s",
		      pier_strerror(err));
	pier_serving_stop(s);
}

static void note_enough(struct io_op *note)
{
	struct serving *s = note->owner;
	s->enough = true;
	pier_waitq_wake_all(&s->news);
}

void pier_serving_enough(struct serving *s)
{
	s->enough_note = (struct io_op){.kind = IO_NOTE, .done = note_enough, .owner = s};
	pier_io_post(s->home->io, &s->enough_note);
}

static void note_empty(struct io_op *note)
{
	struct serving *s = note->owner;
	atomic_flag_clear(&s->empty_told);
	pier_waitq_wake_all(&s->news);
}

void pier_serving_empty(struct serving *s)
{
	if (atomic_flag_test_and_set(&s->empty_told))
		return;
	s->empty_note = (struct io_op){.kind = IO_NOTE, .done = note_empty, .owner = s};
	pier_io_post(s->home->io, &s->empty_note);
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

static void close_doors(struct serving *s)
{
	if (s->quiet == s->count)
		return;
	order_all(s, ORDER_CLOSE_DOORS);
	while (s->quiet < s->count)
		pier_waitq_wait_deaf(&s->news, "doors to close");
}

static void stop(struct serving *s)
{
	bool aborted = false;

	atomic_store(&s->stopping, true);
	if (s->o.on_stop)
		s->o.on_stop(s->o.arg);
	close_doors(s);
	order_all(s, ORDER_END_CONNS);
	while (s->ended < s->count) {
		if (s->stops > 1 && !aborted) {
			aborted = true;
			order_all(s, ORDER_ABORT);
		}
		pier_waitq_wait_deaf(&s->news, "conns to end");
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

/* As many conns as were asked for have begun: the doors close, and they end as they like. */
static void serve_the_last(struct serving *s)
{
	close_doors(s);
	int err = 0;
	while (s->stops == 0 && err == 0 && atomic_load(&s->conns))
		err = pier_waitq_wait(&s->news, PIER_FOREVER, "the last conns");
}

/* Until it is told to stop: 0, or why the wait ended. */
static int stay(struct serving *s)
{
	int err = 0;
	while (s->stops == 0 && !s->enough && err == 0)
		err = pier_waitq_wait(&s->news, PIER_FOREVER, "a reason to stop");
	if (s->enough && s->stops == 0 && err == 0)
		serve_the_last(s);
	return err;
}

static int tick(void *arg)
{
	struct serving *s = arg;
	while (pier_sleep(s->o.tick) == 0)
		s->o.on_tick(s->o.arg);
	return 0;
}

static int open_doors(struct serving *s, struct runtime *rt)
{
	int err = open_stations(s, rt);
	if (err == 0)
		err = pier_doors_open(s);
	if (err == 0 && (s->o.user || s->o.group))
		err = pier_io_become(s->o.user, s->o.group);
	return err;
}

static int serve(struct serving *s)
{
	struct worker *w = pier_worker_self();
	PIER_AUTO_GROUP ticks = PIER_GROUP;

	if (w->id != 0)
		return -ENOTSUP; /* workers are started from the first */
	s->home = w;
	int err = open_doors(s, w->runtime);
	if (err < 0) {
		pier_doors_close(s);
		return err;
	}
	pier_doors_tell(s);
	pier_doors_hand_out(s);
	for (unsigned i = 0; i < s->count; i++)
		pier_station_start(&s->stations[i]);
	if (s->o.on_tick && s->o.tick > 0)
		pier_go(&ticks, tick, s);
	err = stay(s);
	stop(s);
	pier_doors_close(s);
	int failure = atomic_load(&s->failure);
	return failure < 0 ? failure : err == -ETIMEDOUT ? err : 0;
}

static int read_networks(const char *text, pier_networks *out)
{
	return text && pier_networks_parse(text, out) < 0 ? -EINVAL : 0;
}

static int serving_init(struct serving *s, const char *url, pier_handler handler,
			const pier_serve_opts *opts)
{
	*s = (struct serving){.handler = handler};
	if (opts)
		s->o = *opts;
	defaults(&s->o);
	waitq_init_by_mail(&s->news);
	atomic_flag_clear(&s->stop_asked);
	atomic_flag_clear(&s->empty_told);
	int err = s->o.data_size > PIER_DATA_MAX ? -EINVAL : pier_doors_parse(s, url);
	if (err == 0)
		err = read_networks(s->o.allow, &s->allowed);
	if (err == 0)
		err = read_networks(s->o.deny, &s->denied);
	if (err == 0)
		err = read_networks(s->o.proxied, &s->proxies);
	if (err == 0)
		err = pier_serving_check_isolation(s);
	return err;
}

static void serving_done(struct serving *s)
{
	pier_hosts_done(&s->hosts);
	free(s->stations);
}

/* ---- As the whole of a program --------------------------------------------------------------------- */

struct program {
	struct serving serving;
	int64_t left;
	struct io_signals signals;
};

/* The first signal stops, the second aborts; SIGUSR1 asks who is there. */
static int read_signals(void *arg)
{
	struct program *p = arg;
	int number;
	while ((number = signal_wait(&p->signals)) >= 0)
		if (number == SIGUSR1)
			pier_dump(STDERR_FILENO);
		else
			count_stop(&p->serving);
	return number;
}

static int run_program(void *arg)
{
	struct program *p = arg;
	PIER_AUTO_GROUP signals = PIER_GROUP;
	int err = pier_go(&signals, read_signals, p);
	if (err == 0)
		PIER_WITHIN (p->left)
			err = serve(&p->serving);
	return err;
}

static int serve_as_program(struct program *p, const char *url)
{
	p->left = pier_time_left(); /* a deadline around a plain main counts on its fibers too */
	int err = pier_io_signals_open(&p->signals);
	if (err < 0)
		return err;
	bool reports = pier_overflow_report(true) == 0;
	err = pier_run(run_program, p, .workers = p->serving.o.workers);
	if (reports)
		pier_overflow_report(false);
	pier_io_signals_close(&p->signals);
	if (err < 0 && err != -ETIMEDOUT && !p->serving.o.quiet)
		fprintf(stderr, "cannot listen on %s: %s\n", url, pier_strerror(err));
	return err;
}

int pier_serve_with(const char *url, pier_handler handler, const pier_serve_opts *opts)
{
	struct program p;
	int err = serving_init(&p.serving, url, handler, opts);
	if (err < 0) {
		if (!pier_worker_self() && !p.serving.o.quiet)
			fprintf(stderr, "cannot listen on %s: %s\n", url,
				p.serving.why ? p.serving.why : pier_strerror(err));
		return err;
	}
	pier_hosts_init(&p.serving.hosts);
	err = pier_worker_self() ? serve(&p.serving) : serve_as_program(&p, url);
	serving_done(&p.serving);
	return err;
}
