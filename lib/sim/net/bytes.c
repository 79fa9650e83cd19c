/* What a program sends and receives on a stream: bytes, or messages of a seqpacket. What the reader does not take, holds up
 * the writer. */
#include "sock.h"

#include <errno.h>

#define MESSAGE_MAX 212992 /* net.core.wmem_default: what one message of a seqpacket may have */

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

static int may_send(struct sock *s)
{
	bool is_local = s->family == AF_UNIX;
	if (s->error && !is_local) /* unix(7): EPIPE, and no more */
		return pier_sim_sock_take_error(s);
	if (s->state == SOCK_BROKEN || s->shut_out || (s->state == SOCK_FRESH && !is_local))
		return -EPIPE;
	if (s->state == SOCK_CONNECTING)
		return -EAGAIN;
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
	room = pier_window_room(s);
	bool message = s->stream->message;
	struct orders o;
	o.passed = 0; /* the rest is large, and seldom there */
	if (msg->msg_controllen)
		err = pier_orders_read(s, msg, &o);
	if (err < 0)
		return err;
	if (message && len > MESSAGE_MAX)
		return -EMSGSIZE;
	if (len == 0 && !message)
		return 0;
	if (message ? room < len && room < pier_world->buffer : room == 0)
		return -EAGAIN;
	if (!message)
		n = some_of(len < room ? len : room);
	struct lane *l = &s->stream->lanes[s->end];
	struct chunk *c = pier_chunk_new(CHUNK_DATA, msg->msg_iov, (size_t)msg->msg_iovlen, n);
	if (o.passed)
		c->beside = pier_beside_new(&o);
	pier_window_use(l, n);
	pier_lane_push(l, c);
	return (int64_t)n;
}

static int64_t receive_message(struct sock *s, struct msghdr *msg, size_t room, int flags)
{
	struct chunk *c = s->came.first;
	size_t n = pier_iov_scatter(msg, 0, c->data, c->len);
	if (n < c->len)
		msg->msg_flags |= MSG_TRUNC;
	pier_beside_tell(s, msg, room, c, flags, 0);
	if (!(flags & MSG_PEEK))
		pier_chunk_free(pier_chunks_pop(&s->came));
	return (int64_t)n;
}

/* Up to `want`; descriptors come with the first of their bytes, and nothing from behind these: unix(7). */
static int64_t receive_bytes(struct sock *s, struct msghdr *msg, size_t want, size_t room,
			     int flags)
{
	bool peeks = flags & MSG_PEEK, told = false;
	size_t done = 0;
	for (struct chunk *c = s->came.first, *next; c && done < want && !told; c = next) {
		size_t left = c->len - c->taken, n = want - done < left ? want - done : left;
		if (done && c->beside)
			break;
		told = c->beside && c->taken == 0;
		if (done == 0 && s->family == AF_UNIX)
			pier_beside_tell(s, msg, room, c, flags, 0);
		next = c->next;
		pier_iov_scatter(msg, done, c->data + c->taken, n);
		done += n;
		if (peeks)
			continue;
		c->taken += n;
		s->came.bytes -= n;
		if (c->taken == c->len)
			pier_chunk_free(pier_chunks_pop(&s->came));
	}
	return (int64_t)done;
}

static int64_t receive_nothing(struct sock *s)
{
	if (s->error)
		return pier_sim_sock_take_error(s);
	if (s->state != SOCK_CONNECTED && s->state != SOCK_BROKEN)
		return -ENOTCONN;
	return s->ended || s->shut_in || s->state == SOCK_BROKEN ? 0 : -EAGAIN;
}

int64_t pier_stream_receive(struct sock *s, struct msghdr *msg, int flags)
{
	size_t wants = pier_iov_length(msg), room = msg->msg_controllen;
	msg->msg_namelen = 0;
	msg->msg_controllen = 0;
	if (!s->came.first)
		return receive_nothing(s);
	size_t want = wants < s->came.bytes ? wants : s->came.bytes;
	int64_t n = s->stream->message ? receive_message(s, msg, room, flags)
				       : receive_bytes(s, msg, some_of(want), room, flags);
	if (!(flags & MSG_PEEK))
		pier_window_taken(&s->stream->lanes[1 - s->end], (size_t)n);
	return n;
}
