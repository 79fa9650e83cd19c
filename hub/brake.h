/* The brake on guessing: how often something (a host, an account) may fail. A bounded table; where
 * it is full, the one that has rested longest makes room. */
#ifndef HUB_BRAKE_H
#define HUB_BRAKE_H

#include <pier/api.h>
#include <pthread.h>
#include <sodium.h>

#include "pace.h"

#define BRAKE_SETS 1024 /* 4096 entries in sets of four, found by a keyed hash of who it is */
#define BRAKE_WAYS 4

struct brake {
	pthread_mutex_t lock; /* held for a few instructions, also on fibers */
	int64_t interval;
	unsigned burst;
	unsigned char key[crypto_shorthash_KEYBYTES];
	struct brake_entry {
		uint64_t who;
		struct pace pace;
	} at[BRAKE_SETS][BRAKE_WAYS];
};

/* `per_minute` failures at once, and one more for each share of a minute. */
void brake_init(struct brake *b, unsigned per_minute);
void brake_done(struct brake *b);

/* `kind` tells hosts from accounts. */
bool brake_holds(struct brake *b, char kind, const char *who);
void brake_count(struct brake *b, char kind, const char *who);

/* What of a host's address counts as one: IPv6 users own a /64 at least. */
#define BRAKE_HOST_MAX 64
void brake_host(const char *host, char into[BRAKE_HOST_MAX]);

#endif
