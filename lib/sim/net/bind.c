/* Addresses of simulated sockets: who hears what, who may have which. */
#include "sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#define PORT_FIRST 32768 /* ip_local_port_range: ip(7) */
#define PORT_LAST  60999

bool pier_addr_is_any(const pier_addr *a)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->storage;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
	return a->sa.sa_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY);
}

bool pier_addr_same_host(const pier_addr *a, const pier_addr *b)
{
	pier_addr x = *a, y = *b;
	pier_addr_set_port(&x, 0);
	pier_addr_set_port(&y, 0);
	return pier_addr_eq(&x, &y);
}

static bool is_v4(const pier_addr *a)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
	return a->sa.sa_family == AF_INET ||
	       (a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr));
}

/* An IPv4 address as a sock of the other family sees it: RFC 4291 §2.5.5.2. */
pier_addr pier_addr_as_seen(const pier_addr *a, int family)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->storage;
	pier_addr out = *a;
	if (family != AF_INET6 || a->sa.sa_family != AF_INET)
		return out;
	v6.sin6_port = v4->sin_port;
	v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&v6.sin6_addr.s6_addr[12], &v4->sin_addr, 4);
	memset(&out, 0, sizeof out);
	memcpy(&out.storage, &v6, sizeof v6);
	out.len = sizeof v6;
	return out;
}

/* Without the IPv6 around it: RFC 4291 §2.5.5.2. */
pier_addr pier_addr_plain(const pier_addr *a)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->storage;
	pier_addr out = *a;
	if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return out;
	v4.sin_port = v6->sin6_port;
	memcpy(&v4.sin_addr, &v6->sin6_addr.s6_addr[12], 4);
	memset(&out, 0, sizeof out);
	memcpy(&out.storage, &v4, sizeof v4);
	out.len = sizeof v4;
	return out;
}

/* What is sent to `to` comes to a sock that is bound as this one is. */
bool pier_sim_sock_hears(const struct sock *s, const pier_addr *to)
{
	if (s->family == AF_UNIX)
		return pier_addr_eq(&s->local, to);
	if (!s->bound || pier_addr_port(&s->local) != pier_addr_port(to))
		return false;
	if (!pier_addr_is_any(&s->local))
		return pier_addr_same_host(&s->local, to);
	return s->family == AF_INET ? is_v4(to) : !s->set[OPT_V6ONLY] || !is_v4(to);
}

struct sock *pier_sim_sock_listener(struct node *n, const pier_addr *at, int type)
{
	struct sock *chosen = NULL;
	uint64_t count = 0;
	for (unsigned i = 0; i < pier_world->socks_high; i++) {
		struct sock *s = pier_sim_sock_at(i);
		if (s && s->node == n && s->state == SOCK_LISTENING && s->type == type &&
		    (s->family == AF_UNIX) == (at->sa.sa_family == AF_UNIX) &&
		    pier_sim_sock_hears(s, at) && pier_chance(++count) == 0)
			chosen = s; /* of those that share a port, any: SO_REUSEPORT */
	}
	return chosen;
}

static bool overlap(const struct sock *s, const pier_addr *a, bool v6only)
{
	if (s->family == AF_UNIX || a->sa.sa_family == AF_UNIX)
		return s->family == a->sa.sa_family && pier_addr_eq(&s->local, a);
	if (pier_addr_port(&s->local) != pier_addr_port(a))
		return false;
	if (pier_addr_is_any(&s->local) && (s->family == AF_INET6 && !s->set[OPT_V6ONLY]))
		return true;
	if (pier_addr_is_any(a) && a->sa.sa_family == AF_INET6 && !v6only)
		return true;
	if (is_v4(&s->local) != is_v4(a))
		return false;
	return pier_addr_is_any(&s->local) || pier_addr_is_any(a) ||
	       pier_addr_same_host(&s->local, a);
}

