/* tcp, unix and seqpacket: what arrives does so in order or not at all. What is lost on the way is sent again, so a loss is
 * a delay. */
#include "sim/film.h"
#include "sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_TOLD 24

/* ---- Lanes --------------------------------------------------------------------------------------- */

static const char *const kinds[] = {"data", "end", "RESET", "syn ack", "ack"};

static void lane_arrives(struct event *e);

struct stream *pier_stream_new(struct node *a, struct node *b)
{
	struct stream *st = calloc(1, sizeof *st);
	if (!st)
		abort();
	st->nodes[0] = a;
	st->nodes[1] = b;
	for (int i = 0; i < 2; i++) {
		st->lanes[i].stream = st;
		st->lanes[i].from = i;
		st->lanes[i].event.fire = lane_arrives;
		pier_chunks_init(&st->lanes[i].way);
		pier_window_init(&st->lanes[i]);
	}
	list_push(&pier_world->streams, &st->link);
	return st;
}

static void release(struct stream *st)
{
	if (st->ends[0] || st->ends[1] || st->lanes[0].way.count || st->lanes[1].way.count)
		return;
	pier_window_done(&st->lanes[0]);
	pier_window_done(&st->lanes[1]);
	list_remove(&st->link);
	free(st);
}

static void lane_clear(struct lane *l)
{
	pier_chunks_clear(&l->way);
	pier_event_drop(&l->event);
}

static void lane_set(struct lane *l, int64_t at, bool flying)
{
	pier_event_drop(&l->event);
	l->event.flying = flying;
	pier_event_at(&l->event, at > pier_world->now ? at : pier_world->now);
}

void pier_lane_push(struct lane *l, struct chunk *c)
{
	struct stream *st = l->stream;
	bool alone = !l->way.count;
	struct packet p = {st->nodes[l->from], st->nodes[1 - l->from], st->family, c->len};
	int64_t at = pier_world->now + pier_link_stream(&p);
	l->last = c->arrives = at > l->last ? at : l->last;
	pier_chunks_push(&l->way, c);
	if (alone && p.from == p.to && c->arrives <= pier_world->now)
		lane_arrives(&l->event);
	else if (!l->event.at.place)
		lane_set(l, c->arrives, true);
}

void pier_stream_say(struct stream *st, int from, enum chunk_kind kind)
{
	pier_lane_push(&st->lanes[from], pier_chunk_new(kind, NULL, 0, 0));
}

void pier_stream_break(struct sock *s, int err)
{
	s->error = err;
	s->state = SOCK_BROKEN;
	lane_clear(&s->stream->lanes[s->end]);
	pier_sim_sock_news(s);
}

/* Nothing passes now: tried again, each time twice as late, until it is given up. */
static void lane_blocked(struct lane *l, bool for_good)
{
	const struct stream *st = l->stream;
	struct sock *s = l->stream->ends[l->from];
	int64_t now = pier_world->now;
	if (!l->blocked) {
		l->blocked = now;
		l->repeat = REPEAT_FIRST;
	}
	pier_film_arrow(FRAME_LOST, st->nodes[l->from], st->nodes[1 - l->from], now, "%s",
			kinds[l->way.first->kind]);
	int64_t patience = s ? pier_alive_patience(s) : FOR_AN_ANSWER;
	if (now - l->blocked >= patience) {
		lane_clear(l);
		if (s)
			pier_stream_break(s, -ETIMEDOUT);
		release(l->stream);
		return;
	}
	int64_t at = now + l->repeat, end = l->blocked + patience;
	lane_set(l, at < end ? at : end, !for_good);
	l->repeat = l->repeat * 2 < REPEAT_MOST ? l->repeat * 2 : REPEAT_MOST;
}

/* ---- Arrivals ------------------------------------------------------------------------------------ */

/* More than half of it. */
static bool is_text(const char *text)
{
	size_t points = 0, len = strlen(text);
	for (const char *at = text; *at; at++)
		points += *at == '.';
	return points * 2 <= len;
}

static void film(const struct lane *l, const struct chunk *c, const char *text)
{
	static const enum frame_kind as[] = {FRAME_DATA, FRAME_END, FRAME_RESET, FRAME_SYN,
					     FRAME_SYN};
	const struct stream *st = l->stream;
	struct node *from = st->nodes[l->from], *to = st->nodes[1 - l->from];
	if (c->kind == CHUNK_DATA && is_text(text))
		pier_film_arrow(as[c->kind], from, to, c->sent, "%zu B %s", c->len, text);
	else if (c->kind == CHUNK_DATA)
		pier_film_arrow(as[c->kind], from, to, c->sent, "%zu B", c->len);
	else
		pier_film_arrow(as[c->kind], from, to, c->sent, "%s", kinds[c->kind]);
}

