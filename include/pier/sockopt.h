/* The options of sockets, by name and type. None waits. Each setter returns 0 or an error: -ENOPROTOOPT where the
 * family or the kernel has no such option, -EPERM where it takes rights, -EINVAL for a value out of range.
 * socket(7), ip(7), ipv6(7), tcp(7), udp(7). */
#ifndef PIER_SOCKOPT_H
#define PIER_SOCKOPT_H

#include <pier/api.h>
#include <pier/message.h>
#include <pier/sock.h>

PIER_BEGIN

/* ---- Any option, by number ----------------------------------------------------------------------- */

/* Python: setsockopt(level, name, bytes), setsockopt(level, name, int). */
PIER_API int pier_sock_setopt(pier_sock *s, int level, int name, const void *value, size_t len);
PIER_API int pier_sock_setopt_int(pier_sock *s, int level, int name, int value);

/* At most *len bytes into `value`; *len tells how many. Python: getsockopt(level, name, len). */
PIER_API int pier_sock_getopt(const pier_sock *s, int level, int name, void *value, size_t *len);

/* The value of an int option in *out. Python: getsockopt(level, name). */
PIER_API int pier_sock_getopt_int(const pier_sock *s, int level, int name, int *out);

/* What the socket has as its pending error, negative, or 0; asking clears it. SO_ERROR. */
PIER_API int pier_sock_error(pier_sock *s);

/* ---- Every socket -------------------------------------------------------------------------------- */

PIER_API int pier_sock_set_reuse(pier_sock *s, bool addr,
				 bool port);		      /* SO_REUSEADDR, SO_REUSEPORT */
PIER_API int pier_sock_set_broadcast(pier_sock *s, bool yes); /* SO_BROADCAST */

/* Bytes that may wait in the kernel, 0 leaves that one; the kernel doubles what it is told, for its bookkeeping,
 * and keeps to its own maximum. SO_RCVBUF, SO_SNDBUF. */
PIER_API int pier_sock_set_buffers(pier_sock *s, int receive, int send);

/* What close does with bytes not sent yet: ns < 0, leaves them to the kernel; 0, drops them and resets; more, waits
 * so long for them (in whole seconds, rounded up). SO_LINGER. */
PIER_API int pier_sock_set_linger(pier_sock *s, int64_t ns);

/* Only what the filter lets pass, cut where it says: a program of at most 4096 steps. SO_ATTACH_FILTER; socket(7), bpf in
 * linux/Documentation/networking/filter.rst. */
struct sock_filter; /* <linux/filter.h> */
PIER_API int pier_sock_set_filter(pier_sock *s, const struct sock_filter *steps, unsigned count);

/* Only by this network interface; NULL: by any. SO_BINDTODEVICE. */
PIER_API int pier_sock_set_device(pier_sock *s, const char *name);

PIER_API int pier_sock_set_priority(pier_sock *s, int priority); /* 0 … 6; SO_PRIORITY */
PIER_API int pier_sock_set_mark(pier_sock *s, uint32_t mark); /* for routing and filters; SO_MARK */
PIER_API int pier_sock_set_timestamps(pier_sock *s,
				      bool yes); /* pier_ancillary_time; SO_TIMESTAMPNS */

/* AF_UNIX: messages tell who sent them (pier_ancillary_credentials), SO_PASSCRED; who made the other end of a
 * stream, SO_PEERCRED. */
PIER_API int pier_sock_set_credentials(pier_sock *s, bool yes);
PIER_API int pier_sock_peer_credentials(const pier_sock *s, pier_credentials *out);

/* ---- TCP ----------------------------------------------------------------------------------------- */

PIER_API int pier_sock_set_nodelay(pier_sock *s,
				   bool yes); /* no waiting for more: RFC 896; TCP_NODELAY */
PIER_API int pier_sock_set_cork(pier_sock *s, bool yes); /* only full segments; TCP_CORK */
PIER_API int pier_sock_set_quickack(pier_sock *s,
				    bool yes); /* until the kernel changes its mind; TCP_QUICKACK */

/* Asks a silent peer whether it is there: after `idle` ns, each `interval` ns, `count` times; 0 leaves that one as it
 * is, idle < 0 asks no more. Whole seconds, rounded up. RFC 1122 §4.2.3.6; SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL,
 * TCP_KEEPCNT. */
PIER_API int pier_sock_set_keepalive(pier_sock *s, int64_t idle, int64_t interval, int count);

