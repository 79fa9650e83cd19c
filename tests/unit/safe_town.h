/* A server under TLS, and a client's context that believes it. */
#ifndef SAFE_TOWN_H
#define SAFE_TOWN_H

#include "certs.h"
#include "town.h"

struct safe_town {
	struct town town;
	struct certificate ca, cert;
	pier_tls *server, *client;
	int rsa; /* bits of the server's key; 0 = P-256 */
};

/* A server on 127.0.0.1, and a client's context that believes it. */
static inline void open_safe(struct safe_town *s)
{
	s->ca = make_authority("Ours");
	s->cert = CERT(.subject = "localhost", .names = "DNS:localhost,IP:127.0.0.1",
		       .issuer = &s->ca, .rsa = s->rsa);
	if (!s->server)
		s->server = pier_tls_new(.cert = s->cert.pem, .alpn = "pier/1");
	s->client = pier_tls_new(.ca = s->ca.pem);
	s->town.url = "tls://127.0.0.1:0";
	s->town.handler = s->town.handler ? s->town.handler : echo;
	s->town.o.tls = s->server;
	open_town(&s->town);
	memcpy(s->town.where, "tls", 3); /* of "tcp://" */
}

static inline void close_safe(struct safe_town *s)
{
	close_town(&s->town);
	pier_tls_free(s->server);
	pier_tls_free(s->client);
	drop_cert(&s->ca);
	drop_cert(&s->cert);
}

static inline const char *as_tcp(struct safe_town *s, char url[64])
{
	snprintf(url, 64, "tcp%s", s->town.where + 3);
	return url;
}

#endif
