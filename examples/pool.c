/* A pool of workers on all cores: jobs go in by one channel, results come out by another. pool [N]
 * counts the primes below N. */
#include <pier.h>
#include <stdlib.h>

#define CHUNK	  10000
#define DESKS_MAX 64
#define LIMIT	  100000000u

struct pool {
	pier_chan *jobs, *results;
	unsigned most; /* at most LIMIT, so that no range wraps */
	unsigned total;
};

struct range {
	unsigned from, to;
};

static bool is_prime(unsigned n)
{
	for (unsigned d = 2; d <= n / d; d++)
		if (n % d == 0)
			return false;
	return n >= 2;
}

static int work(void *arg)
{
	struct pool *p = arg;
	struct range r;

	while (pier_chan_recv(p->jobs, &r) == 1) { /* for job in iter(jobs.get, None): */
		unsigned primes = 0;
		for (unsigned n = r.from; n < r.to; n++)
			primes += is_prime(n);
		pier_chan_send(p->results, &primes); /* results.put(primes) */
	}
	return 0;
}

struct desk {
	unsigned worker;
	struct pool *pool;
};

static int work_there(void *arg)
{
	struct desk *d = arg;
	return pier_call(d->worker, work, d->pool); /* threading.Thread(target=work) */
}

static int feed(void *arg)
{
	struct pool *p = arg;
	for (unsigned from = 0; from < p->most; from += CHUNK) {
		unsigned to = p->most - from > CHUNK ? from + CHUNK : p->most;
		pier_chan_send(p->jobs, &(struct range){from, to}); /* waits when all are busy */
	}
	pier_chan_close(p->jobs); /* the workers end when it is empty */
	return 0;
}

static int collect(void *arg)
{
	struct pool *p = arg;
	for (unsigned jobs = (p->most + CHUNK - 1) / CHUNK; jobs > 0; jobs--) {
		unsigned primes = 0;
		int got = pier_chan_recv(p->results, &primes);
		if (got < 0)
			return got;
		p->total += primes;
	}
	return 0;
}

static int count(void *arg)
{
	struct pool *p = arg;
	struct desk desks[DESKS_MAX];
	PIER_AUTO_GROUP all = PIER_GROUP; /* whoever fails, all end */

	for (unsigned i = 0; i < DESKS_MAX && (int)i < pier_workers(); i++) {
		desks[i] = (struct desk){i, p};
		pier_go(&all, work_there, &desks[i]);
	}
	pier_go(&all, feed, p);
	pier_go(&all, collect, p);
	int err = pier_group_wait(&all);
	if (err == 0)
		printf("%u primes below %u\n", p->total, p->most);
	return err;
}

int main(int argc, char **argv)
{
	unsigned long most = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	if (most > LIMIT) {
		fprintf(stderr, "pool: at most %u, please\n", LIMIT);
		return 2;
	}
	struct pool p = {.jobs = pier_chan_new(sizeof(struct range), 16), /* queue.Queue(16) */
			 .results = pier_chan_new(sizeof(unsigned), 16),
			 .most = (unsigned)most};
	int err = p.jobs && p.results ? pier_run(count, &p) : -1;

	pier_chan_free(p.jobs);
	pier_chan_free(p.results);
	return err != 0;
}
