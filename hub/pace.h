/* A token bucket in one number: the time at which it will be full again (GCRA, ITU-T I.371). */
#ifndef HUB_PACE_H
#define HUB_PACE_H

#include <stdint.h>

struct pace {
	int64_t full; /* ns; in the past = full now */
};

/* `burst` at once, then one per `interval` ns. How long until one more is there; 0 = now. */
static inline int64_t pace_wait(const struct pace *p, int64_t now, int64_t interval, unsigned burst)
{
	int64_t wait = p->full - now - interval * ((int64_t)burst - 1);

	return wait > 0 ? wait : 0;
}

/* Takes one, whether it is there or not. */
static inline void pace_take(struct pace *p, int64_t now, int64_t interval)
{
	p->full = (p->full > now ? p->full : now) + interval;
}

#endif
