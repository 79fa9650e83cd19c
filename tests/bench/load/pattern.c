#include "load.h"

#include <string.h>

/* A prime, so that messages of one conn differ in where they begin; small, so that it stays in the cache. */
#define PERIOD 65521

static char pattern[PERIOD + READ_SIZE];
static size_t period = PERIOD, apart = 7919; /* from the place of one conn to that of the next */

/* Text, and each line ends where it should: the period and all places are whole lines. */
static void cut_lines(size_t line)
{
	for (size_t i = 0; i < PERIOD; i++)
		pattern[i] = (i + 1) % line == 0 ? '\n' : (char)('a' + (pattern[i] & 15));
	period = PERIOD / line * line;
	apart = 7 * line;
}

void pattern_init(size_t line)
{
	uint32_t x = 2463534242; /* xorshift: Marsaglia 2003 */
	for (size_t i = 0; i < PERIOD; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		pattern[i] = (char)(x >> 11);
	}
	if (line)
		cut_lines(line);
	for (size_t i = period; i < sizeof pattern; i++)
		pattern[i] = pattern[i - period];
}

const char *pattern_at(unsigned c, uint64_t position)
{
	return pattern + ((uint64_t)c * apart + position) % period;
}

void pattern_check(unsigned c, uint64_t position, const char *got, size_t n)
{
	const char *want = pattern_at(c, position);
	if (memcmp(got, want, n) == 0)
		return;
	size_t i = 0;
	while (got[i] == want[i])
		i++;
	die("conn %u: byte %llu came back as %02x, not %02x", c, (unsigned long long)(position + i),
	    (unsigned char)got[i], (unsigned char)want[i]);
}
