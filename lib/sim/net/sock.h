/* Sockets of a simulated kernel. */
#ifndef SIM_SOCK_H
#define SIM_SOCK_H

#include "sim/world.h"

#include <sys/socket.h>

#define BUFFER_DEFAULT 212992	   /* net.core.rmem_default, wmem_default */
#define GROUPS_MAX     20	   /* that a sock has joined: igmp_max_memberships */
#define PASSED_MAX     253	   /* descriptors of one message: SCM_MAX_FD, unix(7) */
#define DATAGRAM_MAX   65507	   /* bytes: udp(7) */
#define DATAGRAMS_MAX  256	   /* that wait in a sock; more are lost */
#define FOR_A_CONN     PIER_S(127) /* tcp_syn_retries = 6: tcp(7) */
#define FOR_AN_ANSWER  PIER_S(924) /* tcp_retries2 = 15 */
#define REPEAT_FIRST   PIER_MS(200)
#define REPEAT_MOST    PIER_S(60)

enum sock_state {
	SOCK_FRESH,
	SOCK_LISTENING,
	SOCK_CONNECTING,
	SOCK_CONNECTED,
	SOCK_BROKEN
};

enum chunk_kind {
	CHUNK_DATA,
	CHUNK_END,	/* FIN */
	CHUNK_RESET,	/* RST */
	CHUNK_ANSWER,	/* SYN and ACK: the conn of who dialled stands */
	CHUNK_CONFIRMED /* the third of the handshake: it can be accepted */
};

/* What a message has beside its bytes: of a datagram where it came from and went to, of a unix socket's the descriptors. */
struct beside {
	pier_addr from, to;
	int hops, class;
	bool local; /* it never left the node */
	unsigned passed;
	struct sock *socks[];
};

/* What goes over a stream at once; of a message socket, a message. Datagrams too. */
struct chunk {
	struct chunk *next;
	int64_t sent, arrives;
	enum chunk_kind kind;
	struct beside *beside; /* or NULL */
	size_t len, taken;
	char data[];
};

struct chunks {
	struct chunk *first, **last;
	size_t count, bytes;
};

struct ops {
	struct io_op *first, **last;
	bool trying, again;
};

/* One way of a stream. What was sent first arrives first. */
struct lane {
	struct event event;
	struct stream *stream;
	int from; /* the end that sends */
	struct chunks way;
	int64_t last;	 /* arrival */
	int64_t blocked; /* since when nothing passes; 0: it does */
	int64_t repeat;
	struct event word; /* of room, back to the writer */
	int64_t word_repeat;
	size_t used, taken, told; /* bytes: window.c */
};

struct stream {
	struct list link;
	int family;	      /* of its packets */
	struct sock *ends[2]; /* NULL once closed; 0 dialled */
	struct node *nodes[2];
	struct lane lanes[2]; /* by the end that sends */
	struct sock *listener;
	bool local, message;
};

/* SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT: tcp(7). */
struct keepalive {
	bool on;
	int64_t idle, interval;
	int count;
};

enum option_index {
	OPT_REUSEADDR,
	OPT_REUSEPORT,
	OPT_BROADCAST,
	OPT_KEEPALIVE,
	OPT_PASSCRED,
	OPT_TIMESTAMPNS,
	OPT_RCVBUF,
	OPT_SNDBUF,
	OPT_PRIORITY,
	OPT_MARK,
	OPT_OOBINLINE,
	OPT_DONTROUTE,
	OPT_KEEPIDLE,
	OPT_KEEPINTVL,
	OPT_KEEPCNT,
	OPT_USER_TIMEOUT,
	OPT_NODELAY,
	OPT_CORK,
	OPT_QUICKACK,
	OPT_DEFER_ACCEPT,
	OPT_MAXSEG,
	OPT_NOTSENT_LOWAT,
	OPT_TTL,
	OPT_TOS,
	OPT_RECVTTL,
	OPT_RECVTOS,
	OPT_PKTINFO,
	OPT_FREEBIND,
	OPT_MTU_DISCOVER,
	OPT_MULTICAST_TTL,
	OPT_MULTICAST_LOOP,
	OPT_V6ONLY,
	OPT_HOPS,
	OPT_TCLASS,
	OPT_RECVHOPS,
	OPT_RECVTCLASS,
	OPT_RECVPKTINFO,
	OPT_FREEBIND6,
	OPT_MTU_DISCOVER6,
	OPT_MULTICAST_HOPS,
	OPT_MULTICAST_LOOP6,
	OPT_MULTICAST_IF6,
	OPT_SEGMENT,
	OPT_GRO,
	OPTIONS
};

