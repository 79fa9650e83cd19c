#include "options.h"

#include "io/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pier/error.h>
#include <string.h>
#include <sys/socket.h>

static const struct known {
	const char *name;
	int level, option;
	bool tcp; /* only there */
} known[] = {
	{"broadcast", SOL_SOCKET, SO_BROADCAST, false},
	{"keepalive", SOL_SOCKET, SO_KEEPALIVE,
	 false}, /* and, as a number above 1, the idle seconds */
	{"nodelay", IPPROTO_TCP, TCP_NODELAY, true},
	{"rcvbuf", SOL_SOCKET, SO_RCVBUF, false},
	{"sndbuf", SOL_SOCKET, SO_SNDBUF, false},
	{"ttl", IPPROTO_IP, IP_TTL, false},
};

/* "1", "64k", "4m"; nothing is 1. */
static int number(pier_bytes text, int *out)
{
	long n = 0;
	size_t i = 0;
	if (text.len == 0)
		n = 1;
	for (; i < text.len && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
		n = n * 10 + (text.p[i] - '0');
		if (n > INT32_MAX)
			return -PIER_EURL;
	}
	if (i + 1 == text.len && (text.p[i] == 'k' || text.p[i] == 'm'))
		n <<= text.p[i++] == 'k' ? 10 : 20;
	if (i != text.len || n > INT32_MAX)
		return -PIER_EURL;
	*out = (int)n;
	return 0;
}

static int set(int fd, const pier_endpoint *e, pier_bytes name, int value)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const struct known *k = &known[i];
		if (!pier_bytes_eq(name, k->name))
			continue;
		if (k->tcp && e->scheme != PIER_TCP)
			return -PIER_EURL;
		if (k->option == SO_KEEPALIVE && k->level == SOL_SOCKET && value > 1)
			pier_io_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, value);
		return pier_io_option(fd, k->level, k->option, value);
	}
	return -PIER_EURL;
}

static pier_bytes cut(pier_bytes *rest, char at)
{
	char *end = rest->len ? memchr(rest->p, at, rest->len) : NULL;
	pier_bytes head = {rest->p, end ? (size_t)(end - rest->p) : rest->len};
	size_t used = head.len + (end ? 1 : 0);
	*rest = (pier_bytes){rest->p + used, rest->len - used};
	return head;
}

int pier_socket_options(int fd, const pier_endpoint *e)
{
	pier_bytes rest = e->query;
	int err = 0;

	/* Nagle's delay and the peer's delayed ACK together cost 40 ms an exchange: RFC 896, RFC 1122. */
	if (e->scheme == PIER_TCP)
		err = pier_io_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	while (err == 0 && rest.len) {
		int value = 0;
		pier_bytes item = cut(&rest, '&'), name = cut(&item, '=');
		err = number(item, &value);
		if (err == 0)
			err = set(fd, e, name, value);
	}
	return err;
}
