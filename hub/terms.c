/* Terms to text and back. */
#include "terms.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

size_t terms_write(const struct terms *t, char into[TERMS_MAX])
{
	char sha[DIGEST_HEX_MAX] = "", md5[DIGEST_HEX_MAX] = "";

	if (t->promise.has_sha256)
		digest_hex(t->promise.is.sha256, sizeof t->promise.is.sha256, sha);
	if (t->promise.has_md5)
		digest_hex(t->promise.is.md5, sizeof t->promise.is.md5, md5);
	/* Neither a user's name nor a path has control characters in it, so a line holds either. */
	return (size_t)snprintf(into, TERMS_MAX,
				"pier-upload 1\nuser %s\npath %s\nlength %" PRId64
				"\nsha-256 %s\nmd5 %s\nfresh %d\nend\n",
				t->user, t->path, t->length, sha, md5, t->fresh);
}

/* Takes the line "key value"; the value is NUL-ended into `into`. */
static bool take(pier_bytes *rest, const char *key, char *into, size_t room)
{
	const char *end = rest->len ? memchr(rest->p, '\n', rest->len) : NULL;
	size_t len = end ? (size_t)(end - rest->p) : 0, skip = strlen(key) + 1;

	if (!end || len < skip || len - skip >= room || memcmp(rest->p, key, skip - 1) != 0 ||
	    rest->p[skip - 1] != ' ' || memchr(rest->p, '\0', len))
		return false;
	memcpy(into, rest->p + skip, len - skip);
	into[len - skip] = '\0';
	rest->p += len + 1;
	rest->len -= len + 1;
	return true;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(const char *hex, uint8_t *at, size_t len, bool *has)
{
	*has = *hex != '\0';
	if (!*has)
		return true;
	if (strlen(hex) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		at[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int terms_read(pier_bytes text, struct terms *out)
{
	struct terms t = {0};
	char version[2], length[24], sha[DIGEST_HEX_MAX], md5[DIGEST_HEX_MAX], fresh[2], *end;

	if (!take(&text, "pier-upload", version, sizeof version) || strcmp(version, "1") != 0 ||
	    !take(&text, "user", t.user, sizeof t.user) ||
	    !take(&text, "path", t.path, sizeof t.path) ||
	    !take(&text, "length", length, sizeof length) ||
	    !take(&text, "sha-256", sha, sizeof sha) || !take(&text, "md5", md5, sizeof md5) ||
	    !take(&text, "fresh", fresh, sizeof fresh) || !pier_bytes_eq(text, "end\n"))
		return -EPROTO;
	t.length = strtoll(length, &end, 10);
	if (*end || t.length < -1 ||
	    !unhex(sha, t.promise.is.sha256, sizeof t.promise.is.sha256, &t.promise.has_sha256) ||
	    !unhex(md5, t.promise.is.md5, sizeof t.promise.is.md5, &t.promise.has_md5))
		return -EPROTO;
	t.fresh = *fresh == '1';
	*out = t;
	return 0;
}

void terms_id(const struct terms *t, char id[UPLOAD_ID + 1])
{
	char text[TERMS_MAX], hex[DIGEST_HEX_MAX];
	uint8_t sum[32];

	/* All that was agreed makes the id, so another promise is another upload. Without a digest two
	 * files of one name and length could not be told apart, and the id is a fresh one. */
	bool told = t->promise.has_sha256 && t->length >= 0;
	bool made = told ? EVP_Q_digest(NULL, "SHA256", NULL, text, terms_write(t, text), sum, NULL)
			 : RAND_bytes(sum, sizeof sum) == 1;
	if (!made)
		abort(); /* no random numbers, no SHA-256: not a machine to run on */
	digest_hex(sum, UPLOAD_ID / 2, hex);
	memcpy(id, hex, UPLOAD_ID + 1);
}
