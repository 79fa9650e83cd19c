/* Whether there is still somebody. Who has sent what nobody acknowledges, or has no window, asks by itself, and gives up
 * after tcp_retries2 or TCP_USER_TIMEOUT; who only listens, asks when it has SO_KEEPALIVE: tcp(7), RFC 9293 §3.8.4.
 *
 * There is nothing to ask as long as all ways are open, so only what cuts one begins it, and a quiet network has no events. */
#include "sock.h"

#include <errno.h>

static struct sock *other(const struct sock *s)
{
	return s->stream->ends[1 - s->end];
}

/* Nobody would answer now. */
static bool is_cut_off(const struct sock *s)
{
	const struct node *to = s->stream->nodes[1 - s->end];
	bool for_good;
	return !pier_link_open(s->node, to, s->stream->family, &for_good) ||
	       !pier_link_open(to, s->node, s->stream->family, &for_good);
}

/* There somebody would answer, but not from this conn: by a reset. One that is closed, and whose end is under way, is
 * there as long as that. */
static bool is_forgotten(const struct sock *s)
{
	const struct sock *peer = other(s);
	if (peer)
		return peer->state == SOCK_BROKEN;
	return !s->ended && !s->stream->lanes[1 - s->end].way.count;
}

static bool insists(const struct sock *s)
{
	return s->unheard || pier_window_room(s) == 0;
}

int64_t pier_alive_patience(const struct sock *s)
{
	return s->user_timeout ? s->user_timeout : FOR_AN_ANSWER;
}

/* When it has to have an answer. */
static int64_t limit(const struct sock *s)
{
	const struct keepalive *k = &s->keep;
	if (insists(s))
		return s->doubts_since + pier_alive_patience(s);
	return s->user_timeout ? s->heard + s->user_timeout
			       : s->heard + k->idle + k->interval * k->count;
}

static int64_t next_question(struct sock *s)
{
	int64_t now = pier_world->now, at;
	if (insists(s)) {
		at = now + s->question;
		s->question = s->question * 2 < REPEAT_MOST ? s->question * 2 : REPEAT_MOST;
	} else {
		at = s->heard + s->keep.idle > now ? s->heard + s->keep.idle
						   : now + s->keep.interval;
	}
	return at < limit(s) ? at : limit(s);
}

static void ask_later(struct sock *s)
{
	int64_t at = next_question(s), now = pier_world->now;
	pier_event_at(&s->probe, at > now ? at : now);
}

static void content(struct sock *s)
{
	s->heard = pier_world->now;
	s->unheard = false;
	s->doubts_since = 0;
}

static void asks(struct event *e)
{
	struct sock *s = list_item(e, struct sock, probe);
	if (s->state != SOCK_CONNECTED || !(insists(s) || s->keep.on))
		return;
	if (!is_cut_off(s)) {
		content(s);
		if (is_forgotten(s))
			pier_stream_break(s, -ECONNRESET);
	} else if (pier_world->now >= limit(s)) {
		pier_world_trace("%s hears nothing more on port %u", s->node->name,
				 pier_addr_port(&s->local));
		pier_stream_break(s, -ETIMEDOUT);
	} else {
		ask_later(s);
	}
}

void pier_alive_doubt(struct sock *s)
{
	if (s->state != SOCK_CONNECTED || s->probe.at.place || !(insists(s) || s->keep.on) ||
	    !(is_cut_off(s) || is_forgotten(s)))
		return;
	s->doubts_since = pier_world->now;
	s->question = REPEAT_FIRST;
	s->probe.fire = asks;
	ask_later(s);
}

void pier_alive_unheard(struct sock *s)
{
	s->unheard = true;
	pier_alive_doubt(s);
}

void pier_streams_doubt(void)
{
	struct list *all = &pier_world->streams;
	for (struct list *l = all->next; l != all; l = l->next) {
		struct stream *st = list_item(l, struct stream, link);
		for (int i = 0; !st->local && i < 2; i++)
			if (st->ends[i])
				pier_alive_doubt(st->ends[i]);
	}
}
