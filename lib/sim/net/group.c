/* Datagrams to many: groups that a sock has joined, and broadcast. All nodes are on one net, each with lo (1) and
 * eth0 (2). */
#include "sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

bool pier_addr_is_group(const pier_addr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->storage;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_MULTICAST(&v6->sin6_addr);
	return a->sa.sa_family == AF_INET && IN_MULTICAST(ntohl(v4->sin_addr.s_addr));
}

/* Of this net, 10.0.0.0/24, and of any. */
bool pier_addr_is_broadcast(const pier_addr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->storage;
	if (a->sa.sa_family != AF_INET)
		return false;
	return v4->sin_addr.s_addr == htonl(INADDR_BROADCAST) ||
	       v4->sin_addr.s_addr == htonl(0x0a0000ff);
}

/* Where in the list it is; `count` when it is not. */
static unsigned place_of(const struct sock *s, const pier_addr *group)
{
	unsigned i = 0;
	while (i < s->group_count && !pier_addr_same_host(&s->groups[i], group))
		i++;
	return i;
}

bool pier_group_has(const struct sock *s, const pier_addr *group)
{
	return place_of(s, group) < s->group_count;
}

static int join(struct sock *s, const pier_addr *group)
{
	if (!pier_addr_is_group(group))
		return -EINVAL;
	if (pier_group_has(s, group))
		return -EADDRINUSE;
	if (!s->groups && !(s->groups = calloc(GROUPS_MAX, sizeof *s->groups)))
		return -ENOMEM;
	if (s->group_count == GROUPS_MAX)
		return -ENOBUFS;
	s->groups[s->group_count++] = *group;
	return 0;
}

static int leave(struct sock *s, const pier_addr *group)
{
	unsigned at = place_of(s, group);
	if (at == s->group_count)
		return -EADDRNOTAVAIL;
	s->groups[at] = s->groups[--s->group_count];
	return 0;
}

static pier_addr addr_of(const struct sockaddr_storage *from)
{
	pier_addr a = {.len = from->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
							  : sizeof(struct sockaddr_in)};
	memcpy(&a.storage, from, a.len);
	return a;
}

static pier_addr addr_of_v4(struct in_addr at)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = at};
	pier_addr a = {.len = sizeof v4};
	memcpy(&a.storage, &v4, sizeof v4);
	return a;
}

static pier_addr addr_of_v6(struct in6_addr at)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = at};
	pier_addr a = {.len = sizeof v6};
	memcpy(&a.storage, &v6, sizeof v6);
	return a;
}

/* RFC 3678 §5, and what was before it. The group that an option names; false when it names none. */
static bool group_named(int level, int name, const void *value, socklen_t len, pier_addr *out)
{
	struct group_req any;
	struct ip_mreq v4;
	struct ipv6_mreq v6;
	bool both = name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP;
	if (both && len >= sizeof any) {
		memcpy(&any, value, sizeof any);
		*out = addr_of(&any.gr_group);
		return true;
	}
	if (level == IPPROTO_IP && len >= sizeof v4 &&
	    (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)) {
		memcpy(&v4, value, sizeof v4);
		*out = addr_of_v4(v4.imr_multiaddr);
		return true;
	}
	if (level == IPPROTO_IPV6 && len >= sizeof v6 &&
	    (name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP)) {
		memcpy(&v6, value, sizeof v6);
		*out = addr_of_v6(v6.ipv6mr_multiaddr);
		return true;
	}
	return false;
}

int pier_group_option(struct sock *s, int level, int name, const void *value, socklen_t len)
{
	pier_addr group;
	if (s->family == AF_UNIX || (level != IPPROTO_IP && level != IPPROTO_IPV6))
		return -ENOPROTOOPT;
	if (level == IPPROTO_IP && name == IP_MULTICAST_IF)
		return 0; /* there is one way out */
	if (!group_named(level, name, value, len, &group))
		return -ENOPROTOOPT;
	bool joins = name == MCAST_JOIN_GROUP ||
		     name == (level == IPPROTO_IP ? IP_ADD_MEMBERSHIP : IPV6_JOIN_GROUP);
	return joins ? join(s, &group) : leave(s, &group);
}
