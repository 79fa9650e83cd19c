/* The options of simulated sockets: what has a meaning here, and what programs may set without one. Others are
 * -ENOPROTOOPT. */
#include "sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO	    104
#endif

enum sort {
	FLAG,  /* 0 or 1 */
	COUNT, /* what it is set to, if that is not negative */
	BUFFER /* twice that: socket(7) */
};

static const struct option {
	int level, name, at_first;
	enum sort sort;
} options[OPTIONS] = {
	[OPT_REUSEADDR] = {SOL_SOCKET, SO_REUSEADDR, 0, FLAG},
	[OPT_REUSEPORT] = {SOL_SOCKET, SO_REUSEPORT, 0, FLAG},
	[OPT_BROADCAST] = {SOL_SOCKET, SO_BROADCAST, 0, FLAG},
	[OPT_KEEPALIVE] = {SOL_SOCKET, SO_KEEPALIVE, 0, FLAG},
	[OPT_PASSCRED] = {SOL_SOCKET, SO_PASSCRED, 0, FLAG},
	[OPT_TIMESTAMPNS] = {SOL_SOCKET, SO_TIMESTAMPNS, 0, FLAG},
	[OPT_RCVBUF] = {SOL_SOCKET, SO_RCVBUF, BUFFER_DEFAULT, BUFFER},
	[OPT_SNDBUF] = {SOL_SOCKET, SO_SNDBUF, BUFFER_DEFAULT, BUFFER},
	[OPT_PRIORITY] = {SOL_SOCKET, SO_PRIORITY, 0, COUNT},
	[OPT_MARK] = {SOL_SOCKET, SO_MARK, 0, COUNT},
	[OPT_OOBINLINE] = {SOL_SOCKET, SO_OOBINLINE, 0, FLAG},
	[OPT_DONTROUTE] = {SOL_SOCKET, SO_DONTROUTE, 0, FLAG},
	[OPT_KEEPIDLE] = {IPPROTO_TCP, TCP_KEEPIDLE, 7200, COUNT},
	[OPT_KEEPINTVL] = {IPPROTO_TCP, TCP_KEEPINTVL, 75, COUNT},
	[OPT_KEEPCNT] = {IPPROTO_TCP, TCP_KEEPCNT, 9, COUNT},
	[OPT_USER_TIMEOUT] = {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, COUNT},
	[OPT_NODELAY] = {IPPROTO_TCP, TCP_NODELAY, 0, FLAG},
	[OPT_CORK] = {IPPROTO_TCP, TCP_CORK, 0, FLAG},
	[OPT_QUICKACK] = {IPPROTO_TCP, TCP_QUICKACK, 1, FLAG},
	[OPT_DEFER_ACCEPT] = {IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, COUNT},
	[OPT_MAXSEG] = {IPPROTO_TCP, TCP_MAXSEG, 536, COUNT},
	[OPT_NOTSENT_LOWAT] = {IPPROTO_TCP, TCP_NOTSENT_LOWAT, -1, COUNT},
	[OPT_TTL] = {IPPROTO_IP, IP_TTL, 64, COUNT},
	[OPT_TOS] = {IPPROTO_IP, IP_TOS, 0, COUNT},
	[OPT_RECVTTL] = {IPPROTO_IP, IP_RECVTTL, 0, FLAG},
	[OPT_RECVTOS] = {IPPROTO_IP, IP_RECVTOS, 0, FLAG},
	[OPT_PKTINFO] = {IPPROTO_IP, IP_PKTINFO, 0, FLAG},
	[OPT_FREEBIND] = {IPPROTO_IP, IP_FREEBIND, 0, FLAG},
	[OPT_MTU_DISCOVER] = {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT, COUNT},
	[OPT_MULTICAST_TTL] = {IPPROTO_IP, IP_MULTICAST_TTL, 1, COUNT},
	[OPT_MULTICAST_LOOP] = {IPPROTO_IP, IP_MULTICAST_LOOP, 1, FLAG},
	[OPT_V6ONLY] = {IPPROTO_IPV6, IPV6_V6ONLY, 0, FLAG},
	[OPT_HOPS] = {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 64, COUNT},
	[OPT_TCLASS] = {IPPROTO_IPV6, IPV6_TCLASS, 0, COUNT},
	[OPT_RECVHOPS] = {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 0, FLAG},
	[OPT_RECVTCLASS] = {IPPROTO_IPV6, IPV6_RECVTCLASS, 0, FLAG},
	[OPT_RECVPKTINFO] = {IPPROTO_IPV6, IPV6_RECVPKTINFO, 0, FLAG},
	[OPT_FREEBIND6] = {IPPROTO_IPV6, IPV6_FREEBIND, 0, FLAG},
	[OPT_MTU_DISCOVER6] = {IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_WANT, COUNT},
	[OPT_MULTICAST_HOPS] = {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1, COUNT},
	[OPT_MULTICAST_LOOP6] = {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1, FLAG},
	[OPT_MULTICAST_IF6] = {IPPROTO_IPV6, IPV6_MULTICAST_IF, 0, COUNT},
	[OPT_SEGMENT] = {IPPROTO_UDP, UDP_SEGMENT, 0, COUNT},
	[OPT_GRO] = {IPPROTO_UDP, UDP_GRO, 0, FLAG},
};

void pier_options_begin(int values[OPTIONS])
{
	for (int i = 0; i < OPTIONS; i++)
		values[i] = options[i].at_first;
}

static const struct option *find(int level, int name)
{
	for (int i = 0; i < OPTIONS; i++)
		if (options[i].level == level && options[i].name == name)
			return &options[i];
	return NULL;
}

