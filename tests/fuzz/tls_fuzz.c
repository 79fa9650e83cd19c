/* A hostile peer of TLS, at the handshake and after it. First byte, by bits: which side we are; whether the
 * handshake is made well before the rest arrives; whether it arrives byte by byte. What comes must end in
 * an error, the end of input or plain text, with words for an error, and in bounded memory. */
#include "net/tls/tls.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) ((cond) ? (void)0 : abort())

static char *make_certificate(void)
{
	X509 *x = X509_new();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	char *at, *text;

	MUST(x && key && bio);
	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)"x", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	MUST(X509_sign(x, key, EVP_sha256()));
	PEM_write_bio_X509(bio, x);
	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	long len = BIO_get_mem_data(bio, &at);
	text = strndup(at, (size_t)len);
	BIO_free(bio);
	X509_free(x);
	EVP_PKEY_free(key);
	return text;
}

static pier_tls *context(void)
{
	static pier_tls *one;
	if (!one) {
		char *pem = make_certificate();
		one = pier_tls_new(.cert = pem, .client_ca = pem, .client_optional = true,
				   .verify = PIER_TLS_NONE, .alpn = "a,b", .fresh = true);
		free(pem);
		MUST(pier_tls_err(one) == 0);
	}
	return one;
}

static struct tls_conn *begin(bool server)
{
	struct tls_conn *t = calloc(1, sizeof *t);
	MUST(t);
	t->context = pier_tls_keep(context());
	t->files = pier_tls_files_keep(t->context);
	t->ssl = SSL_new(t->context->ctx);
	t->server = server;
	MUST(t->ssl && pier_tls_bio_join(t) == 0);
	SSL_set_app_data(t->ssl, t);
	SSL_set_verify(t->ssl, SSL_VERIFY_PEER, NULL);
	SSL_set1_verify_cert_store(t->ssl, t->files->client_ca);
	if (server)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	return t;
}

/* All that the one has sealed, and the input that the other has not read. */
static void carry(struct tls_conn *from, struct tls_conn *to)
{
	size_t len = from->out.end;
	if (len == 0)
		return;
	MUST(pier_tls_reserve(&to->in, len) == 0);
	memcpy(to->in.at + to->in.end, from->out.at, len);
	to->in.end += len;
	from->out.end = 0;
}

static void shake_hands(struct tls_conn *a, struct tls_conn *b)
{
	for (int i = 0; i < 6; i++) {
		a->open = pier_tls_step_handshake(a) == 1;
		carry(a, b);
		b->open = pier_tls_step_handshake(b) == 1;
		carry(b, a);
	}
	MUST(a->open && b->open);
}

/* One look at what has come. False when nothing more can come of it. */
static bool look(struct tls_conn *t)
{
	char into[4096];
	size_t n = 0;
	int done;

	if (!t->open) {
		done = pier_tls_step_handshake(t);
		t->open = done == 1;
	} else {
		do
			done = pier_tls_step_read(t, into, sizeof into, &n);
		while (done == 1);
	}
	MUST(done == 1 || done == TLS_WANTS || done == TLS_CLOSED || (t->words && t->err == done));
	MUST(t->out.end <= TLS_UNSENT_MAX);
	return done == 1 || done == TLS_WANTS;
}

static void done(struct tls_conn *t)
{
	free(t->in.at); /* no pool's */
	t->in = (struct tls_bytes){0};
	pier_tls_conn_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	bool server = data[0] & 1, after = data[0] & 2;
	size_t step = data[0] & 4 ? 1 : size;
	struct tls_conn *t = begin(server), *other = begin(!server);
	bool on = true;

	if (after)
		shake_hands(server ? other : t, server ? t : other);
	for (size_t at = 1; on && at < size; at += step) {
		size_t len = step < size - at ? step : size - at;
		MUST(pier_tls_reserve(&t->in, len) == 0);
		memcpy(t->in.at + t->in.end, data + at, len);
		t->in.end += len;
		on = look(t);
	}
	t->ended = true;
	if (on && look(t))
		MUST(t->in.start < t->in.end);
	done(t);
	done(other);
	return 0;
}