static void tell(const struct lane *l, const struct chunk *c)
{
	const struct stream *st = l->stream;
	char text[TEXT_TOLD + 1];
	size_t n = 0;
	if (!pier_world->trace && !pier_world->film)
		return;
	for (; n < c->len && n < TEXT_TOLD; n++)
		text[n] = c->data[n] >= ' ' && c->data[n] <= '~' ? c->data[n] : '.';
	n -= n && n == c->len && c->data[n - 1] == '\n';
	text[n] = 0;
	const struct sock *s = st->ends[1 - l->from];
	unsigned a = s ? pier_addr_port(&s->peer) : 0, b = s ? pier_addr_port(&s->local) : 0;
	pier_world_trace("%s:%u → %s:%u  %s  %zu bytes  %s", st->nodes[l->from]->name, a,
			 st->nodes[1 - l->from]->name, b, kinds[c->kind], c->len, text);
	film(l, c, text);
}

static bool listens(const struct sock *s)
{
	for (unsigned i = 0; i < pier_world->socks_high; i++)
		if (pier_sim_sock_at(i) == s)
			return s->state == SOCK_LISTENING;
	return false;
}

void pier_sim_sock_enqueue(struct sock *listener, struct sock *s)
{
	s->next = NULL;
	s->queued = 1;
	if (listener->last)
		listener->last->next = s;
	else
		listener->first = s;
	listener->last = s;
	listener->queued++;
	pier_sim_sock_news(listener);
}

/* A sock that no program has seen goes without a word. */
static void vanish(struct sock *s)
{
	s->stream->ends[s->end] = NULL;
	pier_sim_sock_free(s);
}

static void confirmed(struct stream *st)
{
	struct sock *s = st->ends[1];
	if (!s) {
		pier_stream_say(st, 1, CHUNK_RESET);
		return;
	}
	if (listens(st->listener)) {
		pier_sim_sock_enqueue(st->listener, s);
		return;
	}
	vanish(s);
	pier_stream_say(st, 1, CHUNK_RESET);
}

static void answered(struct stream *st)
{
	struct sock *s = st->ends[0];
	if (!s) {
		pier_stream_say(st, 0, CHUNK_RESET);
		return;
	}
	s->state = SOCK_CONNECTED;
	pier_stream_say(st, 0, CHUNK_CONFIRMED);
	pier_sim_sock_news(s);
}

static void was_reset(struct sock *s)
{
	if (!s || s->state == SOCK_BROKEN)
		return;
	if (pier_chance(2))
		pier_chunks_clear(&s->came); /* RFC 9293 §3.10.7.4: queues may be flushed */
	pier_stream_break(s, s->state == SOCK_CONNECTING ? -ECONNREFUSED : -ECONNRESET);
	if (s->fd < 0 && !s->queued)
		vanish(s);
}

static void deliver(struct stream *st, int to, struct chunk *c)
{
	struct sock *s = st->ends[to];
	switch (c->kind) {
	case CHUNK_ANSWER:
		answered(st);
		break;
	case CHUNK_CONFIRMED:
		confirmed(st);
		break;
	case CHUNK_RESET:
		was_reset(s);
		break;
	case CHUNK_END:
		if (s) {
			s->ended = true;
			pier_sim_sock_news(s);
		}
		break;
	case CHUNK_DATA:
		if (!s || s->state == SOCK_BROKEN) {
			pier_stream_say(st, to, CHUNK_RESET);
		} else if (s->state != SOCK_CONNECTED || s->shut_in) {
			pier_window_taken(&st->lanes[1 - to], c->len);
		} else {
			pier_chunks_push(&s->came, c);
			pier_sim_sock_news(s);
			return;
		}
	}
	pier_chunk_free(c);
}

/* Both ends know of each other again, unless nothing comes back. */
static void hear(struct stream *st, int from)
{
	struct sock *s = st->ends[from], *reader = st->ends[1 - from];
	bool for_good;
	if (st->local)
		return;
	if (reader)
		reader->heard = pier_world->now;
	if (!s)
		return;
	if (pier_link_open(st->nodes[1 - from], st->nodes[from], st->family, &for_good))
		s->heard = pier_world->now;
	else
		pier_alive_unheard(s);
}

