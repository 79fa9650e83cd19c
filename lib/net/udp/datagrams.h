/* Datagrams many at a time: a batch that one call receives, and a gather that one call sends. What the kernel
 * joins (UDP_GRO) and cuts (UDP_SEGMENT) of equal size counts as one there: udp(7), recvmmsg(2), sendmmsg(2). */
#ifndef NET_DATAGRAMS_H
#define NET_DATAGRAMS_H

#include "fiber/fiber.h"
#include "fiber/worker.h"
#include "io/backend.h"

#include <netinet/in.h>
#include <pier/addr.h>

#define BATCH_MAX 64 /* messages of one call */
#define BATCH_STRIDE                                                                               \
	(65536 + 192) /* the largest datagram; not a power of two, for the cache's sake */
#define BATCH_CONTROL  128
#define GATHER_BYTES   (128u << 10)
#define GATHER_PIECE   (16u << 10) /* what is longer is not worth a copy */
#define SEGMENTS_MAX   64	   /* UDP_MAX_SEGMENTS of the first kernels that cut */
#define SEGMENTS_BYTES 65000	   /* of one cut message: IP's 65,535 with its heads */
#define DATAGRAM_MTU   1500	   /* what is longer is cut into fragments, not into datagrams */

/* Our address that the peer wrote to, as control data for what we answer: ip(7) IP_PKTINFO, RFC 3542 §6. */
struct source {
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	socklen_t len; /* 0: the kernel chooses */
};

/* Reads it from what came; the interface is left to the kernel's routes, save for link-local addresses, which
 * mean nothing without it. */
void pier_source_of(const struct msghdr *came, struct source *out);

/* ---- In ------------------------------------------------------------------------------------------ */

struct batch {
	unsigned came; /* by the last receive */
	struct mmsghdr msgs[BATCH_MAX];
	struct iovec iov[BATCH_MAX];
	pier_addr from[BATCH_MAX];
	_Alignas(struct cmsghdr) char control[BATCH_MAX][BATCH_CONTROL];
	char data[]; /* BATCH_MAX × BATCH_STRIDE; touched as far as datagrams are long */
};

/* One of a batch: a datagram, or several of `size` each (the last may be shorter) joined by the kernel. */
struct joined {
	pier_addr *from;
	struct msghdr *msg;
	const char *data;
	size_t len, size;
};

/* 0 or -ENOMEM. Asks the kernel to join what it can on `fd`. */
int pier_batch_new(int fd, struct batch **out);

/* Waits for datagrams: how many messages came, or an error. They stay until the next. */
int64_t pier_batch_receive(struct batch *b, int fd);
struct joined pier_batch_at(struct batch *b, unsigned i);

/* The size of those that the kernel has joined in a message that came, 0 when it is one datagram. */
size_t pier_joined_size(const struct msghdr *came);

/* ---- Out ----------------------------------------------------------------------------------------- */

/* One datagram, or several of `size` each (the last may be shorter) for one peer. */
struct gathered {
	void *owner; /* told of an error; NULL: gone */
	size_t size;
	unsigned count;		/* above 1: for the kernel to cut */
	struct sockaddr_in6 to; /* or in */
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
					      CMSG_SPACE(sizeof(uint16_t))];
};

struct gather {
	struct turn_task task;
	int fd;
	void (*failed)(void *owner, int err);
	bool cuts;	       /* the kernel cuts here */
	bool draining;	       /* the socket has no room: a fiber waits for it */
	unsigned first, count; /* [first, count) are to go */
	size_t used;
	size_t rest; /* of the first, which goes piece by piece */
	pier_group drain;
	struct waitq room;
	struct mmsghdr msgs[BATCH_MAX];
	struct iovec iov[BATCH_MAX];
	struct gathered at[BATCH_MAX];
	char data[GATHER_BYTES];
};

/* `failed` is called for each datagram that the kernel refused, with its owner. 0 or -ENOMEM. */
int pier_gather_new(int fd, void (*failed)(void *owner, int err), struct gather **out);
/* Gives what is left PIER_LINGER to leave. On a fiber. */
void pier_gather_free(struct gather *g);

/* Copies a datagram of at most GATHER_PIECE bytes, for the one address of its owner; it leaves by pier_gather_flush, or at the end of the turn.
 * Its length, or -EAGAIN when there is no room: pier_gather_wait waits for that. */
int64_t pier_gather_put(struct gather *g, void *owner, const pier_addr *to,
			const struct source *from, const struct msghdr *msg);
int pier_gather_wait(struct gather *g, int64_t until);

/* Sends what is gathered, as far as can be without waiting; for the rest a fiber waits. True when all is gone. */
bool pier_gather_flush(struct gather *g);

/* An owner is gone; its datagrams are not. */
void pier_gather_forget(struct gather *g, const void *owner);

#endif
