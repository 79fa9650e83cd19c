/* Digest fields as text: RFC 9530, which writes them as dictionaries of RFC 9651. Pure. */
#include "digest.h"

#include <openssl/evp.h>
#include <stdio.h>

const char *digest_field(const struct digests *d, unsigned which, char into[DIGEST_FIELD_MAX])
{
	unsigned char sha[48], md5[28]; /* 44 and 24 letters of base64, and a NUL */
	int n = 0;

	if (which & DIGEST_SHA256) {
		EVP_EncodeBlock(sha, d->sha256, sizeof d->sha256);
		n = snprintf(into, DIGEST_FIELD_MAX, "sha-256=:%s:", (char *)sha);
	}
	if (which & DIGEST_MD5) {
		EVP_EncodeBlock(md5, d->md5, sizeof d->md5);
		snprintf(into + n, DIGEST_FIELD_MAX - (size_t)n, "%smd5=:%s:", n ? ", " : "",
			 (char *)md5);
	}
	return into;
}

/* Exactly `len` bytes of base64, padding and all. */
static bool decode(pier_bytes text, uint8_t *out, size_t len)
{
	unsigned char raw[48];
	size_t letters = (len + 2) / 3 * 4, padding = letters / 4 * 3 - len;

	if (text.len != letters || letters > 64)
		return false;
	for (size_t i = 0; i < letters; i++) /* EVP_DecodeBlock forgives white space; we do not */
		if ((text.p[i] == '=') != (i >= letters - padding) ||
		    (unsigned char)text.p[i] <= ' ')
			return false;
	if (EVP_DecodeBlock(raw, (unsigned char *)text.p, (int)letters) != (int)(len + padding))
		return false;
	memcpy(out, raw, len);
	return true;
}

static pier_bytes trim(pier_bytes b)
{
	while (b.len && (*b.p == ' ' || *b.p == '\t'))
		b.p++, b.len--;
	while (b.len && (b.p[b.len - 1] == ' ' || b.p[b.len - 1] == '\t'))
		b.len--;
	return b;
}

/* Takes the next member of a dictionary, "key" and "value"; a member without a value has p NULL there.
 * Inside the values we know there are no commas; in others' (strings) a comma starts a member
 * that no one knows, which is passed over. */
static bool next_member(pier_bytes *rest, pier_bytes *key, pier_bytes *value)
{
	*rest = trim(*rest);
	if (!rest->len)
		return false;

	const char *comma = memchr(rest->p, ',', rest->len);
	pier_bytes one = {rest->p, comma ? (size_t)(comma - rest->p) : rest->len};
	size_t used = one.len + (comma ? 1 : 0);
	rest->p += used;
	rest->len -= used;

	const char *equals = one.len ? memchr(one.p, '=', one.len) : NULL;
	*key = trim((pier_bytes){one.p, equals ? (size_t)(equals - one.p) : one.len});
	*value = (pier_bytes){0};
	if (equals)
		*value = trim(pier_bytes_of(equals + 1, one.len - (size_t)(equals + 1 - one.p)));
	return true;
}

/* A byte sequence, ":base64:", perhaps with parameters after it. RFC 9651 §3.3.5. */
static bool decode_sequence(pier_bytes value, uint8_t *out, size_t len)
{
	if (value.len < 2 || value.p[0] != ':')
		return false;
	const char *end = memchr(value.p + 1, ':', value.len - 1);
	if (!end || (end + 1 < value.p + value.len && end[1] != ';'))
		return false;
	return decode(pier_bytes_of(value.p + 1, (size_t)(end - value.p - 1)), out, len);
}

int promise_read(pier_bytes field, struct promise *p)
{
	struct promise read = *p;
	pier_bytes key, value;

	while (next_member(&field, &key, &value)) {
		if (pier_bytes_eq(key, "sha-256"))
			read.has_sha256 = true;
		else if (pier_bytes_eq(key, "md5"))
			read.has_md5 = true;
		else
			continue;
		bool sha = pier_bytes_eq(key, "sha-256");
		if (!decode_sequence(value, sha ? read.is.sha256 : read.is.md5, sha ? 32 : 16))
			return -EPROTO;
	}
	*p = read;
	return 0;
}

int promise_read_md5(pier_bytes field, struct promise *p)
{
	if (!field.p)
		return 0;
	if (!decode(trim(field), p->is.md5, sizeof p->is.md5))
		return -EPROTO;
	p->has_md5 = true;
	return 0;
}

int promise_check(const struct promise *p, const struct digests *came)
{
	if (p->has_sha256 && memcmp(p->is.sha256, came->sha256, sizeof came->sha256) != 0)
		return -PIER_EDIGEST;
	if (p->has_md5 && memcmp(p->is.md5, came->md5, sizeof came->md5) != 0)
		return -PIER_EDIGEST;
	return 0;
}

bool digest_wanted(pier_bytes field)
{
	pier_bytes key, value;

	/* The number is a preference from 0, "not wanted", to 10. */
	while (next_member(&field, &key, &value))
		if ((pier_bytes_eq(key, "sha-256") || pier_bytes_eq(key, "md5")) &&
		    !pier_bytes_eq(value, "0"))
			return true;
	return false;
}