static void lane_arrives(struct event *e)
{
	struct lane *l = (struct lane *)e;
	struct stream *st = l->stream;
	int to = 1 - l->from;
	struct node *here = st->nodes[l->from], *there = st->nodes[to];
	bool for_good;
	if (!st->local && !pier_link_open(here, there, st->family, &for_good)) {
		lane_blocked(l, for_good);
		return;
	}
	l->blocked = 0;
	struct chunk *c = pier_chunks_pop(&l->way);
	if (l->way.first)
		lane_set(l, l->way.first->arrives, true);
	tell(l, c);
	pier_world_fold(c->len << 8 | c->kind);
	/* The stream must outlive what its ends do now. */
	l->way.count++;
	hear(st, l->from);
	deliver(st, to, c);
	l->way.count--;
	release(st);
}

/* ---- Ends ---------------------------------------------------------------------------------------- */

int pier_stream_shutdown(struct sock *s, int how)
{
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	if (s->state != SOCK_CONNECTED)
		return -ENOTCONN;
	if (s->type == SOCK_DGRAM) {
		s->shut_in |= how != SHUT_WR;
		s->shut_out |= how != SHUT_RD;
		pier_sim_sock_news(s);
		return 0;
	}
	if (how != SHUT_RD && !s->shut_out) {
		s->shut_out = true;
		pier_stream_say(s->stream, s->end, CHUNK_END);
	}
	if (how != SHUT_WR) {
		s->shut_in = true;
		pier_sim_sock_news(s);
	}
	return 0;
}

static void refuse_waiting(struct sock *s, bool crash)
{
	struct sock *one;
	while ((one = s->first)) {
		s->first = one->next;
		one->queued = 0;
		one->resets = true;
		pier_sim_sock_close(one, crash);
	}
	s->last = NULL;
}

/* Unread input, or a linger of nothing, makes a reset of the close: RFC 1122 §4.2.2.13. */
static void say_last(struct sock *s)
{
	struct stream *st = s->stream;
	if (s->state == SOCK_BROKEN)
		return;
	if (s->resets || s->came.first || s->state == SOCK_CONNECTING)
		pier_stream_say(st, s->end, CHUNK_RESET);
	else if (!s->shut_out)
		pier_stream_say(st, s->end, CHUNK_END);
}

void pier_stream_close(struct sock *s, bool crash)
{
	struct stream *st = s->stream;
	refuse_waiting(s, crash);
	if (!st)
		return;
	if (crash)
		lane_clear(&st->lanes[s->end]);
	else
		say_last(s);
	st->ends[s->end] = NULL;
	struct sock *peer = st->ends[1 - s->end];
	s->stream = NULL;
	if (peer && st->local)
		pier_sim_sock_news(peer); /* whoever waits for room hears of it at once */
	release(st);
}

/* Of a node that has crashed: what is under way within it, with the descriptors that it carries. */
void pier_stream_forget(struct stream *st)
{
	lane_clear(&st->lanes[0]);
	lane_clear(&st->lanes[1]);
}

/* ---- By others ----------------------------------------------------------------------------------- */

struct stream *pier_stream_any(void)
{
	struct list *all = &pier_world->streams;
	struct stream *chosen = NULL;
	uint64_t count = 0;
	for (struct list *l = all->next; l != all; l = l->next) {
		struct stream *st = list_item(l, struct stream, link);
		if (!st->local && pier_chance(++count) == 0)
			chosen = st;
	}
	return chosen;
}

void pier_stream_reset(struct stream *st, bool here, bool there)
{
	pier_world_trace("%s ↯ %s  reset%s", st->nodes[0]->name, st->nodes[1]->name,
			 here && there ? "" : ", and one does not hear of it");
	if (here)
		was_reset(st->ends[0]);
	if (there)
		was_reset(st->ends[1]);
	release(st);
	pier_streams_doubt();
}

static bool is_between(const struct stream *st, const struct node *a, const struct node *b)
{
	for (int i = 0; i < 2; i++)
		if ((!a || st->nodes[i] == a) && (!b || st->nodes[1 - i] == b))
			return true;
	return false;
}

int pier_sim_reset(pier_sim *s, const char *a, const char *b)
{
	struct node *one = a ? pier_node_find(a) : NULL, *two = b ? pier_node_find(b) : NULL;
	struct list *next;
	if ((a && !one) || (b && !two))
		return -ENOENT;
	for (struct list *l = s->streams.next; l != &s->streams; l = next) {
		struct stream *st = list_item(l, struct stream, link);
		next = l->next;
		if (!st->local && is_between(st, one, two))
			pier_stream_reset(st, true, true);
	}
	return 0;
}
