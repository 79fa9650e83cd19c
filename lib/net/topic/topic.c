/* Topics and their members: each worker has its own part of them. */
#include "topic.h"

#include <errno.h>

#define BACKLOG_DEFAULT 64
#define BACKLOG_MOST	4096
#define BYTES_DEFAULT	(1u << 20)

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

void pier_topic_drop(pier_topic *t)
{
	if (atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	pthread_mutex_lock(&topics_lock);
	list_remove(&t->known);
	pthread_mutex_unlock(&topics_lock);
	while (t->parts) {
		struct part *p = t->parts;
		t->parts = p->next;
		pier_part_free(p);
	}
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void pier_topic_free(pier_topic *t)
{
	if (t)
		pier_topic_drop(t);
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
	*p = (struct part){.next = t->parts, .topic = t, .worker = w};
	list_init(&p->members);
	waitq_init(&p->watch);
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
	int err = pier_outbox_make(c);
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

/* What was said while it was a member it still hears, unless it waits for a slower one. */
void pier_member_end(struct member *m)
{
	struct outbox *o = m->conn->outbox;
	pier_topic *t = m->topic;
	struct part *p = m->part;

	pier_part_deliver(p);
	pier_slow_release(m);
	for (unsigned i = 0; i < o->topic_count; i++) {
		if (o->memberships[i] == m) {
			o->memberships[i] = o->memberships[--o->topic_count];
			break;
		}
	}
	pthread_mutex_lock(&t->lock);
	list_remove(&m->link);
	if (--p->count == 0)
		pier_part_clear(p);
	struct waiter *admitted = pier_speakers_admit(t);
	pthread_mutex_unlock(&t->lock);
	pier_speakers_tell(admitted);
	free(m);
}

void pier_topic_remove(pier_topic *t, pier_conn *c)
{
	struct member *m = t && c ? membership(t, c) : NULL;
	if (m)
		pier_member_end(m);
}
