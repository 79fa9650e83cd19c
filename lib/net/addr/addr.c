/* Addresses as values and as text. */
#include "other.h"

#include "base/cursor.h"
#include "io/interface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pier/addr.h>
#include <pier/error.h>
#include <stdio.h>
#include <sys/un.h>

#define UNIX_HEAD offsetof(struct sockaddr_un, sun_path)
#define UNIX_ROOM sizeof(((struct sockaddr_un *)0)->sun_path)

static struct sockaddr_in *in4(const pier_addr *a)
{
	return (struct sockaddr_in *)(uintptr_t)&a->sa;
}

static struct sockaddr_in6 *in6(const pier_addr *a)
{
	return (struct sockaddr_in6 *)(uintptr_t)&a->sa;
}

/* The family of a whole address; AF_UNSPEC for one that was cut, which has no number and no port. */
static sa_family_t family_of(const pier_addr *a)
{
	sa_family_t family = a->len >= sizeof family ? a->sa.sa_family : AF_UNSPEC;
	size_t least = family == AF_INET    ? sizeof(struct sockaddr_in)
		       : family == AF_INET6 ? sizeof(struct sockaddr_in6)
					    : 0;
	return a->len >= least ? family : AF_UNSPEC;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* Copies a view into a C string; false when it does not fit or holds a NUL. */
static bool copy_text(pier_bytes b, char *into, size_t room)
{
	if (b.len == 0 || b.len >= room || memchr(b.p, 0, b.len))
		return false;
	memcpy(into, b.p, b.len);
	into[b.len] = 0;
	return true;
}

/* A decimal number of digits alone, at most `max`. */
static bool read_number(pier_bytes b, uint32_t max, uint32_t *out)
{
	uint64_t n = 0;

	if (b.len == 0 || b.len > 10)
		return false;
	for (size_t i = 0; i < b.len; i++) {
		if (b.p[i] < '0' || b.p[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(b.p[i] - '0');
	}
	if (n > max)
		return false;
	*out = (uint32_t)n;
	return true;
}

/* RFC 4007 §11.2: <zone_id> is a number or a name that means something on this host only. */
static bool read_scope(pier_bytes zone, uint32_t *out)
{
	char name[IF_NAMESIZE];

	if (read_number(zone, UINT32_MAX, out))
		return true;
	if (!copy_text(zone, name, sizeof name))
		return false;
	uint32_t index = pier_io_interface(name);
	if (index == 0)
		return false;
	*out = index;
	return true;
}

static bool read_v4(pier_bytes host, uint16_t port, pier_addr *out)
{
	char text[INET_ADDRSTRLEN];
	pier_addr a = {.len = sizeof(struct sockaddr_in)};
	struct sockaddr_in *in = in4(&a);

	if (!copy_text(host, text, sizeof text) || inet_pton(AF_INET, text, &in->sin_addr) != 1)
		return false;
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	*out = a;
	return true;
}

static bool read_v6(pier_bytes host, uint16_t port, pier_addr *out)
{
	char text[INET6_ADDRSTRLEN];
	pier_addr a = {.len = sizeof(struct sockaddr_in6)};
	struct sockaddr_in6 *in = in6(&a);
	const char *percent = host.len ? memchr(host.p, '%', host.len) : NULL;
	pier_bytes digits = {host.p, percent ? (size_t)(percent - host.p) : host.len};

	if (!copy_text(digits, text, sizeof text) || inet_pton(AF_INET6, text, &in->sin6_addr) != 1)
		return false;
	if (percent) {
		pier_bytes zone = {host.p + digits.len + 1, host.len - digits.len - 1};
		if (!read_scope(zone, &in->sin6_scope_id))
			return false;
	}
	in->sin6_family = AF_INET6;
	in->sin6_port = htons(port);
	*out = a;
	return true;
}

/* Takes ":port" off the text behind the host; nothing there keeps the port given apart. */
static bool read_port(pier_bytes tail, uint16_t *port)
{
	uint32_t n = *port;

	if (tail.len == 0)
		return true;
	if (tail.p[0] != ':' || !read_number(pier_bytes_of(tail.p + 1, tail.len - 1), 65535, &n))
		return false;
	*port = (uint16_t)n;
	return true;
}

/*	host            as given:  127.0.0.1   127.0.0.1:80   ::1   [::1]   [fe80::1%eth0]:80 */
int pier_addr_parse(pier_bytes host, uint16_t port, pier_addr *out)
{
	struct cursor c = {.rest = host};

	if (pier_bytes_starts(host, "[")) {
		take(&c, 1);
		pier_bytes inner = take_until(&c, ']');
		bool ok = !c.bad && read_port(c.rest, &port) && read_v6(inner, port, out);
		return ok ? 0 : -PIER_ENONAME;
	}
	if (read_v6(host, port, out)) /* before the ports: its colons are its own */
		return 0;

	const char *colon = host.len ? memchr(host.p, ':', host.len) : NULL;
	pier_bytes digits = take(&c, colon ? (size_t)(colon - host.p) : host.len);
	bool ok = read_port(c.rest, &port) && read_v4(digits, port, out);
	return ok ? 0 : -PIER_ENONAME;
}

/*	sun_path of "/run/x"   2f 72 75 6e 2f 78 00      ended by a NUL
 *	sun_path of "@name"    00 6e 61 6d 65            begun by one; the length ends it, and a NUL inside
 *	                                                 is a byte as any other: unix(7)
 */
int pier_addr_unix(pier_bytes path, pier_addr *out)
{
	bool abstract = pier_bytes_starts(path, "@");
	pier_addr a = {.storage.ss_family = AF_UNIX};
	char *at = (char *)&a.storage + UNIX_HEAD;

	if (path.len > UNIX_ROOM - (abstract ? 0 : 1))
		return -ENAMETOOLONG;
	if (path.len == 0 || (abstract && path.len == 1) ||
	    (!abstract && memchr(path.p, 0, path.len)))
		return -EINVAL;
	memcpy(at, path.p, path.len);
	if (abstract)
		at[0] = 0;
	a.len = (socklen_t)(UNIX_HEAD + path.len + (abstract ? 0 : 1));
	*out = a;
	return 0;
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* The name of a unix address, at most UNIX_ROOM bytes; the NUL that may end a path is no part of
 * it. */
static pier_bytes unix_name(const pier_addr *a)
{
	const char *path = (const char *)&a->sa + UNIX_HEAD;
	size_t len = a->len > UNIX_HEAD ? a->len - UNIX_HEAD : 0;

	if (len > UNIX_ROOM)
		len = UNIX_ROOM;
	if (len > 0 && path[0] != 0)
		len = strnlen(path, len);
	return pier_bytes_of(path, len);
}

/* Peers choose these bytes, and they end up in logs and on terminals. */
static char printable(char c)
{
	if (c == 0)
		return '@';
	return (unsigned char)c < ' ' || c == 0x7f ? '?' : c;
}

static void format_unix(const pier_addr *a, char *into, size_t room)
{
	pier_bytes name = unix_name(a);

	if (name.len == 0) {
		snprintf(into, room, "unix");
		return;
	}
	if (room == 0)
		return;
	size_t len = name.len < room ? name.len : room - 1;
	for (size_t i = 0; i < len; i++)
		into[i] = printable(name.p[i]);
	into[len] = 0;
}

/* RFC 4291 §2.5.5.2: a socket that takes both families tells of IPv4 peers as ::ffff:10.0.0.1. It is the
 * same host, and people should see the address they know. */
static pier_addr plain(const pier_addr *a)
{
	pier_addr v4 = {.len = sizeof(struct sockaddr_in)};

	if (family_of(a) != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6(a)->sin6_addr))
		return *a;
	in4(&v4)->sin_family = AF_INET;
	in4(&v4)->sin_port = in6(a)->sin6_port;
	memcpy(&in4(&v4)->sin_addr, in6(a)->sin6_addr.s6_addr + 12, 4);
	return v4;
}

static const char *format_host(const pier_addr *a, char *into, size_t room)
{
	char digits[INET6_ADDRSTRLEN] = "", zone[IF_NAMESIZE];
	sa_family_t family = family_of(a);

	if (family == AF_UNIX) {
		format_unix(a, into, room);
	} else if (family == AF_INET) {
		inet_ntop(AF_INET, &in4(a)->sin_addr, digits, sizeof digits);
		snprintf(into, room, "%s", digits);
	} else if (family == AF_INET6) {
		uint32_t scope = in6(a)->sin6_scope_id;
		inet_ntop(AF_INET6, &in6(a)->sin6_addr, digits, sizeof digits);
		snprintf(into, room, "%s%s%s", digits, scope ? "%" : "",
			 scope ? pier_io_interface_name(scope, zone) : "");
	} else {
		pier_addr_format_other(a, into, room);
	}
	return into;
}

const char *pier_addr_host(const pier_addr *a, char *into, size_t room)
{
	pier_addr known = plain(a);
	return format_host(&known, into, room);
}

const char *pier_addr_format(const pier_addr *a, char *into, size_t room)
{
	char host[PIER_ADDR_TEXT];
	pier_addr known = plain(a);
	sa_family_t family = family_of(&known);

	format_host(&known, host, sizeof host);
	if (family == AF_INET)
		snprintf(into, room, "%s:%u", host, pier_addr_port(a));
	else if (family == AF_INET6)
		snprintf(into, room, "[%s]:%u", host, pier_addr_port(a));
	else
		snprintf(into, room, "%s", host);
	return into;
}

/* ---- Asking --------------------------------------------------------------------------------- */

uint16_t pier_addr_port(const pier_addr *a)
{
	if (family_of(a) == AF_INET)
		return ntohs(in4(a)->sin_port);
	if (family_of(a) == AF_INET6)
		return ntohs(in6(a)->sin6_port);
	return 0;
}

void pier_addr_set_port(pier_addr *a, uint16_t port)
{
	if (family_of(a) == AF_INET)
		in4(a)->sin_port = htons(port);
	else if (family_of(a) == AF_INET6)
		in6(a)->sin6_port = htons(port);
}

/* Padding and flow labels are no part of an address, so memcmp will not do. */
static bool same(const pier_addr *a, const pier_addr *b)
{
	switch (family_of(a)) {
	case AF_INET:
		return in4(a)->sin_addr.s_addr == in4(b)->sin_addr.s_addr &&
		       in4(a)->sin_port == in4(b)->sin_port;
	case AF_INET6:
		return IN6_ARE_ADDR_EQUAL(&in6(a)->sin6_addr, &in6(b)->sin6_addr) &&
		       in6(a)->sin6_port == in6(b)->sin6_port &&
		       in6(a)->sin6_scope_id == in6(b)->sin6_scope_id;
	case AF_UNIX: {
		pier_bytes x = unix_name(a), y = unix_name(b);
		return x.len == y.len && memcmp(x.p, y.p, x.len) == 0;
	}
	default:
		return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
	}
}

bool pier_addr_eq(const pier_addr *a, const pier_addr *b)
{
	pier_addr x = plain(a), y = plain(b);

	if (x.len == 0 || y.len == 0)
		return x.len == y.len;
	return family_of(&x) == family_of(&y) && same(&x, &y);
}
