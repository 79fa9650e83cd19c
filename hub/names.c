/* Names of people and of rooms. */
#include "names.h"

#include <assert.h>
#include <errno.h>

#include "utf8.h"

int name_check(const char *name)
{
	pier_bytes rest = pier_text(name);

	if (rest.len == 0 || rest.len > NAME_MAX_BYTES || strpbrk(name, "/@:,"))
		return -EINVAL;
	while (rest.len > 0) {
		int32_t code = utf8_take(&rest);
		if (code < 0 || code_is_blank(code) || code_is_control(code))
			return -EINVAL;
	}
	return 0;
}

void name_fold(const char *name, char folded[NAME_MAX_BYTES + 1])
{
	size_t at = 0;

	for (; at < NAME_MAX_BYTES && name[at]; at++) {
		bool upper = name[at] >= 'A' && name[at] <= 'Z';
		folded[at] = (char)(upper ? name[at] - 'A' + 'a' : name[at]);
	}
	folded[at] = '\0';
}

void names_init(struct names *map)
{
	*map = (struct names){0};
	crypto_shorthash_keygen(map->key);
}

static size_t bucket_of(const struct names *map, const char *folded)
{
	uint64_t hash;

	static_assert(crypto_shorthash_BYTES == sizeof hash, "SipHash gives 64 bits");
	crypto_shorthash((unsigned char *)&hash, (const unsigned char *)folded, strlen(folded),
			 map->key);
	return hash % NAMES_BUCKETS;
}

struct named *names_find(const struct names *map, const char *folded)
{
	struct named *at = map->buckets[bucket_of(map, folded)];

	while (at && strcmp(at->folded, folded) != 0)
		at = at->next;
	return at;
}

void names_add(struct names *map, struct named *entry)
{
	struct named **bucket = &map->buckets[bucket_of(map, entry->folded)];

	entry->next = *bucket;
	*bucket = entry;
	map->count++;
}

void names_remove(struct names *map, struct named *entry)
{
	struct named **at = &map->buckets[bucket_of(map, entry->folded)];

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	map->count--;
}
