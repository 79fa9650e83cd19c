/* Slow members of a topic whose policy is to wait. While one of them is full, its part delivers nothing; what is said
 * waits there, and when that is full too, the speakers wait. A member that takes nothing at all for as long as a send
 * to it may wait is cut off. */
#include "topic.h"

#include <errno.h>

static bool has_eased(const struct outbox *o, const pier_topic_opts *l)
{
	return o->count <= l->backlog / 2 && o->bytes <= l->backlog_max / 2;
}

/* Cuts those whose time is over; when the next one's will be. */
static int64_t cut_overdue(struct part *p)
{
	int64_t now = pier_io_clock(), next = PIER_FOREVER;
	for (struct list *at = p->members.next; at != &p->members; at = at->next) {
		struct member *m = list_item(at, struct member, link);
		if (m->awaited && m->until <= now)
			pier_conn_fail(m->conn, -PIER_ESLOW, "send to");
		else if (m->awaited && m->until < next)
			next = m->until;
	}
	return next;
}

static int watch(void *arg)
{
	struct part *p = arg;
	while (p->awaits) {
		int64_t next = cut_overdue(p);
		if (p->awaits)
			pier_waitq_wait(&p->watch, next, "a slow member of a topic");
	}
	p->watched = false;
	pier_topic_drop(p->topic);
	return 0;
}

/* A fiber for the time of the stall: who is late is found without one for each member. */
static void watch_over(struct member *m)
{
	struct part *p = m->part;
	if (p->watched) {
		pier_waitq_wake(&p->watch); /* to look again */
		return;
	}
	p->watched = pier_fiber_start(p->worker, watch, p) != NULL;
	if (p->watched)
		atomic_fetch_add(&p->topic->refs, 1);
	else
		pier_conn_fail(m->conn, -ENOMEM, "send to");
}

void pier_slow_await(struct member *m)
{
	if (m->awaited)
		return;
	m->awaited = true;
	m->until = pier_conn_until(m->conn, m->conn->wr);
	m->conn->outbox->awaited++;
	m->part->awaits++;
	if (m->until != PIER_FOREVER)
		watch_over(m);
}

void pier_slow_release(struct member *m)
{
	if (!m->awaited)
		return;
	m->awaited = false;
	m->conn->outbox->awaited--;
	if (--m->part->awaits)
		return;
	pier_part_at_turn_end(m->part);
	pier_waitq_wake(&m->part->watch);
}

/* Half of its queue is free before the others go on, so that they go on in good pieces. */
void pier_slow_moved(struct outbox *o)
{
	for (unsigned i = 0; i < o->topic_count && o->awaited; i++) {
		struct member *m = o->memberships[i];
		if (!m->awaited)
			continue;
		if (o->conn->err || has_eased(o, &m->topic->o))
			pier_slow_release(m);
		else
			m->until = pier_conn_until(o->conn, o->conn->wr);
	}
}
