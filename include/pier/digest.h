/* Digests of what is sent and received: by name, piece by piece. Without OpenSSL (-Dtls=disabled) there are none. */
#ifndef PIER_DIGEST_H
#define PIER_DIGEST_H

#include <pier/api.h>

PIER_BEGIN

#define PIER_DIGEST_TEXT 129 /* room for any digest in hex, with its NUL: 512 bits */

/* A digest under way. Every call accepts NULL, for the digest that could not be had: it takes bytes, is "" as text, and is
 * never the one that was promised. */
typedef struct pier_digest pier_digest;

/* By name, as OpenSSL knows it: "md5", "sha256", "sha512", "sha3-256", "blake2s256" … NULL when there is none of that name
 * (or it is forbidden: MD5 under FIPS), it is longer than 512 bits, or memory is out. The caller's, for
 * pier_digest_free, or held in a PIER_AUTO_DIGEST. Python: hashlib.new(name). EVP_MD_fetch(3). */
PIER_API pier_digest *pier_digest_new(const char *name);
PIER_API void pier_digest_free(pier_digest *d);

/* Adds bytes; pieces make no difference. Large ones take their time here: 1 MiB of MD5 some 2 ms.
 * Python: digest.update. */
PIER_API void pier_digest_add(pier_digest *d, const void *p, size_t n);

/* The digest of all that was added so far, in lower-case hex: owned by `d`, good until it is asked again. More may be added.
 * Python: digest.hexdigest. */
PIER_API const char *pier_digest_hex(pier_digest *d);

/* True when it is the one that was promised, in hex of either case. Python: digest.hexdigest() == promised. */
PIER_API bool pier_digest_is(pier_digest *d, const char *promised);

/* The digest of an open file from its start to its end. Waits on the pool, in jobs of a few MiB. Returns 0, or with `hex`
 * untouched -ENOTSUP for a name of none, or an error. Python: hashlib.file_digest(file, name).hexdigest(). */
PIER_API int pier_file_digest(int fd, const char *name, char hex[PIER_DIGEST_TEXT]);

/* A digest that its scope owns:	PIER_AUTO_DIGEST *md5 = pier_digest_new("md5"); */
#define PIER_AUTO_DIGEST PIER_CLEANUP(pier_digest_free_auto) pier_digest

static inline void pier_digest_free_auto(pier_digest **d)
{
	pier_digest_free(*d);
}

PIER_END

#endif
