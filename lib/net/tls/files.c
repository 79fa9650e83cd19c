/* Certificates, keys and authorities, from files or from texts. Files are read through the file pool, and
 * parsed from memory: OpenSSL opens none itself, but for the system's authorities where they are a folder. */
#include "base/owned.h"
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pier/file.h>
#include <pier/offload.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER_MAX 1024 /* files of a folder of authorities */

struct reader {
	struct tls_files *files;
	char *words;
};

static int fail(const struct reader *r, int err, const char *what, const char *where,
		const char *why)
{
	bool text = strstr(where, "-----BEGIN") != NULL;
	snprintf(r->words, TLS_WORDS_MAX, "%s %.200s: %s", what, text ? "given as text" : where,
		 why ? why : pier_strerror(err));
	ERR_clear_error();
	return err;
}

/* ---- Bytes ----------------------------------------------------------------------------------------- */

static int read_fd(int fd, char **out, size_t *len)
{
	pier_file_info info;
	int err = pier_file_fstat(fd, &info);
	if (err < 0)
		return err;
	if (info.size > PIER_TLS_FILE_MAX)
		return -EFBIG;
	OWNED_MEM char *at = malloc((size_t)info.size + 1);
	if (!at)
		return -ENOMEM;
	ssize_t n = 0;
	for (*len = 0; *len < (size_t)info.size; *len += (size_t)n) {
		n = pier_file_read(fd, at + *len, (size_t)info.size - *len, (int64_t)*len);
		if (n <= 0)
			break;
	}
	if (n < 0)
		return (int)n;
	*out = take_mem(&at);
	return 0;
}

static int read_file(pier_dir *d, const char *path, char **out, size_t *len)
{
	int fd = pier_file_open(d, path, PIER_READ);
	if (fd < 0)
		return fd;
	int err = read_fd(fd, out, len);
	pier_file_close(fd);
	return err;
}

/* The PEM of a text, or of the file that it names. */
static int read_pem(const char *from, char **out, size_t *len)
{
	if (!strstr(from, "-----BEGIN"))
		return read_file(NULL, from, out, len);
	*out = strdup(from);
	*len = strlen(from);
	return *out ? 0 : -ENOMEM;
}

static void free_bio(BIO **bio)
{
	BIO_free(*bio);
}
#define OWNED_BIO PIER_CLEANUP(free_bio) BIO

/* ---- Who we are ------------------------------------------------------------------------------------ */

/* OpenSSL would ask on the terminal, and hold the worker up. */
static int no_password(char *into, int room, int writing, void *asked)
{
	(void)into;
	(void)room;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

static int parse_chain(const struct reader *r, struct tls_identity *id, const char *from,
		       const char *pem, size_t len)
{
	OWNED_BIO *bio = BIO_new_mem_buf(pem, (int)len);
	id->chain = sk_X509_new_null();
	if (!bio || !id->chain)
		return -ENOMEM;
	for (X509 *cert; (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL));) {
		if (!id->cert)
			id->cert = cert;
		else if (sk_X509_num(id->chain) == 16 || !sk_X509_push(id->chain, cert))
			X509_free(cert);
	}
	ERR_clear_error(); /* the end of the file is one */
	if (!id->cert)
		return fail(r, -PIER_ETLS, "certificate", from, "there is none in it");
	return 0;
}

/* Others take what RSA does, P-384 (without hand-written code for it) more. */
static bool signs_fast(const EVP_PKEY *key)
{
	char curve[32] = "";
	EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL);
	return EVP_PKEY_is_a(key, "ED25519") || strcmp(curve, SN_X9_62_prime256v1) == 0;
}

static int parse_key(const struct reader *r, struct tls_identity *id, const char *from,
		     const char *pem, size_t len)
{
	OWNED_BIO *bio = BIO_new_mem_buf(pem, (int)len);
	bool locked = false;
	if (!bio)
		return -ENOMEM;
	id->key = PEM_read_bio_PrivateKey(bio, NULL, no_password, &locked);
	if (!id->key)
		return fail(r, -PIER_ETLS, "key", from,
			    locked ? "it is encrypted: decrypt it first" : "there is none in it");
	if (X509_check_private_key(id->cert, id->key) != 1)
		return fail(r, -PIER_ETLS, "key", from, "it is not that of the certificate");
	if (!signs_fast(id->key))
		r->files->heavy = true;
	ERR_clear_error();
	return 0;
}

