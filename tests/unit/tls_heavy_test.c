/* What a handshake computes for long, our signature, is made off the worker, whatever the peer does to have it there. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RSA_METHOD: a key that tells where it signs */
#include "raw_peer.h"
#include "tls_pair.h"

#include "fiber/worker.h"
#include "net/tls/tls.h"

#include <openssl/rsa.h>

static atomic_int signatures, on_worker;

static int sign_and_tell(int len, const unsigned char *from, unsigned char *to, RSA *rsa,
			 int padding)
{
	signatures++;
	on_worker += pier_worker_self() != NULL;
	return RSA_meth_get_priv_enc(RSA_PKCS1_OpenSSL())(len, from, to, rsa, padding);
}

/* In the place of the context's key, the same key that tells. */
static void have_it_tell(pier_tls *t)
{
	static RSA_METHOD *telling;
	struct tls_identity *own = &t->files->own[0];
	RSA *rsa = EVP_PKEY_get1_RSA(own->key), *copy = RSAPrivateKey_dup(rsa);

	if (!telling) {
		telling = RSA_meth_dup(RSA_PKCS1_OpenSSL());
		RSA_meth_set_priv_enc(telling, sign_and_tell);
	}
	CHECK(copy && RSA_set_method(copy, telling));
	EVP_PKEY_free(own->key);
	own->key = EVP_PKEY_new();
	CHECK(EVP_PKEY_assign_RSA(own->key, copy));
	RSA_free(rsa);
	CHECK(t->files->heavy);
	signatures = on_worker = 0;
}

struct way {
	int port, version;
	const char *groups;
	bool in_pieces;
};

/* OpenSSL's own client, on a thread: it does what ours would not. */
static void *shake_hands_as_told(void *arg)
{
	const struct way *w = arg;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)w->port)};
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	unsigned char protocols[1000]; /* a hello of more than one record */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	memset(protocols, 'x', sizeof protocols);
	for (size_t i = 0; i < sizeof protocols; i += 200)
		protocols[i] = 199;
	if (w->in_pieces) {
		CHECK_EQ(SSL_set_alpn_protos(ssl, protocols, sizeof protocols), 0);
		SSL_set_max_send_fragment(ssl, 512);
	}
	SSL_set_max_proto_version(ssl, w->version);
	CHECK(SSL_set1_groups_list(ssl, w->groups));
	SSL_set_fd(ssl, fd);
	CHECK_EQ(SSL_connect(ssl), 1);
	CHECK_EQ(SSL_write(ssl, "hello", 5), 5);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return NULL;
}

ON_FIBER(a_server_signs_off_the_worker_however_it_is_asked)
{
	static const struct way ways[] = {
		{0, TLS1_3_VERSION, "X25519", false},	    {0, TLS1_2_VERSION, "X25519", false},
		{0, TLS1_3_VERSION, "X25519", true},	    {0, TLS1_2_VERSION, "P-256", true},
		{0, TLS1_3_VERSION, "P-521:X25519", false}, /* a second hello: RFC 8446 §4.1.4 */
		{0, TLS1_3_VERSION, "P-521:P-256", true},
	};
	A_CERT cert = CERT(.subject = "x", .rsa = 2048);
	PIER_AUTO_TLS *t = pier_tls_new(.cert = cert.pem, .fresh = true);
	PIER_AUTO_LISTENER *plain = NULL, *safe = NULL;
	pier_addr at;

	have_it_tell(t);
	CHECK_OK(pier_listen("tcp://127.0.0.1:0", &plain));
	CHECK_OK(pier_listen("tls://127.0.0.1:0", &safe, .tls = t));
	for (unsigned i = 0; i < 2 * sizeof ways / sizeof *ways; i++) {
		struct way w = ways[i / 2];
		pier_listener *l = i % 2 ? safe : plain;
		pthread_t thread;
		pier_conn *c;
		CHECK_OK(pier_listener_addr(l, &at));
		w.port = pier_addr_port(&at);
		CHECK_EQ(pthread_create(&thread, NULL, shake_hands_as_told, &w), 0);
		CHECK_OK(pier_accept(l, &c));
		if (l == plain)
			CHECK_OK(pier_tls_start(c, t, PIER_TLS_SERVER, NULL));
		CHECK_BYTES(pier_next(c), "hello");
		CHECK_EQ(signatures, (int)i + 1);
		CHECK_EQ(on_worker, 0);
		pier_abort(c);
		pthread_join(thread, NULL);
	}
}

ON_FIBER(a_client_signs_off_the_worker)
{
	A_CERT ca = make_authority("Ours");
	A_CERT site = CERT(.subject = "x", .names = "DNS:x", .issuer = &ca);
	A_CERT ann = CERT(.subject = "ann", .issuer = &ca, .rsa = 2048);
	PIER_AUTO_TLS *client = pier_tls_new(.ca = ca.pem, .cert = ann.pem);
	PIER_AUTO_TLS *server = pier_tls_new(.cert = site.pem, .client_ca = ca.pem);
	have_it_tell(client);
	struct two t = start_two(client, server, "x");
	talk(&t);
	close_two(&t);
	CHECK_EQ(signatures, 1);
	CHECK_EQ(on_worker, 0);
}

/* It would be 16 ms of the worker, at the peer's choice. */
ON_FIBER(a_costly_group_is_not_agreed_on)
{
	static const char *const costly[] = {"ffdhe8192", "P-521", "X448"};
	A_CERT cert = CERT(.subject = "x");
	PIER_AUTO_TLS *t = pier_tls_new(.cert = cert.pem);
	for (int i = 0; i < 3; i++) {
		PIER_AUTO_TLS *other = pier_tls_new(.verify = PIER_TLS_NONE);
		CHECK(SSL_CTX_set1_groups_list(other->ctx, costly[i]));
		struct two pair = start_two(other, t, "x");
		CHECK_EQ(pair.server_err, -PIER_ETLS);
		CHECK_EQ(pair.client_err, -PIER_ETLS);
		close_two(&pair);
	}
}

ON_FIBER(a_key_that_is_slow_to_sign_with_is_told_apart)
{
	static const struct {
		const char *kind;
		bool heavy;
	} kinds[] = {{"P-256", false},
		     {"P-384", true},
		     {"P-521", true},
		     {"ED25519", false},
		     {"ED448", true}};
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		A_CERT cert = CERT(.subject = "x", .kind = kinds[i].kind);
		PIER_AUTO_TLS *t = pier_tls_new(.cert = cert.pem);
		CHECK_STR(pier_tls_why(t), "");
		CHECK_EQ(t->files->heavy, kinds[i].heavy);
	}
}
