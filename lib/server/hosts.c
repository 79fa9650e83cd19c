#include "hosts.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct host {
	struct host *next;
	unsigned char key[8];
	unsigned conns;
};

void pier_hosts_init(struct hosts *h)
{
	*h = (struct hosts){0};
	pthread_mutex_init(&h->lock, NULL);
}

void pier_hosts_done(struct hosts *h)
{
	for (size_t i = 0; i < sizeof h->buckets / sizeof *h->buckets; i++) {
		while (h->buckets[i]) {
			struct host *gone = h->buckets[i];
			h->buckets[i] = gone->next;
			free(gone);
		}
	}
	pthread_mutex_destroy(&h->lock);
}

static void key_of(const pier_addr *a, unsigned char key[8])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->sa;
	memset(key, 0, 8);
	if (a->sa.sa_family == AF_INET)
		memcpy(key + 4, &v4->sin_addr, 4);
	else if (a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		memcpy(key + 4, v6->sin6_addr.s6_addr + 12, 4);
	else if (a->sa.sa_family == AF_INET6)
		memcpy(key, v6->sin6_addr.s6_addr, 8);
}

static struct host **find(struct hosts *h, const unsigned char key[8])
{
	unsigned sum = 0;
	for (int i = 0; i < 8; i++)
		sum = sum * 31 + key[i];
	struct host **at = &h->buckets[sum % 256];
	while (*at && memcmp((*at)->key, key, 8) != 0)
		at = &(*at)->next;
	return at;
}

bool pier_hosts_enter(struct hosts *h, const pier_addr *a, unsigned max)
{
	unsigned char key[8];
	key_of(a, key);
	pthread_mutex_lock(&h->lock);
	struct host **at = find(h, key);
	if (!*at && (*at = calloc(1, sizeof **at)))
		memcpy((*at)->key, key, 8);
	bool ok = *at && (*at)->conns < max;
	if (ok)
		(*at)->conns++;
	pthread_mutex_unlock(&h->lock);
	return ok;
}

void pier_hosts_leave(struct hosts *h, const pier_addr *a)
{
	unsigned char key[8];
	key_of(a, key);
	pthread_mutex_lock(&h->lock);
	struct host **at = find(h, key), *gone = *at;
	if (--gone->conns == 0) {
		*at = gone->next;
		free(gone);
	}
	pthread_mutex_unlock(&h->lock);
}
