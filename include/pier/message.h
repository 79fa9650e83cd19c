/* A message of a socket with all that belongs to it: pieces, address, ancillary data, flags. Nothing here
 * waits; the calls that send and receive messages are in sock.h. */
#ifndef PIER_MESSAGE_H
#define PIER_MESSAGE_H

#include <pier/addr.h>
#include <pier/api.h>
#include <pier/bytes.h>
#include <sys/uio.h>

PIER_BEGIN

/* Ancillary data in the caller's memory: items, each with a level, a type and bytes; cmsg(3). */
typedef struct pier_ancillary {
	void *at;
	size_t room;
	size_t len; /* in use */
} pier_ancillary;

typedef struct pier_message {
	struct iovec *iov; /* its pieces */
	size_t pieces;
	pier_addr addr; /* to whom (len 0: whom the socket is connected to), or from whom */
	pier_ancillary ancillary;
	int flags;    /* received: MSG_TRUNC, MSG_CTRUNC, MSG_EOR, MSG_OOB, MSG_ERRQUEUE */
	size_t bytes; /* received, or sent, in a batch */
} pier_message;

/* A message of one piece, to be received, or to be sent to the peer; `addr` may name another. */
static inline pier_message pier_message_of(struct iovec *piece)
{
	pier_message m;
	memset(&m, 0, sizeof m);
	m.iov = piece;
	m.pieces = 1;
	return m;
}

/* True when bytes were lost for want of room, and when ancillary data was. */
static inline bool pier_message_cut(const pier_message *m)
{
	return (m->flags & MSG_TRUNC) != 0;
}
static inline bool pier_message_ancillary_cut(const pier_message *m)
{
	return (m->flags & MSG_CTRUNC) != 0;
}

/* ---- Ancillary data ------------------------------------------------------------------------------ */

/* Room for an item of `len` bytes. CMSG_SPACE. */
#define PIER_ANCILLARY_ROOM(len) CMSG_SPACE(len)

/* Adds an item. Returns 0, or -EMSGSIZE when it does not fit, and then nothing is added. */
PIER_API int pier_ancillary_add(pier_ancillary *a, int level, int type, const void *p, size_t len);

/* One item; `data` points into the ancillary data, at any alignment. */
typedef struct pier_ancillary_item {
	int level, type;
	pier_bytes data;
	bool cut; /* its end is missing */
	size_t next;
} pier_ancillary_item;

/* Walks the items; begin with one that is all zero. False after the last. Lengths that lie end the walk.
 *	for (pier_ancillary_item i = {0}; pier_ancillary_next(&m.ancillary, &i);) */
PIER_API bool pier_ancillary_next(const pier_ancillary *a, pier_ancillary_item *item);

/* The first item of that level and type; false when there is none. */
PIER_API bool pier_ancillary_find(const pier_ancillary *a, int level, int type,
				  pier_ancillary_item *out);

/* The descriptors among the items, in order, up to `max` of them: how many there are. They are the caller's to close,
 * also those that did not fit; pier_ancillary_close_fds closes all. SCM_RIGHTS, unix(7). */
PIER_API unsigned pier_ancillary_fds(const pier_ancillary *a, int *fds, unsigned max);
PIER_API void pier_ancillary_close_fds(pier_ancillary *a);

/* Who sent it: process, user, group. SCM_CREDENTIALS, after pier_sock_set_credentials. 0 or -ENODATA. */
typedef struct pier_credentials {
	int32_t pid;
	uint32_t uid, gid;
} pier_credentials;
PIER_API int pier_ancillary_credentials(const pier_ancillary *a, pier_credentials *out);

/* To which of our addresses a datagram came, and by which interface; after pier_sock_set_pktinfo. 0 or -ENODATA.
 * IP_PKTINFO, ip(7); IPV6_PKTINFO, RFC 3542 §6. */
PIER_API int pier_ancillary_pktinfo(const pier_ancillary *a, pier_addr *to, unsigned *interface);

/* From which of our addresses and by which interface (0: the kernel's choice) a datagram shall go; of an address
 * without length only the family counts. 0, -EMSGSIZE, or
 * -EAFNOSUPPORT. */
PIER_API int pier_ancillary_add_pktinfo(pier_ancillary *a, const pier_addr *from,
					unsigned interface);

/* The hops that a datagram may still have made (TTL, hop limit), and its traffic class (TOS). The number, or
 * -ENODATA. RFC 3542 §6. */
PIER_API int pier_ancillary_hops(const pier_ancillary *a);
PIER_API int pier_ancillary_class(const pier_ancillary *a);

/* When the kernel received it: ns since 1970, or -ENODATA. SCM_TIMESTAMPNS, SCM_TIMESTAMP. */
PIER_API int64_t pier_ancillary_time(const pier_ancillary *a);

/* Why a datagram did not arrive, after pier_sock_set_bounces. 0 or -ENODATA. ip(7), sock_extended_err. */
typedef struct pier_bounce {
	int err;      /* negative: -ECONNREFUSED, -EHOSTUNREACH, -EMSGSIZE … */
	uint8_t type; /* of the ICMP message: RFC 792, RFC 4443. 0: this host found out by itself */
	uint8_t code;
	uint32_t mtu; /* of the way, where the datagram was too long for it */
	pier_addr by; /* the host that says so; no length when it is this one */
} pier_bounce;
PIER_API int pier_ancillary_bounce(const pier_ancillary *a, pier_bounce *out);

/* All that came beside a datagram; see pier_sock_recv_arrival. */
typedef struct pier_arrival {
	pier_addr from;
	pier_addr to;	    /* which of our addresses it was sent to; len 0 when that is not told */
	unsigned interface; /* by which it came; 0 when that is not told */
	int hops, class_;   /* as pier_ancillary_hops and _class */
	int64_t time;	    /* as pier_ancillary_time */
	int flags;	    /* as in pier_message */
} pier_arrival;

/* UDP_SEGMENT: the kernel cuts one send into datagrams of `size` bytes. UDP_GRO: the size of the datagrams that were
 * received as one; -ENODATA when it is one. udp(7). */
PIER_API int pier_ancillary_add_segments(pier_ancillary *a, unsigned size);
PIER_API int pier_ancillary_segments(const pier_ancillary *a);

PIER_END

#endif
