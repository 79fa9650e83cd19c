/* How many conns each host has, for a limit that one host cannot use up for all. */
#ifndef SERVER_HOSTS_H
#define SERVER_HOSTS_H

#include <pier/addr.h>
#include <pthread.h>

struct hosts {
	pthread_mutex_t lock;
	struct host *buckets[256];
};

void pier_hosts_init(struct hosts *h);
void pier_hosts_done(struct hosts *h);

/* Counts a conn of this host, unless it has `max` already: then false. An IPv6 host is its /64, which is
 * what one customer has (RFC 6177 §2); all unix peers are one. */
bool pier_hosts_enter(struct hosts *h, const pier_addr *a, unsigned max);
void pier_hosts_leave(struct hosts *h, const pier_addr *a);

#endif
