/* A pool of workers on all cores: jobs go in by one channel, results come out by another. pool [N]
 * counts the primes below N. */
#include <pier.h>
#include <stdlib.h>

#define CHUNK 10000u
#define MOST  1000000000u /* so that no range wraps */

static pier_chan *jobs, *results;
static unsigned upto;

static bool is_prime(unsigned n)
{
	for (unsigned d = 2; d <= n / d; d++)
		if (n % d == 0)
			return false;
	return n >= 2;
}

static int work(void *arg)
{
	(void)arg;
	for (unsigned n;
	     pier_chan_recv(jobs, &n) == 1;) { /* while (job := jobs.get()) is not None: */
		unsigned primes = 0, end = n + CHUNK < upto ? n + CHUNK : upto;
		while (n < end)
			primes += is_prime(n++);
		pier_chan_send(results, &primes); /* results.put(primes) */
	}
	return 0;
}

static int work_there(void *worker)
{
	return pier_call((unsigned)(uintptr_t)worker, work, NULL);
}

static int feed(void *arg)
{
	(void)arg;
	for (unsigned first = 0; first < upto; first += CHUNK)
		pier_chan_send(jobs, &first); /* jobs.put(first): waits when all are busy */
	pier_chan_close(jobs);		      /* for _ in workers: jobs.put(None) */
	return 0;
}

static int collect(void *total)
{
	int got = 1;
	for (unsigned first = 0, primes = 0; first < upto && got == 1; first += CHUNK) {
		got = pier_chan_recv(results, &primes); /* results.get() */
		*(unsigned *)total += primes;
	}
	return got == 1 ? 0 : got;
}

static int count(void *total)
{
	PIER_AUTO_GROUP all = PIER_GROUP; /* whoever fails, all end */

	for (intptr_t i = 0; i < pier_workers(); i++)
		pier_go(&all, work_there, (void *)i); /* Thread(target=work).start() */
	pier_go(&all, feed, NULL);		      /* Thread(target=feed).start() */
	pier_go(&all, collect, total);
	return pier_group_wait(&all); /* for thread in …: thread.join() */
}

int main(int argc, char **argv)
{
	unsigned long most = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	unsigned total = 0;

	if (most > MOST)
		return fprintf(stderr, "pool: at most %u, please\n", MOST), 2;
	upto = (unsigned)most;
	jobs = pier_chan_new(sizeof upto, 16); /* queue.Queue(16) */
	results = pier_chan_new(sizeof total, 16);
	if (!jobs || !results || pier_run(count, &total) != 0)
		return 1;
	printf("%u primes below %u\n", total, upto);
	return 0;
}
