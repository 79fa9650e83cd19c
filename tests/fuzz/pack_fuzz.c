/* A format and bytes, neither to be trusted: nothing is read or written outside, sizes agree, and what was taken apart
 * is put together again. The input is the format, a zero byte, the bytes. */
#include <errno.h>
#include <pier/pack.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 256

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Room for whatever a field may be, also for 's' of all the bytes. */
static union {
	char bytes[ROOM];
	uint64_t number;
	const char *text;
	pier_bytes rest;
} at[PIER_PACK_MAX];

#define EIGHT(i)                                                                                   \
	&at[i], &at[i + 1], &at[i + 2], &at[i + 3], &at[i + 4], &at[i + 5], &at[i + 6], &at[i + 7]
#define ALL EIGHT(0), EIGHT(8), EIGHT(16), EIGHT(24), EIGHT(32), EIGHT(40), EIGHT(48), EIGHT(56)

static void by_any_format(const char *format, pier_bytes b)
{
	ssize_t size = pier_pack_size(format), n = pier_unpack(b, format, ALL);
	must(n <= (ssize_t)b.len);
	must(size < 0 || n == (size <= (ssize_t)b.len ? size : -EBADMSG));
}

static void there_and_back(pier_bytes b)
{
	char again[ROOM];
	int8_t one;
	uint16_t two;
	int32_t four;
	uint64_t eight;
	const char *text;
	pier_bytes rest;

	ssize_t n = pier_unpack(b, "<bHiQz*", &one, &two, &four, &eight, &text, &rest);
	must(n < 0 || n == (ssize_t)b.len);
	if (n < 0)
		return;
	must(text >= b.p && rest.p + rest.len == b.p + b.len);
	must(pier_pack(again, sizeof again, "<bHiQz*", one, two, four, eight, text, rest) == n);
	must(memcmp(again, b.p, b.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, 0, size) : NULL;
	if (!end || size > ROOM)
		return 0;
	size_t len = (size_t)(data + size - (end + 1));
	char *copy = malloc(len ? len : 1);
	if (!copy)
		return 0;
	if (len)
		memcpy(copy, end + 1, len);
	by_any_format((const char *)data, pier_bytes_of(copy, len));
	there_and_back(pier_bytes_of(copy, len));
	free(copy);
	return 0;
}
