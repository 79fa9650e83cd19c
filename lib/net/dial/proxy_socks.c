/* SOCKS version 5, the side of the client: RFC 1928, and RFC 1929 for passwords. */
#include "proxy.h"

#include <errno.h>
#include <netinet/in.h>
#include <pier/error.h>
#include <stdio.h>
#include <string.h>

enum {
	SOCKS_VERSION = 5,
	SOCKS_CONNECT = 1,
	SOCKS_NO_AUTH = 0,
	SOCKS_PASSWORD = 2,
	SOCKS_NONE = 0xff,
	SOCKS_IPV4 = 1,
	SOCKS_NAME = 3,
	SOCKS_IPV6 = 4,
};

static int recv_exactly(pier_conn *c, void *into, size_t len)
{
	ssize_t n = pier_recv_all(c, into, len);
	return n < 0 ? (int)n : n == 0 ? -PIER_ETRUNCATED : 0;
}

static int send_exactly(pier_conn *c, const void *p, size_t len)
{
	ssize_t n = pier_send(c, p, len);
	return n < 0 ? (int)n : 0;
}

/*	│ 1 │ len │ user │ len │ password │	→	│ 1 │ 0 = good │	RFC 1929 §2 */
static int socks_password(pier_conn *c, const struct proxy *p)
{
	unsigned char said[2];
	char message[3 + 2 * PROXY_WORD_MAX];
	size_t user = strlen(p->user), password = strlen(p->password), len = 0;

	message[len++] = 1;
	message[len++] = (char)user;
	memcpy(message + len, p->user, user);
	len += user;
	message[len++] = (char)password;
	memcpy(message + len, p->password, password);
	int err = send_exactly(c, message, len + password);
	explicit_bzero(message, sizeof message);
	if (err == 0)
		err = recv_exactly(c, said, sizeof said);
	return err < 0 ? err : said[1] != 0 ? -EACCES : 0;
}

/*	│ 5 │ count │ methods │		→	│ 5 │ method │		RFC 1928 §3 */
static int socks_greet(pier_conn *c, const struct proxy *p)
{
	unsigned char said[2];
	const char hello[] = {SOCKS_VERSION, p->user[0] ? 2 : 1, SOCKS_NO_AUTH, SOCKS_PASSWORD};
	int err = send_exactly(c, hello, p->user[0] ? 4 : 3);
	if (err == 0)
		err = recv_exactly(c, said, sizeof said);
	if (err < 0)
		return err;
	if (said[0] != SOCKS_VERSION)
		return -EPROTO;
	if (said[1] == SOCKS_PASSWORD && p->user[0])
		return socks_password(c, p);
	return said[1] == SOCKS_NO_AUTH ? 0 : said[1] == SOCKS_NONE ? -EACCES : -EPROTO;
}

/*	│ kind │ address │, or │ kind │ len │ name │		RFC 1928 §5 */
static size_t put_address(const pier_endpoint *to, char *out)
{
	pier_addr a;
	if (pier_addr_parse(to->host, 0, &a) < 0) {
		out[0] = SOCKS_NAME;
		out[1] = (char)to->host.len;
		memcpy(out + 2, to->host.p, to->host.len);
		return 2 + to->host.len;
	}
	if (a.sa.sa_family == AF_INET) {
		out[0] = SOCKS_IPV4;
		memcpy(out + 1, &((struct sockaddr_in *)&a.sa)->sin_addr, 4);
		return 5;
	}
	out[0] = SOCKS_IPV6;
	memcpy(out + 1, &((struct sockaddr_in6 *)&a.sa)->sin6_addr, 16);
	return 17;
}

/*	│ 5 │ 1 = connect │ 0 │ kind │ address │ port │		RFC 1928 §4 */
static int socks_ask(pier_conn *c, const pier_endpoint *to)
{
	char message[6 + 256] = {SOCKS_VERSION, SOCKS_CONNECT, 0};
	size_t len = 3;

	len += put_address(to, message + len);
	message[len++] = (char)(to->port >> 8);
	message[len++] = (char)to->port;
	return send_exactly(c, message, len);
}

/* RFC 1928 §6: what the proxy met. */
static const struct {
	int err;
	const char *words;
} replies[] = {
	{0, ""},
	{-PIER_EPROXY, "general failure"},
	{-EACCES, "not allowed by its rules"},
	{-ENETUNREACH, "network unreachable"},
	{-EHOSTUNREACH, "host unreachable"},
	{-ECONNREFUSED, "connection refused"},
	{-ETIMEDOUT, "no way there (TTL expired)"},
	{-EOPNOTSUPP, "it does not connect"},
	{-EAFNOSUPPORT, "it does not know that kind of address"},
};

/*	│ 5 │ reply │ 0 │ kind │ its address │ its port │	RFC 1928 §6 */
static int socks_answer(pier_conn *c, char *words, size_t room)
{
	unsigned char head[4], rest[256 + 2];
	int err = recv_exactly(c, head, sizeof head);
	if (err < 0)
		return err;
	if (head[0] != SOCKS_VERSION)
		return -EPROTO;
	if (head[1] >= sizeof replies / sizeof *replies) {
		snprintf(words, room, "reply %u", head[1]);
		return -PIER_EPROXY;
	}
	snprintf(words, room, "%s", replies[head[1]].words);
	if (head[1] != 0)
		return replies[head[1]].err;
	size_t len = head[3] == SOCKS_IPV4 ? 4 : head[3] == SOCKS_IPV6 ? 16 : 0;
	if (head[3] == SOCKS_NAME) {
		err = recv_exactly(c, rest, 1);
		len = rest[0];
	} else if (len == 0) {
		err = -EPROTO;
	}
	return err < 0 ? err : recv_exactly(c, rest, len + 2);
}

int pier_proxy_socks(pier_conn *c, const struct proxy *p, const pier_endpoint *to, char *words,
		     size_t room)
{
	int err = socks_greet(c, p);
	if (err == -EACCES)
		snprintf(words, room, "%s",
			 p->user[0] ? "it refused the user or password"
				    : "it wants a user and a password");
	if (err == 0)
		err = socks_ask(c, to);
	return err < 0 ? err : socks_answer(c, words, room);
}
