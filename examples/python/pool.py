# Beside ../pool.c: a pool of workers on all cores, fed by channels.

import os, queue, sys, threading

CHUNK, MOST = 10000, 10**9


def is_prime(n):
    if n < 2:
        return False
    d = 2
    while d * d <= n:
        if n % d == 0:
            return False
        d += 1
    return True


def work(jobs, results):
    while (job := jobs.get()) is not None:
        results.put(sum(map(is_prime, range(*job))))


def count(upto):
    jobs, results, workers = queue.Queue(16), queue.Queue(16), []
    for _ in range(os.cpu_count()):
        workers.append(threading.Thread(target=work, args=[jobs, results]))
        workers[-1].start()

    def feed():
        for first in range(0, upto, CHUNK):
            jobs.put((first, min(first + CHUNK, upto)))
        for _ in workers:
            jobs.put(None)
    feeder = threading.Thread(target=feed)
    feeder.start()
    total = sum(results.get() for _ in range(0, upto, CHUNK))
    for thread in [feeder, *workers]:
        thread.join()
    return total


upto = int(sys.argv[1]) if len(sys.argv) > 1 else 10**6
if upto > MOST:
    print(f"at most {MOST}", file=sys.stderr)
    sys.exit(2)
print(f"{count(upto)} primes below {upto}")
