/* The raw layer: sockets call for call, as Python's `socket` has them. A pier_sock is a small value; each call
 * is one system call when it need not wait. When it must, it parks the fiber, or blocks the thread outside of
 * fibers, until its time-out, a deadline around it (PIER_WITHIN), or a cancel ends it.
 *
 * In every call: an error is a negative errno and stops nothing, but the first is noted (pier_sock_err), so that a
 * sequence of calls may be checked once; EINTR is never seen and costs no time; SIGPIPE does not come; descriptors
 * are born CLOEXEC. A receive that returns 0 is the end of a stream, on datagrams it
 * is an empty message.
 *
 * A handle belongs to one worker or thread, and stays where it is while a fiber waits on it. To give a socket
 * to another worker, detach it here and adopt it there. */
#ifndef PIER_SOCK_H
#define PIER_SOCK_H

#include <pier/addr.h>
#include <pier/api.h>
#include <pier/conn.h>
#include <pier/message.h>
#include <pier/time.h>

PIER_BEGIN

typedef struct pier_sock {
	int fd; /* -1: closed. Python: fileno() */
	int family, type, protocol;
	int64_t rd, wr; /* ns that a receive or a send may wait: PIER_FOREVER, or 0 = not at all */
	/* The library's own. */
	const char *doing;
	struct pier_sock_wait *waits;
	bool blocking, sleeps, lingers;
	uint8_t vain, skip;
	int err;
	const char *failed;
} pier_sock;

#define PIER_SOCK                                                                                  \
	{                                                                                          \
		-1, 0, 0, 0, PIER_FOREVER, PIER_FOREVER, NULL, NULL, false, false, false, 0, 0, 0, \
			NULL                                                                       \
	}

/* A socket that its scope owns:	PIER_AUTO_SOCK s = PIER_SOCK; */
#define PIER_AUTO_SOCK PIER_CLEANUP(pier_sock_close) pier_sock

/* ---- Life -------------------------------------------------------------------------------------- */

/* A new socket, with the default time-out, or none to wait where `type` has SOCK_NONBLOCK. Returns 0, -EAFNOSUPPORT,
 * -EPROTONOSUPPORT, -EPERM, -EMFILE … Python: socket.socket. socket(2). */
PIER_API int pier_socket(int family, int type, int protocol, pier_sock *out);

/* The same by value: when it cannot be had, a closed handle, of which pier_sock_err tells why.
 *	PIER_AUTO_SOCK s = pier_sock_open(AF_INET, SOCK_DGRAM, 0); */
PIER_API pier_sock pier_sock_open(int family, int type, int protocol);

/* Two of AF_UNIX, joined: SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. Python: socket.socketpair. */
PIER_API int pier_socketpair(int type, pier_sock out[2]);

/* Becomes the owner of a socket from elsewhere, whose family, type and protocol the kernel tells; -ENOTSOCK when
 * it is none, and then it is still the caller's. Others that hold the same socket will see it non-blocking.
 * Python: socket.socket(fileno=fd). */
PIER_API int pier_sock_adopt(int fd, pier_sock *out);

/* The same of a duplicate: `fd` stays the caller's. Python: socket.fromfd. */
PIER_API int pier_sock_fromfd(int fd, pier_sock *out);

/* A second handle of the same socket, time-outs included. Python: socket.dup. dup(2), CLOEXEC. */
PIER_API int pier_sock_dup(const pier_sock *s, pier_sock *out);

/* Gives the descriptor back, blocking as it came (a socket made here: blocking); `s` is closed then. Fibers that
 * wait on it get -EBADF. Returns the descriptor, the caller's now, or -EBADF. Python: socket.detach. */
PIER_API int pier_sock_detach(pier_sock *s);

/* Closes. Fibers that wait on it get -EBADF first. What a peer left unread or broke is no error here. A socket
 * told to linger is waited for. Allowed twice. Python: socket.close. */
PIER_API void pier_sock_close(pier_sock *s);

/* True when children that exec keep it. Python: get_inheritable, set_inheritable. PEP 446. */
PIER_API bool pier_sock_is_inheritable(const pier_sock *s);
PIER_API int pier_sock_set_inheritable(pier_sock *s, bool yes);

/* ---- Time-outs ----------------------------------------------------------------------------------- */

/* How long a call may wait, in ns: `rd` for receives and accept, `wr` for sends and connect; over all of the call,
 * however many pieces it takes. PIER_FOREVER: without end. 0: not at all, -EAGAIN instead (connect: -EINPROGRESS).
 * Python: socket.settimeout; setblocking(False) is 0, 0. */
PIER_API void pier_sock_set_timeouts(pier_sock *s, int64_t rd, int64_t wr);

/* What sockets made from now on begin with, in this process. Python: socket.setdefaulttimeout. */
PIER_API void pier_set_default_timeout(int64_t ns);
PIER_API int64_t pier_default_timeout(void);

