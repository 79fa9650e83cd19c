/* What a simulated kernel answers at once: descriptors, addresses, options. */
#include "disk.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define PORT_FIRST 32768 /* ip_local_port_range: ip(7) */
#define PORT_LAST  60999

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* ---- Socks and descriptors ----------------------------------------------------------------------- */

struct sock *pier_sim_sock_new(struct node *n, int family, int type)
{
	struct sock *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	*s = (struct sock){.fd = -1, .node = n, .family = family, .type = type};
	s->in.last = &s->in.first;
	s->out.last = &s->out.first;
	pier_chunks_init(&s->came);
	list_push(&pier_world->homeless, &s->link);
	return s;
}

/* The lowest that is free, as ever: a number that is used again at once is what mistakes are made of. */
int pier_sim_sock_name(struct sock *s)
{
	struct pier_sim *w = pier_world;
	if (pier_chance_of(w->faults))
		return -EMFILE;
	for (unsigned i = 0; i < SOCKS_MAX; i++) {
		if (w->socks[i])
			continue;
		w->socks[i] = s;
		if (i >= w->socks_high)
			w->socks_high = i + 1;
		list_remove(&s->link);
		s->fd = IO_FD_SIMULATED + (int)i;
		return s->fd;
	}
	return -EMFILE;
}

struct sock *pier_sim_sock_of(struct node *n, int fd)
{
	unsigned at = (unsigned)(fd - IO_FD_SIMULATED);
	if (fd < IO_FD_SIMULATED || at >= SOCKS_MAX)
		return NULL;
	struct sock *s = pier_world->socks[at];
	return s && s->node == n ? s : NULL;
}

struct sock *pier_sim_sock_find(int fd)
{
	return pier_sim_sock_of(pier_node_self(), fd);
}

void pier_sim_sock_free(struct sock *s)
{
	pier_event_drop(&s->kick);
	pier_event_drop(&s->dial);
	pier_chunks_clear(&s->came);
	if (s->fd >= 0)
		pier_world->socks[s->fd - IO_FD_SIMULATED] = NULL;
	else
		list_remove(&s->link);
	if (s->node->signals == s)
		s->node->signals = NULL;
	free(s);
}

void pier_sim_sock_close(struct sock *s, bool crash)
{
	if (s->file)
		pier_disk_close(s->file);
	else if (s->type != SOCK_DGRAM && !s->is_signals)
		pier_stream_close(s, crash);
	pier_sim_sock_free(s);
}

void pier_sim_sock_each(struct node *n, void (*fn)(struct sock *, void *), void *arg)
{
	for (unsigned i = 0; i < pier_world->socks_high; i++)
		if (pier_world->socks[i] && pier_world->socks[i]->node == n)
			fn(pier_world->socks[i], arg);
}

/* ---- Addresses ----------------------------------------------------------------------------------- */

static bool is_any(const pier_addr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->storage;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
	return a->sa.sa_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY);
}

static bool same_host(const pier_addr *a, const pier_addr *b)
{
	pier_addr x = *a, y = *b;
	pier_addr_set_port(&x, 0);
	pier_addr_set_port(&y, 0);
	return pier_addr_eq(&x, &y);
}

static bool is_v4(const pier_addr *a)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
	return a->sa.sa_family == AF_INET ||
	       (a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr));
}

/* What is sent to `to` comes to a sock that is bound as this one is. */
bool pier_sim_sock_hears(const struct sock *s, const pier_addr *to)
{
	if (s->family == AF_UNIX)
		return pier_addr_eq(&s->local, to);
	if (!s->bound || pier_addr_port(&s->local) != pier_addr_port(to))
		return false;
	if (!is_any(&s->local))
		return same_host(&s->local, to);
	return s->family == AF_INET ? is_v4(to) : !s->v6only || !is_v4(to);
}

struct sock *pier_sim_sock_listener(struct node *n, const pier_addr *at, int type)
{
	struct sock *chosen = NULL;
	uint64_t count = 0;
	for (unsigned i = 0; i < pier_world->socks_high; i++) {
		struct sock *s = pier_world->socks[i];
		if (s && s->node == n && s->state == SOCK_LISTENING && s->type == type &&
		    (s->family == AF_UNIX) == (at->sa.sa_family == AF_UNIX) &&
		    pier_sim_sock_hears(s, at) && pier_chance(++count) == 0)
			chosen = s; /* of those that share a port, any: SO_REUSEPORT */
	}
	return chosen;
}

static bool overlap(const struct sock *s, const pier_addr *a, bool v6only)
{
	if (s->family == AF_UNIX || a->sa.sa_family == AF_UNIX)
		return s->family == a->sa.sa_family && pier_addr_eq(&s->local, a);
	if (pier_addr_port(&s->local) != pier_addr_port(a))
		return false;
	if (is_any(&s->local) && (s->family == AF_INET6 && !s->v6only))
		return true;
	if (is_any(a) && a->sa.sa_family == AF_INET6 && !v6only)
		return true;
	if (is_v4(&s->local) != is_v4(a))
		return false;
	return is_any(&s->local) || is_any(a) || same_host(&s->local, a);
}

