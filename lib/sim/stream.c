/* tcp, unix and seqpacket: bytes that arrive in order or not at all. What is lost on the way is sent again, so a loss is
 * a delay; what the reader does not take, holds up the writer. */
#include "sock.h"

#include <errno.h>
#include <stdlib.h>

#define MESSAGE_MAX 212992 /* net.core.wmem_default: what one message of a seqpacket may have */
#define TEXT_TOLD   24

/* ---- Lanes --------------------------------------------------------------------------------------- */

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
	}
	return st;
}

static void release(struct stream *st)
{
	if (!st->ends[0] && !st->ends[1] && !st->lanes[0].way.count && !st->lanes[1].way.count)
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

static void lane_push(struct lane *l, struct chunk *c)
{
	struct stream *st = l->stream;
	const struct node *from = st->nodes[l->from], *to = st->nodes[1 - l->from];
	int64_t at = pier_world->now + pier_link_stream(from, to);
	l->last = c->arrives = at > l->last ? at : l->last;
	pier_chunks_push(&l->way, c);
	if (!l->event.at.place)
		lane_set(l, c->arrives, true);
}

void pier_stream_say(struct stream *st, int from, enum chunk_kind kind)
{
	lane_push(&st->lanes[from], pier_chunk_new(kind, NULL, 0, 0));
}

static void broken(struct sock *s, int err)
{
	s->error = err;
	s->state = SOCK_BROKEN;
	lane_clear(&s->stream->lanes[s->end]);
	pier_sim_sock_news(s);
}

/* Nothing passes now: tried again, each time twice as late, until it is given up. */
static void lane_blocked(struct lane *l, bool for_good)
{
	struct sock *s = l->stream->ends[l->from];
	int64_t now = pier_world->now;
	if (!l->blocked) {
		l->blocked = now;
		l->repeat = REPEAT_FIRST;
	}
	if (now - l->blocked > FOR_AN_ANSWER) {
		lane_clear(l);
		if (s)
			broken(s, -ETIMEDOUT);
		release(l->stream);
		return;
	}
	lane_set(l, now + l->repeat, !for_good);
	l->repeat = l->repeat * 2 < REPEAT_MOST ? l->repeat * 2 : REPEAT_MOST;
}

/* ---- Arrivals ------------------------------------------------------------------------------------ */

static const char *const kinds[] = {"data", "end", "RESET", "syn ack", "ack"};

static void tell(const struct lane *l, const struct chunk *c)
{
	const struct stream *st = l->stream;
	char text[TEXT_TOLD + 1];
	size_t n = 0;
	if (!pier_world->trace)
		return;
	for (; n < c->len && n < TEXT_TOLD; n++)
		text[n] = c->data[n] >= ' ' && c->data[n] <= '~' ? c->data[n] : '.';
	text[n] = 0;
	const struct sock *s = st->ends[1 - l->from];
	unsigned a = s ? pier_addr_port(&s->peer) : 0, b = s ? pier_addr_port(&s->local) : 0;
	pier_world_trace("%s:%u → %s:%u  %s  %zu bytes  %s", st->nodes[l->from]->name, a,
			 st->nodes[1 - l->from]->name, b, kinds[c->kind], c->len, text);
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
	if (!s)
		return;
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
	if (!s)
		return;
	if (pier_chance(2))
		pier_chunks_clear(&s->came); /* RFC 9293 §3.10.7.4: queues may be flushed */
	broken(s, s->state == SOCK_CONNECTING ? -ECONNREFUSED : -ECONNRESET);
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
		if (!s)
			pier_stream_say(st, to, CHUNK_RESET);
		else if (s->state != SOCK_CONNECTED || s->shut_in)
			break;
		else {
			pier_chunks_push(&s->came, c);
			pier_sim_sock_news(s);
			return;
		}
	}
	free(c);
}

