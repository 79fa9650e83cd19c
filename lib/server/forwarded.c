#include "forwarded.h"

#include "base/cursor.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>

#define V1_MAX	       107 /* with its CR LF: proxy-protocol.txt §2.1 */
#define V2_HEAD	       16
#define UNIX_PATH_SIZE 108

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n"; /* §2.2 */

/* ---- Version 1: a line ---------------------------------------------------------------------------- */

static int read_port(pier_bytes text, uint16_t *out)
{
	unsigned n = 0;
	if (text.len == 0 || text.len > 5 || (text.len > 1 && text.p[0] == '0'))
		return -EPROTO;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -EPROTO;
		n = n * 10 + (unsigned)(text.p[i] - '0');
	}
	if (n > UINT16_MAX)
		return -EPROTO;
	*out = (uint16_t)n;
	return 0;
}

static int read_address(pier_bytes host, pier_bytes port, int family, pier_addr *out)
{
	uint16_t n = 0;
	int err = read_port(port, &n);
	if (err == 0 && (pier_addr_parse(host, 0, out) < 0 || out->sa.sa_family != family ||
			 pier_addr_port(out) || pier_bytes_starts(host, "[")))
		err = -EPROTO;
	if (err == 0)
		pier_addr_set_port(out, n);
	return err;
}

/*	PROXY TCP4 192.0.2.1 198.51.100.7 50412 443 CR LF */
static int read_line(struct cursor line, struct forwarded *out)
{
	struct forwarded f = {0};
	take(&line, 6); /* "PROXY " */
	if (pier_bytes_starts(line.rest, "UNKNOWN")) {
		*out = f;
		return 0;
	}
	pier_bytes kind = take_until(&line, ' ');
	pier_bytes from = take_until(&line, ' '), to = take_until(&line, ' ');
	pier_bytes from_port = take_until(&line, ' ');
	bool four = pier_bytes_eq(kind, "TCP4");
	if (line.bad || (!four && !pier_bytes_eq(kind, "TCP6")))
		return -EPROTO;
	int err = read_address(from, from_port, four ? AF_INET : AF_INET6, &f.from);
	if (err == 0)
		err = read_address(to, line.rest, four ? AF_INET : AF_INET6, &f.to);
	if (err == 0)
		*out = f;
	return err;
}

static ssize_t decode_v1(pier_bytes in, struct forwarded *out)
{
	size_t most = in.len < V1_MAX ? in.len : V1_MAX;
	char *lf = memchr(in.p, '\n', most);
	if (!lf)
		return in.len < V1_MAX ? 0 : -EPROTO;
	size_t len = (size_t)(lf - in.p) + 1;
	if (len < 8 || lf[-1] != '\r' || memchr(in.p, '\0', len))
		return -EPROTO;
	int err = read_line((struct cursor){.rest = {in.p, len - 2}}, out);
	return err < 0 ? err : (ssize_t)len;
}

/* ---- Version 2: bytes ----------------------------------------------------------------------------- */

enum {
	V2_LOCAL = 0x20,
	V2_PROXY = 0x21,
	V2_INET = 1,
	V2_INET6 = 2,
	V2_UNIX = 3,
};

static void take_inet(struct cursor *c, pier_addr *from, pier_addr *to)
{
	struct sockaddr_in a = {.sin_family = AF_INET}, b = a;
	pier_bytes x = take(c, 4), y = take(c, 4);
	if (c->bad)
		return;
	memcpy(&a.sin_addr, x.p, 4);
	memcpy(&b.sin_addr, y.p, 4);
	a.sin_port = htons(take_u16be(c));
	b.sin_port = htons(take_u16be(c));
	memcpy(&from->storage, &a, from->len = sizeof a);
	memcpy(&to->storage, &b, to->len = sizeof b);
}

static void take_inet6(struct cursor *c, pier_addr *from, pier_addr *to)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6}, b = a;
	pier_bytes x = take(c, 16), y = take(c, 16);
	if (c->bad)
		return;
	memcpy(&a.sin6_addr, x.p, 16);
	memcpy(&b.sin6_addr, y.p, 16);
	a.sin6_port = htons(take_u16be(c));
	b.sin6_port = htons(take_u16be(c));
	memcpy(&from->storage, &a, from->len = sizeof a);
	memcpy(&to->storage, &b, to->len = sizeof b);
}

/* A peer of a unix socket mostly has no name; who it is does not matter beyond that it is local. */
static void take_unix(struct cursor *c, pier_addr *from, pier_addr *to)
{
	take(c, 2 * (size_t)UNIX_PATH_SIZE);
	if (c->bad)
		return;
	*from = (pier_addr){.len = sizeof(sa_family_t), .sa.sa_family = AF_UNIX};
	*to = *from;
}

/*	│ signature, 12 │ version, command │ family, type │ length, 2 │ addresses │ TLVs … │ */
static ssize_t decode_v2(pier_bytes in, struct forwarded *out)
{
	struct cursor c = {.rest = in};
	struct forwarded f = {0};
	take(&c, sizeof signature - 1);
	uint8_t command = take_u8(&c), family = take_u8(&c);
	size_t len = take_u16be(&c);
	if (c.bad)
		return 0;
	if (command != V2_LOCAL && command != V2_PROXY)
		return -EPROTO;
	if (V2_HEAD + len > FORWARDED_MAX)
		return -EMSGSIZE;
	if (c.rest.len < len)
		return 0;
	c.rest.len = len;
	f.local = command == V2_LOCAL;
	if (!f.local && family >> 4 == V2_INET)
		take_inet(&c, &f.from, &f.to);
	else if (!f.local && family >> 4 == V2_INET6)
		take_inet6(&c, &f.from, &f.to);
	else if (!f.local && family >> 4 == V2_UNIX)
		take_unix(&c, &f.from, &f.to);
	if (c.bad)
		return -EPROTO;
	*out = f;
	return (ssize_t)(V2_HEAD + len);
}

/* ---- Both ----------------------------------------------------------------------------------------- */

static bool may_be(pier_bytes in, const char *start, size_t len)
{
	return in.len == 0 || memcmp(in.p, start, in.len < len ? in.len : len) == 0;
}

ssize_t pier_forwarded_decode(pier_bytes in, struct forwarded *out)
{
	if (may_be(in, signature, sizeof signature - 1))
		return in.len < V2_HEAD ? 0 : decode_v2(in, out);
	if (may_be(in, "PROXY ", 6))
		return in.len < 6 ? 0 : decode_v1(in, out);
	return -EPROTO;
}
