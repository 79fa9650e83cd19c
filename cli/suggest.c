/* The word that was probably meant. */
#include "suggest.h"

#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Slips of the finger between two words: a letter missing, extra, wrong, or two swapped (optimal
 * string alignment). Three rows are enough: this one and the two above. */
static unsigned slips(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][SUGGEST_WORD_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned wrong = a[i - 1] != b[j - 1];
			row[j] = least(up[j - 1] + wrong, least(up[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], up2[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

void suggest(struct suggestion *s, const char *candidate)
{
	size_t len = strlen(s->word), candidate_len = strlen(candidate);
	if (len == 0 || len > SUGGEST_WORD_MAX || candidate_len > SUGGEST_WORD_MAX)
		return;

	bool beginning = len >= 2 && strncmp(s->word, candidate, len) == 0;
	unsigned distance = beginning ? 1 : slips(s->word, len, candidate, candidate_len);
	if (distance > (len < 4 ? 1 : 1 + len / 4) || (s->best && distance >= s->distance))
		return;
	s->best = candidate;
	s->distance = distance;
}
