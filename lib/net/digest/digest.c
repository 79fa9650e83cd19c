/* Digests by OpenSSL. */
#include <openssl/evp.h>
#include <pier/digest.h>
#include <stdlib.h>
#include <strings.h>

struct pier_digest {
	EVP_MD_CTX *sum,
		*end; /* what comes is added to the one; the other is ended, so that more may come */
	char hex[PIER_DIGEST_TEXT];
};

static bool begin(pier_digest *d, const EVP_MD *kind)
{
	d->sum = EVP_MD_CTX_new();
	d->end = EVP_MD_CTX_new();
	return d->sum && d->end && 2 * EVP_MD_get_size(kind) < PIER_DIGEST_TEXT &&
	       EVP_DigestInit_ex(d->sum, kind, NULL);
}

pier_digest *pier_digest_new(const char *name)
{
	EVP_MD *kind = EVP_MD_fetch(NULL, name, NULL);
	pier_digest *d = kind ? calloc(1, sizeof *d) : NULL;

	if (d && !begin(d, kind)) {
		pier_digest_free(d);
		d = NULL;
	}
	EVP_MD_free(kind); /* the context holds its own */
	return d;
}

void pier_digest_free(pier_digest *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->sum);
	EVP_MD_CTX_free(d->end);
	free(d);
}

void pier_digest_add(pier_digest *d, const void *p, size_t n)
{
	if (d && n)
		EVP_DigestUpdate(d->sum, p, n);
}

const char *pier_digest_hex(pier_digest *d)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!d || !EVP_MD_CTX_copy_ex(d->end, d->sum) || !EVP_DigestFinal_ex(d->end, raw, &len))
		return "";
	for (unsigned i = 0; i < len; i++) {
		d->hex[2 * i] = digits[raw[i] >> 4];
		d->hex[2 * i + 1] = digits[raw[i] & 15];
	}
	d->hex[2 * len] = '\0';
	return d->hex;
}

bool pier_digest_is(pier_digest *d, const char *promised)
{
	const char *ours = pier_digest_hex(d);
	return *ours && strcasecmp(ours, promised) == 0;
}
