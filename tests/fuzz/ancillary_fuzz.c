/* Ancillary data whose lengths lie: every item lies inside, the walk ends, and what was added is found again. */
#include <pier/message.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 512

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_meanings(const pier_ancillary *a)
{
	pier_credentials who;
	pier_addr to;
	unsigned interface;
	int fds[4];

	pier_ancillary_fds(a, fds, 4);
	pier_ancillary_credentials(a, &who);
	pier_ancillary_pktinfo(a, &to, &interface);
	pier_ancillary_hops(a);
	pier_ancillary_class(a);
	pier_ancillary_time(a);
	pier_ancillary_segments(a);
}

/* As from a kernel that lies; at an odd address, in memory of its own size. */
static void walk(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);
	if (!copy)
		return;
	if (size)
		memcpy(copy + 1, data, size);
	const pier_ancillary a = {.at = copy + 1, .room = size, .len = size};
	size_t last = 0;
	for (pier_ancillary_item i = {0}; pier_ancillary_next(&a, &i);) {
		must(i.next > last);
		last = i.next;
		must(i.data.p >= copy + 1 && i.data.p <= copy + 1 + size);
		must(i.data.len <= (size_t)(copy + 1 + size - i.data.p));
		pier_ancillary_item first;
		must(pier_ancillary_find(&a, i.level, i.type, &first) && first.next <= i.next);
	}
	check_meanings(&a);
	free(copy);
}

/* Each byte of the input is the length of an item that is added, as long as there is room. */
static void build(const uint8_t *data, size_t size)
{
	size_t room = size ? data[0] * 2u : 0, added = 0, found = 0;
	char *at = malloc(room + 1);
	if (!at)
		return;
	pier_ancillary a = {.at = at, .room = room};
	for (size_t i = 1; i < size; i++) {
		size_t len = data[i] < size ? data[i] : size;
		int err = pier_ancillary_add(&a, 1, (int)i, data, len);
		must(a.len <= room && (err == 0 || CMSG_SPACE(len) > room - a.len));
		if (err < 0)
			break;
		added++;
	}
	for (pier_ancillary_item i = {0}; pier_ancillary_next(&a, &i); found++) {
		must(i.level == 1 && i.type == (int)found + 1 && !i.cut);
		must(i.data.len == 0 || memcmp(i.data.p, data, i.data.len) == 0);
	}
	must(found == added);
	free(at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > ROOM)
		return 0;
	walk(data, size);
	build(data, size);
	return 0;
}
