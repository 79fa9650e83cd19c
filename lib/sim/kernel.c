/* What a simulated kernel answers at once: descriptors, addresses, options. */
#include "film.h"
#include "sim/net/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* ---- Calls --------------------------------------------------------------------------------------- */

/* Raw and packet sockets see what is below the network, and here there is nothing. */
static int supports(int family, int type, int protocol)
{
	bool inet = family == AF_INET || family == AF_INET6;
	if (!inet && family != AF_UNIX)
		return -EAFNOSUPPORT;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && (type != SOCK_SEQPACKET || inet))
		return -ESOCKTNOSUPPORT;
	int own = !inet ? 0 : type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
	return protocol == 0 || protocol == own ? 0 : -EPROTONOSUPPORT;
}

static int k_socket(int family, int type, int protocol)
{
	int err = supports(family, type, protocol);
	if (err < 0)
		return err;
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
	int fd = k_socket(AF_UNIX, SOCK_STREAM, 0);
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
	if (s->family == AF_UNIX && !s->bound)
		return -EINVAL;
	int err = pier_sim_sock_bind_any(s);
	if (err < 0)
		return err;
	s->state = SOCK_LISTENING;
	s->backlog = backlog > 0 ? (unsigned)backlog : 1;
	pier_world_trace("%s listens on port %u", s->node->name, pier_addr_port(&s->local));
	return 0;
}

/* A signal may come before anything has moved. */
static bool is_interrupted(void)
{
	return pier_chance_of(pier_world->faults);
}

static int k_accept(int fd, pier_addr *peer)
{
	struct sock *s = pier_sim_sock_find(fd);
	struct io_op op = {.kind = IO_ACCEPT, .fd = fd};
	if (!s)
		return -EBADF;
	if (is_interrupted())
		return -EINTR;
	op.addr.sa = &peer->sa;
	op.addr.len = peer->len;
	int64_t result = s->type == SOCK_DGRAM ? -EOPNOTSUPP : pier_stream_accept(s, &op);
	peer->len = op.addr.len;
	return (int)result;
}

/* Interrupted, it goes on: connect(2). */
static int k_connect(int fd, const pier_addr *to)
{
	struct sock *s = pier_sim_sock_find(fd);
	int err = s ? pier_sim_connect(s, to) : -EBADF;
	return err == -EINPROGRESS && is_interrupted() ? -EINTR : err;
}

static ssize_t k_receive(int fd, struct msghdr *msg, int flags)
{
	struct sock *s = pier_sim_sock_find(fd);
	if (!s)
		return -EBADF;
	return is_interrupted() ? -EINTR : (ssize_t)pier_sim_receive(s, msg, flags);
}

static ssize_t k_send(int fd, const struct msghdr *msg, int flags)
{
	struct sock *s = pier_sim_sock_find(fd);
	if (!s)
		return -EBADF;
	return is_interrupted() ? -EINTR : (ssize_t)pier_sim_send(s, msg, flags);
}

static int k_option(int fd, int level, int name, const void *value, socklen_t len)
{
	struct sock *s = pier_sim_sock_find(fd);
	return s ? pier_option_set(s, level, name, value, len) : -EBADF;
}

static int k_option_get(int fd, int level, int name, void *value, socklen_t *len)
{
	struct sock *s = pier_sim_sock_find(fd);
	return s ? pier_option_get(s, level, name, value, len) : -EBADF;
}

static int k_control(int fd, int command, int arg)
{
	struct sock *s = pier_sim_sock_find(fd);
	if (!s)
		return -EBADF;
	switch (command) {
	case F_DUPFD_CLOEXEC:
		return pier_sim_sock_name(s);
	case F_GETFL:
		return O_RDWR | (s->blocking ? 0 : O_NONBLOCK);
	case F_SETFL:
		s->blocking = !(arg & O_NONBLOCK);
		return 0;
	case F_GETFD:
		return s->inherited ? 0 : FD_CLOEXEC;
	case F_SETFD:
		s->inherited = !(arg & FD_CLOEXEC);
		return 0;
	default:
		return -EINVAL;
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

static void k_hostname(char *into, size_t room)
{
	snprintf(into, room, "%s", pier_node_self()->name);
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
	.hostname = k_hostname,
	.interfaces = pier_sim_interfaces,
	.interface = pier_sim_interface,
	.interface_name = pier_sim_interface_name,
	.signals_open = k_signals_open,
	.socket = k_socket,
	.pair = k_pair,
	.unix_take_over = k_unix_take_over,
	.unix_remove = k_unix_remove,
	.bind = k_bind,
	.listen = k_listen,
	.accept = k_accept,
	.connect = k_connect,
	.receive = k_receive,
	.send = k_send,
	.option = k_option,
	.option_get = k_option_get,
	.control = k_control,
	.local = k_local,
	.peer = k_peer,
	.shutdown = k_shutdown,
	.ended = k_ended,
	.close = k_close,
	.sort = k_sort,
};
