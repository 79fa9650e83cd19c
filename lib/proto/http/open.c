/* Asking for a URL in one call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conversation.h"
#include "net/conn.h"

#define HOST_MAX 300 /* "[host]:port" of a name of 255 bytes: RFC 1035 §2.3.4 */

/* "host:port", or "[host]:port" for an IPv6 address, which has colons of its own. False when it is too long. */
static bool put_host(const pier_http_url *u, bool port, char into[HOST_MAX])
{
	bool six = memchr(u->host.p, ':', u->host.len) != NULL;
	int n = snprintf(into, HOST_MAX, six ? "[%.*s]" : "%.*s", (int)u->host.len, u->host.p);

	if (port && n > 0 && n < HOST_MAX)
		n += snprintf(into + n, HOST_MAX - (size_t)n, ":%u", u->port);
	return n > 0 && n < HOST_MAX;
}

/* Takes the URL apart: where to dial, and what the Host field says (RFC 9110 §7.2). */
static bool read_url(const char *url, pier_http_url *u, char dial[HOST_MAX + 8],
		     char host[HOST_MAX])
{
	char where[HOST_MAX];

	if (pier_http_url_parse(url, u) < 0 || u->user.p || !put_host(u, true, where) ||
	    !put_host(u, u->port != (u->tls ? 443 : 80), host))
		return false;
	snprintf(dial, HOST_MAX + 8, "%s://%s", u->tls ? "tls" : "tcp", where);
	return true;
}

pier_http *pier_http_open_with(const char *url, const pier_dial_opts *opts)
{
	char dial[HOST_MAX + 8], host[HOST_MAX];
	pier_http_url u;
	bool sound = read_url(url, &u, dial, host);
	PIER_AUTO *c = pier_dial_with(sound ? dial : "", opts); /* no URL: it fails there */
	if (c && !sound && url) {
		free(c->name);
		c->name = strdup(url); /* so that pier_why tells what was no URL */
	}
	pier_http *h = pier_http_new(c);

	if (!h)
		return NULL;
	h->owns = true;
	c = NULL;
	h->err = sound ? pier_err(h->conn) : -PIER_EURL;
	if (h->err == 0)
		h->err = pier_http_ask(h, "GET", u.target, host, NULL, -1);
	return h;
}