/* ---- Meeting ------------------------------------------------------------------------------------- */

PIER_API int pier_sock_bind(pier_sock *s, const pier_addr *a);
PIER_API int pier_sock_listen(pier_sock *s, int backlog); /* 0 = 4096 */

/* Waits for a client. `peer` may be NULL. A client that left before it was taken is passed over. Returns 0, or an
 * error with `out` untouched. Python: socket.accept. accept4(2). */
PIER_API int pier_sock_accept(pier_sock *s, pier_sock *out, pier_addr *peer);

/* Connects, and waits until it is so. On datagrams: whom to talk to; an address without length undoes it. Returns
 * 0 or an error: -ECONNREFUSED, -ETIMEDOUT (the kernel may go on trying), -EINPROGRESS (time-out 0), -EALREADY,
 * -EISCONN; -EBUSY when a unix socket's backlog is full. Python: socket.connect_ex. connect(2). */
PIER_API int pier_sock_connect(pier_sock *s, const pier_addr *to);

/* SHUT_RD, SHUT_WR or SHUT_RDWR. Python: socket.shutdown. */
PIER_API int pier_sock_shutdown(pier_sock *s, int how);

PIER_API int pier_sock_local(const pier_sock *s, pier_addr *out); /* getsockname(2) */
PIER_API int pier_sock_peer(const pier_sock *s, pier_addr *out);  /* getpeername(2) */

/* ---- Receiving ----------------------------------------------------------------------------------- */

/* What has arrived, at most `room` bytes. With MSG_WAITALL on a stream: all of it, or what came before the end,
 * an error or the time-out. Python: socket.recv_into. recv(2). */
PIER_API ssize_t pier_sock_recv(pier_sock *s, void *into, size_t room, int flags);

/* Exactly `len` bytes of a stream. Returns `len`; 0 when the stream ends before the first; -PIER_ETRUNCATED
 * when it ends inside; after any error the bytes that came before it are lost to the caller. */
PIER_API ssize_t pier_sock_recv_all(pier_sock *s, void *into, size_t len);

/* One message and who sent it. Returns the bytes kept; what does not fit is lost, unseen: pier_sock_recvmsg tells.
 * Python: socket.recvfrom_into. */
PIER_API ssize_t pier_sock_recvfrom(pier_sock *s, void *into, size_t room, int flags,
				    pier_addr *from);

/* One message with all that belongs to it; see message.h. Python: socket.recvmsg_into. recvmsg(2). */
PIER_API ssize_t pier_sock_recvmsg(pier_sock *s, pier_message *m, int flags);

/* One message, and as values what came beside it, as far as the socket was told to tell: pier_sock_set_pktinfo,
 * _set_recv_hops, _set_recv_class, _set_timestamps. Returns the bytes kept, or an error with `out` untouched. Descriptors that came
 * are closed. Python: socket.recvmsg and a loop over its ancdata. */
PIER_API ssize_t pier_sock_recv_arrival(pier_sock *s, void *into, size_t room, int flags,
					pier_arrival *out);

/* Up to `count` messages: waits for the first and takes what else is there. Their bytes are in m[i].bytes. Returns
 * how many, or an error. recvmmsg(2). */
PIER_API int pier_sock_recvmmsg(pier_sock *s, pier_message *m, unsigned count, int flags);

/* ---- Sending ------------------------------------------------------------------------------------- */

/* All of it; on datagrams, as one. Waits while the peer reads slower. Returns `n` or an error; how much of a stream
 * had gone by then is not known. Python: socket.sendall. */
PIER_API ssize_t pier_sock_send(pier_sock *s, const void *p, size_t n, int flags);

/* As much as goes now, at least something: the count. Python: socket.send. send(2). */
PIER_API ssize_t pier_sock_send_some(pier_sock *s, const void *p, size_t n, int flags)
	__attribute__((warn_unused_result));

PIER_API ssize_t pier_sock_sendto(pier_sock *s, const void *p, size_t n, int flags,
				  const pier_addr *to);

/* One message with all that belongs to it; on a stream it may send a part. Python: socket.sendmsg. */
PIER_API ssize_t pier_sock_sendmsg(pier_sock *s, const pier_message *m, int flags);

/* `count` messages, as many at once as the kernel takes. Returns how many went, which is fewer than `count` only
 * when an error stopped the rest; or that error when none went. sendmmsg(2). */
PIER_API int pier_sock_sendmmsg(pier_sock *s, const pier_message *m, unsigned count, int flags);

/* `count` bytes (-1: to the end) of a file from `offset`, on a stream; by the kernel alone where it can. Returns 0 or
 * an error; *sent tells the bytes gone in either case. A file that ends early is no error. Python: socket.sendfile. */
