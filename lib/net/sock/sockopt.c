/* The options of sockets, by name and type. */
#include "sock.h"

#include <limits.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pier/sockopt.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO	    104
#endif
#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

int pier_sock_setopt(pier_sock *s, int level, int name, const void *value, size_t len)
{
	int err = len > INT_MAX ? -EINVAL
				: pier_io_setsockopt(s->fd, level, name, value, (socklen_t)len);
	if (err == 0 && level == SOL_SOCKET && name == SO_LINGER && len >= sizeof(struct linger)) {
		const struct linger *l = value;
		s->lingers = l->l_onoff && l->l_linger > 0;
	}
	return err < 0 ? (int)sock_fail(s, err, SOCK_SETTING) : 0;
}

int pier_sock_setopt_int(pier_sock *s, int level, int name, int value)
{
	return pier_sock_setopt(s, level, name, &value, sizeof value);
}

int pier_sock_getopt(const pier_sock *s, int level, int name, void *value, size_t *len)
{
	socklen_t room = *len > INT_MAX ? INT_MAX : (socklen_t)*len;
	int err = pier_io_getsockopt(s->fd, level, name, value, &room);
	if (err == 0)
		*len = room;
	return err;
}

/* Some options are one byte where there is room for no more: IP_MULTICAST_TTL, ip(7). */
int pier_sock_getopt_int(const pier_sock *s, int level, int name, int *out)
{
	int value = 0;
	size_t len = sizeof value;
	int err = pier_sock_getopt(s, level, name, &value, &len);
	if (err == 0)
		*out = len == 1 ? *(unsigned char *)&value : value;
	return err;
}

int pier_sock_error(pier_sock *s)
{
	int pending = 0;
	int err = pier_sock_getopt_int(s, SOL_SOCKET, SO_ERROR, &pending);
	return err < 0 ? err : -pending;
}

static int seconds(int64_t ns)
{
	int64_t s = ns / 1000000000 + (ns % 1000000000 > 0);
	return s > INT_MAX ? INT_MAX : (int)s;
}

/* ---- Every socket -------------------------------------------------------------------------------- */

int pier_sock_set_reuse(pier_sock *s, bool addr, bool port)
{
	int err = pier_sock_setopt_int(s, SOL_SOCKET, SO_REUSEADDR, addr);
	return err < 0 ? err : pier_sock_setopt_int(s, SOL_SOCKET, SO_REUSEPORT, port);
}

int pier_sock_set_broadcast(pier_sock *s, bool yes)
{
	return pier_sock_setopt_int(s, SOL_SOCKET, SO_BROADCAST, yes);
}

int pier_sock_set_buffers(pier_sock *s, int receive, int send)
{
	int err = receive ? pier_sock_setopt_int(s, SOL_SOCKET, SO_RCVBUF, receive) : 0;
	return err < 0 || !send ? err : pier_sock_setopt_int(s, SOL_SOCKET, SO_SNDBUF, send);
}

