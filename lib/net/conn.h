/* A conn from the inside. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "fiber/fiber.h"
#include "fiber/worker.h"
#include "io/backend.h"

#include <pier/conn.h>
#include <pier/error.h>

/* How bytes or messages come and go: one table a transport. All wait, until `at` at most. */
struct transport {
	bool message;
	/* Streams: receives into `at`, or without it into a pool buffer, which is then at *at. The count, 0 at
	 * the end of input, or an error. */
	int64_t (*receive)(pier_conn *c, void **at, size_t room, int64_t until);
	/* Messages: receives one into c->in, replacing what is there. 1, 0 at the end, or an error. */
	int64_t (*next)(pier_conn *c, int64_t until);
	/* Messages: the same, of what is here: -EAGAIN when nothing is. */
	int64_t (*take)(pier_conn *c);
	/* Without a fiber: submits an op (IO_RECV on streams, IO_POLL_IN on messages), whose `done` tells of
	 * input; true when it is complete already. `disarm` asks it to end, as io_cancel does. */
	bool (*arm)(pier_conn *c, struct io_op *op);
	void (*disarm)(pier_conn *c, struct io_op *op);
	/* Where other bytes come than the conn's (TLS): what `op` brought, as receive would give it, without a wait;
	 * -EAGAIN when it is too little. NULL where the same come. */
	int64_t (*unwrap)(pier_conn *c, const struct io_op *op, void **at, size_t room);
	/* Sends a part of a stream, or a whole message. */
	int64_t (*send)(pier_conn *c, struct msghdr *msg, int64_t until);
	/* For who sends without a fiber, where other bytes go over the wire than are given (TLS); NULL where the
	 * same do. send_now takes all or is -EAGAIN; unsent is what of that has still to go, and stays
	 * where it is; left tells that some of it has gone. */
	int64_t (*send_now)(pier_conn *c, const struct msghdr *msg);
	bool (*unsent)(pier_conn *c, struct iovec *out);
	void (*left)(pier_conn *c, size_t n);
	/* 1 when there is something to receive. */
	int64_t (*poll)(pier_conn *c, int64_t until);
	int (*finish)(pier_conn *c);
	void (*close)(pier_conn *c, bool reset);
};

/* What was received and is not spent: at[start, end). */
struct inbuf {
	char *at;
	size_t start, end, room;
	size_t held;	  /* of the view: lent to the caller by pier_next */
	uint32_t scanned; /* of the view: searched for a line's end already */
	bool pooled;
};

