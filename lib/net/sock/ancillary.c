/* Ancillary data, as bytes: written within its room, read within its length, whatever the lengths inside say.
 *
 *	│ len │ level │ type │ data …      │ pad │ len │ level │ …      struct cmsghdr, cmsg(3)
 */
#include <pier/message.h>

#include "io/socket.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <time.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#define SCM_CREDENTIALS_TYPE 2 /* linux/socket.h; libc shows it as SCM_CREDENTIALS to GNU sources */

/* memcpy into and out of it: the memory may lie at any address. */
static bool head_at(const pier_ancillary *a, size_t at, struct cmsghdr *out)
{
	if (at > a->len || a->len - at < sizeof *out)
		return false;
	memcpy(out, (const char *)a->at + at, sizeof *out);
	return out->cmsg_len >= CMSG_LEN(0);
}

int pier_ancillary_add(pier_ancillary *a, int level, int type, const void *p, size_t len)
{
	if (len > a->room || CMSG_SPACE(len) > a->room - a->len)
		return -EMSGSIZE;
	char *at = (char *)a->at + a->len;
	struct cmsghdr head = {.cmsg_level = level, .cmsg_type = type};
	head.cmsg_len = (__typeof__(head.cmsg_len))CMSG_LEN(len); /* musl: socklen_t */
	memset(at, 0, CMSG_SPACE(len));
	memcpy(at, &head, sizeof head);
	if (len)
		memcpy(at + CMSG_LEN(0), p, len);
	a->len += CMSG_SPACE(len);
	return 0;
}

bool pier_ancillary_next(const pier_ancillary *a, pier_ancillary_item *item)
{
	struct cmsghdr head;
	size_t at = item->next;

	if (!a->at || !head_at(a, at, &head))
		return false;
	size_t left = a->len - at, len = head.cmsg_len;
	size_t here = len < left ? len : left;
	*item = (pier_ancillary_item){
		.level = head.cmsg_level,
		.type = head.cmsg_type,
		.data = pier_bytes_of((char *)a->at + at + CMSG_LEN(0), here - CMSG_LEN(0)),
		.cut = len > left,
		.next = len > left ? a->len : at + CMSG_ALIGN(len),
	};
	return true;
}

bool pier_ancillary_find(const pier_ancillary *a, int level, int type, pier_ancillary_item *out)
{
	for (pier_ancillary_item i = {0}; pier_ancillary_next(a, &i);) {
		if (i.level == level && i.type == type) {
			*out = i;
			return true;
		}
	}
	return false;
}

/* ---- Descriptors --------------------------------------------------------------------------------- */

unsigned pier_ancillary_fds(const pier_ancillary *a, int *fds, unsigned max)
{
	unsigned count = 0;
	for (pier_ancillary_item i = {0}; pier_ancillary_next(a, &i);) {
		if (i.level != SOL_SOCKET || i.type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; i.data.len - at >= sizeof *fds; at += sizeof *fds, count++)
			if (count < max)
				memcpy(&fds[count], i.data.p + at, sizeof *fds);
	}
	return count;
}

void pier_ancillary_close_fds(pier_ancillary *a)
{
	for (pier_ancillary_item i = {0}; pier_ancillary_next(a, &i);) {
		if (i.level != SOL_SOCKET || i.type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; i.data.len - at >= sizeof(int); at += sizeof(int)) {
			int fd;
			memcpy(&fd, i.data.p + at, sizeof fd);
			pier_io_close(fd);
		}
	}
	a->len = 0;
}

/* ---- Items that have a meaning ------------------------------------------------------------------- */

/* Copies an item's value; false when there is none, or when it is too short. */
static bool value_of(const pier_ancillary *a, int level, int type, void *out, size_t len)
{
	pier_ancillary_item i;
	if (!pier_ancillary_find(a, level, type, &i) || i.data.len < len)
		return false;
	memcpy(out, i.data.p, len);
	return true;
}

int pier_ancillary_credentials(const pier_ancillary *a, pier_credentials *out)
{
	pier_credentials c;
	if (!value_of(a, SOL_SOCKET, SCM_CREDENTIALS_TYPE, &c, sizeof c))
		return -ENODATA;
	*out = c;
	return 0;
}

