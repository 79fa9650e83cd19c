/* The keys under which a server gives sessions away as tickets. OpenSSL would keep one for the life of the context, and
 * whoever got hold of it could read what was said under TLS 1.2 since then: RFC 9325 §3.4 has them changed regularly. */
#include "tls.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>

#define TICKET_KEY_TIME                                                                            \
	PIER_S(3 * 60 * 60) /* longer than a session lasts: 2 h, SSL_CTX_set_timeout(3) */

/* Who resumes by a ticket gets another one, by the key of now: a client should take each but once, RFC 8446 §C.4. */
#define ANOTHER 2

/* The one that new tickets get. One that is too old becomes the one before it, which opens tickets still. */
static bool current(struct tls_tickets *all, struct tls_ticket_key *out)
{
	int64_t now = pier_io_clock();
	struct tls_ticket_key fresh = {.made = now};
	bool old = !all->now.made || now - all->now.made >= TICKET_KEY_TIME;
	if (old) {
		if (RAND_bytes(fresh.name, sizeof fresh.name) != 1 ||
		    RAND_priv_bytes(fresh.cipher, sizeof fresh.cipher) != 1 ||
		    RAND_priv_bytes(fresh.mac, sizeof fresh.mac) != 1)
			return false;
		all->before = all->now;
		all->now = fresh;
	}
	*out = all->now;
	return true;
}

static bool is_named(const struct tls_ticket_key *k, const unsigned char name[16])
{
	return k->made && memcmp(k->name, name, sizeof k->name) == 0 &&
	       pier_io_clock() - k->made < 2 * TICKET_KEY_TIME;
}

static bool named(const struct tls_tickets *all, const unsigned char name[16],
		  struct tls_ticket_key *out)
{
	const struct tls_ticket_key *k = is_named(&all->now, name)	? &all->now
					 : is_named(&all->before, name) ? &all->before
									: NULL;
	if (k)
		*out = *k;
	return k;
}

static bool join_mac(EVP_MAC_CTX *mac, struct tls_ticket_key *k)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->mac, sizeof k->mac),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static bool seal(unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
		 struct tls_ticket_key *k)
{
	memcpy(name, k->name, sizeof k->name);
	return RAND_bytes(iv, 16) == 1 &&
	       EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv) == 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3). 0: there is no such ticket. */
int pier_tls_ticket_key(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
			EVP_MAC_CTX *mac, int sealing)
{
	const struct tls_conn *t = SSL_get_app_data(ssl);
	pier_tls *x = t->context;
	struct tls_ticket_key k;

	pthread_mutex_lock(&x->lock);
	bool found = sealing ? current(&x->tickets, &k) : named(&x->tickets, name, &k);
	pthread_mutex_unlock(&x->lock);
	if (!found)
		return sealing ? -1 : 0;
	bool ok = join_mac(mac, &k) && (sealing ? seal(name, iv, cipher, &k)
						: EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(),
								     NULL, k.cipher, iv) == 1);
	OPENSSL_cleanse(&k, sizeof k);
	return !ok ? -1 : sealing ? 1 : ANOTHER;
}
