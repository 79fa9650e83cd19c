/* A conn: one end of a conversation, over any transport. On streams (tcp, unix) what has arrived comes
 * in pieces, or in frames when a frame is set; on message transports (udp, seqpacket) one message at a
 * time.
 *
 * Errors stick: the first error of a conn stays, and every later call returns it at once. Every call
 * accepts NULL (-ENOMEM) and a failed conn, so straight-line code need not check each step: pier_err(c)
 * at the end tells. The end of input is no error.
 *
 * Two fibers of one worker may use a conn in opposite directions; several may send, each message whole
 * and in turn. A conn stays on the worker that made it. */
#ifndef PIER_CONN_H
#define PIER_CONN_H

#include <pier/addr.h>
#include <pier/api.h>
#include <pier/bytes.h>
#include <stdarg.h>

PIER_BEGIN

typedef struct pier_conn pier_conn;
typedef struct pier_tls pier_tls; /* <pier/tls.h> */

/* How a stream is cut into messages. */
typedef enum pier_frame {
	PIER_RAW = 0, /* not at all: pier_next gives what has arrived */
	PIER_LINES,   /* text up to LF; CR LF or LF is stripped on receipt, LF is added on send */
	PIER_LEN16,   /* a 16-bit big-endian length before each message */
	PIER_LEN32,   /* a 32-bit big-endian length before each message */
} pier_frame;

#define PIER_MESSAGE_MAX (1u << 20) /* .message_max when 0: bytes of one received message */
#define PIER_LINGER	 PIER_S(2)  /* closing waits at most this long for the peer's last bytes */

/* ---- Making one -------------------------------------------------------------------------------- */

/* What a dial tried, for those who want more than the last error. Python: create_connection's all_errors. */
#define PIER_TRIED_MAX 16

typedef struct pier_tried {
	unsigned count;
	struct pier_try {
		pier_addr to;
		int err; /* 0 for the one that won, or why TLS with it failed, which ends a dial;
			       * -ECANCELED for those it left behind */
		int64_t took; /* ns */
	} at[PIER_TRIED_MAX];
} pier_tried;

typedef struct pier_dial_opts {
	size_t size; /* sizeof(pier_dial_opts), set by the macro */
	int64_t timeout; /* ns for look-up, connect, proxy and TLS together; 0 = only the deadlines around */
	const char *
		source; /* numeric address, or address:port, to come from; NULL = the kernel's choice */
	const char *
		proxy; /* tcp and tls only: socks5://[user:password@]host:port (RFC 1928, 1929; the proxy looks
			    * the name up) or http://[user:password@]host:port (CONNECT, RFC 9110 §9.3.6) */
	pier_tried *tried; /* filled, whatever comes of it */
	pier_frame frame;
	size_t message_max; /* 0 = PIER_MESSAGE_MAX */
	int64_t idle; /* a wait to receive or send ends after this long without a byte; 0 = never */
	pier_tls *tls; /* of tls://: whom to trust, who we are; NULL = the system's authorities */
} pier_dial_opts;

/* Resolves and connects. Waits for both. The addresses of a name are tried in their order, IPv6 and IPv4 by
 * turns; each attempt starts when the one before has failed, or beside it after 250 ms, and the first that
 * answers wins (Happy Eyeballs, RFC 8305). Never returns NULL but when memory is out: on failure it returns a
 * failed conn whose pier_err and pier_why tell.
 * Ownership: the caller's; end it by pier_close, or hold it in a PIER_AUTO.
 * Python: socket.create_connection. connect(2). */
