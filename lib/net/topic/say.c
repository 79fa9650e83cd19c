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

/* For one message more: 0, -EAGAIN when somebody is to be waited for, or why it cannot be said. */
static int room_in(const struct part *p, const pier_topic_opts *o)
{
	if (o->on_full == PIER_WAIT)
		return p->waiting < o->backlog && p->bytes < o->backlog_max ? 0 : -EAGAIN;
	return p->waiting < BEHIND_MOST && p->bytes < BEHIND_BYTES ? 0 : -ENOBUFS;
}

/* Under the lock. All workers hear it or none. */
static int reserve(const pier_topic *t)
{
	int err = 0;
	for (struct part *p = t->parts; p && err == 0; p = p->next) {
		if (p->count == 0)
			continue;
		err = room_in(p, &t->o);
		if (err == 0)
			err = pier_part_reserve(p);
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

/* A fiber that speaks on and on fills no more than one bundle on its own worker. */
static bool is_much(const struct part *p, const pier_topic_opts *o)
{
	return p->waiting >= BUNDLE_MOST || p->bytes >= BUNDLE_BYTES || room_in(p, o) < 0;
}

static int say_now(pier_topic *t, struct said *s)
{
	pthread_mutex_lock(&t->lock);
	int err = t->speakers.first ? -EAGAIN : reserve(t);
	if (err == 0)
		push(t, s);
	struct part *own = own_part(t);
	bool much = own && is_much(own, &t->o);
	pthread_mutex_unlock(&t->lock);
	if (much)
		pier_part_deliver(own);
	return err;
}

/* ---- Waiting to speak ---------------------------------------------------------------------------- */

struct waiter *pier_speakers_admit(pier_topic *t)
{
	struct waiter *first = NULL, **last = &first;
	struct pier_place *p;
	int err;

	while (t->speakers.first && (err = reserve(t)) != -EAGAIN &&
	       (p = pier_place_claim(&t->speakers))) {
		if (err == 0)
			push(t, p->item);
		p->result = err;
		*last = p->waiter;
		last = &p->waiter->next;
		*last = NULL;
	}
	return first;
}

/* One that is told may be gone at once. */
void pier_speakers_tell(struct waiter *admitted)
{
	while (admitted) {
		struct waiter *next = admitted->next;
		pier_waiter_tell(admitted);
		admitted = next;
	}
}

/* It stands in line even when there is room again: whoever came before it speaks first. */
static int say_in_turn(pier_topic *t, struct said *s)
{
	struct waiter w;
	struct pier_place place = {.waiter = &w, .item = s};

	if (pier_worker_self() && !pier_fiber_self())
		return -EAGAIN; /* the loop itself never waits */
	int err = pier_wait_refused();
	if (err == 0)
		err = pier_waiter_init(&w);
	if (err < 0)
		return err;
	pthread_mutex_lock(&t->lock);
	pier_place_push(&t->speakers, &place);
	struct waiter *admitted = pier_speakers_admit(t);
	pthread_mutex_unlock(&t->lock);
	pier_speakers_tell(admitted);

	err = pier_waiter_wait(&w, "the members of a topic");
	if (err >= 0)
		return place.result;
	pthread_mutex_lock(&t->lock);
	pier_place_remove(&t->speakers, &place);
	pthread_mutex_unlock(&t->lock);
	return err;
}

static int say(pier_topic *t, struct said *s)
{
	int err = say_now(t, s);
	if (err == -EAGAIN)
		err = say_in_turn(t, s);
	said_drop(s);
	return err;
}

/* ---- Texts ---------------------------------------------------------------------------------------- */

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