/* socket(7): SO_REUSEADDR, SO_REUSEPORT. */
static bool shares(const struct sock *a, const struct sock *b)
{
	if (a->family == AF_UNIX)
		return false;
	if (a->set[OPT_REUSEPORT] && b->set[OPT_REUSEPORT])
		return true;
	return a->set[OPT_REUSEADDR] && b->set[OPT_REUSEADDR] &&
	       (a->type == SOCK_DGRAM || a->state != SOCK_LISTENING);
}

static bool is_taken(const struct sock *s, const pier_addr *a)
{
	for (unsigned i = 0; i < pier_world->socks_high; i++) {
		const struct sock *other = pier_sim_sock_at(i);
		if (other && other != s && other->node == s->node && other->bound &&
		    (other->type == s->type || s->family == AF_UNIX) &&
		    overlap(other, a, s->set[OPT_V6ONLY]) && !shares(other, s))
			return true;
	}
	return false;
}

/* unix(7): five hex digits in the abstract, for who asks for any name. */
static void any_name(pier_addr *a)
{
	static const char digits[] = "0123456789abcdef";
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	for (int i = 1; i <= 5; i++)
		un.sun_path[i] = digits[pier_chance(16)];
	memcpy(&a->storage, &un, sizeof un);
	a->len = offsetof(struct sockaddr_un, sun_path) + 6;
}

static bool is_own(const struct sock *s, const pier_addr *a)
{
	if (s->family == AF_UNIX || s->set[OPT_FREEBIND] || s->set[OPT_FREEBIND6])
		return true;
	if (s->type == SOCK_DGRAM && (pier_addr_is_group(a) || pier_addr_is_broadcast(a)))
		return true;
	return pier_node_of(s->node, a) == s->node;
}

static int any_port(struct sock *s, pier_addr *a)
{
	unsigned span = PORT_LAST - PORT_FIRST + 1, first = (unsigned)pier_chance(span);
	if (pier_chance_of(pier_world->faults))
		return -EADDRINUSE;
	for (unsigned i = 0; i < span; i++) {
		pier_addr_set_port(a, (uint16_t)(PORT_FIRST + (first + i) % span));
		if (!is_taken(s, a))
			return 0;
	}
	return -EADDRINUSE;
}

int pier_sim_sock_bind(struct sock *s, const pier_addr *to)
{
	pier_addr a = *to;
	if (s->bound)
		return -EINVAL;
	if (a.sa.sa_family != s->family)
		return -EAFNOSUPPORT;
	if (!is_own(s, &a))
		return -EADDRNOTAVAIL;
	if (s->family == AF_UNIX && a.len == sizeof(sa_family_t))
		any_name(&a);
	int err = s->family != AF_UNIX && pier_addr_port(&a) == 0 ? any_port(s, &a)
		  : is_taken(s, &a)				  ? -EADDRINUSE
								  : 0;
	if (err < 0)
		return err;
	s->local = a;
	s->bound = true;
	return 0;
}

static pier_addr any_of(int family, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	pier_addr a = {.len = family == AF_INET6 ? sizeof v6 : sizeof v4};
	memcpy(&a.storage, family == AF_INET6 ? (void *)&v6 : (void *)&v4, a.len);
	return a;
}

int pier_sim_sock_bind_any(struct sock *s)
{
	if (s->bound || s->family == AF_UNIX)
		return 0;
	pier_addr a = any_of(s->family, 0);
	return pier_sim_sock_bind(s, &a);
}

void pier_sim_sock_settle(struct sock *s, const struct node *n, const pier_addr *to)
{
	pier_addr own, target = pier_addr_plain(to);
	uint16_t port = pier_addr_port(&s->local);
	if (!pier_addr_is_any(&s->local))
		return;
	if (n == s->node && !pier_addr_is_any(&target))
		own = target;
	else
		pier_node_addr(s->node, target.sa.sa_family, port, &own);
	pier_addr_set_port(&own, port);
	s->local = pier_addr_as_seen(&own, s->family);
	s->settled = true;
}

void pier_sim_sock_unsettle(struct sock *s)
{
	if (s->settled)
		s->local = any_of(s->family, pier_addr_port(&s->local));
	s->settled = false;
}
