/* A topic from the inside: its members, in parts by worker, and what is said and not yet delivered. */
#ifndef NET_TOPIC_H
#define NET_TOPIC_H

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
};

struct pier_topic {
	struct list known; /* in `topics` */
	atomic_uint refs;  /* the owner's, and one for each part that is to deliver */
	pthread_mutex_t lock;
	pier_topic_opts o;
	uint64_t number; /* of the last message */
	struct part *parts;
};

struct member {
	struct list link; /* in its part */
	pier_topic *topic;
	struct part *part;
	pier_conn *conn;
	uint64_t from; /* the last number before it came: hears only later ones */
};

void pier_topic_drop(pier_topic *t);

/* ---- Parts (part.c) -------------------------------------------------------------------------------- */

/* Delivers all that waits. On the part's worker. */
void pier_part_deliver(struct part *p);
/* Lets go what waits for members that have all left. Under the lock, on the part's worker. */
void pier_part_clear(struct part *p);
void pier_part_free(struct part *p);

/* Under the lock: room for one message more, or -ENOMEM; then the message. */
int pier_part_reserve(struct part *p);
void pier_part_push(struct part *p, struct said *s);

#endif
