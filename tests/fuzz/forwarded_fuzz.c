/* What whoever reaches a server behind a proxy may say first. */
#include "server/forwarded.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1); /* exact, so that a read past the end is seen */
	struct forwarded f = {.from.len = 99}, g = f;
	char text[PIER_ADDR_TEXT];

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	ssize_t used = pier_forwarded_decode((pier_bytes){copy, size}, &f);
	if (used > (ssize_t)size || used > FORWARDED_MAX)
		abort();
	if (used <= 0 && f.from.len != 99)
		abort();
	if (used > 0) {
		pier_addr_format(&f.from, text, sizeof text);
		pier_addr_format(&f.to, text, sizeof text);
		/* What it read is read again of these bytes alone, and not of fewer. */
		if (pier_forwarded_decode((pier_bytes){copy, (size_t)used}, &g) != used ||
		    pier_forwarded_decode((pier_bytes){copy, (size_t)used - 1}, &g) > 0)
			abort();
	}
	free(copy);
	return 0;
}
