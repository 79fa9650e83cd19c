/* Raw sockets that talk to each other. */
#ifndef SOCK_PAIRS_H
#define SOCK_PAIRS_H

#include "on_fiber.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pier.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline pier_addr at_loopback(int family)
{
	pier_addr a;
	CHECK_OK(pier_addr_parse(pier_text(family == AF_INET6 ? "::1" : "127.0.0.1"), 0, &a));
	return a;
}

/* Bound to a port of loopback that the kernel chose, which is told in *at. */
static inline pier_sock bound_to(int family, int type, pier_addr *at)
{
	pier_sock s;
	CHECK_OK(pier_socket(family, type, 0, &s));
	*at = at_loopback(family);
	CHECK_OK(pier_sock_bind(&s, at));
	CHECK_OK(pier_sock_local(&s, at));
	CHECK(pier_addr_port(at) != 0);
	if (type == SOCK_STREAM)
		CHECK_OK(pier_sock_listen(&s, 0));
	return s;
}

static inline void tcp_joined(pier_sock out[2])
{
	pier_addr at;
	pier_sock listener = bound_to(AF_INET, SOCK_STREAM, &at);
	CHECK_OK(pier_socket(AF_INET, SOCK_STREAM, 0, &out[0]));
	CHECK_OK(pier_sock_connect(&out[0], &at));
	CHECK_OK(pier_sock_accept(&listener, &out[1], NULL));
	pier_sock_close(&listener);
}

/* Two datagram sockets, each connected to the other. */
static inline void udp_joined(int family, pier_sock out[2])
{
	pier_addr a, b;
	out[0] = bound_to(family, SOCK_DGRAM, &a);
	out[1] = bound_to(family, SOCK_DGRAM, &b);
	CHECK_OK(pier_sock_connect(&out[0], &b));
	CHECK_OK(pier_sock_connect(&out[1], &a));
}

static inline void part(pier_sock s[2])
{
	pier_sock_close(&s[0]);
	pier_sock_close(&s[1]);
}

static inline void check_recv(pier_sock *s, const char *text)
{
	char got[256] = "";
	ssize_t n = pier_sock_recv(s, got, sizeof got, 0);
	CHECK_OK(n);
	CHECK_BYTES(pier_bytes_of(got, (size_t)n), text);
}

static inline void say(pier_sock *s, const char *text)
{
	CHECK_EQ(pier_sock_send(s, text, strlen(text), 0), (ssize_t)strlen(text));
}

#endif
