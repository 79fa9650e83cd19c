#include "test.h"

#include <pier/time.h>
#include <stdio.h>

#include "names.h"
#include "pace.h"
#include "words.h"

#include <stdlib.h>

static struct named *put(struct names *map, const char *name)
{
	struct named *entry = calloc(1, sizeof *entry);

	name_fold(name, entry->folded);
	names_add(map, entry);
	return entry;
}

TEST(a_name_is_folded_by_ascii_only)
{
	char folded[NAME_MAX_BYTES + 1];

	name_fold("Zhao-É李", folded);
	CHECK_STR(folded, "zhao-É李");
}

TEST(what_is_added_is_found_until_it_is_removed)
{
	static struct names map;
	struct named *entries[3000];
	char name[16];

	CHECK(sodium_init() >= 0);
	names_init(&map);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "N%d", i);
		entries[i] = put(&map, name);
	}
	CHECK_EQ(map.count, 3000);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "n%d", i);
		CHECK(names_find(&map, name) == entries[i]);
	}
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "n%d", i);
		names_remove(&map, entries[i]);
		CHECK(!names_find(&map, name));
		free(entries[i]);
	}
	CHECK_EQ(map.count, 0);
}

TEST(a_pace_gives_a_burst_and_then_one_each_interval)
{
	struct pace p = {0};
	int64_t now = PIER_S(1000);

	for (int i = 0; i < 4; i++) {
		CHECK_EQ(pace_wait(&p, now, PIER_S(1), 4), 0);
		pace_take(&p, now, PIER_S(1));
	}
	CHECK_EQ(pace_wait(&p, now, PIER_S(1), 4), PIER_S(1));
	CHECK_EQ(pace_wait(&p, now + PIER_MS(600), PIER_S(1), 4), PIER_MS(400));
	CHECK_EQ(pace_wait(&p, now + PIER_S(1), PIER_S(1), 4), 0);
	CHECK_EQ(pace_wait(&p, now + PIER_S(100), PIER_S(1), 4), 0);
}

TEST(the_language_is_that_of_the_first_variable_that_is_set)
{
	unsetenv("LC_ALL");
	unsetenv("LC_MESSAGES");
	unsetenv("LANG");
	CHECK_EQ(hub_lang_from_env(), HUB_EN);
	setenv("LANG", "zh_CN.UTF-8", 1);
	CHECK_EQ(hub_lang_from_env(), HUB_ZH);
	setenv("LC_MESSAGES", "", 1);
	CHECK_EQ(hub_lang_from_env(), HUB_ZH);
	setenv("LC_ALL", "C.UTF-8", 1);
	CHECK_EQ(hub_lang_from_env(), HUB_EN);
}
