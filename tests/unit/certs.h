/* Certificates, made as a test wants them. */
#ifndef CERTS_H
#define CERTS_H

#include "test.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define DAY (24L * 60 * 60)

/* A certificate and its key, both in one PEM text, as .cert takes it; and as an issuer of others. */
struct certificate {
	X509 *x;
	EVP_PKEY *key;
	char *pem;
};

struct wish {
	const char *subject;		  /* its CN */
	const char *names;		  /* "DNS:a.example,IP:127.0.0.1"; NULL = none */
	const struct certificate *issuer; /* NULL = itself */
	bool authority;
	const char *usage; /* "clientAuth"; NULL = any */
	long from, to;	   /* seconds from now; 0, 0 = yesterday to tomorrow */
	int rsa;	   /* bits; 0 = no RSA */
	const char *kind;  /* a curve; NULL = P-256 */
};

static inline void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	if (!value)
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	CHECK(e && X509_add_ext(x, e, -1));
	X509_EXTENSION_free(e);
}

static inline char *pem_of(X509 *x, EVP_PKEY *key)
{
	char *at;
	BIO *bio = BIO_new(BIO_s_mem());
	if (x)
		PEM_write_bio_X509(bio, x);
	if (key)
		PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	long len = BIO_get_mem_data(bio, &at);
	char *text = calloc(1, (size_t)len + 1);
	memcpy(text, at, (size_t)len);
	BIO_free(bio);
	return text;
}

static inline EVP_PKEY *make_key(const struct wish *w)
{
	if (w->rsa)
		return EVP_RSA_gen((unsigned)w->rsa);
	if (w->kind && strncmp(w->kind, "ED", 2) == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, w->kind);
	return EVP_EC_gen(w->kind ? w->kind : "P-256");
}

static inline struct certificate make_cert(struct wish w)
{
	struct certificate c = {.x = X509_new()};
	static long serial = 1;
	c.key = make_key(&w);
	CHECK(c.x && c.key);
	X509 *issuer = w.issuer ? w.issuer->x : c.x;
	X509_set_version(c.x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(c.x), w.from || w.to ? w.from : -DAY);
	X509_gmtime_adj(X509_getm_notAfter(c.x), w.from || w.to ? w.to : DAY);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c.x), "CN", MBSTRING_UTF8,
				   (const unsigned char *)w.subject, -1, -1, 0);
	X509_set_issuer_name(c.x, X509_get_subject_name(issuer));
	X509_set_pubkey(c.x, c.key);
	add_extension(c.x, issuer, NID_basic_constraints,
		      w.authority ? "critical,CA:TRUE" : "CA:FALSE");
	add_extension(c.x, issuer, NID_subject_alt_name, w.names);
	add_extension(c.x, issuer, NID_ext_key_usage, w.usage);
	EVP_PKEY *signer = w.issuer ? w.issuer->key : c.key;
	bool ed = EVP_PKEY_is_a(signer, "ED25519") || EVP_PKEY_is_a(signer, "ED448");
	CHECK(X509_sign(c.x, signer, ed ? NULL : EVP_sha256()) > 0);
	c.pem = pem_of(c.x, c.key);
	return c;
}

/* A list of `ca` in PEM that takes `gone` back (NULL: nobody), in force until `to` seconds from now. */
static inline char *make_crl(const struct certificate *ca, const struct certificate *gone, long to)
{
	X509_CRL *list = X509_CRL_new();
	ASN1_TIME *from = X509_gmtime_adj(NULL, -2 * DAY), *until = X509_gmtime_adj(NULL, to);
	char *at;
	CHECK(list && X509_CRL_set_version(list, 1));
	X509_CRL_set_issuer_name(list, X509_get_subject_name(ca->x));
	X509_CRL_set1_lastUpdate(list, from);
	X509_CRL_set1_nextUpdate(list, until);
	if (gone) {
		X509_REVOKED *one = X509_REVOKED_new();
		X509_REVOKED_set_serialNumber(one, X509_get_serialNumber(gone->x));
		X509_REVOKED_set_revocationDate(one, from);
		CHECK(X509_CRL_add0_revoked(list, one));
	}
	CHECK(X509_CRL_sign(list, ca->key, EVP_sha256()) > 0);
	BIO *bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509_CRL(bio, list);
	long len = BIO_get_mem_data(bio, &at);
	char *text = strndup(at, (size_t)len);
	BIO_free(bio);
	X509_CRL_free(list);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	return text;
}

static inline void drop_cert(struct certificate *c)
{
	X509_free(c->x);
	EVP_PKEY_free(c->key);
	free(c->pem);
}
#define A_CERT __attribute__((cleanup(drop_cert))) struct certificate

#define CERT(...) make_cert((struct wish){__VA_ARGS__})

static inline struct certificate make_authority(const char *name)
{
	return CERT(.subject = name, .authority = true);
}

#endif
