/* A server: a URL, a handler, and a fiber for every conn. */
#ifndef PIER_SERVER_H
#define PIER_SERVER_H

#include <pier/api.h>
#include <pier/conn.h>
#include <pier/time.h>

PIER_BEGIN

/* Serves one conn, from its first byte to its return. The conn is the server's: it is closed after the
 * handler returns; a pier_close inside closes it earlier, and what is left of it then is its error.
 * socketserver.BaseRequestHandler.handle.
 *
 * With `per_message` it serves one message, and the conn stays when it returns: see below. */
typedef void (*pier_handler)(pier_conn *c, void *arg);

#define PIER_DATA_MAX (64u << 10) /* bytes of .data_size */

typedef struct pier_serve_opts {
	size_t size;	    /* sizeof(pier_serve_opts), set by the macro */
	void *arg;	    /* given to every handler */
	pier_frame frame;   /* of the conns */
	size_t message_max; /* 0 = PIER_MESSAGE_MAX */
	int64_t idle;	    /* a wait to receive or send ends after this long; 0 = never */
	int64_t rd, wr;	    /* the same for one direction; 0 = as idle */
	unsigned
		max_conns; /* live conns; one more is closed at once; 0 = 10,000, or 40 processes */
	unsigned max_per_host; /* live conns of one host; 0 = max_conns; unix peers are one */
	int backlog;	       /* listen(2); 0 = 4096 */
	int64_t grace;	       /* on stop, handlers inside a message may go on this long; 0 = 5 s */
	unsigned workers;      /* 0 = all of the runtime's */
	bool quiet;	       /* the caller says itself why it could not listen */
	bool per_message;      /* call the handler once per message: see below */
	bool isolate;	       /* a process for each conn: see below */
	/* Of tls://, with a certificate: the handler sees conns whose handshake is done. With isolate, each process
	 * shakes hands itself, and no other knows the keys. */
	pier_tls *tls;
	/* More URLs to listen on, ended by NULL; at most 15. */
	const char *const *also;
	/* Networks, as "127.0.0.0/8 ::1 unix". A peer in `deny`, or not in `allow` when that is set, is closed at
	 * once. `proxied` are those of proxies: see below. */
	const char *allow, *deny, *proxied;
	/* Once all sockets listen, the process becomes this user with its groups, or with this group alone. */
	const char *user, *group;
	/* It stops after serving so many conns; 0 = never. 1 is Python's handle_request. */
	unsigned max_served;
	/* Bytes of the application's own for each conn, at most PIER_DATA_MAX: zeros when on_open is called, freed after on_close. pier_data is
	 * where they are, and not to be set. */
	size_t data_size;
	int64_t tick; /* how often on_tick is called; 0 = never */
	/* Called once, on worker 0, when every worker listens: the real addresses, as text. */
	void (*on_listen)(const char *where, void *arg);
	/* Called once on worker 0 when the first stop signal came, before the conns are told. */
	void (*on_stop)(void *arg);
	/* Whether this peer may come at all; asked before there is a conn or a fiber for it, on any worker, so it
	 * must not wait. socketserver.BaseServer.verify_request. */
	bool (*verify)(const pier_addr *peer, void *arg);
	/* Every `tick`, on a fiber of worker 0; the next counts from its return. BaseServer.service_actions. */
	void (*on_tick)(void *arg);
	/* At the start of a conn that is served, before its first byte, and at its end, whatever the cause:
	 * after on_error, before it is closed. They may wait as the handler may, and send, while the conn has
	 * no error. socketserver.BaseRequestHandler.setup, finish. */
	void (*on_open)(pier_conn *c, void *arg);
	void (*on_close)(pier_conn *c, void *arg);
	/* A conn ended by an error (never for a disconnect or a stop); NULL = silent. */
	void (*on_error)(pier_conn *c, int err, void *arg);
	/* A conn over a limit, before it is closed. It may be sent a line. What that takes, a proxy's header and a
	 * handshake first, has PIER_LINGER in all, and 64 conns may be at it on each worker: others are just closed,
	 * and so are all when it is NULL, and those of tls:// with isolate. Of udp's limits, max_per_host alone. */
	void (*on_full)(pier_conn *c, void *arg);
} pier_serve_opts;

/* Isolated: each conn is served by a process of its own, with a runtime of one worker; a handler that crashes takes
 * nobody along (on_error is told -PIER_ECRASH), and what it changes in memory nobody else sees. on_open, handler,
 * on_error and on_close run there; the other calls in the first process, which has one worker for this server. A
 * stop reaches the processes too; those that are left after `grace` are killed. Not over udp, nor per message. It
 * forks: threads of the application's own are not in the new process. Linux 5.3. socketserver.ForkingMixIn. */

/* Behind a proxy: a conn from one of the `proxied` networks must begin with a PROXY header, within
 * PIER_PROXY_WAIT, or is closed. Then pier_peer is the client, and allow, deny, verify and max_per_host are held
 * against the client; a proxy that speaks for itself (LOCAL, a check of our health) or does not know (UNKNOWN)
 * stays the peer. Of conns from elsewhere such a header is nothing special: nobody can borrow an address. Streams
 * only. */
#define PIER_PROXY_WAIT PIER_S(5)

