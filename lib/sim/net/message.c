/* Messages with what is beside them: descriptors, credentials, addresses, hops (cmsg(3)). */
#include "sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pier/message.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO	    104
#endif

/* ---- What a sender wants ------------------------------------------------------------------------- */

static int read_passed(const struct sock *s, pier_bytes data, struct orders *o)
{
	int fd;
	if (s->family != AF_UNIX)
		return 0; /* no other family looks at them */
	for (size_t at = 0; data.len - at >= sizeof fd; at += sizeof fd) {
		memcpy(&fd, data.p + at, sizeof fd);
		struct sock *passed = pier_sim_sock_find(fd);
		if (!passed)
			return -EBADF;
		if (o->passed == PASSED_MAX)
			return -EINVAL;
		o->socks[o->passed++] = passed;
	}
	return 0;
}

static void put_v4(pier_addr *out, struct in_addr at)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = at};
	*out = (pier_addr){.len = at.s_addr ? sizeof v4 : 0};
	memcpy(&out->storage, &v4, sizeof v4);
}

static void put_v6(pier_addr *out, struct in6_addr at)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = at};
	*out = (pier_addr){.len = IN6_IS_ADDR_UNSPECIFIED(&at) ? 0 : sizeof v6};
	memcpy(&out->storage, &v6, sizeof v6);
}

static int read_item(const struct sock *s, const pier_ancillary_item *i, struct orders *o)
{
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	uint16_t segment;
	if (i->level == SOL_SOCKET && i->type == SCM_RIGHTS)
		return read_passed(s, i->data, o);
	if (i->level == IPPROTO_UDP && i->type == UDP_SEGMENT && i->data.len >= sizeof segment) {
		memcpy(&segment, i->data.p, sizeof segment);
		o->segment = segment;
	} else if (i->level == IPPROTO_IP && i->type == IP_PKTINFO && i->data.len >= sizeof v4) {
		memcpy(&v4, i->data.p, sizeof v4);
		put_v4(&o->source, v4.ipi_spec_dst);
	} else if (i->level == IPPROTO_IPV6 && i->type == IPV6_PKTINFO &&
		   i->data.len >= sizeof v6) {
		memcpy(&v6, i->data.p, sizeof v6);
		put_v6(&o->source, v6.ipi6_addr);
	} else if ((i->level == IPPROTO_IP && i->type == IP_TTL) ||
		   (i->level == IPPROTO_IPV6 && i->type == IPV6_HOPLIMIT)) {
		memcpy(&o->hops, i->data.p,
		       i->data.len < sizeof o->hops ? i->data.len : sizeof o->hops);
	} else if ((i->level == IPPROTO_IP && i->type == IP_TOS) ||
		   (i->level == IPPROTO_IPV6 && i->type == IPV6_TCLASS)) {
		memcpy(&o->class, i->data.p,
		       i->data.len < sizeof o->class ? i->data.len : sizeof o->class);
	} else if (i->level != SOL_SOCKET) {
		return -EINVAL;
	}
	return 0;
}

int pier_orders_read(const struct sock *s, const struct msghdr *msg, struct orders *out)
{
	pier_ancillary a = {.at = msg->msg_control, .len = msg->msg_controllen};
	bool v6 = s->family == AF_INET6;
	out->segment = (unsigned)s->set[OPT_SEGMENT];
	out->source.len = 0;
	out->hops = s->set[v6 ? OPT_HOPS : OPT_TTL];
	out->class = s->set[v6 ? OPT_TCLASS : OPT_TOS];
	out->passed = 0;
	if (!a.at || !a.len)
		return 0;
	pier_ancillary_item i = {0};
	while (pier_ancillary_next(&a, &i)) {
		int err = i.cut ? -EINVAL : read_item(s, &i, out);
		if (err < 0)
			return err;
	}
	return i.next + sizeof(struct cmsghdr) <= a.len ? -EINVAL : 0; /* a length that lies */
}

struct beside *pier_beside_new(const struct orders *o)
{
	struct beside *b = calloc(1, sizeof *b + o->passed * sizeof *b->socks);
	if (!b)
		abort(); /* the machine is out of memory, not the simulated one */
	b->hops = o->hops;
	b->class = o->class;
	for (; b->passed < o->passed; b->passed++) {
		b->socks[b->passed] = o->socks[b->passed];
		pier_sim_sock_hold(b->socks[b->passed]);
	}
	return b;
}

/* ---- What a receiver is told --------------------------------------------------------------------- */

/* What does not fit is cut, and told to be: put_cmsg of Linux. */
static void add(struct msghdr *msg, pier_ancillary *a, int level, int type, const void *p,
		size_t len)
{
	struct cmsghdr head = {.cmsg_level = level, .cmsg_type = type};
	size_t left = a->room - a->len, whole = CMSG_LEN(len), n = whole < left ? whole : left;
	char *at = (char *)a->at + a->len;
	if (n < whole)
		msg->msg_flags |= MSG_CTRUNC;
	if (n < sizeof head)
		return;
	head.cmsg_len = (__typeof__(head.cmsg_len))n;
	memcpy(at, &head, sizeof head);
	if (n > CMSG_LEN(0))
		memcpy(at + CMSG_LEN(0), p, n - CMSG_LEN(0));
	a->len += CMSG_SPACE(len) < left ? CMSG_SPACE(len) : left;
}

