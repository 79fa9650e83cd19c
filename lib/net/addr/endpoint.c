/* Endpoints: where to dial or listen, as text. */
#include "base/cursor.h"

#include <errno.h>
#include <limits.h>
#include <pier/addr.h>
#include <pier/error.h>
#include <strings.h>

/* A name has at most 253 characters (RFC 1035 §2.3.4), an IPv6 address with its zone fewer. */
#define HOST_MAX 255

/*	tcp://host:port?query
 *	└─┬──┘└────────────── rest
 *	 word */
static const struct {
	const char *word;
	pier_scheme scheme;
} schemes[] = {
	{"tcp://", PIER_TCP},		{"udp://", PIER_UDP},	      {"unix:", PIER_UNIX},
	{"seqpacket:", PIER_SEQPACKET}, {"unixgram:", PIER_UNIXGRAM}, {"fd:", PIER_FD},
	{"pair:", PIER_PAIR},		{"systemd:", PIER_SYSTEMD},   {"tls://", PIER_TLS},
};

/* RFC 3986 §3.1: schemes are compared without case. Without one, host:port means tcp. */
static pier_scheme take_scheme(struct cursor *c)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t len = strlen(schemes[i].word);
		if (c->rest.len >= len && strncasecmp(c->rest.p, schemes[i].word, len) == 0) {
			take(c, len);
			return schemes[i].scheme;
		}
	}
	return PIER_TCP;
}

/* Cuts "…?query" at its '?'. */
static pier_bytes take_query(struct cursor *c)
{
	struct cursor whole = *c;
	pier_bytes before = take_until(&whole, '?');

	if (whole.bad)
		return (pier_bytes){0};
	c->rest = before;
	return whole.rest;
}

static int read_number(pier_bytes digits, int max)
{
	int n = 0;

	if (digits.len == 0 || digits.len > 10)
		return -PIER_EURL;
	for (size_t i = 0; i < digits.len; i++) {
		int digit = digits.p[i] - '0';
		if (digit < 0 || digit > 9 || n > (max - digit) / 10)
			return -PIER_EURL;
		n = n * 10 + digit;
	}
	return n;
}

/* What would make another host of it in some other reader: a second scheme, a user, a path, a
 * blank. */
static bool host_ok(pier_bytes host, const char *refused)
{
	if (host.len > HOST_MAX)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		unsigned char c = (unsigned char)host.p[i];
		if (c <= ' ' || c == 0x7f || strchr(refused, c))
			return false;
	}
	return true;
}

/*	name:80   127.0.0.1:80   :80   [::1]:80   [fe80::1%eth0]:80 */
static int read_host_port(struct cursor *c, pier_endpoint *e)
{
	if (pier_bytes_starts(c->rest, "[")) {
		take(c, 1);
		e->host = take_until(c, ']');
		if (c->bad || e->host.len == 0 || !host_ok(e->host, "/\\@[") || take_u8(c) != ':')
			return -PIER_EURL;
	} else {
		e->host = take_until(c, ':'); /* a bare IPv6 address leaves a port that is none */
		if (c->bad || !host_ok(e->host, "/\\@[]%"))
			return -PIER_EURL;
	}

	int port = read_number(c->rest, UINT16_MAX);
	if (port < 0)
		return port;
	e->port = (uint16_t)port;
	return 0;
}

static int read_rest(struct cursor *c, pier_endpoint *e)
{
	switch (e->scheme) {
	case PIER_TCP:
	case PIER_UDP:
	case PIER_TLS:
		return read_host_port(c, e);
	case PIER_UNIX:
	case PIER_SEQPACKET:
	case PIER_UNIXGRAM:
		e->host = c->rest;
		return e->host.len > 0 ? 0 : -PIER_EURL;
	case PIER_FD:
		e->fd = read_number(c->rest, INT_MAX);
		return e->fd < 0 ? e->fd : 0;
	case PIER_SYSTEMD:
		e->host = c->rest; /* none: all of them */
		return 0;
	case PIER_PAIR:
		return c->rest.len == 0 ? 0 : -PIER_EURL;
	}
	return -PIER_EURL;
}

int pier_endpoint_parse(const char *url, pier_endpoint *out)
{
	if (!url)
		return -PIER_EURL;

	struct cursor c = {.rest = pier_text(url)};
	pier_endpoint e = {.fd = -1, .scheme = take_scheme(&c)};
	e.query = take_query(&c);
	int err = read_rest(&c, &e);
	if (err < 0)
		return err;

	*out = e;
	return 0;
}
