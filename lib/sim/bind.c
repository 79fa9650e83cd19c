/* Addresses of simulated sockets: who hears what, who may have which. */
#include "sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

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

static bool same_host(const pier_addr *a, const pier_addr *b)
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
		return same_host(&s->local, to);
	return s->family == AF_INET ? is_v4(to) : !s->v6only || !is_v4(to);
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
	if (pier_addr_is_any(&s->local) && (s->family == AF_INET6 && !s->v6only))
		return true;
	if (pier_addr_is_any(a) && a->sa.sa_family == AF_INET6 && !v6only)
		return true;
	if (is_v4(&s->local) != is_v4(a))
		return false;
	return pier_addr_is_any(&s->local) || pier_addr_is_any(a) || same_host(&s->local, a);
}

/* socket(7): SO_REUSEADDR, SO_REUSEPORT. */
static bool shares(const struct sock *a, const struct sock *b)
{
	if (a->family == AF_UNIX)
		return false;
	if (a->reuse_port && b->reuse_port)
		return true;
	return a->type == SOCK_STREAM && a->reuse_addr && b->reuse_addr &&
	       a->state != SOCK_LISTENING;
}

static bool is_taken(const struct sock *s, const pier_addr *a)
{
	for (unsigned i = 0; i < pier_world->socks_high; i++) {
		const struct sock *other = pier_sim_sock_at(i);
		if (other && other != s && other->node == s->node && other->bound &&
		    other->type == s->type && overlap(other, a, s->v6only) && !shares(other, s))
			return true;
	}
	return false;
}

static int any_port(struct sock *s, pier_addr *a)
{
	unsigned span = PORT_LAST - PORT_FIRST + 1, first = (unsigned)pier_chance(span);
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
	if (s->family != AF_UNIX && pier_node_of(s->node, &a) != s->node)
		return -EADDRNOTAVAIL;
	int err = s->family != AF_UNIX && pier_addr_port(&a) == 0 ? any_port(s, &a)
		  : is_taken(s, &a)				  ? -EADDRINUSE
								  : 0;
	if (err < 0)
		return err;
	s->local = a;
	s->bound = true;
	return 0;
}

int pier_sim_sock_bind_any(struct sock *s)
{
	pier_addr a;
	if (s->bound || s->family == AF_UNIX)
		return 0;
	pier_node_addr(s->node, s->family, 0, &a);
	return pier_sim_sock_bind(s, &a);
}
