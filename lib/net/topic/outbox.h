/* What topics bring to a conn: a bounded queue of messages that many conns share, sent without a fiber. */
#ifndef NET_OUTBOX_H
#define NET_OUTBOX_H

#include "bundle.h"
#include "net/conn.h"

#include <pier/topic.h>
#include <stdlib.h>

#define TOPICS_PER_CONN 16

struct outbox {
	pier_conn *conn;
	struct run *ring; /* `runs` of them from head on; room is a power of two */
	unsigned room, head, runs;
	struct run now; /* one message that is partly gone, or under way; no bundle: none */
	size_t sent;	/* its bytes that are gone */
	unsigned count; /* messages that wait, `now` among them */
	size_t bytes;	/* of them, unframed */
	bool busy;	/* the op is under way, with `now` */
	bool ending;
	struct io_op op;
	struct msghdr msg;
	struct iovec iov;
	struct turn_task flush;
	struct member *memberships[TOPICS_PER_CONN];
	unsigned topic_count;
	unsigned awaited; /* memberships for which others wait */
};

/* Makes the conn's outbox, unless it has one. 0 or -ENOMEM. */
int pier_outbox_make(pier_conn *c);

/* Queues messages [from, to) within the limits; beyond them the policy decides. They are sent at the end of
 * the turn. */
void pier_outbox_put(pier_conn *c, struct bundle *b, unsigned from, unsigned to,
		     const pier_topic_opts *limits);

/* How many of the messages [0, to) there is room for, after a try to send what waits; those that `heard` denies
 * take none. */
unsigned pier_outbox_room(pier_conn *c, const struct bundle *b, unsigned to,
			  const pier_topic_opts *l,
			  bool (*heard)(const void *arg, const struct said *s), const void *arg);

/* slow.c: something has left the queue, or the conn has failed. */
void pier_slow_moved(struct outbox *o);

/* topic.c: ends one membership. */
void pier_member_end(struct member *m);

#endif