struct sock {
	struct list link; /* while it has no descriptor */
	int fd;		  /* its first name; -1: none yet */
	unsigned names;	  /* and messages that carry it */
	struct node *node;
	int family, type;
	enum sock_state state;
	pier_addr local, peer;
	bool bound, settled, resets, shut_in, shut_out, is_signals, blocking, inherited;
	int set[OPTIONS];
	struct linger linger;
	int device;	   /* 1 lo, 2 eth0; 0 any */
	int error;	   /* to be told once */
	struct file *file; /* of a disk: then it is no socket */
	struct ops in, out;
	bool kicked;
	struct event kick; /* tries the ops that wait, later */
	struct chunks came;
	bool ended; /* the peer has said so */
	struct stream *stream;
	int end;
	struct event probe; /* whether there is still somebody: alive.c */
	struct keepalive keep;
	int64_t user_timeout, heard, doubts_since, question;
	bool unheard;
	/* Of datagrams. */
	struct sock *mate; /* unix: who has what it sends */
	pier_addr *groups;
	unsigned group_count;
	/* Of a listener. */
	unsigned backlog;
	struct sock *first, *last, *next; /* to be accepted */
	unsigned queued;
	/* Of a dial under way. */
	struct event dial;
	int64_t dial_began, dial_sent, dial_repeat;
};

/* descriptor.c */
struct sock *pier_sim_sock_new(struct node *n, int family, int type);
int pier_sim_sock_name(struct sock *s);	 /* gives it one more descriptor: that, or an error */
int pier_sim_shortage(void);		 /* what may be short, by chance: 0 or an error */
struct sock *pier_sim_sock_find(int fd); /* of the node that runs */
struct sock *pier_sim_sock_of(struct node *n, int fd);
struct sock *pier_sim_sock_at(unsigned i); /* each once, below socks_high; NULL: none there */
void pier_sim_sock_each(struct node *n, void (*fn)(struct sock *, void *), void *arg);
void pier_sim_sock_unname(int fd); /* closes it with its last name */
void pier_sim_sock_hold(struct sock *s);
void pier_sim_sock_drop(struct sock *s);
void pier_sim_sock_close(struct sock *s, bool crash); /* whatever its names */
void pier_sim_sock_free(struct sock *s);

/* bind.c */
int pier_sim_sock_bind(struct sock *s, const pier_addr *to);
int pier_sim_sock_bind_any(struct sock *s); /* to a port of chance, unless it is bound */
/* From where it is seen, once it has a peer: the address that goes with that; and back. */
void pier_sim_sock_settle(struct sock *s, const struct node *n, const pier_addr *to);
void pier_sim_sock_unsettle(struct sock *s);
struct sock *pier_sim_sock_listener(struct node *n, const pier_addr *at, int type);
bool pier_sim_sock_hears(const struct sock *s, const pier_addr *to);
bool pier_addr_is_any(const pier_addr *a);
bool pier_addr_same_host(const pier_addr *a, const pier_addr *b);
/* An IPv4 address as a sock of the other family sees it: RFC 4291 §2.5.5.2; and back. */
pier_addr pier_addr_as_seen(const pier_addr *a, int family);
pier_addr pier_addr_plain(const pier_addr *a);

/* backend.c: something came; there is room. */
void pier_sim_sock_news(struct sock *s);
void pier_sim_sock_room(struct sock *s);

/* chunk.c */
struct chunk *pier_chunk_new(enum chunk_kind kind, const struct iovec *iov, size_t count,
			     size_t len);
struct chunk *pier_chunk_copy(const struct chunk *c);
void pier_chunk_free(struct chunk *c);
void pier_chunks_init(struct chunks *c);
void pier_chunks_push(struct chunks *c, struct chunk *one);
struct chunk *pier_chunks_pop(struct chunks *c);
void pier_chunks_clear(struct chunks *c);
size_t pier_iov_length(const struct msghdr *msg);
/* Copies into the pieces of a message, from `at` on; how much did fit. */
size_t pier_iov_scatter(const struct msghdr *msg, size_t at, const char *from, size_t len);

