/* A topic: what one says, all its members hear. Members may live on any worker; each hears what is said after it
 * was added, in one order that is the same for all, each message whole. What is said within a turn of a worker
 * goes to each member in one piece.
 *
 * Every member has a bounded queue. When it is full, the topic's policy decides what is lost, and only that is:
 *
 *	PIER_CLOSE_SLOW    a member hears everything up to a point, and is cut off there
 *	PIER_DROP_OLDEST   a member misses messages, but never the last one
 *	PIER_WAIT          every member hears everything */
#ifndef PIER_TOPIC_H
#define PIER_TOPIC_H

#include <pier/api.h>
#include <pier/bytes.h>
#include <pier/conn.h>

PIER_BEGIN

typedef struct pier_topic pier_topic;

/* What happens to a member whose queue is full. */
typedef enum pier_on_full {
	PIER_CLOSE_SLOW = 0, /* it is cut off: its conn fails with -PIER_ESLOW */
	PIER_DROP_OLDEST,    /* it misses the oldest message that waits for it */
	/* Whoever speaks waits until it has room. Its queue is its own `backlog`, and another one that the
	 * members of a worker share. A member that has taken nothing for its write time-out (pier_set_timeouts)
	 * is cut off, and at once when pier_cork holds its full queue back: -PIER_ESLOW. */
	PIER_WAIT,
} pier_on_full;

typedef struct pier_topic_opts {
	size_t size;	    /* sizeof(pier_topic_opts), set by the macro */
	unsigned backlog;   /* messages that may wait for one member; 0 = 64, at most 4096 */
	size_t backlog_max; /* bytes that may wait for one member; 0 = 1 MiB */
	pier_on_full on_full;
} pier_topic_opts;

/* A new topic, or NULL when memory is out. It may be made before any runtime runs, and lives until
 * pier_topic_free or the end of the process. */
PIER_API pier_topic *pier_topic_new_with(const pier_topic_opts *opts);
#define pier_topic_new(...)                                                                        \
	pier_topic_new_with(&(pier_topic_opts){.size = sizeof(pier_topic_opts), ##__VA_ARGS__})

/* Frees a topic that has no members. NULL is allowed. */
PIER_API void pier_topic_free(pier_topic *t);

/* Adds `c`, whose fiber calls; it leaves by pier_topic_remove or when `c` is closed, and hears what was said before
 * that, unless it waits for a slower one. A conn may be a member of 16 topics at once, and its queue is shared by
 * them. A message that is too long for the member's frame passes it by. Returns 0, -ENOMEM, -EALREADY,
 * -ENOSPC, -ENOTSUP outside of fibers, or the error of `c`. */
PIER_API int pier_topic_add(pier_topic *t, pier_conn *c);
PIER_API void pier_topic_remove(pier_topic *t, pier_conn *c);

/* Says `text` to all members but `but` (NULL: to all); callable from any thread. Returns 0, or when nobody hears it
 * -EMSGSIZE (it is longer than backlog_max), -ENOMEM, or -ENOBUFS (a worker of the members is 65,536 messages
 * or 64 MiB behind).
 *
 * Waits only under PIER_WAIT, in the order in which the speakers came: a fiber for as long as its deadline allows
 * and until it is cancelled, a thread for as long as the deadline around the call allows. Then instead of
 * -ENOBUFS: -ETIMEDOUT, -ECANCELED; or -EAGAIN where there is a worker but no fiber that could wait. */
PIER_API int pier_say(pier_topic *t, pier_conn *but, pier_bytes text);
PIER_API int pier_sayf(pier_topic *t, pier_conn *but, const char *format, ...) PIER_PRINTF(3, 4);

PIER_END

#endif
