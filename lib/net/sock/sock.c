/* A raw socket's life: birth, time-outs, words, end. */
#include "sock.h"

#include "io/socket.h"
#include "net/conn.h"

#include <netinet/in.h>
#include <pier/words.h>
#include <stdatomic.h>
#include <stdio.h>

#define ROOM_LOOK PIER_MS(1) /* between two tries where nothing tells of room */

static _Atomic int64_t timeout_default = PIER_FOREVER;

void pier_set_default_timeout(int64_t ns)
{
	atomic_store(&timeout_default, ns < 0 ? 0 : ns);
}

int64_t pier_default_timeout(void)
{
	return atomic_load(&timeout_default);
}

pier_sock pier_sock_make(int fd, int family, int type, int protocol)
{
	int64_t timeout = pier_default_timeout();
	return (pier_sock){.fd = fd,
			   .family = family,
			   .type = type,
			   .protocol = protocol,
			   .rd = timeout,
			   .wr = timeout,
			   .blocking = true};
}

static int type_only(int type)
{
	return type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* socket(2): who says SOCK_NONBLOCK wants no wait, now or when it has the descriptor back. */
static pier_sock new_sock(int fd, int family, int type, int protocol)
{
	pier_sock s = pier_sock_make(fd, family, type_only(type), protocol);
	if (type & SOCK_NONBLOCK) {
		s.rd = s.wr = 0;
		s.blocking = false;
	}
	return s;
}

int pier_socket(int family, int type, int protocol, pier_sock *out)
{
	int fd = pier_io_socket_of(family, type_only(type), protocol);
	if (fd < 0)
		return fd;
	*out = new_sock(fd, family, type, protocol);
	return 0;
}

pier_sock pier_sock_open(int family, int type, int protocol)
{
	pier_sock s = PIER_SOCK;
	int err = pier_socket(family, type, protocol, &s);
	if (err < 0)
		sock_fail(&s, err, "open");
	return s;
}

int pier_socketpair(int type, pier_sock out[2])
{
	int fds[2];
	int err = pier_io_pair(type_only(type), fds);
	for (int i = 0; err == 0 && i < 2; i++)
		out[i] = new_sock(fds[i], AF_UNIX, type, 0);
	return err;
}

/* ---- Descriptors from elsewhere ------------------------------------------------------------------ */

static int probe(int fd, pier_sock *out)
{
	int family = 0, type = 0, protocol = 0;
	int err = pier_io_option_get(fd, SOL_SOCKET, SO_DOMAIN, &family);
	if (err == 0)
		err = pier_io_option_get(fd, SOL_SOCKET, SO_TYPE, &type);
	if (err == 0)
		err = pier_io_option_get(fd, SOL_SOCKET, SO_PROTOCOL, &protocol);
	if (err == 0)
		*out = pier_sock_make(fd, family, type, protocol);
	return err;
}

int pier_sock_adopt(int fd, pier_sock *out)
{
	pier_sock s;
	int err = probe(fd, &s);
	int nonblocking = err < 0 ? err : pier_io_nonblocking(fd);
	if (nonblocking == 0)
		err = pier_io_set_nonblocking(fd, true);
	else if (nonblocking < 0)
		err = nonblocking;
	if (err < 0)
		return err;
	s.blocking = nonblocking == 0;
	*out = s;
	return 0;
}

int pier_sock_fromfd(int fd, pier_sock *out)
{
	int copy = pier_io_dup(fd);
	if (copy < 0)
		return copy;
	int err = pier_sock_adopt(copy, out);
	if (err < 0)
		pier_io_close(copy);
	return err;
}

int pier_sock_dup(const pier_sock *s, pier_sock *out)
{
	int copy = pier_io_dup(s->fd);
	if (copy < 0)
		return copy;
	pier_sock twin = *s;
	twin.fd = copy;
	twin.waits = NULL;
	twin.err = 0;
	*out = twin;
	return 0;
}

/* ---- Waiting ------------------------------------------------------------------------------------- */

/* Who waits on a socket, on its own stack: whoever closes the socket ends the wait first. */
struct pier_sock_wait {
	struct fiber *fiber;
	struct pier_sock_wait *next, **at;
	struct waitq *closer;
};

static void wait_enter(pier_sock *s, struct pier_sock_wait *w)
{
	w->next = s->waits;
	w->at = &s->waits;
	if (w->next)
		w->next->at = &w->next;
	s->waits = w;
}

static void wait_leave(struct pier_sock_wait *w)
{
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	if (w->closer)
		pier_waitq_wake(w->closer);
}

/* The clock, where there is a time-out to measure. */
static int64_t begin(struct sock_until *until, int64_t timeout)
{
	int64_t now = timeout == PIER_FOREVER ? 0 : pier_io_clock();
	if (until->at == 0 &&
	    (timeout == PIER_FOREVER || __builtin_add_overflow(now, timeout, &until->at)))
		until->at = PIER_FOREVER;
	return now;
}

/* When the description blocked as it came, who shares it expects nothing else. */
static void sleep_from_now_on(pier_sock *s, const struct io_op *op)
{
	bool receives = op->kind == IO_RECV || op->kind == IO_RECVMSG;
	if (!s->blocking || s->sleeps || !receives || s->rd != PIER_FOREVER)
		return;
	s->sleeps = pier_io_set_nonblocking(s->fd, false) == 0;
	if (s->sleeps)
		s->vain = s->skip = 0;
}

void pier_sock_wake(pier_sock *s)
{
	pier_io_set_nonblocking(s->fd, true);
	s->sleeps = false;
}

int64_t pier_sock_wait(pier_sock *s, struct io_op *op, struct sock_until *until, const char *what)
{
	struct pier_sock_wait here = {.fiber = pier_fiber_self()};
	int64_t timeout = io_kind_reads(op->kind) ? s->rd : s->wr;

	if (timeout == 0 || (op->flags & MSG_DONTWAIT))
		return -EAGAIN;
	int64_t now = begin(until, timeout);
	if (!here.fiber && pier_thread_may_sleep()) {
		sleep_from_now_on(s, op);
		return pier_io_do_alone(pier_io_of_thread(), op, now, until->at);
	}
	if (!here.fiber)
		return pier_await(op, until->at, what);
	wait_enter(s, &here);
	int64_t result = pier_await(op, until->at, what);
	wait_leave(&here);
	return result;
}

int pier_sock_pause(pier_sock *s, int flags, struct sock_until *until)
{
	struct pier_sock_wait here = {.fiber = pier_fiber_self()};

	if (s->wr == 0 || (flags & MSG_DONTWAIT))
		return -EAGAIN;
	int64_t now = begin(until, s->wr);
	int64_t left = until->at == PIER_FOREVER ? ROOM_LOOK : until->at - now;
	if (left <= 0)
		return -ETIMEDOUT;
	if (here.fiber)
		wait_enter(s, &here);
	int err = pier_sleep(left < ROOM_LOOK ? left : ROOM_LOOK);
	if (here.fiber)
		wait_leave(&here);
	return err;
}

/* An op under way would keep the socket alive and might meet the number's next owner. */
static void end_waits(pier_sock *s)
{
	struct waitq gone;
	waitq_init(&gone);
	for (struct pier_sock_wait *w = s->waits; w; w = w->next) {
		w->closer = &gone;
		pier_fiber_interrupt(w->fiber, -EBADF);
	}
	while (s->waits)
		pier_waitq_wait_deaf(&gone, "a socket to be left");
}

/* ---- Ending -------------------------------------------------------------------------------------- */

static int64_t close_lingering(void *fd)
{
	pier_io_close(*(int *)fd);
	return 0;
}

void pier_sock_close(pier_sock *s)
{
	int fd = s->fd;
	struct io *io = pier_conn_io();

	if (fd < 0)
		return;
	s->fd = -1;
	end_waits(s);
	if (io && s->lingers && pier_fiber_self()) {
		/* SO_LINGER, socket(7): close(2) itself waits, and would hold up the worker. */
		struct io_op op = {.kind = IO_CALL, .call = {.fn = close_lingering, .arg = &fd}};
		io->backend->leave_fd(io, fd);
		pier_await_deaf(&op, "last bytes to leave");
	} else if (io) {
		io->backend->close_fd(io, fd);
	} else {
		pier_io_close(fd);
	}
}

int pier_sock_detach(pier_sock *s)
{
	int fd = s->fd;
	struct io *io = pier_conn_io();

	if (fd < 0)
		return -EBADF;
	s->fd = -1;
	end_waits(s);
	if (io)
		io->backend->leave_fd(io, fd);
	if (s->blocking && !s->sleeps)
		pier_io_set_nonblocking(fd, false);
	return fd;
}

pier_conn *pier_sock_conn(pier_sock *s, const pier_dial_opts *opts)
{
	pier_conn *c = pier_adopt(s->fd, opts);
	if (c && pier_err(c) == 0)
		s->fd = -1;
	return c;
}

int pier_sock_of(const pier_conn *c, pier_sock *out)
{
	int fd = pier_fileno(c);
	int err = fd < 0 ? -ENOTSOCK : probe(fd, out);
	if (err == 0)
		out->blocking = false; /* it is the conn's, who has it as it is */
	return err;
}

/* ---- Settings ------------------------------------------------------------------------------------ */

void pier_sock_set_timeouts(pier_sock *s, int64_t rd, int64_t wr)
{
	s->rd = rd < 0 ? 0 : rd;
	s->wr = wr < 0 ? 0 : wr;
}

bool pier_sock_is_inheritable(const pier_sock *s)
{
	return pier_io_cloexec(s->fd) == 0;
}

int pier_sock_set_inheritable(pier_sock *s, bool yes)
{
	return pier_io_set_cloexec(s->fd, !yes);
}

/* ---- Errors -------------------------------------------------------------------------------------- */

int pier_sock_err(const pier_sock *s)
{
	return s->err;
}

void pier_sock_clear(pier_sock *s)
{
	s->err = 0;
}

int pier_sock_perror(const pier_sock *s, const char *what)
{
	pier_addr peer;

	if (s->err && what)
		fprintf(stderr, "%s %s: %s\n", s->failed, what, pier_strerror(s->err));
	else if (s->err)
		fprintf(stderr, "%s %s: %s\n", s->failed,
			pier_io_peer(s->fd, &peer) == 0 ? PIER_ADDR_STR(&peer) : "a socket",
			pier_strerror(s->err));
	return s->err;
}

/* ---- Words --------------------------------------------------------------------------------------- */

const char *pier_sock_str(const pier_sock *s, char *into, size_t room)
{
	char here[PIER_ADDR_TEXT], there[PIER_ADDR_TEXT], family[PIER_WORD], type[PIER_WORD];
	pier_addr local, peer;

	if (s->fd < 0) {
		snprintf(into, room, "closed");
		return into;
	}
	bool has_local = pier_io_local(s->fd, &local) == 0;
	bool has_peer = pier_io_peer(s->fd, &peer) == 0;
	snprintf(into, room, "fd %d: %s %s%s%s%s%s", s->fd,
		 pier_word(PIER_FAMILIES, s->family, family), pier_word(PIER_TYPES, s->type, type),
		 has_local ? ", " : "",
		 has_local ? pier_addr_format(&local, here, sizeof here) : "",
		 has_peer ? " to " : "",
		 has_peer ? pier_addr_format(&peer, there, sizeof there) : "");
	return into;
}

const char *pier_sock_why(const pier_sock *s, int err, const pier_addr *peer, char *into,
			  size_t room)
{
	char text[PIER_ADDR_TEXT] = "";
	pier_addr asked;

	if (!peer && pier_io_peer(s->fd, &asked) == 0)
		peer = &asked;
	if (peer)
		pier_addr_format(peer, text, sizeof text);
	snprintf(into, room, "%s %s: %s", s->doing ? s->doing : "use", peer ? text : "a socket",
		 pier_strerror(err));
	return into;
}