/* option.c */
void pier_options_begin(int values[OPTIONS]);
int pier_option_set(struct sock *s, int level, int name, const void *value, socklen_t len);
int pier_option_get(struct sock *s, int level, int name, void *value, socklen_t *len);
void pier_option_apply(struct sock *s); /* what is set in motion by what is set */
struct ucred pier_sim_credentials(void);

/* interfaces.c */
int pier_sim_interfaces(pier_interface **out);
unsigned pier_sim_interface(const char *name);
const char *pier_sim_interface_name(unsigned index, char *into);

/* group.c */
bool pier_addr_is_group(const pier_addr *a);
bool pier_addr_is_broadcast(const pier_addr *a);
bool pier_group_has(const struct sock *s, const pier_addr *group);
int pier_group_option(struct sock *s, int level, int name, const void *value, socklen_t len);

/* message.c */
int64_t pier_sim_receive(struct sock *s, struct msghdr *msg, int flags);
int64_t pier_sim_send(struct sock *s, const struct msghdr *msg, int flags);
/* What a sender has put beside its bytes. */
struct orders {
	unsigned segment; /* UDP_SEGMENT */
	pier_addr source; /* IP_PKTINFO, without a length when it does not matter */
	int hops, class;  /* -1: as the socket has it */
	unsigned passed;
	struct sock *socks[PASSED_MAX];
};
int pier_orders_read(const struct sock *s, const struct msghdr *msg, struct orders *out);
struct beside *pier_beside_new(const struct orders *o);
/* Tells a receiver what is beside a chunk; `joined` is the size of those that came as one, or 0. */
void pier_beside_tell(struct sock *s, struct msghdr *msg, size_t room, const struct chunk *c,
		      int flags, unsigned joined);

/* dial.c */
int64_t pier_stream_connect(struct sock *s, struct io_op *op);
int pier_sim_connect(struct sock *s, const pier_addr *to); /* here and now: connect(2) */
int64_t pier_stream_accept(struct sock *s, struct io_op *op);
int pier_stream_pair(struct node *n, int type, struct sock *out[2]);

/* stream.c */
struct stream *pier_stream_new(struct node *a, struct node *b);
void pier_stream_say(struct stream *st, int from, enum chunk_kind kind);
void pier_sim_sock_enqueue(struct sock *listener, struct sock *s);
void pier_lane_push(struct lane *l, struct chunk *c);

int pier_stream_shutdown(struct sock *s, int how);
void pier_stream_close(struct sock *s, bool crash);
void pier_stream_forget(struct stream *st);
void pier_stream_break(struct sock *s, int err);
struct stream *pier_stream_any(void); /* of tcp; NULL when there is none */
void pier_stream_reset(struct stream *st, bool here, bool there); /* at these ends */

/* bytes.c */
int pier_sim_sock_take_error(struct sock *s); /* tells it once */
int64_t pier_stream_receive(struct sock *s, struct msghdr *msg, int flags);
int64_t pier_stream_send(struct sock *s, const struct msghdr *msg);

/* window.c */
void pier_window_init(struct lane *l);
void pier_window_done(struct lane *l);
size_t pier_window_room(const struct sock *s);
void pier_window_use(struct lane *l, size_t n);	  /* sent */
void pier_window_taken(struct lane *l, size_t n); /* by the reader */

/* alive.c */
int64_t pier_alive_patience(const struct sock *s); /* with what is not acknowledged */
void pier_alive_doubt(struct sock *s);
void pier_alive_unheard(struct sock *s); /* no acknowledgement comes back */

/* datagram.c */
int64_t pier_datagram_connect(struct sock *s, const pier_addr *to);
int64_t pier_datagram_send(struct sock *s, const struct msghdr *msg);
int64_t pier_datagram_receive(struct sock *s, struct msghdr *msg, int flags);

/* unixgram.c */
int pier_unixgram_connect(struct sock *s, const pier_addr *to);
void pier_unixgram_pair(struct sock *a, struct sock *b);
int64_t pier_unixgram_send(struct sock *s, const struct msghdr *msg);
void pier_unixgram_room(struct sock *s); /* one was taken */
void pier_unixgram_close(struct sock *s);

#endif
