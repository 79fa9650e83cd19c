/* Contexts: options, checked once; what files hold, replaced as a whole; one SSL_CTX for both sides. */
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pier/file.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 9325 §4.2: under TLS 1.2 keys that are gone when the conn is, and AEADs alone. */
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"
/* RFC 8446 §9.1. A peer chooses among them, and the others that OpenSSL offers hold a worker up: ffdhe8192 for 16 ms. A
 * newer OpenSSL has one that no quantum computer breaks, and '?' for who has not. */
#define GROUPS	   "X25519:P-256:P-384"
#define GROUPS_NEW "?X25519MLKEM768:" GROUPS
#define LEVEL	   2 /* 112 bits: RSA from 2048 on, SHA-256; SSL_CTX_set_security_level(3) */

/* ---- What OpenSSL asks ----------------------------------------------------------------------------- */

static bool is_for(const struct tls_identity *id, const char *name)
{
	return X509_check_host(id->cert, name, 0, 0, NULL) == 1;
}

static bool use(SSL *ssl, const struct tls_identity *id)
{
	return SSL_use_cert_and_key(ssl, id->cert, id->key, id->chain, 1) == 1;
}

/* All certificates of the name that the client asked for (an RSA and an ECDSA one, say), else the first. */
static int show_certificate(SSL *ssl, void *arg)
{
	const struct tls_conn *t = SSL_get_app_data(ssl);
	const struct tls_files *f = t->files;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	unsigned used = 0;
	(void)arg;

	for (unsigned i = 0; t->server && name && i < f->count; i++)
		if (is_for(&f->own[i], name))
			used += use(ssl, &f->own[i]);
	if (used == 0 && f->count)
		use(ssl, &f->own[0]);
	ERR_clear_error();
	return 1;
}

/* Only so that the client is told that its SNI was heard. */
static int hear_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

/* RFC 7301 §3.2: the server chooses; without anything in common it ends the handshake. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *len,
			   const unsigned char *in, unsigned in_len, void *arg)
{
	const pier_tls *x = arg;
	unsigned char *chosen = NULL;
	(void)ssl;
	if (!x->alpn_len)
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_select_next_proto(&chosen, len, x->alpn, x->alpn_len, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* The NSS key log format. It holds the thread up for one write: who debugs can wait. */
static void log_keys(const SSL *ssl, const char *line)
{
	const struct tls_conn *t = SSL_get_app_data(ssl);
	char text[TLS_WORDS_MAX];
	int len = snprintf(text, sizeof text, "%s\n", line);
	if (len > 0 && (size_t)len < sizeof text)
		pier_io_write_all(t->context->keylog_fd, text, (size_t)len);
}

/* ---- Options --------------------------------------------------------------------------------------- */

static int refuse(pier_tls *t, int err, const char *words)
{
	snprintf(t->words, sizeof t->words, "%s", words);
	t->err = err;
	return err;
}

/*	"h2,http/1.1" → 02 68 32 08 68 74 74 70 2f 31 2e 31: RFC 7301 §3.1 */
static int read_alpn(pier_tls *t)
{
	const char *at = t->o.alpn;
	while (at && *at) {
		size_t len = strcspn(at, ",");
		if (len == 0 || len > 255 || len + 1 > sizeof t->alpn - t->alpn_len)
			return refuse(t, -EINVAL, ".alpn is not a list of names");
		t->alpn[t->alpn_len++] = (unsigned char)len;
		memcpy(t->alpn + t->alpn_len, at, len);
		t->alpn_len += (unsigned)len;
		at += len + (at[len] == ',');
	}
	return 0;
}

/*	sha256//BASE64, where 32 bytes are 44 characters, the last a '=' */
static bool read_pin(const char *at, size_t len, struct tls_pin *out)
{
	unsigned char bytes[36];
	if (len != 52 || memcmp(at, "sha256//", 8) != 0 || at[51] != '=' ||
	    EVP_DecodeBlock(bytes, (const unsigned char *)at + 8, 44) != 33)
		return false;
	memcpy(out->sha256, bytes, sizeof out->sha256);
	return true;
}

static int read_pins(pier_tls *t)
{
	const char *at = t->o.pin;
	while (at && *at) {
		size_t len = strcspn(at, ";");
		if (t->pin_count == PIER_TLS_PINS_MAX ||
		    !read_pin(at, len, &t->pins[t->pin_count++]))
			return refuse(t, -EINVAL,
				      ".pin is not sha256//BASE64, or there are too many");
		at += len + (at[len] == ';');
	}
	return 0;
}

static int read_certs(pier_tls *t, const pier_tls_cert *from)
{
	unsigned n = 0;
	for (; from && from->cert; from++, n++) {
		if (n == PIER_TLS_CERTS_MAX - 2) /* beside .cert, and the end */
			return refuse(t, -E2BIG, "too many certificates");
		t->certs[n] =
			(pier_tls_cert){strdup(from->cert), from->key ? strdup(from->key) : NULL};
		if (!t->certs[n].cert || (from->key && !t->certs[n].key))
			return refuse(t, -ENOMEM, "out of memory");
	}
	return 0;
}

/* The texts of the options, which become our own. */
#define TEXTS(o)                                                                                   \
	{                                                                                          \
		&(o)->ca, &(o)->pin, &(o)->name, &(o)->cert, &(o)->key, &(o)->client_ca,           \
			&(o)->crl, &(o)->alpn, &(o)->keylog                                        \
	}

