/* unix datagrams: within a node, in order, none lost; a full receiver holds up its senders (unix(7)). */
#include "sock.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#define QUEUE_MAX 10 /* net.unix.max_dgram_qlen */

/* The one that is bound there, of any type. */
static struct sock *bound_at(const struct node *n, const pier_addr *a)
{
	for (unsigned i = 0; i < pier_world->socks_high; i++) {
		struct sock *s = pier_sim_sock_at(i);
		if (s && s->node == n && s->family == AF_UNIX && s->bound &&
		    pier_addr_eq(&s->local, a))
			return s;
	}
	return NULL;
}

static bool is_abstract(const pier_addr *a)
{
	return ((const struct sockaddr_un *)&a->storage)->sun_path[0] == 0;
}

/* unix(7): who is connected to another hears nobody else. */
static int find(const struct sock *s, const pier_addr *to, struct sock **out)
{
	struct sock *at = bound_at(s->node, to);
	if (to->sa.sa_family != AF_UNIX)
		return -EINVAL;
	if (!at)
		return is_abstract(to) ? -ECONNREFUSED : -ENOENT;
	if (at->type != SOCK_DGRAM)
		return -EPROTOTYPE;
	if (at->mate && at->mate != s)
		return -EPERM;
	*out = at;
	return 0;
}

int pier_unixgram_connect(struct sock *s, const pier_addr *to)
{
	int err = find(s, to, &s->mate);
	if (err < 0)
		return err;
	s->peer = *to;
	s->state = SOCK_CONNECTED;
	return 0;
}

void pier_unixgram_pair(struct sock *a, struct sock *b)
{
	a->mate = b;
	b->mate = a;
	a->state = b->state = SOCK_CONNECTED;
	a->peer.sa.sa_family = b->peer.sa.sa_family = AF_UNIX;
	a->peer.len = b->peer.len = sizeof(sa_family_t);
}

static int target_of(struct sock *s, const struct msghdr *msg, struct sock **out)
{
	pier_addr to = {.len = msg->msg_namelen};
	if (msg->msg_name) {
		memcpy(&to.storage, msg->msg_name, msg->msg_namelen);
		return find(s, &to, out);
	}
	if (!s->mate)
		return s->state == SOCK_CONNECTED ? -ECONNREFUSED : -ENOTCONN;
	*out = s->mate;
	return 0;
}

int64_t pier_unixgram_send(struct sock *s, const struct msghdr *msg)
{
	struct sock *to;
	struct orders o;
	size_t len = pier_iov_length(msg);
	if (s->shut_out)
		return -EPIPE;
	int err = target_of(s, msg, &to);
	if (err == 0)
		err = pier_orders_read(s, msg, &o);
	if (err < 0)
		return err;
	if (len > (size_t)s->set[OPT_SNDBUF])
		return -EMSGSIZE;
	if (to->shut_in)
		return -EPIPE;
	if (to->came.count >= QUEUE_MAX)
		return -EAGAIN;
	struct chunk *c = pier_chunk_new(CHUNK_DATA, msg->msg_iov, msg->msg_iovlen, len);
	c->beside = pier_beside_new(&o);
	c->beside->from = s->local;
	pier_chunks_push(&to->came, c);
	pier_sim_sock_news(to);
	return (int64_t)len;
}

static void try_again(struct sock *s, void *arg)
{
	(void)arg;
	if (s->family == AF_UNIX && s->type == SOCK_DGRAM && s->out.first)
		pier_sim_sock_room(s);
}

void pier_unixgram_room(struct sock *s)
{
	if (s->came.count < QUEUE_MAX)
		pier_sim_sock_each(s->node, try_again, NULL);
}

static void leave(struct sock *s, void *gone)
{
	if (s->mate != gone)
		return;
	s->mate = NULL;
	pier_sim_sock_room(s); /* whoever waits for room hears of it */
}

void pier_unixgram_close(struct sock *s)
{
	pier_sim_sock_each(s->node, leave, s);
}