/* socket(7): SO_REUSEADDR, SO_REUSEPORT. */
static bool shares(const struct sock *a, const struct sock *b)
{
	if (a->family == AF_UNIX)
		return false;
	if (a->reuse_port && b->reuse_port)
		return true;
	return a->type == SOCK_STREAM && a->reuse_addr && b->reuse_addr &&
	       a->state != SOCK_LISTENING;
}

static bool is_taken(const struct sock *s, const pier_addr *a)
{
	for (unsigned i = 0; i < pier_world->socks_high; i++) {
		const struct sock *other = pier_world->socks[i];
		if (other && other != s && other->node == s->node && other->bound &&
		    other->type == s->type && overlap(other, a, s->v6only) && !shares(other, s))
			return true;
	}
	return false;
}

static int any_port(struct sock *s, pier_addr *a)
{
	unsigned span = PORT_LAST - PORT_FIRST + 1, first = (unsigned)pier_chance(span);
	for (unsigned i = 0; i < span; i++) {
		pier_addr_set_port(a, (uint16_t)(PORT_FIRST + (first + i) % span));
		if (!is_taken(s, a))
			return 0;
	}
	return -EADDRINUSE;
}

static int bind_to(struct sock *s, const pier_addr *to)
{
	pier_addr a = *to;
	if (s->bound)
		return -EINVAL;
	if (a.sa.sa_family != s->family)
		return -EAFNOSUPPORT;
	if (s->family != AF_UNIX && pier_node_of(s->node, &a) != s->node)
		return -EADDRNOTAVAIL;
	int err = s->family != AF_UNIX && pier_addr_port(&a) == 0 ? any_port(s, &a)
		  : is_taken(s, &a)				  ? -EADDRINUSE
								  : 0;
	if (err < 0)
		return err;
	s->local = a;
	s->bound = true;
	return 0;
}

int pier_sim_sock_bind_any(struct sock *s)
{
	pier_addr a;
	if (s->bound || s->family == AF_UNIX)
		return 0;
	pier_node_addr(s->node, s->family, 0, &a);
	return bind_to(s, &a);
}

/* ---- Calls --------------------------------------------------------------------------------------- */

static bool supports(int family, int type)
{
	if (family == AF_UNIX)
		return type == SOCK_STREAM || type == SOCK_SEQPACKET;
	return (family == AF_INET || family == AF_INET6) &&
	       (type == SOCK_STREAM || type == SOCK_DGRAM);
}

static int k_socket(int family, int type)
{
	if (!supports(family, type))
		return -EAFNOSUPPORT;
	struct sock *s = pier_sim_sock_new(pier_node_self(), family, type);
	int fd = s ? pier_sim_sock_name(s) : -ENOMEM;
	if (s && fd < 0)
		pier_sim_sock_free(s);
	return fd;
}

static int k_pair(int type, int out[2])
{
	struct sock *two[2];
	int err = pier_stream_pair(pier_node_self(), type, two);
	if (err < 0)
		return err;
	int a = pier_sim_sock_name(two[0]), b = a < 0 ? a : pier_sim_sock_name(two[1]);
	if (b < 0) {
		pier_sim_sock_close(two[0], false);
		pier_sim_sock_close(two[1], false);
		return b;
	}
	out[0] = a;
	out[1] = b;
	return 0;
}

static int k_signals_open(void)
{
	struct node *n = pier_node_self();
	if (n->signals)
		return -EBUSY;
	int fd = k_socket(AF_UNIX, SOCK_STREAM);
	if (fd < 0)
		return fd;
	n->signals = pier_sim_sock_find(fd);
	n->signals->is_signals = true;
	return fd;
}

void pier_node_signal(struct node *n, int number)
{
	char byte = (char)number;
	struct iovec iov = {&byte, 1};
	if (!n->signals) {
		pier_world_trace("%s is ended by a signal", n->name);
		pier_node_kill(n, NODE_CRASHED);
		return;
	}
	pier_chunks_push(&n->signals->came, pier_chunk_new(CHUNK_DATA, &iov, 1, 1));
	pier_sim_sock_news(n->signals);
}

static int k_bind(int fd, const pier_addr *a)
{
	struct sock *s = pier_sim_sock_find(fd);
	return s ? bind_to(s, a) : -EBADF;
}

