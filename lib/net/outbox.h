/* What topics bring to a conn: a bounded queue of messages that many conns share, sent without a fiber. */
#ifndef NET_OUTBOX_H
#define NET_OUTBOX_H

#include "conn.h"

#include <pier/topic.h>
#include <stdlib.h>

#define TOPICS_PER_CONN 16

/* One message, for all its readers. The last of them frees it. */
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

struct outbox {
	pier_conn *conn;
	struct said **ring; /* count messages from head on */
	unsigned room, head, count;
	size_t bytes;
	size_t sent; /* bytes of the first message, as framed, that are gone already */
	bool busy;   /* the op is under way, with the first message */
	bool ending;
	struct io_op op;
	struct msghdr msg;
	struct iovec iov[3];
	char frame_head[4];
	struct turn_task flush;
	struct member *memberships[TOPICS_PER_CONN];
	unsigned topic_count;
};

/* Makes the conn's outbox, or makes it larger, for `backlog` messages. 0 or -ENOMEM. */
int pier_outbox_make(pier_conn *c, unsigned backlog);

/* Queues a message (one reference of it becomes the outbox's) within the limits; beyond them the policy
 * decides. It is sent at the end of the turn. */
void pier_outbox_put(pier_conn *c, struct said *s, const pier_topic_opts *limits);

/* topic.c: ends one membership. */
void pier_member_end(struct member *m);

#endif
