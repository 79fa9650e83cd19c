/* Whether the peer is who it should be, and if not, why. */
#include "tls.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <pier/addr.h>
#include <pier/names.h>
#include <stdio.h>
#include <string.h>

/* ---- Reasons ------------------------------------------------------------------------------------- */

static void say_dates(struct tls_conn *t, X509 *cert, int depth, bool over)
{
	char day[16], who[TLS_NAME_MAX];
	pier_tls_date(over ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert), day);
	pier_tls_subject(X509_get_subject_name(cert), who, sizeof who);
	pier_tls_say(t, "certificate%s%.160s %s %s", depth ? " of its issuer " : "",
		     depth ? who : "", over ? "expired on" : "is not valid before", day);
}

static void say_names(struct tls_conn *t, X509 *cert)
{
	char names[256];
	pier_tls_names(cert, names, sizeof names);
	pier_tls_say(t, "host name does not match: certificate is for %s",
		     names[0] ? names : "no name (a subject alone does not count: RFC 9525 §2)");
}

static void say_issuer(struct tls_conn *t, X509 *cert)
{
	char issuer[TLS_NAME_MAX];
	pier_tls_subject(X509_get_issuer_name(cert), issuer, sizeof issuer);
	pier_tls_say(t, "issued by %.200s, whom we do not know; give .ca%s", issuer,
		     t->server ? "" : "=… or .pin=…");
}

static void say_why(struct tls_conn *t, X509_STORE_CTX *v)
{
	int err = X509_STORE_CTX_get_error(v), depth = X509_STORE_CTX_get_error_depth(v);
	X509 *cert = X509_STORE_CTX_get_current_cert(v);
	if (!cert)
		cert = X509_STORE_CTX_get0_cert(v);

	switch (err) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		say_dates(t, cert, depth, err == X509_V_ERR_CERT_HAS_EXPIRED);
		return;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		say_names(t, X509_STORE_CTX_get0_cert(v));
		return;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		pier_tls_say(t, "self-signed certificate%s; give .ca%s", depth ? " in chain" : "",
			     t->server ? "" : "=… or .pin=…");
		return;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		say_issuer(t, cert);
		return;
	default:
		pier_tls_say(t, "%s", X509_verify_cert_error_string(err));
	}
}

/* ---- Pins ---------------------------------------------------------------------------------------- */

static bool is_pinned(const pier_tls *x, X509 *cert)
{
	unsigned char key[32];
	if (!pier_tls_key_sha256(cert, key))
		return false;
	for (unsigned i = 0; i < x->pin_count; i++)
		if (memcmp(key, x->pins[i].sha256, sizeof key) == 0)
			return true;
	return false;
}

/* RFC 7469 §2.6: any key of the chain that was believed will do. Without authorities there is only the peer's own
 * key, whose possession the handshake proves. */
static bool any_pinned(const pier_tls *x, X509_STORE_CTX *v)
{
	STACK_OF(X509) *chain = x->o.ca ? X509_STORE_CTX_get0_chain(v) : NULL;
	if (!chain)
		return is_pinned(x, X509_STORE_CTX_get0_cert(v));
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (is_pinned(x, sk_X509_value(chain, i)))
			return true;
	return false;
}

/* The chain, and that the peer's own certificate was not taken back: RFC 5280 §6.3. */
static bool holds(const struct tls_conn *t, X509_STORE_CTX *v)
{
	if (t->files->crls) {
		X509_STORE_CTX_set0_crls(v, t->files->crls); /* ours still */
		X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(v), X509_V_FLAG_CRL_CHECK);
	}
	return X509_verify_cert(v) == 1;
}

static int check_server(struct tls_conn *t, X509_STORE_CTX *v)
{
	const pier_tls *x = t->context;
	bool by_chain = !x->pin_count || x->o.ca;

	if (x->o.verify == PIER_TLS_NONE && !x->pin_count)
		return 1;
	if (by_chain && x->o.verify != PIER_TLS_NONE && !holds(t, v)) {
		say_why(t, v);
		return 0;
	}
	if (x->pin_count && !any_pinned(x, v)) {
		pier_tls_say(t, "its key is none of those pinned");
		X509_STORE_CTX_set_error(v, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	X509_STORE_CTX_set_error(v, X509_V_OK);
	return 1;
}

int pier_tls_check_peer(X509_STORE_CTX *v, void *context)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(v, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_conn *t = SSL_get_app_data(ssl);
	(void)context;

	if (!t->server)
		return check_server(t, v);
	if (holds(t, v))
		return 1;
	say_why(t, v);
	return 0;
}

/* ---- Names --------------------------------------------------------------------------------------- */

/* RFC 9110 §4.3.4: a number is compared with the addresses of the certificate, a name with its names. RFC 6066
 * §3: SNI is never a number, nor ends in a dot. */
int pier_tls_expect_name(struct tls_conn *t, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
	unsigned char number[16];
	char ascii[TLS_NAME_MAX];
	pier_bytes known = pier_bytes_of(name, strcspn(name, "%")); /* a scope is ours alone */

	int err = pier_name_ascii(known, ascii, sizeof ascii); /* RFC 9525 §6.3 */
	if (err < 0)
		return err;
	size_t len = strlen(ascii);
	if (len && ascii[len - 1] == '.')
		ascii[len - 1] = '\0';
	t->name = strdup(ascii);
	if (!t->name)
		return -ENOMEM;
	if (inet_pton(AF_INET, t->name, number) == 1)
		return X509_VERIFY_PARAM_set1_ip(param, number, 4) ? 0 : -ENOMEM;
	if (inet_pton(AF_INET6, t->name, number) == 1)
		return X509_VERIFY_PARAM_set1_ip(param, number, 16) ? 0 : -ENOMEM;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
						       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (!X509_VERIFY_PARAM_set1_host(param, t->name, 0) ||
	    !SSL_set_tlsext_host_name(t->ssl, t->name))
		return -ENOMEM;
	return 0;
}
