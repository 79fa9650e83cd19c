/* The counters of the workers, as numbers and as a page. */
#include "runtimes.h"

#include <errno.h>
#include <inttypes.h>
#include <pier/stats.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* Ended before started, and alive before the most there were: a gauge is never below 0, nor above its peak for long. */
static void read_counters(struct worker *w, pier_worker_stats *s)
{
	const struct worker_counts *c = &w->counts;
	const struct io_counts *io = &w->io->counts;
	uint64_t ended = count_get(&c->ended), started = count_get(&c->started);

	*s = (pier_worker_stats){
		.turns = count_get(&c->turns),
		.turns_blocked = count_get(&c->turns_blocked),
		.turn_longest_ns = count_get(&c->turn_longest),
		.switches = count_get(&c->switches),
		.fibers_started = started,
		.fibers = started - ended,
		.fibers_max = count_get(&c->fibers_max),
		.timers = count_get(&c->timers),
		.mail = count_get(&io->mail),
		.ops = count_get(&io->ops),
		.ops_inline = count_get(&io->at_once),
		.ops_cancelled = count_get(&io->cancelled),
		.bytes_in = count_get(&io->bytes_in),
		.bytes_out = count_get(&io->bytes_out),
		.no_buffer = count_get(&io->no_buffer),
		.accepted = count_get(&c->accepted),
		.conns = atomic_load(&w->load),
		.stack_bytes = atomic_load_explicit(&w->stacks.mapped, memory_order_relaxed),
	};
}

int pier_stats(unsigned worker, pier_worker_stats *out)
{
	pier_runtimes_hold();
	struct worker *w = pier_runtimes_worker(worker);
	if (w)
		read_counters(w, out);
	pier_runtimes_release();
	return w ? 0 : -ENOENT;
}

/* ---- The page ------------------------------------------------------------------------------------ */

enum sort {
	COUNTER,
	GAUGE,
	SECONDS /* a gauge that we keep in nanoseconds */
};

static const struct metric {
	const char *name, *help;
	enum sort sort;
	size_t at;
} metrics[] = {
#define METRIC(name, field, sort, help)                                                            \
	{                                                                                          \
		name, help, sort, offsetof(pier_worker_stats, field)                               \
	}
	METRIC("pier_turns_total", turns, COUNTER, "Rounds of the worker's loop."),
	METRIC("pier_turns_blocked_total", turns_blocked, COUNTER, "Rounds longer than 10 ms."),
	METRIC("pier_turn_longest_seconds", turn_longest_ns, SECONDS, "The longest round so far."),
	METRIC("pier_switches_total", switches, COUNTER, "Times a fiber went on."),
	METRIC("pier_fibers_started_total", fibers_started, COUNTER, "Fibers started."),
	METRIC("pier_fibers", fibers, GAUGE, "Fibers alive."),
	METRIC("pier_fibers_max", fibers_max, GAUGE, "Most fibers alive at once so far."),
	METRIC("pier_timers_total", timers, COUNTER, "Deadlines that came."),
	METRIC("pier_mail_total", mail, COUNTER, "Notes and results from other threads."),
	METRIC("pier_ops_total", ops, COUNTER, "Operations asked of the kernel."),
	METRIC("pier_ops_inline_total", ops_inline, COUNTER, "Operations complete at once."),
	METRIC("pier_ops_cancelled_total", ops_cancelled, COUNTER, "Operations cancelled."),
	METRIC("pier_received_bytes_total", bytes_in, COUNTER, "Bytes received."),
	METRIC("pier_sent_bytes_total", bytes_out, COUNTER, "Bytes sent."),
	METRIC("pier_no_buffer_total", no_buffer, COUNTER,
	       "Receives that found no buffer at first."),
	METRIC("pier_accepted_total", accepted, COUNTER, "Conns taken from listeners."),
	METRIC("pier_conns", conns, GAUGE, "Conns served now."),
	METRIC("pier_stack_bytes", stack_bytes, GAUGE, "Address space of stacks."),
#undef METRIC
};

struct page {
	char *at;
	size_t room, len;
};

/* False once something did not fit. */
static bool PIER_PRINTF(2, 3) add(struct page *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(p->at + p->len, p->room - p->len, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= p->room - p->len)
		return false;
	p->len += (size_t)n;
	return true;
}

static bool add_value(struct page *p, const struct metric *m, unsigned worker,
		      const pier_worker_stats *s)
{
	uint64_t n = *(const uint64_t *)((const char *)s + m->at);
	if (m->sort == SECONDS)
		return add(p, "%s{worker=\"%u\"} %.9f\n", m->name, worker, (double)n / 1e9);
	return add(p, "%s{worker=\"%u\"} %" PRIu64 "\n", m->name, worker, n);
}

/* Lines of one metric must stand together: text format of Prometheus, "Grouping and sorting". */
static bool add_metric(struct page *p, const struct metric *m)
{
	pier_worker_stats s;
	if (!add(p, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
		 m->sort == COUNTER ? "counter" : "gauge"))
		return false;
	for (unsigned i = 0; pier_stats(i, &s) == 0; i++)
		if (!add_value(p, m, i, &s))
			return false;
	return true;
}

ssize_t pier_stats_write(char *into, size_t room)
{
	struct page p = {.at = into, .room = room};
	for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
		if (!add_metric(&p, &metrics[i]))
			return -EMSGSIZE;
	return (ssize_t)p.len;
}
