/* A tunnel through an HTTP proxy: CONNECT, RFC 9110 §9.3.6. */
#include "proxy.h"

#include "base/base64.h"

#include <errno.h>
#include <pier/error.h>
#include <stdio.h>
#include <string.h>

#define HEAD_MAX 8192 /* of the proxy's answer */

struct credentials {
	char plain[2 * PROXY_WORD_MAX + 2];
	char encoded[BASE64_LEN(2 * PROXY_WORD_MAX + 1) + 1];
};

static void wipe(struct credentials *c)
{
	explicit_bzero(c, sizeof *c);
}

/* RFC 9110 §9.3.6, and §11.7.2 for who asks. */
static int connect_ask(pier_conn *c, const struct proxy *p, const pier_endpoint *to)
{
	PIER_CLEANUP(wipe) struct credentials who = {0};
	bool v6 = memchr(to->host.p, ':', to->host.len);
	char target[300];

	snprintf(target, sizeof target, v6 ? "[%.*s]:%u" : "%.*s:%u", (int)to->host.len, to->host.p,
		 to->port);
	if (p->user[0]) {
		int len = snprintf(who.plain, sizeof who.plain, "%s:%s", p->user, p->password);
		base64_encode(who.plain, (size_t)len, who.encoded);
	}
	ssize_t n = pier_printf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", target, target,
				p->user[0] ? "Proxy-Authorization: Basic " : "", who.encoded,
				p->user[0] ? "\r\n" : "");
	return n < 0 ? (int)n : 0;
}

/* The bytes of a head that ends by an empty line; 0 when it is not all there. */
static size_t head_end(pier_bytes in)
{
	char *end = in.len ? memmem(in.p, in.len, "\r\n\r\n", 4) : NULL;
	return end ? (size_t)(end - in.p) + 4 : 0;
}

/*	HTTP/1.1 200 Connection established */
static int connect_status(pier_bytes head, char *words, size_t room)
{
	size_t line = 0;
	while (line < head.len && head.p[line] >= ' ' && head.p[line] < 0x7f)
		line++;
	if (line < 12 || !pier_bytes_starts(head, "HTTP/1.") || head.p[8] != ' ')
		return -EPROTO;
	snprintf(words, room, "%.*s", (int)(line - 9), head.p + 9);
	switch (head.p[9]) {
	case '2':
		return 0;
	case '5':
		return memcmp(head.p + 9, "504", 3) == 0   ? -ETIMEDOUT
		       : memcmp(head.p + 9, "502", 3) == 0 ? -EHOSTUNREACH
							   : -PIER_EPROXY;
	default:
		return memcmp(head.p + 9, "407", 3) == 0 || memcmp(head.p + 9, "403", 3) == 0
			       ? -EACCES
			       : -PIER_EPROXY;
	}
}

static int connect_answer(pier_conn *c, char *words, size_t room)
{
	size_t len;
	while (!(len = head_end(pier_view(c)))) {
		if (pier_view(c).len > HEAD_MAX)
			return -EMSGSIZE;
		ssize_t n = pier_fill(c);
		if (n <= 0)
			return n < 0 ? (int)n : -PIER_ETRUNCATED;
	}
	int err = connect_status((pier_bytes){pier_view(c).p, len}, words, room);
	pier_spend(c, len);
	return err;
}

int pier_proxy_http(pier_conn *c, const struct proxy *p, const pier_endpoint *to, char *words,
		    size_t room)
{
	int err = connect_ask(c, p, to);
	return err < 0 ? err : connect_answer(c, words, room);
}
