/* A topic from the inside: its members, in parts by worker, and what is said and not yet delivered. */
#ifndef NET_TOPIC_H
#define NET_TOPIC_H

#include "fiber/waiter.h"
#include "outbox.h"

#include <pthread.h>

#define BEHIND_MOST  65536u	 /* messages that wait for one worker */
#define BEHIND_BYTES (64u << 20) /* of them; the last may go beyond */

/* The members on one worker. The list is that worker's; the rest is under the topic's lock. */
struct part {
	struct part *next;
	pier_topic *topic;
	struct worker *worker;
	struct list members;
	unsigned count;	    /* of members: read by whoever says something */
	struct said **said; /* `waiting` messages from `first` on, in order */
	unsigned first, waiting, room;
	size_t bytes;
	struct io_op note; /* wakes the worker */
	bool noted;	   /* the note is under way */
	struct turn_task task;
	unsigned awaits; /* members that are full, where the policy is to wait */
	bool watched;	 /* by a fiber, which sleeps in `watch` */
	struct waitq watch;
};

struct pier_topic {
	struct list known; /* in `topics` */
	atomic_uint refs;  /* the owner's, and one for each part that is to deliver */
	pthread_mutex_t lock;
	pier_topic_opts o;
	uint64_t number; /* of the last message */
	struct part *parts;
	pier_waiting speakers; /* who waits to say something, with it */
};

struct member {
	struct list link; /* in its part */
	pier_topic *topic;
	struct part *part;
	pier_conn *conn;
	uint64_t from; /* the last number before it came: hears only later ones */
	bool awaited;  /* it is full, and its part waits for it */
	int64_t until; /* … no longer than this */
};

void pier_topic_drop(pier_topic *t);

/* ---- Parts (part.c) -------------------------------------------------------------------------------- */

/* Delivers all that waits. On the part's worker. */
void pier_part_deliver(struct part *p);
/* Lets go what waits for members that have all left. Under the lock, on the part's worker. */
void pier_part_clear(struct part *p);
void pier_part_free(struct part *p);
/* Has it deliver when the turn ends. On its worker. */
void pier_part_at_turn_end(struct part *p);

/* Under the lock: room for one message more, or -ENOMEM; then the message. */
int pier_part_reserve(struct part *p);
void pier_part_push(struct part *p, struct said *s);

/* ---- Speakers that wait (say.c) --------------------------------------------------------------------- */

/* Says what they wait to say, as far as there is room. Under the lock; after it, those to be told. */
struct waiter *pier_speakers_admit(pier_topic *t);
void pier_speakers_tell(struct waiter *admitted);

/* ---- Slow members (slow.c) -------------------------------------------------------------------------- */

/* A member keeps its part waiting, and no more. All on its worker. */
void pier_slow_await(struct member *m);
void pier_slow_release(struct member *m);

#endif
