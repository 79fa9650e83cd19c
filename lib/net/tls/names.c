/* What a certificate says, as text. Peers choose these bytes: what is no plain character becomes a '?'. */
#include "tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static void clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static void add(char *into, size_t room, const char *name)
{
	size_t len = strlen(into);
	snprintf(into + len, room - len, "%s%s", len ? ", " : "", name);
}

static void add_name(char *into, size_t room, const GENERAL_NAME *name)
{
	char text[TLS_NAME_MAX] = "";

	if (name->type == GEN_DNS || name->type == GEN_EMAIL || name->type == GEN_URI) {
		const ASN1_IA5STRING *s = name->d.ia5;
		snprintf(text, sizeof text, "%.*s", ASN1_STRING_length(s),
			 (const char *)ASN1_STRING_get0_data(s));
	} else if (name->type == GEN_IPADD) {
		int len = ASN1_STRING_length(name->d.iPAddress);
		if (len == 4 || len == 16)
			inet_ntop(len == 4 ? AF_INET : AF_INET6,
				  ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof text);
	}
	clean(text);
	if (text[0])
		add(into, room, text);
}

void pier_tls_names(X509 *cert, char *into, size_t room)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	into[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		add_name(into, room, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	ERR_clear_error();
}

void pier_tls_subject(X509_NAME *name, char *into, size_t room)
{
	BIO *text = BIO_new(BIO_s_mem());
	char *at = NULL;

	into[0] = '\0';
	if (text &&
	    X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		long len = BIO_get_mem_data(text, &at);
		snprintf(into, room, "%.*s", (int)len, at ? at : "");
	}
	BIO_free(text);
	clean(into);
}

void pier_tls_date(const ASN1_TIME *at, char into[16])
{
	struct tm tm = {0};
	if (!ASN1_TIME_to_tm(at, &tm) || strftime(into, 16, "%Y-%m-%d", &tm) == 0)
		snprintf(into, 16, "some day");
}

/* RFC 7469 §2.4: the digest of the whole SubjectPublicKeyInfo. */
bool pier_tls_key_sha256(X509 *cert, unsigned char into[32])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool ok = len > 0 && EVP_Digest(der, (size_t)len, into, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	return ok;
}
