/* Saying something to a topic. */
#include "topic.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct part *own_part(const pier_topic *t)
{
	struct worker *w = pier_worker_self();
	for (struct part *p = t->parts; p && w; p = p->next)
		if (p->worker == w && p->count)
			return p;
	return NULL;
}

/* Under the lock. All workers hear it or none. */
static int reserve(const pier_topic *t)
{
	int err = 0;
	for (struct part *p = t->parts; p && err == 0; p = p->next) {
		if (p->count == 0)
			continue;
		bool behind = p->waiting >= BEHIND_MOST || p->bytes >= BEHIND_BYTES;
		err = behind ? -ENOBUFS : pier_part_reserve(p);
	}
	return err;
}

/* The number is given and the message queued under one lock, so that all parts hear one order. */
static void push(pier_topic *t, struct said *s)
{
	s->number = ++t->number;
	for (struct part *p = t->parts; p; p = p->next)
		if (p->count)
			pier_part_push(p, s);
}

static int say(pier_topic *t, struct said *s)
{
	pthread_mutex_lock(&t->lock);
	int err = reserve(t);
	if (err == 0)
		push(t, s);
	struct part *own = own_part(t);
	bool much = own && (own->waiting >= BUNDLE_MOST || own->bytes >= BUNDLE_BYTES);
	pthread_mutex_unlock(&t->lock);
	said_drop(s);
	if (much) /* a fiber that goes on and on fills no more than one bundle */
		pier_part_deliver(own);
	return err;
}

static struct said *said_new(pier_conn *but, size_t len)
{
	struct said *s = malloc(sizeof *s + len + 1);
	if (!s)
		return NULL;
	*s = (struct said){.but = but, .len = len};
	atomic_init(&s->refs, 1);
	return s;
}

int pier_say(pier_topic *t, pier_conn *but, pier_bytes text)
{
	if (t && text.len > t->o.backlog_max)
		return -EMSGSIZE; /* no queue has room for it: every member would be cut */
	struct said *s = t ? said_new(but, text.len) : NULL;
	if (!s)
		return -ENOMEM;
	if (text.len)
		memcpy(s->text, text.p, text.len);
	return say(t, s);
}

int pier_sayf(pier_topic *t, pier_conn *but, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	int err = !t || len < 0 ? -ENOMEM : (size_t)len > t->o.backlog_max ? -EMSGSIZE : 0;
	struct said *s = err == 0 ? said_new(but, (size_t)len) : NULL;
	if (s)
		vsnprintf(s->text, (size_t)len + 1, format, again);
	va_end(again);
	va_end(args);
	return s ? say(t, s) : err < 0 ? err : -ENOMEM;
}