/* Gives up when what was sent is not acknowledged for so long; 0: the kernel decides. RFC 5482; TCP_USER_TIMEOUT. */
PIER_API int pier_sock_set_user_timeout(pier_sock *s, int64_t ns);

/* accept waits until the first bytes are there, ns at most. TCP_DEFER_ACCEPT. */
PIER_API int pier_sock_set_defer_accept(pier_sock *s, int64_t ns);
PIER_API int pier_sock_set_congestion(pier_sock *s, const char *name); /* "cubic"; TCP_CONGESTION */

/* The state of a connection in the words of RFC 9293 §3.3.2: "ESTABLISHED", "FIN-WAIT-2" …; "?" where there is none.
 * Python: getsockopt(IPPROTO_TCP, TCP_INFO, 1). TCP_INFO, tcp(7). */
PIER_API const char *pier_sock_state(const pier_sock *s);

/* ---- IPv4 and IPv6, whichever the socket is ------------------------------------------------------ */

PIER_API int pier_sock_set_v6only(pier_sock *s, bool yes); /* RFC 3493 §5.3; IPV6_V6ONLY */
PIER_API int pier_sock_set_hops(pier_sock *s,
				int hops); /* 1 … 255, -1 the default; IP_TTL, IPV6_UNICAST_HOPS */
PIER_API int pier_sock_set_class(pier_sock *s,
				 int class_); /* DSCP and ECN: RFC 2474; IP_TOS, IPV6_TCLASS */

/* Received messages tell of the hops left, the class, and where they came in: pier_ancillary_hops, _class, _pktinfo. On a
 * socket for both families, of both. */
PIER_API int pier_sock_set_recv_hops(pier_sock *s, bool yes);
PIER_API int pier_sock_set_recv_class(pier_sock *s, bool yes);
PIER_API int pier_sock_set_pktinfo(pier_sock *s, bool yes);

/* What is reported of datagrams that did not arrive is kept, to be received with MSG_ERRQUEUE: the message has whom it was
 * for and some of its bytes, pier_ancillary_bounce tells why. Until it is fetched, each is also the error of one other
 * call; without this that is all there is, and on connected sockets only. IP_RECVERR, IPV6_RECVERR. */
PIER_API int pier_sock_set_bounces(pier_sock *s, bool yes);

/* Binds to addresses that are not ours, or not yet. IP_FREEBIND, IPV6_FREEBIND. */
PIER_API int pier_sock_set_freebind(pier_sock *s, bool yes);
/* Never cut into fragments; what is too large is -EMSGSIZE. IP_MTU_DISCOVER, IPV6_MTU_DISCOVER. */
PIER_API int pier_sock_set_dontfrag(pier_sock *s, bool yes);
/* What was sent has its IP header: raw sockets. IP_HDRINCL, IPV6_HDRINCL, raw(7). */
PIER_API int pier_sock_set_hdrincl(pier_sock *s, bool yes);

/* ---- UDP ----------------------------------------------------------------------------------------- */

/* Each send is cut into datagrams of so many bytes (0: no more); datagrams that follow each other may come as one,
 * pier_ancillary_segments tells their size. UDP_SEGMENT, UDP_GRO: Linux 4.18, 5.0. */
PIER_API int pier_sock_set_segments(pier_sock *s, unsigned size);
PIER_API int pier_sock_set_coalesce(pier_sock *s, bool yes);

/* ---- Multicast ----------------------------------------------------------------------------------- */

/* Joins or leaves a group, on the interface of that index (pier_interfaces; 0: the kernel's choice); with `source`, what
 * that host sends only. The family is the group's, which on an IPv6 socket may be IPv4 too.
 * -EADDRINUSE when joined already, -EADDRNOTAVAIL when not. RFC 3678 §5; MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP. */
PIER_API int pier_sock_join(pier_sock *s, const pier_addr *group, unsigned interface,
			    const pier_addr *source);
PIER_API int pier_sock_leave(pier_sock *s, const pier_addr *group, unsigned interface,
			     const pier_addr *source);

/* By which interface what is sent to groups goes out, how many hops far (1: this network), and whether this host
 * hears it too. IP_MULTICAST_IF, _TTL, _LOOP; IPV6_MULTICAST_IF, _HOPS, _LOOP. */
PIER_API int pier_sock_set_multicast(pier_sock *s, unsigned interface, int hops, bool loop);

PIER_END

#endif
