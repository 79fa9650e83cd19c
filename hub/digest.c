/* Digests of files, made in the pool. */
#include "digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define JOB_MAX	 (8 << 20)   /* bytes hashed by one job: some 15 ms */
#define READ_MAX (256 << 10) /* bytes read at a time; stays in the cache between the algorithms */

static int begin(EVP_MD_CTX **out, const EVP_MD *algorithm)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || !EVP_DigestInit_ex(ctx, algorithm, NULL)) {
		EVP_MD_CTX_free(ctx);
		return -ENOMEM;
	}
	*out = ctx;
	return 0;
}

int hasher_init(struct hasher *h, unsigned which)
{
	struct hasher fresh = {0};
	int err = which & DIGEST_SHA256 ? begin(&fresh.sha256, EVP_sha256()) : 0;

	if (err == 0 && which & DIGEST_MD5)
		err = begin(&fresh.md5, EVP_md5());
	if (err < 0) {
		hasher_done(&fresh);
		return err;
	}
	*h = fresh;
	return 0;
}

void hasher_done(struct hasher *h)
{
	EVP_MD_CTX_free(h->sha256);
	EVP_MD_CTX_free(h->md5);
	*h = (struct hasher){0};
}

/* These fail only for a context that was not begun, and hasher_init has seen to that. */
void hasher_add_sha256(struct hasher *h, const void *p, size_t n)
{
	int ok = !h->sha256 || EVP_DigestUpdate(h->sha256, p, n);
	assert(ok);
}

void hasher_add_md5(struct hasher *h, const void *p, size_t n)
{
	int ok = !h->md5 || EVP_DigestUpdate(h->md5, p, n);
	assert(ok);
}

void hasher_add(struct hasher *h, const void *p, size_t n)
{
	hasher_add_sha256(h, p, n);
	hasher_add_md5(h, p, n);
}

void hasher_end(struct hasher *h, struct digests *out)
{
	int ok = (!h->sha256 || EVP_DigestFinal_ex(h->sha256, out->sha256, NULL)) &&
		 (!h->md5 || EVP_DigestFinal_ex(h->md5, out->md5, NULL));
	assert(ok);
}

struct hash_job {
	struct hasher *hasher;
	int fd;
	int64_t from, to;
};

/* On a thread of the pool. */
static int64_t hash_some(void *arg)
{
	struct hash_job *job = arg;
	char *buf = malloc(READ_MAX);
	int64_t err = buf ? 0 : -ENOMEM;

	while (err == 0 && job->from < job->to) {
		int64_t left = job->to - job->from;
		ssize_t n = pier_file_read(job->fd, buf, left < READ_MAX ? (size_t)left : READ_MAX,
					   job->from);
		if (n > 0) {
			hasher_add(job->hasher, buf, (size_t)n);
			job->from += n;
		} else {
			err = n < 0 ? n : -PIER_ETRUNCATED;
		}
	}
	free(buf);
	return err;
}

int hasher_add_file(struct hasher *h, int fd, int64_t from, int64_t to,
		    int (*told)(int64_t offset, void *arg), void *arg)
{
	while (from < to) {
		struct hash_job job = {h, fd, from, to - from > JOB_MAX ? from + JOB_MAX : to};
		int64_t err = pier_offload(hash_some, &job);
		if (err == 0)
			err = pier_stopped();
		if (err == 0 && told)
			err = told(job.to, arg);
		if (err < 0)
			return (int)err;
		from = job.to;
	}
	return 0;
}

int digest_file(int fd, int64_t size, unsigned which, int (*told)(int64_t offset, void *arg),
		void *arg, struct digests *out)
{
	struct hasher h;
	int err = hasher_init(&h, which);
	if (err < 0)
		return err;

	err = hasher_add_file(&h, fd, 0, size, told, arg);
	if (err == 0)
		hasher_end(&h, out);
	hasher_done(&h);
	return err;
}

const char *digest_hex(const uint8_t *at, size_t len, char into[DIGEST_HEX_MAX])
{
	static const char digit[] = "0123456789abcdef";
	assert(2 * len < DIGEST_HEX_MAX);

	for (size_t i = 0; i < len; i++) {
		into[2 * i] = digit[at[i] >> 4];
		into[2 * i + 1] = digit[at[i] & 15];
	}
	into[2 * len] = '\0';
	return into;
}
