/* Two contexts that believe each other. */
#ifndef TLS_WORLD_H
#define TLS_WORLD_H

#include "tls_pair.h"

/* A certificate, and the two contexts of a world where it is believed. */
struct world {
	struct certificate cert;
	pier_tls *client, *server;
};

static inline struct world make_world(void)
{
	struct world w = {
		.cert = CERT(.subject = "a", .names = "DNS:a.example", .authority = true)};
	w.client = pier_tls_new(.ca = w.cert.pem);
	w.server = pier_tls_new(.cert = w.cert.pem);
	return w;
}

static inline void drop_world(struct world *w)
{
	drop_cert(&w->cert);
	pier_tls_free(w->client);
	pier_tls_free(w->server);
}
#define A_WORLD __attribute__((cleanup(drop_world))) struct world

static inline struct two two_of(const struct world *w)
{
	return start_two(w->client, w->server, "a.example");
}

#endif
