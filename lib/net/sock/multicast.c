/* Groups: joined with a chosen interface, by the options that know no family (RFC 3678 §5). */
#include "sock.h"

#include <netinet/in.h>
#include <pier/sockopt.h>

static int level_of(const pier_addr *group)
{
	return group->sa.sa_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

static int membership(pier_sock *s, int any, int one, const pier_addr *group, unsigned interface,
		      const pier_addr *source)
{
	struct group_source_req of = {.gsr_interface = interface};
	struct group_req all = {.gr_interface = interface};

	if (group->len == 0 || (source && source->sa.sa_family != group->sa.sa_family))
		return (int)sock_fail(s, -EAFNOSUPPORT, SOCK_SETTING);
	if (!source) {
		memcpy(&all.gr_group, &group->storage, group->len);
		return pier_sock_setopt(s, level_of(group), any, &all, sizeof all);
	}
	memcpy(&of.gsr_group, &group->storage, group->len);
	memcpy(&of.gsr_source, &source->storage, source->len);
	return pier_sock_setopt(s, level_of(group), one, &of, sizeof of);
}

int pier_sock_join(pier_sock *s, const pier_addr *group, unsigned interface,
		   const pier_addr *source)
{
	return membership(s, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP, group, interface, source);
}

int pier_sock_leave(pier_sock *s, const pier_addr *group, unsigned interface,
		    const pier_addr *source)
{
	return membership(s, MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP, group, interface, source);
}

int pier_sock_set_multicast(pier_sock *s, unsigned interface, int hops, bool loop)
{
	bool v6 = s->family == AF_INET6;
	struct ip_mreqn by = {.imr_ifindex = (int)interface};
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;

	int err = v6 ? pier_sock_setopt_int(s, level, IPV6_MULTICAST_IF, (int)interface)
		     : pier_sock_setopt(s, level, IP_MULTICAST_IF, &by, sizeof by);
	if (err == 0)
		err = pier_sock_setopt_int(s, level, v6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL,
					   hops);
	if (err == 0)
		err = pier_sock_setopt_int(s, level, v6 ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP,
					   loop);
	return err;
}
