/* What a simulated kernel answers at once: descriptors, addresses, options. */
#include "film.h"
#include "sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

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
		pier_film_mark(FRAME_ENDS, n, "ended by a signal");
		pier_node_kill(n, NODE_CRASHED);
		return;
	}
	pier_chunks_push(&n->signals->came, pier_chunk_new(CHUNK_DATA, &iov, 1, 1));
	pier_sim_sock_news(n->signals);
}

static int k_bind(int fd, const pier_addr *a)
{
	struct sock *s = pier_sim_sock_find(fd);
	return s ? pier_sim_sock_bind(s, a) : -EBADF;
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
	pier_sim_sock_unname(fd);
}

static int k_sort(int fd, enum io_sort *out)
{
	struct sock *s = pier_sim_sock_find(fd);
	if (!s)
		return -EBADF;
	*out = s->type == SOCK_STREAM ? IO_STREAM_SOCKET : IO_MESSAGE_SOCKET;
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