static void lane_arrives(struct event *e)
{
	struct lane *l = (struct lane *)e;
	struct stream *st = l->stream;
	int to = 1 - l->from;
	bool for_good;
	if (!st->local && !pier_link_open(st->nodes[l->from], st->nodes[to], &for_good)) {
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
	deliver(st, to, c);
	l->way.count--;
	release(st);
}

/* ---- Bytes --------------------------------------------------------------------------------------- */

int pier_sim_sock_take_error(struct sock *s)
{
	int err = s->error;
	s->error = 0;
	return err;
}

/* A part of n that is not nothing, sometimes. */
static size_t some_of(size_t n)
{
	return n > 1 && pier_chance_of(pier_world->part) ? 1 + (size_t)pier_chance(n) : n;
}

static size_t room_of(const struct sock *s)
{
	const struct stream *st = s->stream;
	const struct sock *peer = st->ends[1 - s->end];
	size_t ahead = st->lanes[s->end].way.bytes + (peer ? peer->came.bytes : 0);
	return ahead < pier_world->buffer ? pier_world->buffer - ahead : 0;
}

static int may_send(struct sock *s)
{
	if (s->error)
		return pier_sim_sock_take_error(s);
	if (s->state == SOCK_BROKEN || s->shut_out)
		return -EPIPE;
	if (s->state != SOCK_CONNECTED)
		return -ENOTCONN;
	return s->stream->local && !s->stream->ends[1 - s->end] ? -EPIPE : 0;
}

int64_t pier_stream_send(struct sock *s, const struct msghdr *msg)
{
	int err = may_send(s);
	size_t len = pier_iov_length(msg), n = len, room;
	if (err < 0)
		return err;
	room = room_of(s);
	bool message = s->stream->message;
	if (message && len > MESSAGE_MAX)
		return -EMSGSIZE;
	if (len == 0 && !message)
		return 0;
	if (message ? room < len && room < pier_world->buffer : room == 0)
		return -EAGAIN;
	if (!message)
		n = some_of(len < room ? len : room);
	lane_push(&s->stream->lanes[s->end],
		  pier_chunk_new(CHUNK_DATA, msg->msg_iov, msg->msg_iovlen, n));
	return (int64_t)n;
}

static int64_t receive_message(struct sock *s, struct msghdr *msg)
{
	struct chunk *c = pier_chunks_pop(&s->came);
	size_t n = pier_iov_scatter(msg, 0, c->data, c->len);
	if (n < c->len)
		msg->msg_flags |= MSG_TRUNC;
	free(c);
	return (int64_t)n;
}

static int64_t receive_bytes(struct sock *s, const struct msghdr *msg, size_t want)
{
	size_t done = 0;
	while (done < want) {
		struct chunk *c = s->came.first;
		size_t left = c->len - c->taken, n = want - done < left ? want - done : left;
		pier_iov_scatter(msg, done, c->data + c->taken, n);
		done += n;
		c->taken += n;
		s->came.bytes -= n;
		if (c->taken == c->len)
			free(pier_chunks_pop(&s->came));
	}
	return (int64_t)done;
}

int64_t pier_stream_receive(struct sock *s, struct msghdr *msg, int flags)
{
	size_t room = pier_iov_length(msg);
	(void)flags;
	msg->msg_namelen = 0;
	if (!s->came.first) {
		if (s->error)
			return pier_sim_sock_take_error(s);
		if (s->state != SOCK_CONNECTED && s->state != SOCK_BROKEN)
			return -ENOTCONN;
		return s->ended || s->shut_in || s->state == SOCK_BROKEN ? 0 : -EAGAIN;
	}
	size_t want = room < s->came.bytes ? room : s->came.bytes;
	int64_t n =
		s->stream->message ? receive_message(s, msg) : receive_bytes(s, msg, some_of(want));
	struct sock *peer = s->stream->ends[1 - s->end];
	if (peer)
		pier_sim_sock_room(peer);
	return n;
}

/* ---- Ends ---------------------------------------------------------------------------------------- */

int pier_stream_shutdown(struct sock *s, int how)
{
	if (s->state != SOCK_CONNECTED)
		return -ENOTCONN;
	if (s->type == SOCK_DGRAM)
		return 0;
	if (how != SHUT_RD && !s->shut_out) {
		s->shut_out = true;
		pier_stream_say(s->stream, s->end, CHUNK_END);
	}
	if (how != SHUT_WR)
		s->shut_in = true;
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
