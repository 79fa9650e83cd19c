/* Topics: each worker has its own part of the members; a message is posted to every part in the same order. */
#include "outbox.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BACKLOG_DEFAULT 64
#define BACKLOG_MOST	4096
#define BYTES_DEFAULT	(1u << 20)

/* The members on one worker. The list is that worker's; the count is read by whoever says something. */
struct part {
	struct part *next;
	struct worker *worker;
	struct list members;
	unsigned count; /* under the topic's lock */
};

struct pier_topic {
	struct list known; /* in `topics` */
	atomic_uint refs;  /* the owner's, and one for each delivery under way */
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

/* A message on its way to one part. */
struct delivery {
	struct io_op note;
	pier_topic *topic;
	struct part *part;
	struct said *said;
};

/* All topics, so that those of a main that has returned are no leaks. */
static struct list topics = {&topics, &topics};
static pthread_mutex_t topics_lock = PTHREAD_MUTEX_INITIALIZER;

pier_topic *pier_topic_new_with(const pier_topic_opts *opts)
{
	pier_topic *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	if (opts)
		t->o = *opts;
	if (t->o.backlog == 0)
		t->o.backlog = BACKLOG_DEFAULT;
	if (t->o.backlog > BACKLOG_MOST)
		t->o.backlog = BACKLOG_MOST;
	if (t->o.backlog_max == 0)
		t->o.backlog_max = BYTES_DEFAULT;
	atomic_init(&t->refs, 1);
	pthread_mutex_init(&t->lock, NULL);
	pthread_mutex_lock(&topics_lock);
	list_push(&topics, &t->known);
	pthread_mutex_unlock(&topics_lock);
	return t;
}

static void topic_drop(pier_topic *t)
{
	if (atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	pthread_mutex_lock(&topics_lock);
	list_remove(&t->known);
	pthread_mutex_unlock(&topics_lock);
	while (t->parts) {
		struct part *p = t->parts;
		t->parts = p->next;
		free(p);
	}
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void pier_topic_free(pier_topic *t)
{
	if (t)
		topic_drop(t);
}

/* ---- Members ------------------------------------------------------------------------------------- */

static struct part *part_of(pier_topic *t, struct worker *w)
{
	for (struct part *p = t->parts; p; p = p->next)
		if (p->worker == w)
			return p;
	struct part *p = malloc(sizeof *p);
	if (!p)
		return NULL;
	*p = (struct part){.next = t->parts, .worker = w};
	list_init(&p->members);
	t->parts = p;
	return p;
}

static struct member *membership(pier_topic *t, pier_conn *c)
{
	for (unsigned i = 0; c->outbox && i < c->outbox->topic_count; i++)
		if (c->outbox->memberships[i]->topic == t)
			return c->outbox->memberships[i];
	return NULL;
}

int pier_topic_add(pier_topic *t, pier_conn *c)
{
	struct worker *w = pier_worker_self();
	if (!t || !c)
		return -ENOMEM;
	if (!w)
		return -ENOTSUP;
	if (c->err)
		return c->err;
	if (membership(t, c))
		return -EALREADY;
	int err = pier_outbox_make(c, t->o.backlog);
	if (err < 0)
		return err;
	if (c->outbox->topic_count == TOPICS_PER_CONN)
		return -ENOSPC;
	struct member *m = malloc(sizeof *m);
	if (!m)
		return -ENOMEM;

	pthread_mutex_lock(&t->lock);
	struct part *p = part_of(t, w);
	if (p) {
		*m = (struct member){.topic = t, .part = p, .conn = c, .from = t->number};
		list_push(&p->members, &m->link);
		p->count++;
	}
	pthread_mutex_unlock(&t->lock);
	if (!p) {
		free(m);
		return -ENOMEM;
	}
	c->outbox->memberships[c->outbox->topic_count++] = m;
	return 0;
}

void pier_member_end(struct member *m)
{
	struct outbox *o = m->conn->outbox;
	for (unsigned i = 0; i < o->topic_count; i++) {
		if (o->memberships[i] == m) {
			o->memberships[i] = o->memberships[--o->topic_count];
			break;
		}
	}
	pthread_mutex_lock(&m->topic->lock);
	list_remove(&m->link);
	m->part->count--;
	pthread_mutex_unlock(&m->topic->lock);
	free(m);
}

void pier_topic_remove(pier_topic *t, pier_conn *c)
{
	struct member *m = t && c ? membership(t, c) : NULL;
	if (m)
		pier_member_end(m);
}

/* ---- Saying -------------------------------------------------------------------------------------- */

static void deliver(struct io_op *note)
{
	struct delivery *d = (struct delivery *)note;
	struct list *head = &d->part->members;

	for (struct list *at = head->next; at != head; at = at->next) {
		struct member *m = list_item(at, struct member, link);
		if (m->conn == d->said->but || m->from >= d->said->number)
			continue;
		atomic_fetch_add(&d->said->refs, 1);
		pier_outbox_put(m->conn, d->said, &d->topic->o);
	}
	said_drop(d->said);
	topic_drop(d->topic);
	free(d);
}

static int post(pier_topic *t, struct part *p, struct said *s)
{
	struct delivery *d = malloc(sizeof *d);
	if (!d)
		return -ENOMEM;
	*d = (struct delivery){
		.note = {.kind = IO_NOTE, .done = deliver}, .topic = t, .part = p, .said = s};
	atomic_fetch_add(&s->refs, 1);
	atomic_fetch_add(&t->refs, 1);
	pier_io_post(p->worker->io, &d->note);
	return 0;
}

/* The number is given and the message posted under one lock, so that all parts hear one order. */
static int say(pier_topic *t, struct said *s)
{
	int err = 0;
	pthread_mutex_lock(&t->lock);
	s->number = ++t->number;
	for (struct part *p = t->parts; p && err == 0; p = p->next)
		if (p->count)
			err = post(t, p, s);
	pthread_mutex_unlock(&t->lock);
	said_drop(s);
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