/* Per message: for servers with very many quiet peers. The handler is called when a message is here (a frame,
 * a datagram; of a raw stream, what has arrived), takes it by one pier_next, which does not wait, and returns.
 * It runs on a fiber and may wait for anything; it is never called twice at once for one conn, and the messages of
 * a conn come in their order. Between two messages a conn has no fiber, no stack and no buffer: about 0.5 KiB in all
 * (under TLS 14.6, nearly all of it OpenSSL's), and what it has sent in of a message that has only begun.
 *
 * What a handler keeps from one message to the next is its pier_data, of `data_size` bytes. A message that it
 * does not take is dropped. Of a raw stream, what it leaves unread stays: it is called again at once if it has taken
 * some, else when more has come (-EMSGSIZE when that is message_max bytes). Further receives wait on
 * the fiber, as ever. The conn ends when its input does, by an error, by `idle` or `rd` between messages,
 * by a stop, or when the handler calls pier_close. Between messages no other fiber may receive. */

/* Listens on `url` and serves until told to stop. From a plain main it starts a runtime with one worker
 * per core, stops on SIGINT and SIGTERM, and says on stderr when it could not listen; a second signal
 * stops at once. Where SIGUSR1 would end the process it writes pier_dump to stderr instead, and a fiber that runs
 * out of its stack is named there (pier_overflow_report). On a fiber it serves until that fiber is cancelled or
 * pier_serve_stop is called, and says nothing.
 *
 * Stopping is gentle: no new conns; a conn that waits between messages (pier_next, pier_gets,
 * pier_http_next) sees the end of input; one inside a message may go on for `grace`, then is cancelled.
 *
 * A udp or unixgram peer is a conn from its first datagram on. It never says that it leaves, so over max_conns the one
 * that is silent for longest, of all workers, is ended (-ECONNABORTED) for a new one.
 * A unixgram peer must have a name (a dialled one has) to be answered, else -EDESTADDRREQ. One socket sends to all of
 * them, and what a peer leaves unread takes its room: for peers that you do not trust there is seqpacket.
 *
 * Returns 0 after a stop, -ETIMEDOUT when a deadline around it ended it (handle_request's time-out), or why it
 * could not listen, or no longer: -EADDRINUSE, -EACCES, -PIER_EURL, -EINVAL for `allow`, `deny` or `proxied` that are
 * no networks, -EPERM or -ESRCH for a `user` …
 * Python: socketserver.ThreadingTCPServer.serve_forever, and ThreadingUDPServer for udp:// (one conn
 * per peer; it lives until the handler returns). */
PIER_API int pier_serve_with(const char *url, pier_handler handler, const pier_serve_opts *opts);
#define pier_serve(url, handler, ...)                                                              \
	pier_serve_with((url), (handler),                                                          \
			&(pier_serve_opts){.size = sizeof(pier_serve_opts), ##__VA_ARGS__})

/* Stops the server that owns `c`, as a first signal does; callable from its handlers. */
PIER_API void pier_serve_stop(pier_conn *c);

/* True once the conn's server is stopping: an end of input is then ours, not the peer's. */
PIER_API bool pier_stopping(const pier_conn *c);

/* ---- By hand ------------------------------------------------------------------------------------ */

typedef struct pier_listener pier_listener;

typedef struct pier_listen_opts {
	size_t size;
	int backlog;	    /* 0 = 4096 */
	pier_frame frame;   /* of the accepted conns */
	size_t message_max; /* 0 = PIER_MESSAGE_MAX */
	int64_t idle;	    /* of the accepted conns; 0 = never */
	bool reuse_port;    /* several listeners share the port: SO_REUSEPORT, socket(7) */
	pier_tls *tls;	    /* of tls://, with a certificate; it lives longer than the listener */
} pier_listen_opts;

/* Listens (tcp, tls, unix, seqpacket; or fd:, systemd: on a socket that listens already, of which it becomes the
 * owner unless it fails). An empty host is every address, IPv4 and IPv6; of a name with several addresses,
 * each. A unix path left by a dead server is taken over; a living one is -EADDRINUSE. Port 0 asks the kernel
 * for a free one. Returns 0 with `out` set, or an error. Python: socket.create_server. listen(2). */
PIER_API int pier_listen_with(const char *url, const pier_listen_opts *opts, pier_listener **out);
#define pier_listen(url, out, ...)                                                                 \
	pier_listen_with((url),                                                                    \
			 &(pier_listen_opts){.size = sizeof(pier_listen_opts), ##__VA_ARGS__},     \
			 (out))

/* Waits for the next conn, which becomes the caller's. Returns 0 with `out` set, or an error; a peer that
 * left before it was accepted is passed over. Of tls:// it is the next whose handshake is done: while somebody waits here,
 * PIER_TLS_SHAKING_MAX clients shake hands at once; who fails, or takes longer than .handshake, or is at it for longest
 * when there are more, is let go, and pier_log hears why. Python: socket.accept. accept4(2). */
PIER_API int pier_accept(pier_listener *l, pier_conn **out);

/* Where it listens, with the real port. */
PIER_API int pier_listener_addr(const pier_listener *l, pier_addr *out);

/* Its port alone; 0 where there is none. Python: listener.getsockname()[1]. */
PIER_API uint16_t pier_listener_port(const pier_listener *l);

/* Where it listens as a URL to dial: "tcp://127.0.0.1:40123", "unix:/run/x.sock". Owned by the listener. Of a wildcard, what
 * leads to this machine when dialled on it. */
PIER_API const char *pier_listener_url(pier_listener *l);

/* Closes it and removes its unix path. NULL is allowed. Nobody may wait in pier_accept on it any more: who does is cancelled
 * first (pier_group_cancel). */
PIER_API void pier_listener_close(pier_listener *l);

/* A listener that its scope owns:	PIER_AUTO_LISTENER *l = NULL; */
#define PIER_AUTO_LISTENER PIER_CLEANUP(pier_listener_close_auto) pier_listener

static inline void pier_listener_close_auto(pier_listener **l)
{
	pier_listener_close(*l);
}

PIER_END

#endif
