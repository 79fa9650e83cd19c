/* What was agreed on, and with whom. */
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void tell_peer(X509 *cert, pier_tls_facts *f)
{
	unsigned char sum[32];
	struct tm tm = {0};

	pier_tls_subject(X509_get_subject_name(cert), f->peer, sizeof f->peer);
	pier_tls_names(cert, f->peer_names, sizeof f->peer_names);
	if (X509_digest(cert, EVP_sha256(), sum, NULL))
		for (int i = 0; i < 32; i++)
			snprintf(f->peer_sha256 + 2 * i, 3, "%02x", sum[i]);
	if (pier_tls_key_sha256(cert, sum)) {
		memcpy(f->peer_pin, "sha256//", 8);
		EVP_EncodeBlock((unsigned char *)f->peer_pin + 8, sum, sizeof sum);
	}
	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm))
		f->peer_expires = timegm(&tm);
}

int pier_tls_about(const pier_conn *c, pier_tls_facts *out)
{
	const struct tls_conn *t = c ? c->tls : NULL;
	if (!t || !t->open)
		return -ENOTCONN;

	pier_tls_facts f = {.resumed = SSL_session_reused(t->ssl)};
	const char *name = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);
	const unsigned char *alpn = NULL;
	unsigned alpn_len = 0;
	X509 *cert = SSL_get0_peer_certificate(t->ssl);

	snprintf(f.version, sizeof f.version, "%s", SSL_get_version(t->ssl));
	snprintf(f.cipher, sizeof f.cipher, "%s", SSL_get_cipher_name(t->ssl));
	snprintf(f.name, sizeof f.name, "%s", name ? name : "");
	SSL_get0_alpn_selected(t->ssl, &alpn, &alpn_len);
	snprintf(f.alpn, sizeof f.alpn, "%.*s", (int)alpn_len, alpn ? (const char *)alpn : "");
	f.verified = cert && SSL_get_verify_result(t->ssl) == X509_V_OK &&
		     (t->server || t->context->o.verify != PIER_TLS_NONE || t->context->pin_count);
	if (cert)
		tell_peer(cert, &f);
	ERR_clear_error();
	*out = f;
	return 0;
}

const char *pier_tls_words(pier_conn *c)
{
	pier_tls_facts f;
	char day[16] = "";
	struct tm tm;

	if (pier_tls_about(c, &f) < 0)
		return "";
	if (f.peer_expires && gmtime_r(&f.peer_expires, &tm))
		strftime(day, sizeof day, "%Y-%m-%d", &tm);
	const char *who = f.peer[0] ? f.peer : f.peer_names;
	free(c->tls->line);
	if (asprintf(&c->tls->line, "%s %s%s%s%s%s%s%s%s", f.version, f.cipher,
		     f.alpn[0] ? ", " : "", f.alpn, f.resumed ? ", resumed" : "",
		     who[0] ? f.verified ? ", with " : ", with somebody who says to be " : "", who,
		     day[0] ? " until " : "", day) < 0)
		c->tls->line = NULL;
	return c->tls->line ? c->tls->line : "";
}

int pier_tls_rekey(pier_conn *c, bool both)
{
	struct tls_conn *t = c ? c->tls : NULL;
	if (!t || t->err || c->err)
		return -ENOTCONN;
	ERR_clear_error();
	int ok = SSL_key_update(t->ssl,
				both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
	ERR_clear_error();
	return ok == 1 ? 0 : -EPROTONOSUPPORT;
}