/* Beyond 4 GiB a line is searched again. */
static inline void inbuf_scanned(struct inbuf *in, size_t n)
{
	in->scanned = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* What each message touches comes first: with thousands of conns it is no longer in the cache, and each line of that
 * is waited for. */
struct pier_conn {
	const struct transport *via;
	int fd;
	pier_frame frame;
	int err;       /* sticks */
	bool socket;   /* fd is one */
	bool shared;   /* its description has other holders */
	bool blocks;   /* … and no O_NONBLOCK */
	bool eof;      /* nothing more comes */
	bool finished; /* nothing more goes */
	bool torn;     /* a message went only in part */
	bool draining; /* between messages, input ends: the server stops */
	bool between;  /* the reader waits between messages */
	bool writing;  /* someone is inside a message: writers wait in `writers` */
	bool corked;
	bool arrived : 1;    /* a message is here, whole, that no receive has taken yet */
	bool on_standby : 1; /* it waits for its next message without a fiber */
	bool stale : 1; /* of a raw stream: the handler has seen what is buffered, and wants more */
	bool opened : 1; /* its server has called on_open */
	bool behind : 1; /* a proxy that has not said yet for whom it speaks: its host is not counted */
	bool secure : 1;	   /* TLS comes before all else */
	bool unopened : 1;	   /* … and its handshake failed, or there was no memory */
	bool elsewhere : 1;	   /* a process of its own serves it */
	bool bulk : 1;		   /* of a stream: much comes at a time */
	bool peer_cut : 1;	   /* `peer` has no memory beyond its length */
	int64_t rd, wr;		   /* time-outs of a wait, PIER_FOREVER for none */
	struct held *held;	   /* what was sent and waits for more of it; mostly NULL */
	struct gathered *gathered; /* what was sent and waits for pier_flush; mostly NULL */
	struct outbox *outbox;	   /* what topics bring; NULL until the first */
	struct inbuf in;
	size_t message_max;
	struct fiber *reader, *writer; /* parked in the transport */
	struct waitq writers;
	const char *doing;	 /* what failed: "connect to" */
	struct tls_conn *tls;	 /* under TLS */
	struct udp_peer *udp;	 /* a peer of a udp server */
	struct station *station; /* of the server that owns it */
	struct standby *standby; /* when it is served per message */
	struct list link;	 /* among the conns of its station */
	void *data;
	char *name, *why;      /* made when asked for */
	pier_addr *peer_whole; /* … where the peer is cut; or its name since then */
	pier_addr peer;	       /* the last, since it may be cut: pier_conn_peer gives it whole */
};

/* With a peer that is known it has memory for just that one: most of an address is room for the path of a unix
 * socket. With NULL, for any. */
pier_conn *pier_conn_new(const struct transport *via, int fd, const pier_addr *peer);
pier_addr pier_conn_peer(const pier_conn *c);
/* From here on the peer is known by another address. 0 or -ENOMEM. */
int pier_conn_rename(pier_conn *c, const pier_addr *peer);
void pier_conn_free(pier_conn *c);

/* Sets a tcp or unix conn up as its options say. */
void pier_conn_options(pier_conn *c, pier_frame frame, size_t message_max, int64_t idle);

/* The first error sticks. Returns the one that is stuck; wakes whoever waits on the conn. */
int pier_conn_fail(pier_conn *c, int err, const char *doing);

/* The server stops: input ends between messages. */
void pier_conn_drain(pier_conn *c);

/* The time when a wait that starts now ends. */
int64_t pier_conn_until(pier_conn *c, int64_t timeout);

extern const struct transport pier_transport_stream, pier_transport_message;

/* The io of the calling fiber or thread. */
struct io *pier_conn_io(void);

/* ---- TLS (tls_start.c, or tls_none.c) -------------------------------------------------------------- */

/* On a fresh conn to a "tls://" endpoint: the handshake. 0 or an error, which sticks. */
int pier_tls_start_dialled(pier_conn *c, pier_tls *t, pier_bytes host);
/* The same on one that a server has accepted; what was received of it already is the beginning of TLS. */
int pier_tls_start_served(pier_conn *c, pier_tls *t);

/* 0, or why a server cannot have it, in words too. */
int pier_tls_can_serve(const pier_tls *t, const char **why);

/* A handshake without a fiber of its own: whoever sees to several submits its op among others. */
struct shaking {
	struct io_op op;
	struct msghdr msg;
	struct iovec iov;
	int done; /* what the last step has come to */
};

/* Begins, on an accepted socket; and goes on when the op has ended. 1: the handshake is done. 0: s->op is to be submitted
 * next, or again when it was cancelled. Or an error, which sticks. */
int pier_tls_shaking_begin(struct shaking *s, pier_conn *c, pier_tls *t);
int pier_tls_shaking_go_on(struct shaking *s, pier_conn *c);

/* How long a handshake may take. */
int64_t pier_tls_patience(const pier_tls *t);

/* ---- Receiving (receive.c) ----------------------------------------------------------------------- */

void pier_inbuf_drop(pier_conn *c);
/* A wait inside `via`, known to those who may end it. */
int64_t pier_conn_receive(pier_conn *c, void **at, size_t room, bool between);

/* ---- Sending (send.c) ---------------------------------------------------------------------------- */

/* A message is sent inside these two. */
int pier_conn_write_begin(pier_conn *c, int64_t until);
void pier_conn_write_end(pier_conn *c);

/* ---- Holding back (held.c) ------------------------------------------------------------------------- */

/* Holds a message for others to go with it, while more input waits to be read. False: it does not do here. */
bool pier_held_add(pier_conn *c, const struct iovec *iov, int count);
/* What is held, for the caller to send and to give back to the pool: the pieces of a message from iov[1] on get it as
 * iov[0], or all become that one. NULL when there is none. */
struct held *pier_held_claim(pier_conn *c, struct iovec *iov, int *count);
/* Sends what is held: as far as can be without waiting, the rest by an op while the conn counts as being written to. */
void pier_held_send(pier_conn *c);
/* Sends it, and waits for its end until `until`. */
void pier_held_drain(pier_conn *c, int64_t until);
/* The same without waiting for the peer: the conn is about to be closed. */
void pier_held_end(pier_conn *c);

/* ---- Gathering by choice (gathered.c) ---------------------------------------------------------------- */

/* Gathers a message, if that was asked for and it fits. */
bool pier_gathered_add(pier_conn *c, const struct iovec *iov, int count);
/* What is gathered, to be sent now; then it is to be told gone. False: nothing is. */
bool pier_gathered_claim(pier_conn *c, struct iovec *iov);
void pier_gathered_gone(pier_conn *c);
void pier_gathered_free(pier_conn *c);

/* ---- Peers of a udp server (udp.c) --------------------------------------------------------------- */

/* Where a datagram to this peer goes, and from which of our addresses. */
void pier_udp_address(pier_conn *c, struct msghdr *msg);

/* ---- Topics (outbox.c) ----------------------------------------------------------------------------- */

/* Sends what waits, as far as can be without waiting. */
void pier_outbox_flush(pier_conn *c);
/* The conn has failed: nobody need wait for it. */
void pier_outbox_failed(pier_conn *c);
/* Leaves all topics; lets the queue flush until `until`, unless the conn failed; frees it. */
void pier_outbox_end(pier_conn *c, int64_t until);

#endif
