/* How raw sockets meet: bind, listen, accept, connect, and the end of talking. */
#include "sock.h"

#include "io/socket.h"

int pier_sock_bind(pier_sock *s, const pier_addr *a)
{
	int err = pier_io_bind(s->fd, a);
	return err < 0 ? (int)sock_fail(s, err, "bind to") : 0;
}

int pier_sock_listen(pier_sock *s, int backlog)
{
	int err = pier_io_listen(s->fd, backlog > 0 ? backlog : LISTEN_BACKLOG);
	return err < 0 ? (int)sock_fail(s, err, "listen on") : 0;
}

static int64_t take(pier_sock *s, pier_addr *peer, struct sock_until *until)
{
	int64_t fd = pier_fiber_step();
	if (fd == 0)
		fd = pier_io_accept(s->fd, peer);
	if (fd >= 0)
		pier_fiber_moved(0, 0);
	if (fd != -EAGAIN)
		return fd;
	struct io_op op = {.kind = IO_ACCEPT, .fd = s->fd, .tried = true};
	op.addr.sa = &peer->sa;
	op.addr.len = sizeof peer->storage;
	fd = pier_sock_wait(s, &op, until, "a client");
	peer->len = op.addr.len;
	return fd;
}

int pier_sock_accept(pier_sock *s, pier_sock *out, pier_addr *peer)
{
	struct sock_until until = {0};
	pier_addr from = {0};
	int64_t fd;

	do /* accept(2): such a client has gone before its turn came */
		fd = take(s, &from, &until);
	while (fd == -ECONNABORTED || fd == -EPROTO);
	if (fd < 0)
		return (int)sock_fail(s, fd, "accept on");
	*out = pier_sock_make((int)fd, s->family, s->type, s->protocol);
	if (peer)
		*peer = from;
	return 0;
}

/* Linux tells who asks again, and takes note: 0 or why not, -EALREADY while it is under way. */
static int ask_again(pier_sock *s, const pier_addr *to)
{
	int err = pier_io_connect(s->fd, to);
	return err == -EISCONN ? 0 : err;
}

static int64_t connected(pier_sock *s, const pier_addr *to)
{
	struct sock_until until = {0};
	int64_t err = pier_fiber_step();
	if (s->sleeps)
		pier_sock_wake(s);
	if (err == 0)
		err = pier_io_connect(s->fd, to);
	if (err ==
	    -EAGAIN) /* unix(7): the backlog is full, and nothing tells when it no longer is */
		return -EBUSY;
	if (err != -EINPROGRESS || s->wr == 0)
		return err;
	err = ask_again(s, to); /* on this machine it is there at once */
	if (err != -EALREADY)
		return err;
	struct io_op op = {.kind = IO_CONNECT, .fd = s->fd, .started = true, .tried = true};
	err = pier_sock_wait(s, &op, &until, "a connection");
	if (err == 0)
		ask_again(s, to);
	return err;
}

int pier_sock_connect(pier_sock *s, const pier_addr *to)
{
	int64_t err = connected(s, to);
	return err < 0 ? (int)sock_fail(s, err, "connect to") : 0;
}

int pier_sock_shutdown(pier_sock *s, int how)
{
	int err = pier_io_shutdown(s->fd, how);
	return err < 0 ? (int)sock_fail(s, err, "shut down") : 0;
}

int pier_sock_local(const pier_sock *s, pier_addr *out)
{
	return pier_io_local(s->fd, out);
}

int pier_sock_peer(const pier_sock *s, pier_addr *out)
{
	return pier_io_peer(s->fd, out);
}