/* unix(7): fewer come for want of room, or of descriptors. */
static void add_passed(struct msghdr *msg, pier_ancillary *a, const struct beside *b)
{
	int fds[PASSED_MAX];
	size_t left = a->room - a->len;
	unsigned count = 0;
	while (count < b->passed && CMSG_LEN((count + 1) * sizeof *fds) <= left) {
		int fd = pier_sim_sock_name(b->socks[count]);
		if (fd < 0)
			break;
		fds[count++] = fd;
	}
	if (count < b->passed)
		msg->msg_flags |= MSG_CTRUNC;
	if (count)
		add(msg, a, SOL_SOCKET, SCM_RIGHTS, fds, count * sizeof *fds);
}

static void add_v4_info(struct msghdr *msg, pier_ancillary *a, const struct beside *b,
			const struct in_addr *to)
{
	struct in_pktinfo info = {
		.ipi_ifindex = b->local ? 1 : 2, .ipi_addr = *to, .ipi_spec_dst = *to};
	pier_addr own;
	if (pier_addr_is_group(&b->to) || pier_addr_is_broadcast(&b->to)) {
		pier_node_addr(pier_node_self(), AF_INET, 0, &own);
		info.ipi_spec_dst = ((struct sockaddr_in *)&own.storage)->sin_addr;
	}
	add(msg, a, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
}

static void add_info(const struct sock *s, struct msghdr *msg, pier_ancillary *a,
		     const struct beside *b)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&b->to.storage;
	if (s->set[OPT_PKTINFO] && b->to.sa.sa_family == AF_INET)
		add_v4_info(msg, a, b, &v4->sin_addr);
	if (!s->set[OPT_RECVPKTINFO] || s->family != AF_INET6)
		return;
	pier_addr seen = pier_addr_as_seen(&b->to, AF_INET6);
	struct in6_pktinfo info = {.ipi6_ifindex = b->local ? 1 : 2};
	info.ipi6_addr = ((const struct sockaddr_in6 *)&seen.storage)->sin6_addr;
	add(msg, a, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
}

static void add_hops(const struct sock *s, struct msghdr *msg, pier_ancillary *a,
		     const struct beside *b)
{
	bool v6 = b->to.sa.sa_family == AF_INET6;
	uint8_t class = (uint8_t)b->class;
	if (s->set[v6 ? OPT_RECVHOPS : OPT_RECVTTL])
		add(msg, a, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_HOPLIMIT : IP_TTL, &b->hops,
		    sizeof b->hops);
	if (v6 && s->set[OPT_RECVTCLASS])
		add(msg, a, IPPROTO_IPV6, IPV6_TCLASS, &b->class, sizeof b->class);
	else if (!v6 && s->set[OPT_RECVTOS]) /* one byte: ip(7) */
		add(msg, a, IPPROTO_IP, IP_TOS, &class, sizeof class);
}

static void add_common(const struct sock *s, struct msghdr *msg, pier_ancillary *a)
{
	int64_t now = pier_io_calendar();
	struct timespec at = {.tv_sec = (time_t)(now / 1000000000),
			      .tv_nsec = (long)(now % 1000000000)};
	struct ucred who = pier_sim_credentials(); /* a unix socket's peer is on its node */
	if (s->set[OPT_TIMESTAMPNS] && s->type == SOCK_DGRAM && s->family != AF_UNIX)
		add(msg, a, SOL_SOCKET, SCM_TIMESTAMPNS, &at, sizeof at);
	if (s->set[OPT_PASSCRED] && s->family == AF_UNIX)
		add(msg, a, SOL_SOCKET, SCM_CREDENTIALS, &who, sizeof who);
}

void pier_beside_tell(struct sock *s, struct msghdr *msg, size_t room, const struct chunk *c,
		      int flags, unsigned joined)
{
	pier_ancillary a = {.at = msg->msg_control, .room = msg->msg_control ? room : 0};
	const struct beside *b = c->beside;
	int size = (int)joined;
	(void)flags; /* all descriptors are born CLOEXEC here */
	add_common(s, msg, &a);
	if (b && b->passed)
		add_passed(msg, &a, b);
	if (b && s->family != AF_UNIX) {
		add_info(s, msg, &a, b);
		add_hops(s, msg, &a, b);
	}
	if (joined)
		add(msg, &a, IPPROTO_UDP, UDP_GRO, &size, sizeof size);
	msg->msg_controllen = (__typeof__(msg->msg_controllen))a.len;
}

/* ---- One way in, one way out --------------------------------------------------------------------- */

int64_t pier_sim_receive(struct sock *s, struct msghdr *msg, int flags)
{
	msg->msg_flags = 0;
	if (msg->msg_iovlen > UIO_MAXIOV)
		return -EMSGSIZE;
	if (flags & MSG_OOB)
		return -EINVAL; /* none comes here */
	return s->type == SOCK_DGRAM ? pier_datagram_receive(s, msg, flags)
				     : pier_stream_receive(s, msg, flags);
}

int64_t pier_sim_send(struct sock *s, const struct msghdr *msg, int flags)
{
	if (msg->msg_iovlen > UIO_MAXIOV)
		return -EMSGSIZE;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->type != SOCK_DGRAM)
		return pier_stream_send(s, msg);
	return s->family == AF_UNIX ? pier_unixgram_send(s, msg) : pier_datagram_send(s, msg);
}
