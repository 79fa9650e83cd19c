/* Two ends of a pair that speak TLS with each other. */
#ifndef TLS_PAIR_H
#define TLS_PAIR_H

#include "certs.h"
#include "on_fiber.h"

#include <pier.h>
#include <stdio.h>

struct two {
	pier_conn *client, *server;
	pier_tls *of_server;
	int client_err, server_err;
};

static inline int run_server_side(void *arg)
{
	struct two *t = arg;
	t->server_err = pier_tls_start(t->server, t->of_server, PIER_TLS_SERVER, NULL);
	return 0;
}

static inline struct two start_two(pier_tls *client, pier_tls *server, const char *name)
{
	struct two t = {.of_server = server};
	pier_group g = PIER_GROUP;
	pier_conn *p[2];

	CHECK_OK(pier_pair(p));
	t.client = p[0];
	t.server = p[1];
	CHECK_OK(pier_tls_err(server));
	if (client)
		CHECK_OK(pier_tls_err(client));
	CHECK_OK(pier_go(&g, run_server_side, &t));
	t.client_err = pier_tls_start(t.client, client, PIER_TLS_CLIENT, name);
	CHECK_OK(pier_group_wait(&g));
	return t;
}

static inline int close_one(void *c)
{
	pier_close(c);
	return 0;
}

static inline void close_two(struct two *t)
{
	pier_group g = PIER_GROUP;
	CHECK_OK(pier_go(&g, close_one, t->server)); /* each waits for the other's last word */
	pier_close(t->client);
	CHECK_OK(pier_group_wait(&g));
}

static inline void say(pier_conn *from, pier_conn *to, const char *text)
{
	char got[256];
	size_t len = strlen(text);
	CHECK_OK(pier_send(from, text, len));
	CHECK_EQ(pier_recv_all(to, got, len), len);
	CHECK(memcmp(got, text, len) == 0);
}

static inline void talk(struct two *t)
{
	CHECK_STR(pier_why(t->client), "");
	CHECK_STR(pier_why(t->server), "");
	say(t->client, t->server, "hello");
	say(t->server, t->client, "you too");
}

static inline void check_why(pier_conn *c, int err, const char *part)
{
	fprintf(stderr, "%s\n", pier_why(c));
	CHECK_STR(pier_strerror(pier_err(c)), pier_strerror(err));
	CHECK(strstr(pier_why(c), part));
}

#endif
