/* How much a writer may send ahead of its reader. What the reader takes makes room, and the writer hears of it one packet
 * later; while it has most of the window still, nobody needs to tell it: RFC 9293 §3.8.6.2.2.
 *
 *	writer  ── data ──→  reader      used:  sent, and nothing heard of it
 *	        ←── word ──              taken: read, and not yet told
 *
 * Within a node (unix) the room is known at once. */
#include "sock.h"

size_t pier_window_room(const struct sock *s)
{
	const struct stream *st = s->stream;
	const struct lane *l = &st->lanes[s->end];
	const struct sock *peer = st->ends[1 - s->end];
	size_t ahead = st->local ? l->way.bytes + (peer ? peer->came.bytes : 0) : l->used;
	return ahead < pier_world->buffer ? pier_world->buffer - ahead : 0;
}

static void send_word(struct lane *l)
{
	const struct stream *st = l->stream;
	if (l->word.at.place || l->taken == 0 || l->used < pier_world->buffer / 2)
		return;
	struct packet p = {st->nodes[1 - l->from], st->nodes[l->from], st->family, 0};
	l->told = l->taken;
	l->taken = 0;
	l->word_repeat = REPEAT_FIRST;
	l->word.flying = true;
	pier_event_at(&l->word, pier_world->now + pier_link_stream(&p));
}

/* Asked for again and again, as who has no window does: RFC 9293 §3.8.6.1. */
static void word_blocked(struct lane *l, bool for_good)
{
	struct sock *writer = l->stream->ends[l->from];
	l->word.flying = !for_good;
	pier_event_at(&l->word, pier_world->now + l->word_repeat);
	l->word_repeat = l->word_repeat * 2 < REPEAT_MOST ? l->word_repeat * 2 : REPEAT_MOST;
	if (writer)
		pier_alive_unheard(writer);
}

static void word_arrives(struct event *e)
{
	struct lane *l = list_item(e, struct lane, word);
	struct stream *st = l->stream;
	struct sock *writer = st->ends[l->from];
	bool for_good;
	if (!writer)
		return;
	if (!pier_link_open(st->nodes[1 - l->from], st->nodes[l->from], st->family, &for_good)) {
		word_blocked(l, for_good);
		return;
	}
	l->used -= l->told;
	l->told = 0;
	send_word(l);
	pier_sim_sock_room(writer);
}

void pier_window_init(struct lane *l)
{
	l->word.fire = word_arrives;
}

void pier_window_use(struct lane *l, size_t n)
{
	if (!l->stream->local)
		l->used += n;
}

void pier_window_taken(struct lane *l, size_t n)
{
	struct sock *writer = l->stream->ends[l->from];
	if (l->stream->local) {
		if (writer)
			pier_sim_sock_room(writer);
		return;
	}
	l->taken += n;
	send_word(l);
}

void pier_window_done(struct lane *l)
{
	pier_event_drop(&l->word);
}
