/* http:// and https:// URLs: RFC 9110 §4.2, RFC 3986.
 *
 *	http://user:password@[::1]:7437/a%20b?x=1#part
 *	       └── userinfo ──┘└host┘└port┘└─target──┘   the fragment stays with us */
#include "chars.h"

#include <pier/error.h>
#include <pier/http.h>
#include <strings.h>

static pier_bytes before(pier_bytes b, const char *end)
{
	return pier_bytes_of(b.p, (size_t)(end - b.p));
}

static pier_bytes after(pier_bytes b, const char *at)
{
	return pier_bytes_of(at + 1, b.len - (size_t)(at + 1 - b.p));
}

static char *find(pier_bytes b, char c)
{
	return b.len ? memchr(b.p, c, b.len) : NULL;
}

static int take_scheme(const char *url, pier_http_url *u, pier_bytes *rest)
{
	if (strncasecmp(url, "http://", 7) == 0) {
		*rest = pier_text(url + 7);
		u->port = 80;
		return 0;
	}
	if (strncasecmp(url, "https://", 8) != 0)
		return -PIER_EURL;
	*rest = pier_text(url + 8);
	u->port = 443;
	u->tls = true;
	return 0;
}

/* Two '@' are refused: some read the host after the first, some after the last. */
static int take_userinfo(pier_bytes *authority, pier_http_url *u)
{
	char *at = find(*authority, '@');
	if (!at)
		return 0;

	pier_bytes info = before(*authority, at);
	*authority = after(*authority, at);
	if (find(*authority, '@'))
		return -PIER_EURL;

	char *colon = find(info, ':');
	u->user = colon ? before(info, colon) : info;
	if (colon)
		u->password = after(info, colon);
	return 0;
}

/* RFC 3986 §3.2.2, and letters beyond ASCII: RFC 3987 §2.2. */
static bool is_host(pier_bytes host)
{
	for (size_t i = 0; i < host.len; i++)
		if (!(host.p[i] & 0x80) && !char_is(host.p[i], CHAR_HOST))
			return false;
	return host.len && !find(host, '[') && !find(host, ']');
}

/* The host with its brackets off, and what follows it: nothing or ":port". */
static int take_host(pier_bytes *authority, pier_http_url *u)
{
	bool bracket = authority->len > 0 && *authority->p == '[';
	pier_bytes inner = bracket ? after(*authority, authority->p) : *authority;
	char *end = find(inner, bracket ? ']' : ':');

	if (bracket && !end)
		return -PIER_EURL;
	u->host = end ? before(inner, end) : inner;
	size_t taken = u->host.len + bracket; /* the closing bracket too */
	*authority = end ? pier_bytes_of(inner.p + taken, inner.len - taken) : (pier_bytes){0};
	return is_host(u->host) ? 0 : -PIER_EURL;
}

static int take_port(pier_bytes text, pier_http_url *u)
{
	int64_t port;

	if (text.len == 0 || (text.len == 1 && *text.p == ':'))
		return 0; /* the scheme's: RFC 9110 §4.2.3 */
	if (*text.p != ':' || pier_http_number(after(text, text.p), &port) < 0 || port < 1 ||
	    port > UINT16_MAX)
		return -PIER_EURL;
	u->port = (uint16_t)port;
	return 0;
}

static int take_authority(pier_bytes authority, pier_http_url *u)
{
	int err = take_userinfo(&authority, u);
	if (err == 0)
		err = take_host(&authority, u);
	return err < 0 ? err : take_port(authority, u);
}

int pier_http_url_parse(const char *url, pier_http_url *out)
{
	pier_http_url u = {0};
	pier_bytes rest;
	int err = take_scheme(url, &u, &rest);
	if (err < 0)
		return err;

	char *hash = find(rest, '#');
	if (hash)
		rest = before(rest, hash);
	size_t len = 0;
	while (len < rest.len && rest.p[len] != '/' && rest.p[len] != '?')
		len++;
	err = take_authority(pier_bytes_of(rest.p, len), &u);
	if (err < 0)
		return err;

	u.target = pier_bytes_of(rest.p + len, rest.len - len);
	if (u.target.len == 0)
		u.target = pier_text("/");
	else if (!chars_are(u.target, CHAR_TARGET))
		return -PIER_EURL;
	*out = u;
	return 0;
}
