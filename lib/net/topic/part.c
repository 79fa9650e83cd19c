/* The part of a topic that lives on one worker: what is said waits here until the worker's turn ends, and then goes
 * to the members in one bundle. */
#include "topic.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* ---- What waits ---------------------------------------------------------------------------------- */

int pier_part_reserve(struct part *p)
{
	if (p->first + p->waiting < p->room)
		return 0;
	if (p->first) {
		memmove(p->said, p->said + p->first, p->waiting * sizeof(*p->said));
		p->first = 0;
		return 0;
	}
	unsigned room = p->room ? p->room * 2 : 16;
	struct said **said = realloc(p->said, room * sizeof(*said));
	if (!said)
		return -ENOMEM;
	p->said = said;
	p->room = room;
	return 0;
}

/* As many as one bundle takes. */
static unsigned peek(const struct part *p, struct said *into[BUNDLE_MOST])
{
	size_t bytes = 0;
	unsigned n = 0;
	for (; n < p->waiting && n < BUNDLE_MOST; n++) {
		into[n] = p->said[p->first + n];
		bytes += into[n]->len;
		if (n && bytes > BUNDLE_BYTES)
			break;
	}
	return n;
}

static void take(struct part *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct said *s = p->said[p->first + i];
		p->bytes -= s->len;
		said_drop(s);
	}
	p->waiting -= n;
	p->first = p->waiting ? p->first + n : 0;
}

void pier_part_clear(struct part *p)
{
	take(p, p->waiting);
}

void pier_part_free(struct part *p)
{
	assert(p->count == 0);
	pier_part_clear(p);
	free(p->said);
	free(p);
}

/* ---- Waking the worker --------------------------------------------------------------------------- */

static void deliver_task(struct turn_task *task)
{
	struct part *p = list_item(task, struct part, task);
	pier_topic *t = p->topic;
	pier_part_deliver(p);
	pier_topic_drop(t);
}

void pier_part_at_turn_end(struct part *p)
{
	if (p->task.queued)
		return;
	p->task.run = deliver_task;
	atomic_fetch_add(&p->topic->refs, 1);
	pier_worker_at_turn_end(p->worker, &p->task);
}

/* The worker may have come to its end: then it has no members left. */
static void noticed(struct io_op *note)
{
	struct part *p = list_item(note, struct part, note);
	pier_topic *t = p->topic;
	pthread_mutex_lock(&t->lock);
	p->noted = false;
	bool any = p->waiting && p->count;
	pthread_mutex_unlock(&t->lock);
	if (any)
		pier_part_at_turn_end(p);
	pier_topic_drop(t);
}

/* Many messages, one note. Under the lock: as long as the part has members, its worker lives. */
static void rouse(struct part *p)
{
	if (p->worker == pier_worker_self()) {
		pier_part_at_turn_end(p);
		return;
	}
	if (p->noted)
		return;
	p->noted = true;
	p->note = (struct io_op){.kind = IO_NOTE, .done = noticed};
	atomic_fetch_add(&p->topic->refs, 1);
	pier_io_post(p->worker->io, &p->note);
}

void pier_part_push(struct part *p, struct said *s)
{
	atomic_fetch_add(&s->refs, 1);
	p->said[p->first + p->waiting++] = s;
	p->bytes += s->len;
	rouse(p);
}

/* ---- Delivering ---------------------------------------------------------------------------------- */

static bool hears(const struct member *m, const struct said *s)
{
	return s->but != m->conn && s->number > m->from &&
	       (m->conn->frame != PIER_LEN16 || s->len <= BUNDLE_LEN16_MOST);
}

/* The next messages in a row, from *from on, that `m` hears. */
static bool next_run(const struct member *m, const struct bundle *b, unsigned end, unsigned *from,
		     unsigned *to)
{
	if (!b->chosen && m->from < b->said[0]->number) {
		*to = end;
		return *from < *to;
	}
	while (*from < end && !hears(m, b->said[*from]))
		++*from;
	for (*to = *from; *to < end && hears(m, b->said[*to]);)
		++*to;
	return *from < *to;
}

static void bring(struct member *m, struct bundle *b, unsigned end)
{
	unsigned from = 0, to;
	for (; next_run(m, b, end, &from, &to); from = to)
		pier_outbox_put(m->conn, b, from, to, &m->topic->o);
}

static void bring_all(struct part *p, struct bundle *b, unsigned end)
{
	for (struct list *at = p->members.next; at != &p->members; at = at->next) {
		struct member *m = list_item(at, struct member, link);
		if (b)
			bring(m, b, end);
		else
			pier_conn_fail(m->conn, -ENOMEM, "send to");
	}
}

static bool heard_by(const void *member, const struct said *s)
{
	return hears(member, s);
}

/* How many of the first `end` messages a member can take. Who corks past its queue is cut off: it alone could end
 * that wait, and it may be the speaker. */
static unsigned room_at(struct member *m, const struct bundle *b, unsigned end)
{
	pier_conn *c = m->conn;
	unsigned n = c->err ? end : pier_outbox_room(c, b, end, &m->topic->o, heard_by, m);
	if (n == 0 && c->corked)
		pier_conn_fail(c, -PIER_ESLOW, "send to");
	return c->err ? end : n;
}

/* How many messages all members can take; when there is none, those who have no room are awaited. */
static unsigned room_at_all(struct part *p, const struct bundle *b)
{
	unsigned n = b->count;
	for (struct list *at = p->members.next; at != &p->members; at = at->next) {
		struct member *m = list_item(at, struct member, link);
		unsigned room = room_at(m, b, n ? n : 1);
		n = room < n ? room : n;
		if (room == 0)
			pier_slow_await(m);
	}
	return n;
}

/* One bundle; how many messages. Only this worker takes any out, so those it has seen stay where they are while
 * the lock is free. */
static unsigned deliver_some(struct part *p)
{
	struct said *said[BUNDLE_MOST];
	pier_topic *t = p->topic;
	pthread_mutex_lock(&t->lock);
	unsigned n = peek(p, said);
	pthread_mutex_unlock(&t->lock);
	if (n == 0)
		return 0;

	struct bundle *b = pier_bundle_new(said, n);
	if (b && t->o.on_full == PIER_WAIT)
		n = room_at_all(p, b);
	bring_all(p, b, n);
	if (b)
		pier_bundle_drop(b);

	pthread_mutex_lock(&t->lock);
	take(p, n);
	struct waiter *admitted = pier_speakers_admit(t);
	pthread_mutex_unlock(&t->lock);
	pier_speakers_tell(admitted);
	return n;
}

void pier_part_deliver(struct part *p)
{
	while (p->awaits == 0 && deliver_some(p))
		;
}