int pier_ancillary_pktinfo(const pier_ancillary *a, pier_addr *to, unsigned *interface)
{
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	pier_addr found = {0};

	if (value_of(a, IPPROTO_IP, IP_PKTINFO, &v4, sizeof v4)) {
		struct sockaddr_in *in = (struct sockaddr_in *)&found.sa;
		*in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = v4.ipi_addr};
		found.len = sizeof *in;
		*interface = (unsigned)v4.ipi_ifindex;
	} else if (value_of(a, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof v6)) {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)&found.sa;
		*in = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = v6.ipi6_addr};
		if (IN6_IS_ADDR_LINKLOCAL(&v6.ipi6_addr))
			in->sin6_scope_id = v6.ipi6_ifindex;
		found.len = sizeof *in;
		*interface = v6.ipi6_ifindex;
	} else {
		return -ENODATA;
	}
	*to = found;
	return 0;
}

int pier_ancillary_add_pktinfo(pier_ancillary *a, const pier_addr *from, unsigned interface)
{
	struct in_pktinfo v4 = {.ipi_ifindex = (int)interface};
	struct in6_pktinfo v6 = {.ipi6_ifindex = interface};

	switch (from->sa.sa_family) {
	case AF_INET:
		if (from->len)
			v4.ipi_spec_dst = ((const struct sockaddr_in *)&from->sa)->sin_addr;
		return pier_ancillary_add(a, IPPROTO_IP, IP_PKTINFO, &v4, sizeof v4);
	case AF_INET6:
		if (from->len)
			v6.ipi6_addr = ((const struct sockaddr_in6 *)&from->sa)->sin6_addr;
		return pier_ancillary_add(a, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof v6);
	default:
		return -EAFNOSUPPORT;
	}
}

int pier_ancillary_hops(const pier_ancillary *a)
{
	int n;
	if (value_of(a, IPPROTO_IP, IP_TTL, &n, sizeof n) ||
	    value_of(a, IPPROTO_IPV6, IPV6_HOPLIMIT, &n, sizeof n))
		return n;
	return -ENODATA;
}

/* ip(7): IP_TOS comes as one byte, IPV6_TCLASS as an int. */
int pier_ancillary_class(const pier_ancillary *a)
{
	uint8_t tos;
	int n;
	if (value_of(a, IPPROTO_IP, IP_TOS, &tos, sizeof tos))
		return tos;
	return value_of(a, IPPROTO_IPV6, IPV6_TCLASS, &n, sizeof n) ? n : -ENODATA;
}

int64_t pier_ancillary_time(const pier_ancillary *a)
{
	struct timespec ns;
	struct timeval us;
	if (value_of(a, SOL_SOCKET, SCM_TIMESTAMPNS, &ns, sizeof ns))
		return (int64_t)ns.tv_sec * 1000000000 + ns.tv_nsec;
	if (value_of(a, SOL_SOCKET, SCM_TIMESTAMP, &us, sizeof us))
		return (int64_t)us.tv_sec * 1000000000 + (int64_t)us.tv_usec * 1000;
	return -ENODATA;
}

/* The report, and behind it the address of its sender: SO_EE_OFFENDER. */
struct report {
	struct sock_extended_err why;
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} by;
};

int pier_ancillary_bounce(const pier_ancillary *a, pier_bounce *out)
{
	struct report r = {0};
	pier_ancillary_item i;

	if (!pier_ancillary_find(a, IPPROTO_IP, IP_RECVERR, &i) &&
	    !pier_ancillary_find(a, IPPROTO_IPV6, IPV6_RECVERR, &i))
		return -ENODATA;
	if (i.data.len < sizeof r.why)
		return -ENODATA;
	memcpy(&r, i.data.p, i.data.len < sizeof r ? i.data.len : sizeof r);
	*out = (pier_bounce){.err = -(int)r.why.ee_errno,
			     .type = r.why.ee_type,
			     .code = r.why.ee_code,
			     .mtu = r.why.ee_errno == EMSGSIZE ? r.why.ee_info : 0};
	if (r.by.sa.sa_family == AF_INET || r.by.sa.sa_family == AF_INET6) {
		out->by.len = r.by.sa.sa_family == AF_INET ? sizeof r.by.v4 : sizeof r.by.v6;
		memcpy(&out->by.storage, &r.by, out->by.len);
	}
	return 0;
}

int pier_ancillary_add_segments(pier_ancillary *a, unsigned size)
{
	uint16_t segment = (uint16_t)size;
	if (size == 0 || size > UINT16_MAX)
		return -EINVAL;
	return pier_ancillary_add(a, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
}

int pier_ancillary_segments(const pier_ancillary *a)
{
	int size;
	return value_of(a, IPPROTO_UDP, UDP_GRO, &size, sizeof size) ? size : -ENODATA;
}