static int read_identity(const struct reader *r, pier_tls_cert from)
{
	struct tls_identity *id = &r->files->own[r->files->count];
	OWNED_MEM char *cert = NULL, *key = NULL;
	size_t len = 0;

	int err = read_pem(from.cert, &cert, &len);
	if (err < 0)
		return fail(r, err, "certificate", from.cert, NULL);
	r->files->count++; /* from here on it is freed with the others */
	err = parse_chain(r, id, from.cert, cert, len);
	if (err < 0 || !from.key)
		return err < 0 ? err : parse_key(r, id, from.cert, cert, len);
	err = read_pem(from.key, &key, &len);
	if (err < 0)
		return fail(r, err, "key", from.key, NULL);
	err = parse_key(r, id, from.key, key, len);
	explicit_bzero(key, len);
	return err;
}

/* ---- Whom we trust --------------------------------------------------------------------------------- */

/* How many certificates of a PEM text went into the store. */
static int add_pem(X509_STORE *store, const char *pem, size_t len)
{
	OWNED_BIO *bio = BIO_new_mem_buf(pem, (int)len);
	int count = 0;
	for (X509 *cert; bio && (cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)); count++) {
		X509_STORE_add_cert(store, cert);
		X509_free(cert);
	}
	ERR_clear_error();
	return count;
}

/* What is no certificate there is passed over, as a README would be. */
static int add_folder(X509_STORE *store, const char *path)
{
	pier_dir *d = NULL;
	pier_list list = {0};
	int count = 0, err = pier_dir_open(path, false, &d);
	if (err == 0)
		err = pier_file_list(d, "", FOLDER_MAX, &list);
	for (size_t i = 0; err == 0 && i < list.count; i++) {
		OWNED_MEM char *pem = NULL;
		size_t len;
		if (list.at[i].info.is_file && read_file(d, list.at[i].name, &pem, &len) == 0)
			count += add_pem(store, pem, len);
	}
	pier_list_free(&list);
	pier_dir_close(d);
	return err < 0 ? err : count;
}

static int add_authorities(X509_STORE *store, const char *from)
{
	OWNED_MEM char *pem = NULL;
	size_t len;
	int err = read_pem(from, &pem, &len);
	if (err == -EISDIR || err == -EINVAL)
		return add_folder(store, from);
	return err < 0 ? err : add_pem(store, pem, len);
}

static int read_authorities(const struct reader *r, const char *from, X509_STORE **out)
{
	*out = X509_STORE_new();
	int n = *out ? add_authorities(*out, from) : -ENOMEM;
	if (n < 0)
		return fail(r, n, "authorities", from, NULL);
	return n > 0 ? 0
		     : fail(r, -PIER_ETLS, "authorities", from, "there is no certificate in it");
}

/* ---- Who is no longer trusted ---------------------------------------------------------------------- */

static int parse_crls(struct tls_files *f, const char *pem, size_t len)
{
	OWNED_BIO *bio = BIO_new_mem_buf(pem, (int)len);
	f->crls = sk_X509_CRL_new_null();
	if (!bio || !f->crls)
		return -ENOMEM;
	for (X509_CRL *one; (one = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL));) {
		if (sk_X509_CRL_push(f->crls, one))
			continue;
		X509_CRL_free(one);
		return -ENOMEM;
	}
	ERR_clear_error(); /* the end of the file is one */
	return sk_X509_CRL_num(f->crls);
}

static int read_crls(const struct reader *r, const char *from)
{
	OWNED_MEM char *pem = NULL;
	size_t len = 0;
	int n = read_pem(from, &pem, &len);
	if (n == 0)
		n = parse_crls(r->files, pem, len);
	if (n < 0)
		return fail(r, n, "revocations", from, NULL);
	return n > 0 ? 0 : fail(r, -PIER_ETLS, "revocations", from, "there is no list in it");
}

/* ---- The system's ---------------------------------------------------------------------------------- */

/* Some 140 certificates take 10 ms to parse: once for all contexts, and not on a worker. */
static pthread_mutex_t system_lock = PTHREAD_MUTEX_INITIALIZER;
static X509_STORE *system_store;

