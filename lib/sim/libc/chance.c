/* Chance. What the kernel gives comes from the seed; what rand gives too, a row for each node, which srand sets. */
#include "libc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t getrandom(void *into, size_t len, unsigned flags)
{
	if (!libc_task())
		return syscall(SYS_getrandom, into, len, flags);
	pier_io_random(into, len);
	return (ssize_t)len;
}

/* At most 256 bytes: getentropy(3). */
int getentropy(void *into, size_t len)
{
	char *at = into;
	if (len > 256) {
		errno = EIO;
		return -1;
	}
	while (len) {
		ssize_t n = getrandom(at, len, 0);
		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* ---- arc4random(3): not all libcs have it, so there may be no declaration ------------------------- */

void arc4random_buf(void *into, size_t len);
uint32_t arc4random(void);
uint32_t arc4random_uniform(uint32_t bound);

void arc4random_buf(void *into, size_t len)
{
	for (char *at = into; len;) {
		size_t part = len < 256 ? len : 256;
		if (getentropy(at, part) < 0)
			abort();
		at += part;
		len -= part;
	}
}

uint32_t arc4random(void)
{
	uint32_t n;
	arc4random_buf(&n, sizeof n);
	return n;
}

/* Numbers of the last, incomplete round would come more often. */
uint32_t arc4random_uniform(uint32_t bound)
{
	uint32_t n, least = bound ? -bound % bound : 0;
	do
		n = arc4random();
	while (n < least);
	return bound ? n % bound : 0;
}

/* ---- rand(3), random(3) -------------------------------------------------------------------------- */

static uint64_t real_dice = 1; /* outside of a simulation */

static uint64_t *dice(void)
{
	struct task *t = libc_task();
	return t ? &t->node->dice : &real_dice;
}

/* Knuth's MMIX generator: its upper bits are the good ones. */
long random(void)
{
	uint64_t *d = dice();
	*d = *d * 6364136223846793005u + 1442695040888963407u;
	return (long)(*d >> 33);
}

void srandom(unsigned seed)
{
	*dice() = seed;
}

/* Its state is not the caller's: the same seed is the same row, which is what it is for. */
char *initstate(unsigned seed, char *state, size_t size)
{
	(void)size;
	srandom(seed);
	return state;
}

char *setstate(char *state)
{
	return state;
}

int rand(void)
{
	return (int)random();
}

void srand(unsigned seed)
{
	srandom(seed);
}
