/* Digests: SHA-256 to trust, MD5 because people ask for it. Made piece by piece, told in the fields of
 * RFC 9530 (and, from old clients, RFC 1864). */
#ifndef HUB_DIGEST_H
#define HUB_DIGEST_H

#include "store.h"

#define DIGEST_FIELD_MAX 128 /* room for a Repr-Digest of both, with its NUL */
#define DIGEST_HEX_MAX	 65

enum {
	DIGEST_SHA256 = 1,
	DIGEST_MD5 = 2,
	DIGEST_BOTH = 3
};

/* A digest under way. Each algorithm may be fed by another thread; one that was not asked for is NULL and
 * costs nothing. */
struct hasher {
	struct evp_md_ctx_st *sha256, *md5;
};

/* Returns 0 or -ENOMEM. Ended by hasher_done, also when it was never begun but zeroed. */
int hasher_init(struct hasher *h, unsigned which);
void hasher_done(struct hasher *h);
void hasher_add_sha256(struct hasher *h, const void *p, size_t n);
void hasher_add_md5(struct hasher *h, const void *p, size_t n);
void hasher_add(struct hasher *h, const void *p, size_t n);
/* The digests of what was added. Nothing can be added afterwards. */
void hasher_end(struct hasher *h, struct digests *out);

/* Adds bytes [from, to) of an open file, in jobs of a few MiB so that no thread of the pool is held for
 * long. `told` (NULL: nobody) is called between jobs with the offset reached; what it returns below 0
 * ends the work. Waits. Returns 0, -PIER_ETRUNCATED when the file is shorter, or an error. */
int hasher_add_file(struct hasher *h, int fd, int64_t from, int64_t to,
		    int (*told)(int64_t offset, void *arg), void *arg);

/* The digests of an open file's first `size` bytes; as above. */
int digest_file(int fd, int64_t size, unsigned which, int (*told)(int64_t offset, void *arg),
		void *arg, struct digests *out);

/* What a peer says the digests are: none, one or both. */
struct promise {
	bool has_sha256, has_md5;
	struct digests is;
};

/* Reads a Repr-Digest or Content-Digest field into `p`, keeping what is there already; unknown
 * algorithms are passed over (RFC 9530 §2). Returns 0, or -EPROTO with `p` untouched for a known
 * algorithm whose value is no digest of it. An absent field (p NULL) promises nothing. */
int promise_read(pier_bytes field, struct promise *p);

/* The same for Content-MD5: one base64 value. RFC 1864. */
int promise_read_md5(pier_bytes field, struct promise *p);

/* 0, or -PIER_EDIGEST when a promised digest differs from what came. */
int promise_check(const struct promise *p, const struct digests *came);

/* "sha-256=:…:, md5=:…:", or the one of the two, ended by a NUL. Returns `into`. RFC 9530 §3. */
const char *digest_field(const struct digests *d, unsigned which, char into[DIGEST_FIELD_MAX]);

/* True when a Want-Repr-Digest field asks for an algorithm that we have. RFC 9530 §4. */
bool digest_wanted(pier_bytes field);

/* Lower-case hexadecimal, ended by a NUL. Returns `into`. */
const char *digest_hex(const uint8_t *at, size_t len, char into[DIGEST_HEX_MAX]);

#endif
