#include "load.h"

#include <stdio.h>
#include <time.h>

int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* All of a process, also its threads that have ended: clock_getcpuclockid(3). */
static int64_t cpu_ns(int pid)
{
	struct timespec t;
	clockid_t id;
	if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &t) < 0)
		die("the CPU time of process %d cannot be read: has the server died?", pid);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- Histogram ----------------------------------------------------------------------------------- */

static unsigned bucket_of(uint64_t v)
{
	if (v < STEPS)
		return (unsigned)v;
	unsigned high =
		63 - (unsigned)__builtin_clzll(v); /* STEPS is 2^5: the top six bits decide */
	return (high - 4) * STEPS + (unsigned)(v >> (high - 5) & (STEPS - 1));
}

static uint64_t value_of(unsigned bucket)
{
	if (bucket < STEPS)
		return bucket;
	unsigned high = bucket / STEPS + 4;
	return (((uint64_t)2 * (STEPS + bucket % STEPS) + 1) << (high - 5)) / 2; /* its middle */
}

static double quantile_us(const struct histogram *h, double q)
{
	uint64_t rank = (uint64_t)(q * (double)h->total), seen = 0;
	for (unsigned i = 0; i < 64 * STEPS; i++) {
		seen += h->count[i];
		if (seen > rank)
			return (double)value_of(i) / 1e3;
	}
	return 0;
}

/* ---- The window ---------------------------------------------------------------------------------- */

static void read_cpu(struct meter *m, int sign)
{
	for (unsigned i = 0; i < m->p->server_count; i++)
		m->server_cpu += sign * cpu_ns(m->p->servers[i]);
	m->load_cpu += sign * cpu_ns(0);
}

void meter_start(struct meter *m, const struct plan *p)
{
	*m = (struct meter){.p = p};
	m->warm_until = now_ns() + p->warm;
	m->until = m->warm_until + p->lasting;
}

bool meter_turn(struct meter *m, int64_t now)
{
	if (m->phase == WARMING && now >= m->warm_until) {
		m->phase = MEASURING;
		read_cpu(m, -1);
		m->began = now_ns();
		m->until += m->began - m->warm_until;
	} else if (m->phase == MEASURING && (now >= m->until || m->messages >= m->p->most)) {
		m->phase = OVER;
		read_cpu(m, +1);
		m->ended = now_ns();
	}
	return m->phase != OVER;
}

void meter_count(struct meter *m, int64_t sent, int64_t now, size_t bytes)
{
	m->all++;
	if (m->phase != MEASURING)
		return;
	m->messages++;
	m->bytes += bytes;
	m->latency.count[bucket_of((uint64_t)(now - sent))]++;
	m->latency.total++;
}

void meter_print(const struct meter *m)
{
	double seconds = (double)(m->ended - m->began) / 1e9;
	printf("{\"messages\": %llu, \"all\": %llu, \"bytes\": %llu, \"resent\": %llu, "
	       "\"seconds\": %.6f, "
	       "\"server_cpu\": %.6f, \"load_cpu\": %.6f, \"p50_us\": %.2f, \"p99_us\": %.2f}\n",
	       (unsigned long long)m->messages, (unsigned long long)m->all,
	       (unsigned long long)m->bytes, (unsigned long long)m->resent, seconds,
	       (double)m->server_cpu / 1e9, (double)m->load_cpu / 1e9,
	       quantile_us(&m->latency, 0.5), quantile_us(&m->latency, 0.99));
}