/* tcp(7), udp(7), ip(7): an option of another protocol than the socket's. */
static bool is_for(const struct sock *s, int level)
{
	switch (level) {
	case IPPROTO_TCP:
		return s->family != AF_UNIX && s->type == SOCK_STREAM;
	case IPPROTO_UDP:
		return s->family != AF_UNIX && s->type == SOCK_DGRAM;
	case IPPROTO_IP:
		return s->family != AF_UNIX;
	case IPPROTO_IPV6:
		return s->family == AF_INET6;
	default:
		return level == SOL_SOCKET;
	}
}

/* ---- What sets in motion ------------------------------------------------------------------------- */

void pier_option_apply(struct sock *s)
{
	const int *v = s->set;
	s->keep = (struct keepalive){.on = v[OPT_KEEPALIVE],
				     .idle = PIER_S((int64_t)v[OPT_KEEPIDLE]),
				     .interval = PIER_S((int64_t)v[OPT_KEEPINTVL]),
				     .count = v[OPT_KEEPCNT]};
	s->user_timeout = PIER_MS((int64_t)v[OPT_USER_TIMEOUT]);
	if (s->stream && !s->stream->local)
		pier_alive_doubt(s);
}

static int set_linger(struct sock *s, const void *value, socklen_t len)
{
	struct linger l;
	if (len < sizeof l)
		return -EINVAL;
	memcpy(&l, value, sizeof l);
	s->resets = l.l_onoff && l.l_linger == 0;
	s->linger = l;
	return 0;
}

static int bind_to_device(struct sock *s, const char *name, socklen_t len)
{
	bool lo = len >= 2 && !memcmp(name, "lo", 2), eth = len >= 4 && !memcmp(name, "eth0", 4);
	if (len > 1 && !lo && !eth)
		return -ENODEV;
	s->device = lo ? 1 : eth ? 2 : 0;
	return 0;
}

/* A value of its own shape: 0, an error, or -ENOPROTOOPT where the table has it, or nobody. */
static int set_special(struct sock *s, int level, int name, const void *value, socklen_t len)
{
	if (level == SOL_SOCKET && name == SO_LINGER)
		return set_linger(s, value, len);
	if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
		return bind_to_device(s, value, len);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return len >= 4 && (!memcmp(value, "cubic", len < 5 ? len : 5) ||
				    !memcmp(value, "reno", 4))
			       ? 0
			       : -ENOENT;
	return pier_group_option(s, level, name, value, len);
}

int pier_option_set(struct sock *s, int level, int name, const void *value, socklen_t len)
{
	int wanted, err = set_special(s, level, name, value, len);
	const struct option *o = find(level, name);
	if (err != -ENOPROTOOPT)
		return err;
	if (!o || !is_for(s, level))
		return -ENOPROTOOPT;
	if (len < 1 || !value)
		return -EINVAL;
	wanted = *(const unsigned char *)value; /* ip(7): a byte does, for some */
	if (len >= sizeof wanted)
		memcpy(&wanted, value, sizeof wanted);
	if (o->sort != FLAG && wanted < -1)
		return -EINVAL;
	if (o->sort != FLAG && wanted == -1)
		wanted = o->at_first;
	s->set[o - options] = o->sort == FLAG	  ? wanted != 0
			      : o->sort == BUFFER ? wanted * 2
						  : wanted;
	pier_option_apply(s);
	return 0;
}

/* ---- Answers ------------------------------------------------------------------------------------- */

static int copy_out(void *value, socklen_t *len, const void *from, size_t size)
{
	if (*len > size)
		*len = (socklen_t)size;
	memcpy(value, from, *len);
	return 0;
}

static int protocol_of(const struct sock *s)
{
	return s->family == AF_UNIX ? 0 : s->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
}

struct ucred pier_sim_credentials(void)
{
	return (struct ucred){.pid = getpid(), .uid = getuid(), .gid = getgid()};
}

static bool tells_itself(struct sock *s, int name, int *out)
{
	switch (name) {
	case SO_TYPE:
		*out = s->type;
		return true;
	case SO_DOMAIN:
		*out = s->family;
		return true;
	case SO_PROTOCOL:
		*out = protocol_of(s);
		return true;
	case SO_ACCEPTCONN:
		*out = s->state == SOCK_LISTENING;
		return true;
	case SO_ERROR:
		*out = -s->error;
		s->error = 0;
		return true;
	default:
		return false;
	}
}

static const char *const devices[] = {"", "lo", "eth0"};

int pier_option_get(struct sock *s, int level, int name, void *value, socklen_t *len)
{
	int own;
	const struct option *o = find(level, name);
	struct ucred peer = pier_sim_credentials();
	if (level == SOL_SOCKET && tells_itself(s, name, &own))
		return copy_out(value, len, &own, sizeof own);
	if (level == SOL_SOCKET && name == SO_LINGER)
		return copy_out(value, len, &s->linger, sizeof s->linger);
	if (level == SOL_SOCKET && name == SO_PEERCRED)
		return s->family == AF_UNIX ? copy_out(value, len, &peer, sizeof peer)
					    : -ENOPROTOOPT;
	if (level == SOL_SOCKET && name == SO_BINDTODEVICE)
		return copy_out(value, len, devices[s->device], strlen(devices[s->device]) + 1);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return copy_out(value, len, "cubic", sizeof "cubic");
	if (!o || !is_for(s, level))
		return -ENOPROTOOPT;
	return copy_out(value, len, &s->set[o - options], sizeof *s->set);
}