PIER_API int pier_sock_sendfile(pier_sock *s, int file, int64_t offset, int64_t count,
				int64_t *sent);

/* ---- Asking by datagrams ------------------------------------------------------------------------- */

typedef struct pier_ask {
	pier_bytes say;
	const pier_addr *to; /* looked at for each try: `fits` may change it */
	void *into;	     /* where what comes is put, each over the one before */
	size_t room;
	/* Whether this is the answer: > 0 what it is, 0 it is passed over, < 0 to give up. */
	int (*fits)(pier_bytes answer, const pier_addr *from, void *arg);
	void *arg;
	unsigned tries; /* 0 = 5 */
	int64_t each;	/* ns of a try; 0 = 1 s */
} pier_ask;

/* Says it, and again when a try has passed, until there is an answer that fits. Anyone can send us datagrams, also late
 * and twice: those that do not fit are passed over, and do not lengthen the wait. Returns what `fits` did, -ETIMEDOUT after the last
 * try, or another error. RFC 8085 §3.1.1. */
PIER_API int pier_sock_ask(pier_sock *s, const pier_ask *ask);

/* ---- Descriptors over AF_UNIX -------------------------------------------------------------------- */

#define PIER_FDS_MAX                                                                               \
	252 /* of one message: what every libc sends; the kernel's SCM_MAX_FD is one more, unix(7) */

/* Sends `n` (> 0) bytes with at most PIER_FDS_MAX descriptors beside them, else -EINVAL; they stay open here. Returns the
 * bytes. Python: send_fds. */
PIER_API ssize_t pier_sock_send_fds(pier_sock *s, const void *p, size_t n, const int *fds,
				    unsigned count);

/* Receives bytes and at most `max` descriptors, CLOEXEC, the caller's; `count` of them. When more came than `max`,
 * or than this process may open, all of them are closed: -EMSGSIZE. None leaks. Python: recv_fds. */
PIER_API ssize_t pier_sock_recv_fds(pier_sock *s, void *into, size_t room, int *fds, unsigned max,
				    unsigned *count);

/* ---- Errors --------------------------------------------------------------------------------------- */

/* The first error of a call on `s` since it was opened or cleared, negative, or 0: to be asked for after a sequence of
 * calls. As with ferror(3), the calls after it are made all the same. That a call would have had to wait (time-out 0)
 * is none, and what is asked of a const handle leaves no note. */
PIER_API int pier_sock_err(const pier_sock *s);
PIER_API void pier_sock_clear(pier_sock *s);

/* For the end of programs: says it on stderr when there is one, as "bind to WHAT: Address already in use"; `what` NULL:
 * whom the socket is connected to. Returns what pier_sock_err does. perror(3). Python: except OSError as e: sys.exit(str(e)). */
PIER_API int pier_sock_perror(const pier_sock *s, const char *what);

/* ---- Conns and words ----------------------------------------------------------------------------- */

/* A conn over the socket, which is closed as a handle then; NULL when memory is out. Python: socket.makefile. */
PIER_API pier_conn *pier_sock_conn(pier_sock *s, const pier_dial_opts *opts);

/* A handle on the socket below a conn, for its options: still the conn's, so neither close nor receive by it.
 * Returns 0, or -ENOTSOCK where there is none. */
PIER_API int pier_sock_of(const pier_conn *c, pier_sock *out);

/* "fd 5: AF_INET SOCK_STREAM, 127.0.0.1:80 to 127.0.0.1:50412". Python: repr(socket). Returns `into`. */
#define PIER_SOCK_TEXT 384
PIER_API const char *pier_sock_str(const pier_sock *s, char *into, size_t room);

/* The sentence for an error that a call on `s` has just returned: "connect to 127.0.0.1:80: Connection refused".
 * `peer`: the address that the call was given; NULL: whom the socket is connected to. Returns `into`. */
PIER_API const char *pier_sock_why(const pier_sock *s, int err, const pier_addr *peer, char *into,
				   size_t room);

/* ---- What this machine has ----------------------------------------------------------------------- */

typedef enum pier_feature {
	PIER_IPV6,	/* Python: socket.has_ipv6 */
	PIER_DUALSTACK, /* one socket for IPv4 and IPv6. Python: has_dualstack_ipv6 */
	PIER_VSOCK,
	PIER_NETLINK,
	PIER_RAW_SOCKETS,    /* and the right to use them: CAP_NET_RAW */
	PIER_PACKET_SOCKETS, /* the same */
	PIER_PING_SOCKETS,   /* ICMP echo without rights: icmp(7) */
	PIER_UDP_SEGMENTS,   /* UDP_SEGMENT and UDP_GRO */
} pier_feature;

/* Tries it, by opening a socket. */
PIER_API bool pier_has(pier_feature what);

PIER_END

#endif