static X509_STORE *loaded(void)
{
	pthread_mutex_lock(&system_lock);
	X509_STORE *s = system_store;
	pthread_mutex_unlock(&system_lock);
	return s;
}

static int64_t load_system(void *arg)
{
	X509_STORE *s = X509_STORE_new();
	(void)arg;
	if (!s || !X509_STORE_set_default_paths(s)) {
		X509_STORE_free(s);
		return -ENOMEM;
	}
	ERR_clear_error();
	pthread_mutex_lock(&system_lock);
	if (system_store)
		X509_STORE_free(s);
	else
		system_store = s;
	pthread_mutex_unlock(&system_lock);
	return 0;
}

int pier_tls_authorities(const pier_tls *t, const struct tls_files *f, X509_STORE **out)
{
	*out = f->ca;
	if (f->ca || (t->o.ca && strcmp(t->o.ca, "system") != 0))
		return 0;
	int err = loaded() ? 0 : (int)pier_offload(load_system, NULL);
	*out = loaded();
	return err;
}

/* ---- All of it ------------------------------------------------------------------------------------- */

/* The names are a hint for clients; what they are of, less what was taken back, is the scope of sessions. */
static int note_client_authorities(struct tls_files *f)
{
	STACK_OF(X509) *all = X509_STORE_get1_all_certs(f->client_ca);
	EVP_MD_CTX *sum = EVP_MD_CTX_new();
	bool ok = sum && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1;

	f->client_names = sk_X509_NAME_new_null();
	for (int i = 0; ok && f->client_names && i < sk_X509_num(all); i++) {
		unsigned char key[32];
		X509 *cert = sk_X509_value(all, i);
		X509_NAME *name = X509_NAME_dup(X509_get_subject_name(cert));
		ok = name && pier_tls_key_sha256(cert, key) &&
		     EVP_DigestUpdate(sum, key, sizeof key) == 1;
		if (!name || !sk_X509_NAME_push(f->client_names, name))
			X509_NAME_free(name);
	}
	for (int i = 0; ok && i < sk_X509_CRL_num(f->crls); i++) {
		unsigned char list[EVP_MAX_MD_SIZE];
		unsigned len;
		ok = X509_CRL_digest(sk_X509_CRL_value(f->crls, i), EVP_sha256(), list, &len) &&
		     EVP_DigestUpdate(sum, list, len) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(sum, f->session_scope, NULL) == 1;
	EVP_MD_CTX_free(sum);
	sk_X509_pop_free(all, X509_free);
	return ok && f->client_names ? 0 : -ENOMEM;
}

static int read_trust(const struct reader *r, const pier_tls_opts *o)
{
	int err = 0;
	if (o->ca && strcmp(o->ca, "system") != 0)
		err = read_authorities(r, o->ca, &r->files->ca);
	if (err == 0 && o->crl)
		err = read_crls(r, o->crl);
	if (err == 0 && o->client_ca)
		err = read_authorities(r, o->client_ca, &r->files->client_ca);
	return err == 0 && o->client_ca ? note_client_authorities(r->files) : err;
}

int pier_tls_files_read(const pier_tls *t, struct tls_files **out, char words[TLS_WORDS_MAX])
{
	struct reader r = {.files = calloc(1, sizeof *r.files), .words = words};
	if (!r.files)
		return -ENOMEM;
	atomic_init(&r.files->refs, 1);
	int err = read_trust(&r, &t->o);
	if (err == 0 && t->o.cert)
		err = read_identity(&r, (pier_tls_cert){t->o.cert, t->o.key});
	for (const pier_tls_cert *c = t->certs; err == 0 && c->cert; c++)
		err = read_identity(&r, *c);
	if (err < 0) {
		pier_tls_files_drop(r.files);
		return err;
	}
	*out = r.files;
	return 0;
}

void pier_tls_files_drop(struct tls_files *f)
{
	if (!f || atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	for (unsigned i = 0; i < f->count; i++) {
		X509_free(f->own[i].cert);
		EVP_PKEY_free(f->own[i].key);
		sk_X509_pop_free(f->own[i].chain, X509_free);
	}
	X509_STORE_free(f->ca);
	X509_STORE_free(f->client_ca);
	sk_X509_CRL_pop_free(f->crls, X509_CRL_free);
	sk_X509_NAME_pop_free(f->client_names, X509_NAME_free);
	free(f);
}
