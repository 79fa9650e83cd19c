/* A client and a server of each kind of raw socket, joined or not as the kind has it. */
#ifndef SOCK_KINDS_H
#define SOCK_KINDS_H

#include "sock_pairs.h"

struct ends {
	const struct sock_kind *kind;
	pier_sock client, server;
	pier_addr from, to; /* of the two; `to` has no length where they are joined */
	bool stream;
};

struct sock_kind {
	const char *name;
	int family, type, protocol;
};

#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

static const struct sock_kind sock_kinds[] = {
	{"udp", AF_INET, SOCK_DGRAM, 0},
	{"udp6", AF_INET6, SOCK_DGRAM, 0},
	{"udplite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE},
	{"udplite6", AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE},
	{"tcp", AF_INET, SOCK_STREAM, 0},
	{"unix", AF_UNIX, SOCK_STREAM, 0},
};

/* False where this kernel has no such sockets. */
static inline bool ends_open(const struct sock_kind *k, struct ends *e)
{
	*e = (struct ends){.kind = k, .stream = k->type == SOCK_STREAM};
	pier_sock pair[2];
	if (e->stream) {
		if (k->family == AF_UNIX)
			CHECK_OK(pier_socketpair(k->type, pair));
		else
			tcp_joined(pair);
		e->client = pair[0];
		e->server = pair[1];
		return true;
	}
	if (pier_socket(k->family, k->type, k->protocol, &e->client) == -EPROTONOSUPPORT)
		return false;
	CHECK_OK(pier_socket(k->family, k->type, k->protocol, &e->server));
	e->from = e->to = at_loopback(k->family);
	CHECK_OK(pier_sock_bind(&e->client, &e->from));
	CHECK_OK(pier_sock_bind(&e->server, &e->to));
	CHECK_OK(pier_sock_local(&e->client, &e->from));
	CHECK_OK(pier_sock_local(&e->server, &e->to));
	return true;
}

static inline void ends_close(struct ends *e)
{
	pier_sock_close(&e->client);
	pier_sock_close(&e->server);
}

/* The body that follows, for each kind that there is. */
#define EACH_KIND(e)                                                                               \
	for (size_t kind_ = 0; kind_ < sizeof sock_kinds / sizeof *sock_kinds; kind_++)            \
		for (struct ends e, *open_ = ends_open(&sock_kinds[kind_], &e) ? &e : NULL; open_; \
		     ends_close(&e), open_ = NULL)

/* A message of one piece from the client to the server. */
static inline pier_message message_to(const struct ends *e, struct iovec *piece)
{
	pier_message m = pier_message_of(piece);
	m.addr = e->to;
	return m;
}

static inline void tell_server(struct ends *e, const char *text)
{
	CHECK_EQ(pier_sock_sendto(&e->client, text, strlen(text), 0, &e->to),
		 (ssize_t)strlen(text));
}

#endif
