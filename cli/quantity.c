/* Sizes and durations as people write them: 64k, 1.5g, 250ms, 2m. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

struct unit {
	const char *name;
	double factor;
};

static const struct unit sizes[] = {{"", 1},	   {"b", 1},	    {"k", 0x1p10}, {"kib", 0x1p10},
				    {"m", 0x1p20}, {"mib", 0x1p20}, {"g", 0x1p30}, {"gib", 0x1p30},
				    {"t", 0x1p40}, {"tib", 0x1p40}, {NULL, 0}};
static const struct unit durations[] = {{"", 1e9},	{"s", 1e9},  {"ms", 1e6},   {"us", 1e3},
					{"ns", 1},	{"m", 60e9}, {"min", 60e9}, {"h", 3600e9},
					{"d", 86400e9}, {NULL, 0}};

static int parse(const char *text, const struct unit *units, int64_t *out)
{
	/* strtod would also take signs, blanks, hex, inf and nan. */
	size_t digits = strspn(text, "0123456789.");
	if (digits == 0 || digits > 20)
		return -EINVAL;

	char *end;
	double number = strtod(text, &end);
	if (end != text + digits)
		return -EINVAL;

	while (units->name && strcasecmp(units->name, end) != 0)
		units++;
	if (!units->name)
		return -EINVAL;

	double amount = number * units->factor + 0.5;
	if (amount >= 0x1p63)
		return -EINVAL;
	*out = (int64_t)amount;
	return 0;
}

int size_parse(const char *text, int64_t *out)
{
	return parse(text, sizes, out);
}

int duration_parse(const char *text, int64_t *ns)
{
	return parse(text, durations, ns);
}
