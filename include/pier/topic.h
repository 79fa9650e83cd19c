/* A topic: what one says, all its members hear. Members may live on any worker; each hears everything
 * said after it was added, in one order that is the same for all, each message whole. Nothing said to a
 * topic waits for a reader: every member has a bounded queue. */
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
	PIER_WAIT,	     /* whoever speaks waits until it has room */
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

/* Adds `c`, whose fiber calls; it leaves by pier_topic_remove or when `c` is closed. A conn may be a
 * member of 16 topics at once, and its queue is shared by them. Returns 0, -ENOMEM, -EALREADY, or
 * -ENOSPC. */
PIER_API int pier_topic_add(pier_topic *t, pier_conn *c);
PIER_API void pier_topic_remove(pier_topic *t, pier_conn *c);

/* Says `text` to all members but `but` (NULL: to all). Never waits; callable from any thread. Returns 0, or
 * when nobody hears it -EMSGSIZE (it is longer than backlog_max), -ENOBUFS (a worker of the members is
 * 65,536 messages or 64 MiB behind) or -ENOMEM. */
PIER_API int pier_say(pier_topic *t, pier_conn *but, pier_bytes text);
PIER_API int pier_sayf(pier_topic *t, pier_conn *but, const char *format, ...) PIER_PRINTF(3, 4);

PIER_END

#endif
