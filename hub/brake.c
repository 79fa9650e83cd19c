/* The brake on guessing. */
#include "brake.h"

#include <netinet/in.h>
#include <pier.h>
#include <stdio.h>

void brake_init(struct brake *b, unsigned per_minute)
{
	*b = (struct brake){.interval = PIER_MIN(1) / per_minute, .burst = per_minute};
	pthread_mutex_init(&b->lock, NULL);
	crypto_shorthash_keygen(b->key);
}

void brake_done(struct brake *b)
{
	pthread_mutex_destroy(&b->lock);
}

static uint64_t hash_of(const struct brake *b, char kind, const char *who)
{
	unsigned char text[256];
	uint64_t hash;
	int len = snprintf((char *)text, sizeof text, "%c%s", kind, who);
	size_t used = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;

	crypto_shorthash((unsigned char *)&hash, text, used, b->key);
	return hash;
}

/* The entry of `who`, or the one to give up for it. */
static struct brake_entry *entry_of(struct brake *b, uint64_t who)
{
	struct brake_entry *set = b->at[who % BRAKE_SETS], *oldest = set;

	for (int i = 0; i < BRAKE_WAYS; i++) {
		if (set[i].who == who)
			return &set[i];
		if (set[i].pace.full < oldest->pace.full)
			oldest = &set[i];
	}
	return oldest;
}

bool brake_holds(struct brake *b, char kind, const char *who)
{
	uint64_t hash = hash_of(b, kind, who);

	pthread_mutex_lock(&b->lock);
	struct brake_entry *entry = entry_of(b, hash);
	bool holds = entry->who == hash &&
		     pace_wait(&entry->pace, pier_now(), b->interval, b->burst) > 0;
	pthread_mutex_unlock(&b->lock);
	return holds;
}

void brake_count(struct brake *b, char kind, const char *who)
{
	uint64_t hash = hash_of(b, kind, who);

	pthread_mutex_lock(&b->lock);
	struct brake_entry *entry = entry_of(b, hash);
	if (entry->who != hash)
		*entry = (struct brake_entry){.who = hash};
	pace_take(&entry->pace, pier_now(), b->interval);
	pthread_mutex_unlock(&b->lock);
}

void brake_host(const char *host, char into[BRAKE_HOST_MAX])
{
	pier_addr addr;
	bool v6 = pier_addr_parse(pier_text(host), 0, &addr) == 0 && addr.sa.sa_family == AF_INET6;
	const uint8_t *ip = ((struct sockaddr_in6 *)&addr.sa)->sin6_addr.s6_addr;

	if (v6 && !IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)ip))
		snprintf(into, BRAKE_HOST_MAX, "%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64", ip[0],
			 ip[1], ip[2], ip[3], ip[4], ip[5], ip[6], ip[7]);
	else
		snprintf(into, BRAKE_HOST_MAX, "%s", host);
}