int pier_sock_set_linger(pier_sock *s, int64_t ns)
{
	struct linger l = {.l_onoff = ns >= 0, .l_linger = ns > 0 ? seconds(ns) : 0};
	return pier_sock_setopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

int pier_sock_set_filter(pier_sock *s, const struct sock_filter *steps, unsigned count)
{
	struct sock_fprog program = {(unsigned short)count, (struct sock_filter *)(uintptr_t)steps};
	if (count > BPF_MAXINSNS)
		return (int)sock_fail(s, -EINVAL, SOCK_SETTING);
	return pier_sock_setopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

int pier_sock_set_device(pier_sock *s, const char *name)
{
	return pier_sock_setopt(s, SOL_SOCKET, SO_BINDTODEVICE, name ? name : "",
				name ? strlen(name) + 1 : 1);
}

int pier_sock_set_priority(pier_sock *s, int priority)
{
	return pier_sock_setopt_int(s, SOL_SOCKET, SO_PRIORITY, priority);
}

int pier_sock_set_mark(pier_sock *s, uint32_t mark)
{
	return pier_sock_setopt_int(s, SOL_SOCKET, SO_MARK, (int)mark);
}

int pier_sock_set_timestamps(pier_sock *s, bool yes)
{
	return pier_sock_setopt_int(s, SOL_SOCKET, SO_TIMESTAMPNS, yes);
}

int pier_sock_set_credentials(pier_sock *s, bool yes)
{
	return pier_sock_setopt_int(s, SOL_SOCKET, SO_PASSCRED, yes);
}

int pier_sock_peer_credentials(const pier_sock *s, pier_credentials *out)
{
	pier_credentials c;
	size_t len = sizeof c;
	int err = pier_sock_getopt(s, SOL_SOCKET, SO_PEERCRED, &c, &len);
	if (err == 0)
		*out = c;
	return err;
}

/* ---- TCP ----------------------------------------------------------------------------------------- */

int pier_sock_set_nodelay(pier_sock *s, bool yes)
{
	return pier_sock_setopt_int(s, IPPROTO_TCP, TCP_NODELAY, yes);
}

int pier_sock_set_cork(pier_sock *s, bool yes)
{
	return pier_sock_setopt_int(s, IPPROTO_TCP, TCP_CORK, yes);
}

int pier_sock_set_quickack(pier_sock *s, bool yes)
{
	return pier_sock_setopt_int(s, IPPROTO_TCP, TCP_QUICKACK, yes);
}

int pier_sock_set_keepalive(pier_sock *s, int64_t idle, int64_t interval, int count)
{
	int err = pier_sock_setopt_int(s, SOL_SOCKET, SO_KEEPALIVE, idle >= 0);
	if (err == 0 && idle > 0)
		err = pier_sock_setopt_int(s, IPPROTO_TCP, TCP_KEEPIDLE, seconds(idle));
	if (err == 0 && interval > 0)
		err = pier_sock_setopt_int(s, IPPROTO_TCP, TCP_KEEPINTVL, seconds(interval));
	if (err == 0 && count > 0)
		err = pier_sock_setopt_int(s, IPPROTO_TCP, TCP_KEEPCNT, count);
	return err;
}

int pier_sock_set_user_timeout(pier_sock *s, int64_t ns)
{
	int64_t ms = ns / 1000000 + (ns % 1000000 > 0);
	if (ns < 0)
		return (int)sock_fail(s, -EINVAL, SOCK_SETTING);
	return pier_sock_setopt_int(s, IPPROTO_TCP, TCP_USER_TIMEOUT,
				    ms > INT_MAX ? INT_MAX : (int)ms);
}

int pier_sock_set_defer_accept(pier_sock *s, int64_t ns)
{
	return pier_sock_setopt_int(s, IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds(ns));
}

int pier_sock_set_congestion(pier_sock *s, const char *name)
{
	return pier_sock_setopt(s, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name));
}

const char *pier_sock_state(const pier_sock *s)
{
	static const char *const names[] = {[TCP_ESTABLISHED] = "ESTABLISHED",
					    [TCP_SYN_SENT] = "SYN-SENT",
					    [TCP_SYN_RECV] = "SYN-RECEIVED",
					    [TCP_FIN_WAIT1] = "FIN-WAIT-1",
					    [TCP_FIN_WAIT2] = "FIN-WAIT-2",
					    [TCP_TIME_WAIT] = "TIME-WAIT",
					    [TCP_CLOSE] = "CLOSED",
					    [TCP_CLOSE_WAIT] = "CLOSE-WAIT",
					    [TCP_LAST_ACK] = "LAST-ACK",
					    [TCP_LISTEN] = "LISTEN",
					    [TCP_CLOSING] = "CLOSING"};
	uint8_t state = 0; /* the first of struct tcp_info */
	size_t len = sizeof state;

	if (pier_sock_getopt(s, IPPROTO_TCP, TCP_INFO, &state, &len) < 0)
		return "?";
	return state < sizeof names / sizeof *names && names[state] ? names[state] : "?";
}

/* ---- IPv4 and IPv6 ------------------------------------------------------------------------------- */

static int set_inet(pier_sock *s, int v4, int v6, int value)
{
	switch (s->family) {
	case AF_INET:
		return pier_sock_setopt_int(s, IPPROTO_IP, v4, value);
	case AF_INET6:
		return pier_sock_setopt_int(s, IPPROTO_IPV6, v6, value);
	default:
		return (int)sock_fail(s, -ENOPROTOOPT, SOCK_SETTING);
	}
}

/* An IPv6 socket may have IPv4 peers, and tells of theirs by IPv4's items: ipv6(7). It refuses where it cannot. */
static int set_both(pier_sock *s, int v4, int v6, int value)
{
	int err = set_inet(s, v4, v6, value);
	if (err == 0 && s->family == AF_INET6 && s->type != SOCK_RAW)
		pier_io_setsockopt(s->fd, IPPROTO_IP, v4, &value, sizeof value);
	return err;
}

int pier_sock_set_v6only(pier_sock *s, bool yes)
{
	return pier_sock_setopt_int(s, IPPROTO_IPV6, IPV6_V6ONLY, yes);
}

int pier_sock_set_hops(pier_sock *s, int hops)
{
	return set_both(s, IP_TTL, IPV6_UNICAST_HOPS, hops);
}

int pier_sock_set_class(pier_sock *s, int class_)
{
	return set_both(s, IP_TOS, IPV6_TCLASS, class_);
}

int pier_sock_set_recv_hops(pier_sock *s, bool yes)
{
	return set_both(s, IP_RECVTTL, IPV6_RECVHOPLIMIT, yes);
}

int pier_sock_set_recv_class(pier_sock *s, bool yes)
{
	return set_both(s, IP_RECVTOS, IPV6_RECVTCLASS, yes);
}

int pier_sock_set_pktinfo(pier_sock *s, bool yes)
{
	return set_both(s, IP_PKTINFO, IPV6_RECVPKTINFO, yes);
}

int pier_sock_set_bounces(pier_sock *s, bool yes)
{
	return set_both(s, IP_RECVERR, IPV6_RECVERR, yes);
}

int pier_sock_set_freebind(pier_sock *s, bool yes)
{
	return set_inet(s, IP_FREEBIND, IPV6_FREEBIND, yes);
}

int pier_sock_set_dontfrag(pier_sock *s, bool yes)
{
	if (s->family == AF_INET6)
		return pier_sock_setopt_int(s, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
					    yes ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_WANT);
	return set_inet(s, IP_MTU_DISCOVER, 0, yes ? IP_PMTUDISC_DO : IP_PMTUDISC_WANT);
}

int pier_sock_set_hdrincl(pier_sock *s, bool yes)
{
	return set_inet(s, IP_HDRINCL, IPV6_HDRINCL, yes);
}

/* ---- UDP ----------------------------------------------------------------------------------------- */

int pier_sock_set_segments(pier_sock *s, unsigned size)
{
	if (size > UINT16_MAX)
		return (int)sock_fail(s, -EINVAL, SOCK_SETTING);
	return pier_sock_setopt_int(s, IPPROTO_UDP, UDP_SEGMENT, (int)size);
}

int pier_sock_set_coalesce(pier_sock *s, bool yes)
{
	return pier_sock_setopt_int(s, IPPROTO_UDP, UDP_GRO, yes);
}