PIER_API pier_conn *pier_dial_with(const char *url, const pier_dial_opts *opts);
#define pier_dial(url, ...)                                                                        \
	pier_dial_with((url), &(pier_dial_opts){.size = sizeof(pier_dial_opts), ##__VA_ARGS__})

/* A conn that its scope owns:	PIER_AUTO *c = pier_dial("tcp://localhost:80"); */
#define PIER_AUTO PIER_CLEANUP(pier_close_auto) pier_conn

/* Two conns joined to each other inside this process. Returns 0, or -EMFILE, -ENOMEM with `out`
 * untouched. Python: socket.socketpair. socketpair(2). */
PIER_API int pier_pair(pier_conn *out[2]);

/* The same, one returned and one in *other; on failure a failed conn, as pier_dial's, and NULL.
 *	PIER_AUTO *b = NULL, *a = pier_pair_open(&b); */
PIER_API pier_conn *pier_pair_open(pier_conn **other);

/* A conn over an open descriptor (socket, pipe, terminal), of which it becomes the owner. */
PIER_API pier_conn *pier_adopt(int fd, const pier_dial_opts *opts);

/* ---- Receiving --------------------------------------------------------------------------------- */

/* The next message (message transports, framed streams) or what has arrived (raw streams). Waits for
 * it. The view is the conn's, may be edited, and is good until the next receive on `c`. At the end of
 * input, on error, time-out or cancel its p is NULL: ask pier_err. An empty message has p set and len
 * 0; on seqpacket, empty ones that are the last before the end are taken for it, since recv(2) answers
 * alike. A message above message_max fails the conn with -EMSGSIZE. Python: socket.recv. */
PIER_API pier_bytes pier_next(pier_conn *c);

/* The next line of a raw stream, or the next message, into `line`, ended by a NUL; CR LF or LF at its
 * end is stripped. Waits for all of it; a last line without an end counts as one. Returns the bytes
 * consumed (> 0 even for an empty line), 0 at the end of input, or an error; -EMSGSIZE when it does
 * not fit `room`. A NUL inside the line stays, and C code sees the line end there; pier_next with
 * PIER_LINES tells the length. Python: file.readline. */
PIER_API ssize_t pier_gets(pier_conn *c, char *line, size_t room);

/* Receives what has arrived, at most `room` bytes; waits until there is something. On message
 * transports one message; -EMSGSIZE when `room` is too small for it. Returns the count (0 can be an
 * empty message only where messages are), 0 at the end of input, or an error. Frames are not looked
 * at. Python: socket.recv_into. recv(2). */
PIER_API ssize_t pier_recv(pier_conn *c, void *into, size_t room);

/* Receives exactly `len` bytes of a stream. Returns `len`, or -PIER_ETRUNCATED when the input ends
 * before (0 when it ends before the first byte), or an error. */
PIER_API ssize_t pier_recv_all(pier_conn *c, void *into, size_t len);

/* For parsers of your own, on streams. pier_view: what is buffered and not spent, never waits, p is
 * never NULL. pier_fill: waits for more; > 0 when the view grew, 0 at the end of input, -EMSGSIZE when
 * message_max bytes are buffered already, or an error. pier_spend: the first `n` bytes of the view are
 * done with. A view is good until the next fill. */
PIER_API pier_bytes pier_view(pier_conn *c);
PIER_API ssize_t pier_fill(pier_conn *c);
PIER_API void pier_spend(pier_conn *c, size_t n);

/* At least the next `n` bytes of a stream (message_max at most), without spending them; waits for them. Fewer come when
 * the input ends before; p is NULL at the end of input and on error. Good until the next receive.
 * Python: BufferedReader.peek. */
PIER_API pier_bytes pier_peek(pier_conn *c, size_t n);

/* Puts bytes back before what comes next on a stream, be they those that were read or others. Returns 0, -EMSGSIZE when
 * more than message_max would be buffered (which does not stick), -ENOMEM, or the error of `c`. C: ungetc. */
PIER_API int pier_unread(pier_conn *c, const void *p, size_t n);

/* Waits up to `ns` for input, the end of input or an error. Returns 1 when a receive would not wait, 0
 * when the time passed (which does not stick), or -ECANCELED, -ETIMEDOUT of a deadline around. On a stream with a
 * frame it is pier_next that would not wait: half a message is not enough; and as a receive it ends the view
 * of the message before. Python: select.select. */
PIER_API int pier_poll(pier_conn *c, int64_t ns);

/* ---- Sending -----------------------------------------------------------------------------------
 *
 * Answers to messages that arrived together leave together. While input of a stream socket is buffered
 * and not spent, what a fiber sends may be held, 16 KiB at most; it leaves with what is sent once all
 * input is spent, and at the latest before that fiber waits for anything at all, or ends: a receive, a
 * lock, time, offloaded work. So nothing is held past a wait, and no other fiber overtakes it. An error
 * of held bytes is told by a later call. A peer that reads nothing holds nobody up by them: the next
 * receive may go on, the next send waits for room. Before you write to pier_fileno yourself, let the
 * fiber wait, as by pier_yield. Outside fibers nothing is held. */

/* Sends all of it, as one message where there are messages. Waits while the peer reads slower than we
 * write. Returns `n`, or an error. What a udp server's handler sends may leave together with the answers
 * of others, at the end of the worker's turn at the latest; that the kernel refused it is then told by
 * the next call. Python: socket.sendall. send(2), MSG_NOSIGNAL. */
PIER_API ssize_t pier_send(pier_conn *c, const void *p, size_t n);

/* From now on what is sent on a stream is gathered, up to `bytes` (at most PIER_BUFFER_MAX): many small sends, one
 * system call. It goes by pier_flush, together with the first send that no longer fits, before a file, and at the end
 * (pier_finish, pier_close); not before a receive: who waits for an answer flushes first. What topics bring
 * does not wait for it. A send that is gathered returns at once; an error is told by the call that sends. 0 ends it. What
 * was gathered before goes first. Returns 0; -EPROTOTYPE where messages are, -EINVAL above the maximum, -EBUSY while
 * another fiber flushes, -ENOMEM, none of which sticks; or the error of `c`.
 * Python: makefile(buffering=…), StreamRequestHandler.wbufsize. */
#define PIER_BUFFER_MAX (1u << 20)
PIER_API int pier_buffer(pier_conn *c, size_t bytes);

/* Sends what is gathered, or held, and waits until the kernel has all that was sent before. Returns 0 or an error.
 * Python: file.flush. */
PIER_API int pier_flush(pier_conn *c);

/* Formats and sends, as one message. Returns the bytes, or an error. Python: file.write(f"…"). */
PIER_API ssize_t pier_printf(pier_conn *c, const char *format, ...) PIER_PRINTF(2, 3);
PIER_API ssize_t pier_vprintf(pier_conn *c, const char *format, va_list args) PIER_PRINTF(2, 0);

/* Sends `count` bytes (-1: up to the end) of a file from `offset`, on streams without copying them
 * through this process. Returns the bytes sent, or an error, also when the file is shorter than
 * `count`. Python: socket.sendfile. sendfile(2). */
PIER_API int64_t pier_sendfile(pier_conn *c, const char *path, int64_t offset, int64_t count);
PIER_API int64_t pier_sendfile_fd(pier_conn *c, int fd, int64_t offset, int64_t count);

/* Sends on to `to` what comes from `from`, pieces or messages as they come, until its end; waits for both. Returns
 * the bytes, or the error of whichever failed. Neither is finished or closed. Python: shutil.copyfileobj. */
PIER_API int64_t pier_copy(pier_conn *from, pier_conn *to);

/* Says that we send no more; receiving goes on. Python: socket.shutdown(SHUT_WR). shutdown(2). */
PIER_API int pier_finish(pier_conn *c);

/* Between the two, messages that topics bring to `c` wait in its queue, so what you send yourself
 * stays in one piece. A conn corked past its queue counts as slow. */
PIER_API void pier_cork(pier_conn *c);
PIER_API void pier_uncork(pier_conn *c);

/* ---- Asking ------------------------------------------------------------------------------------ */

/* The error that stuck, negative, or 0. */
PIER_API int pier_err(const pier_conn *c);

/* The whole sentence: what was tried, with whom, and why it failed. Owned by the conn; "" without an
 * error. Python: the text of an OSError. */
PIER_API const char *pier_why(pier_conn *c);

/* For the end of programs: prints the sentence on stderr when there is an error. Returns what pier_err does.
 * perror(3). Python: except OSError as e: sys.exit(str(e)). */
PIER_API int pier_perror(pier_conn *c);

/* Forgets a time-out, or that nobody took a datagram (udp, -ECONNREFUSED), so that the conn can be used
 * on; buffered input is kept. Other errors stay. */
PIER_API void pier_clear(pier_conn *c);

/* The peer's address as text ("127.0.0.1:50412", "unix"), owned by the conn; "?" when unknown. */
PIER_API const char *pier_peer(pier_conn *c);
PIER_API const pier_addr *pier_peer_addr(const pier_conn *c);

/* Our own address. Returns 0 or an error. getsockname(2). */
PIER_API int pier_local_addr(const pier_conn *c, pier_addr *out);

/* True where each message arrives whole (udp, seqpacket, frames). */
PIER_API bool pier_is_message(const pier_conn *c);

/* The descriptor below, -1 when there is none of its own (a udp server's peer). Still the conn's. */
PIER_API int pier_fileno(const pier_conn *c);

/* Sets the time-outs of a conn: a wait to receive (rd) or send (wr) longer than this fails with
 * -ETIMEDOUT. 0 = none. Python: socket.settimeout. */
PIER_API void pier_set_timeouts(pier_conn *c, int64_t rd, int64_t wr);

/* Changes how a stream is cut, from the next receive on; buffered bytes are kept. */
PIER_API void pier_set_frame(pier_conn *c, pier_frame frame, size_t message_max);

/* A place for the application's own pointer. */
PIER_API void pier_set_data(pier_conn *c, void *data);
PIER_API void *pier_data(const pier_conn *c);

/* ---- Other workers ----------------------------------------------------------------------------- */

/* Lends `c` to another worker: runs fn(c, arg) as a fiber there, as pier_call does, and waits until it has
 * returned; then `c` is the caller's again. What was received and not read goes along; topics that
 * fn joins are left at its end. Meanwhile nobody here may use `c`, and fn must not close it. Returns what
 * pier_call would; the error of `c`; -EBUSY when a fiber waits on it or it is a member of a topic;
 * -EOPNOTSUPP for a conn of pier_serve, which spreads its conns itself; -ENOTSUP outside fibers. */
PIER_API int pier_pass(pier_conn *c, unsigned worker, int (*fn)(pier_conn *c, void *arg),
		       void *arg);

/* ---- Ending ------------------------------------------------------------------------------------ */

/* Ends a conn well: waits for our last bytes to leave, says that we are done, reads the peer's last
 * words until its end or PIER_LINGER, and closes; so unread input does not turn our last words into a
 * reset. After an error it closes at once. NULL is allowed. */
PIER_API void pier_close(pier_conn *c);

/* Closes at once; the peer sees a reset when bytes were under way. SO_LINGER, socket(7). */
PIER_API void pier_abort(pier_conn *c);

static inline void pier_close_auto(pier_conn **c)
{
	pier_close(*c);
}

PIER_END

#endif
