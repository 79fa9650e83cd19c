/* What was said to a topic since a worker last looked, joined to one piece of memory: who hears all of it is
 * sent all of it by one pointer. A bundle belongs to one worker, so its references need no atomics. */
#ifndef NET_BUNDLE_H
#define NET_BUNDLE_H

#include <pier/conn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#define BUNDLE_MOST	  256	       /* messages */
#define BUNDLE_BYTES	  (128u << 10) /* of them, unless it is a single one */
#define BUNDLE_FRAMES	  4	       /* the kinds of pier_frame */
#define BUNDLE_LEN16_MOST UINT16_MAX

/* One message, for all workers that have members. The last of them frees it. */
struct said {
	atomic_uint refs;
	uint64_t number; /* in its topic */
	const pier_conn *but;
	size_t len;
	char text[];
};

static inline void said_drop(struct said *s)
{
	if (atomic_fetch_sub(&s->refs, 1) == 1)
		free(s);
}

/* Of three messages, framed as lines:
 *
 *	framed[PIER_LINES]   h i LF h o LF b y e LF
 *	at[]                 0 2 4 7           of the bare texts; a LF more for each message before it
 */
struct bundle {
	unsigned refs, count;
	bool chosen;		     /* not every message is for every member */
	struct said *const *said;    /* while it is delivered */
	char *framed[BUNDLE_FRAMES]; /* made when the first member asks for it */
	size_t at[];
};

/* Some of its messages, [from, to), framed. */
struct run {
	struct bundle *bundle;
	uint16_t from, to;
	uint8_t frame;
};

/* One reference, the caller's; the messages stay theirs who gave them. NULL when memory is out. */
struct bundle *pier_bundle_new(struct said *const *said, unsigned count);
/* Makes the bytes for `frame`, unless they are there. 0 or -ENOMEM. Only while it is delivered. */
int pier_bundle_frame(struct bundle *b, pier_frame frame);
void pier_bundle_drop(struct bundle *b);

/* How far into the framed bytes message `i` begins. */
size_t pier_bundle_at(const struct bundle *b, unsigned i, pier_frame frame);

static inline size_t run_len(const struct run *r)
{
	return pier_bundle_at(r->bundle, r->to, r->frame) -
	       pier_bundle_at(r->bundle, r->from, r->frame);
}

static inline char *run_text(const struct run *r)
{
	return r->bundle->framed[r->frame] + pier_bundle_at(r->bundle, r->from, r->frame);
}

/* Bytes of messages [from, to), unframed: what limits count. */
static inline size_t bundle_bytes(const struct bundle *b, unsigned from, unsigned to)
{
	return b->at[to] - b->at[from];
}

#endif
