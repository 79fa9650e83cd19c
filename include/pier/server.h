/* A server: a URL, a handler, and a fiber for every conn. */
#ifndef PIER_SERVER_H
#define PIER_SERVER_H

#include <pier/api.h>
#include <pier/conn.h>
#include <pier/time.h>

PIER_BEGIN

/* Serves one conn, from its first byte to its return. The conn is the server's: it is closed after the
 * handler returns. socketserver.BaseRequestHandler.handle. */
typedef void (*pier_handler)(pier_conn *c, void *arg);

typedef struct pier_serve_opts {
	size_t size;	       /* sizeof(pier_serve_opts), set by the macro */
	void *arg;	       /* given to every handler */
	pier_frame frame;      /* of the conns */
	size_t message_max;    /* 0 = PIER_MESSAGE_MAX */
	int64_t idle;	       /* a wait to receive or send ends after this long; 0 = never */
	int64_t rd, wr;	       /* the same for one direction; 0 = as idle */
	unsigned max_conns;    /* live conns; one more is closed at once; 0 = 10,000 */
	unsigned max_per_host; /* live conns of one host; 0 = max_conns; unix peers are one */
	int backlog;	       /* listen(2); 0 = SOMAXCONN */
	int64_t grace;	       /* on stop, handlers inside a message may go on this long; 0 = 5 s */
	unsigned workers;      /* 0 = all of the runtime's */
	pier_tls *tls; /* of tls://, with a certificate; the handler sees conns that are secure */
	bool quiet;    /* the caller says itself why it could not listen */
	/* Called once, on worker 0, when every worker listens: the real addresses, as text. */
	void (*on_listen)(const char *where, void *arg);
	/* Called once on worker 0 when the first stop signal came, before the conns are told. */
	void (*on_stop)(void *arg);
	/* A conn ended by an error (never for a disconnect or a stop); NULL = silent. */
	void (*on_error)(pier_conn *c, int err, void *arg);
	/* A conn over a limit, before it is closed. It may be sent a line: what does not fit the socket
	 * at once is lost. NULL = it is just closed. */
	void (*on_full)(pier_conn *c, void *arg);
} pier_serve_opts;

/* Listens on `url` and serves until told to stop. From a plain main it starts a runtime with one worker
 * per core, stops on SIGINT and SIGTERM, and says on stderr when it could not listen; a second signal
 * stops at once. On a fiber it serves until that fiber is cancelled or pier_serve_stop is called, and
 * says nothing.
 *
 * Stopping is gentle: no new conns; a conn that waits between messages (pier_next, pier_gets,
 * pier_http_next) sees the end of input; one inside a message may go on for `grace`, then is cancelled.
 *
 * Returns 0 after a stop, or why it could not listen: -EADDRINUSE, -EACCES, -PIER_EURL …
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
	int backlog;	    /* 0 = SOMAXCONN */
	pier_frame frame;   /* of the accepted conns */
	size_t message_max; /* 0 = PIER_MESSAGE_MAX */
	int64_t idle;	    /* of the accepted conns; 0 = never */
	bool reuse_port;    /* several listeners share the port: SO_REUSEPORT, socket(7) */
} pier_listen_opts;

/* Listens (tcp, unix, seqpacket; or fd:, systemd: on a socket that listens already, of which it becomes the
 * owner unless it fails). An empty host is every address, IPv4 and IPv6; of a name with several addresses,
 * each. A unix path left by a dead server is taken over; a living one is -EADDRINUSE. Port 0 asks the kernel
 * for a free one. Returns 0 with `out` set, or an error. Python: socket.create_server. listen(2). */
PIER_API int pier_listen_with(const char *url, const pier_listen_opts *opts, pier_listener **out);
#define pier_listen(url, out, ...)                                                                 \
	pier_listen_with((url),                                                                    \
			 &(pier_listen_opts){.size = sizeof(pier_listen_opts), ##__VA_ARGS__},     \
			 (out))

/* Waits for the next conn, which becomes the caller's. Returns 0 with `out` set, or an error; a peer that
 * left before it was accepted is passed over. Python: socket.accept. accept4(2). */
PIER_API int pier_accept(pier_listener *l, pier_conn **out);

/* Where it listens, with the real port. */
PIER_API int pier_listener_addr(const pier_listener *l, pier_addr *out);

/* Closes it and removes its unix path. NULL is allowed. */
PIER_API void pier_listener_close(pier_listener *l);

PIER_END

#endif