static int k_listen(int fd, int backlog)
{
	struct sock *s = pier_sim_sock_find(fd);
	if (!s)
		return -EBADF;
	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	int err = pier_sim_sock_bind_any(s);
	if (err < 0)
		return err;
	s->state = SOCK_LISTENING;
	s->backlog = backlog > 0 ? (unsigned)backlog : 1;
	pier_world_trace("%s listens on port %u", s->node->name, pier_addr_port(&s->local));
	return 0;
}

static int k_option(int fd, int level, int name, int value)
{
	struct sock *s = pier_sim_sock_find(fd);
	if (!s)
		return -EBADF;
	if (level == IPPROTO_UDP && name == UDP_SEGMENT)
		return -ENOPROTOOPT; /* each datagram by itself */
	if (level == SOL_SOCKET && name == SO_REUSEADDR)
		s->reuse_addr = value;
	else if (level == SOL_SOCKET && name == SO_REUSEPORT)
		s->reuse_port = value;
	else if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY)
		s->v6only = value;
	return 0;
}

static int k_option_get(int fd, int level, int name, int *out)
{
	struct sock *s = pier_sim_sock_find(fd);
	if (!s)
		return -EBADF;
	if (level != SOL_SOCKET)
		return -ENOPROTOOPT;
	switch (name) {
	case SO_TYPE:
		*out = s->type;
		return 0;
	case SO_ACCEPTCONN:
		*out = s->state == SOCK_LISTENING;
		return 0;
	case SO_ERROR:
		*out = -s->error;
		s->error = 0;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int k_local(int fd, pier_addr *out)
{
	struct sock *s = pier_sim_sock_find(fd);
	if (!s)
		return -EBADF;
	*out = s->local;
	if (!s->local.len) {
		out->sa.sa_family = (sa_family_t)s->family;
		out->len = sizeof out->sa.sa_family;
	}
	return 0;
}

static int k_peer(int fd, pier_addr *out)
{
	struct sock *s = pier_sim_sock_find(fd);
	if (!s)
		return -EBADF;
	if (s->state != SOCK_CONNECTED)
		return -ENOTCONN;
	*out = s->peer;
	return 0;
}

static int k_shutdown(int fd, int how)
{
	struct sock *s = pier_sim_sock_find(fd);
	return s ? pier_stream_shutdown(s, how) : -EBADF;
}

static bool k_ended(int fd)
{
	struct sock *s = pier_sim_sock_find(fd);
	return s && (s->ended || s->state == SOCK_BROKEN) && !s->came.first;
}

static void k_reset_on_close(int fd)
{
	struct sock *s = pier_sim_sock_find(fd);
	if (s)
		s->resets = true;
}

static void k_close(int fd)
{
	struct sock *s = pier_sim_sock_find(fd);
	if (!s) {
		pier_world_fail("%s closes descriptor %d, which is not open there",
				pier_node_self()->name, fd - IO_FD_SIMULATED);
		return;
	}
	assert(!s->in.first && !s->out.first);
	pier_sim_sock_close(s, false);
}

static int k_sort(int fd, enum io_sort *out)
{
	struct sock *s = pier_sim_sock_find(fd);
	if (!s)
		return -EBADF;
	*out = s->file ? IO_FILE : s->type == SOCK_STREAM ? IO_STREAM_SOCKET : IO_MESSAGE_SOCKET;
	return 0;
}

static int k_unix_take_over(const pier_addr *a, int type)
{
	return pier_sim_sock_listener(pier_node_self(), a, type) ? -EADDRINUSE : 0;
}

static void k_unix_remove(const pier_addr *a)
{
	(void)a; /* a path of the simulation lives as long as its sock */
}

static int64_t k_clock(void)
{
	return pier_world->now;
}

static int64_t k_calendar(void)
{
	return CALENDAR + pier_world->now;
}

static void k_random(void *into, size_t len)
{
	unsigned char *at = into;
	for (size_t i = 0; i < len; i++)
		at[i] = (unsigned char)pier_chance(256);
}

static unsigned k_cores(void)
{
	return pier_node_self()->workers;
}

static int k_open(struct io **out)
{
	return pier_io_sim.open(out);
}

const struct io_kernel pier_sim_kernel = {
	.open = k_open,
	.io_of_thread = pier_task_io,
	.thread_start = pier_task_thread_start,
	.thread_join = pier_task_thread_join,
	.clock = k_clock,
	.calendar = k_calendar,
	.random = k_random,
	.cores = k_cores,
	.signals_open = k_signals_open,
	.socket = k_socket,
	.pair = k_pair,
	.unix_take_over = k_unix_take_over,
	.unix_remove = k_unix_remove,
	.bind = k_bind,
	.listen = k_listen,
	.option = k_option,
	.option_get = k_option_get,
	.local = k_local,
	.peer = k_peer,
	.shutdown = k_shutdown,
	.ended = k_ended,
	.reset_on_close = k_reset_on_close,
	.close = k_close,
	.sort = k_sort,
};