static int copy_texts(pier_tls *t)
{
	const char **texts[] = TEXTS(&t->o);
	bool ok = true;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (*texts[i])
			ok = (*texts[i] = strdup(*texts[i])) && ok;
	}
	return ok ? 0 : refuse(t, -ENOMEM, "out of memory");
}

static int open_keylog(pier_tls *t)
{
	if (!t->o.keylog)
		return 0;
	t->keylog_fd = pier_file_open(NULL, t->o.keylog,
				      PIER_WRITE | PIER_CREATE | PIER_TRUNCATE | PIER_SECRET);
	if (t->keylog_fd < 0)
		return refuse(t, t->keylog_fd, ".keylog cannot be opened");
	SSL_CTX_set_keylog_callback(t->ctx, log_keys);
	return 0;
}

static int make_ctx(pier_tls *t)
{
	SSL_CTX *ctx = t->ctx = SSL_CTX_new(TLS_method());
	int least = t->o.min == PIER_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, least) ||
	    !SSL_CTX_set_cipher_list(ctx, CIPHERS_1_2))
		return refuse(t, -ENOMEM, "OpenSSL could not be set up");
	if (!SSL_CTX_set1_groups_list(ctx, GROUPS_NEW) && !SSL_CTX_set1_groups_list(ctx, GROUPS))
		return refuse(t, -ENOMEM, "OpenSSL could not be set up");
	SSL_CTX_set_security_level(ctx, LEVEL);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_max_cert_list(ctx, PIER_TLS_CHAIN_MAX);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, pier_tls_session_store);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, pier_tls_ticket_key);
	if (t->o.fresh) {
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(ctx, 0);
	}
	SSL_CTX_set_cert_verify_callback(ctx, pier_tls_check_peer, NULL);
	SSL_CTX_set_cert_cb(ctx, show_certificate, NULL);
	SSL_CTX_set_tlsext_servername_callback(ctx, hear_name);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, t);
	if (t->alpn_len && SSL_CTX_set_alpn_protos(ctx, t->alpn, t->alpn_len) != 0)
		return refuse(t, -ENOMEM, "out of memory");
	return 0;
}

static int set_up(pier_tls *t, const pier_tls_opts *opts)
{
	t->o = *opts;
	t->o.certs = NULL;
	int err = copy_texts(t);
	if (err == 0)
		err = read_certs(t, opts->certs);
	if (err == 0)
		err = read_alpn(t);
	if (err == 0)
		err = read_pins(t);
	if (err == 0)
		err = make_ctx(t);
	return err < 0 ? err : open_keylog(t);
}

/* ---- Life ------------------------------------------------------------------------------------------ */

pier_tls *pier_tls_new_with(const pier_tls_opts *opts)
{
	static const pier_tls_opts defaults = {.size = sizeof defaults};
	pier_tls *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	atomic_init(&t->refs, 1);
	t->keylog_fd = -1;
	pthread_mutex_init(&t->lock, NULL);
	if (set_up(t, opts ? opts : &defaults) == 0)
		t->err = pier_tls_files_read(t, &t->files, t->words);
	ERR_clear_error();
	return t;
}

static void drop_texts(pier_tls *t)
{
	const char **texts[] = TEXTS(&t->o);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free((void *)(uintptr_t)*texts[i]);
	for (pier_tls_cert *c = t->certs; c->cert; c++) {
		free((void *)(uintptr_t)c->cert);
		free((void *)(uintptr_t)c->key);
	}
}

void pier_tls_free(pier_tls *t)
{
	if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	pier_tls_sessions_forget(t);
	pier_tls_files_drop(t->files);
	SSL_CTX_free(t->ctx);
	drop_texts(t);
	if (t->keylog_fd >= 0)
		pier_file_close(t->keylog_fd);
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(&t->tickets, sizeof t->tickets);
	free(t);
}

int pier_tls_err(const pier_tls *t)
{
	return t ? t->err : -ENOMEM;
}

const char *pier_tls_why(const pier_tls *t)
{
	if (!t)
		return pier_strerror(-ENOMEM);
	return t->words[0] || !t->err ? t->words : pier_strerror(t->err);
}

pier_tls *pier_tls_keep(pier_tls *t)
{
	atomic_fetch_add(&t->refs, 1);
	return t;
}

struct tls_files *pier_tls_files_keep(pier_tls *t)
{
	pthread_mutex_lock(&t->lock);
	struct tls_files *f = t->files;
	atomic_fetch_add(&f->refs, 1);
	pthread_mutex_unlock(&t->lock);
	return f;
}

pier_tls *pier_tls_default(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static pier_tls *one;
	pthread_mutex_lock(&lock); /* it reads no files, so nobody waits inside */
	if (!one)
		one = pier_tls_new();
	pthread_mutex_unlock(&lock);
	return one;
}

int pier_tls_reload(pier_tls *t)
{
	struct tls_files *fresh, *old;
	if (!t)
		return -ENOMEM;
	if (t->err)
		return t->err;
	int err = pier_tls_files_read(t, &fresh, t->words);
	if (err < 0)
		return err;
	t->words[0] = '\0';
	pthread_mutex_lock(&t->lock);
	old = t->files;
	t->files = fresh;
	pier_tls_sessions_forget(t); /* of servers whose authorities may no longer count */
	pthread_mutex_unlock(&t->lock);
	pier_tls_files_drop(old);
	return 0;
}
