/* Names of people and of rooms, and finding what has one. */
#ifndef HUB_NAMES_H
#define HUB_NAMES_H

#include <pier/bytes.h>
#include <sodium.h>

#define NAME_MAX_BYTES 32 /* of people and of rooms, without the NUL */

/* 0, or -EINVAL: 1 to 32 bytes of UTF-8 without blanks, controls, and without '/', '@', ':' or ','.
 */
int name_check(const char *name);

/* Lower case, ASCII only: what the database calls NOCASE. */
void name_fold(const char *name, char folded[NAME_MAX_BYTES + 1]);

/* ---- A map from folded names to what embeds a struct named ---------------------------------- */
#define NAMES_BUCKETS 1024

struct named {
	struct named *next;
	char folded[NAME_MAX_BYTES + 1];
};

struct names {
	/* Strangers choose names; a secret key keeps them from choosing one bucket for all. */
	unsigned char key[crypto_shorthash_KEYBYTES];
	struct named *buckets[NAMES_BUCKETS];
	unsigned count;
};

void names_init(struct names *map);
struct named *names_find(const struct names *map, const char *folded);
/* `entry` has its folded name, which is not in the map yet. */
void names_add(struct names *map, struct named *entry);
void names_remove(struct names *map, struct named *entry);

#endif
