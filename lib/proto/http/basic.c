/* Basic authentication: "Basic " and the base64 of "user:password". RFC 7617, RFC 4648 §4. */
#include "base/base64.h"
#include "chars.h"

#include <pier/error.h>
#include <pier/http.h>

#define CREDENTIALS_MAX 768 /* bytes of "user:password" */

/* Wipes what held a password, by any return. */
struct credentials {
	char text[CREDENTIALS_MAX];
	size_t len;
};
static void wipe(struct credentials *c)
{
	explicit_bzero(c, sizeof(*c));
}
#define SECRET PIER_CLEANUP(wipe) struct credentials

/* 0-63, or -1. */
static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four letters to three bytes, or to two or one where '=' pads. Returns the count or -EPROTO; the
 * bits that padding leaves over must be 0, so that one text has one encoding. */
static int decode_four(const char *in, char *out)
{
	int count = in[3] != '=' ? 3 : in[2] != '=' ? 2 : 1;
	unsigned bits = 0;

	for (int i = 0; i < 4; i++) {
		int value = i <= count ? value_of(in[i]) : 0;
		if (value < 0)
			return -EPROTO;
		bits = bits << 6 | (unsigned)value;
	}
	if (count < 3 && (bits & (count == 2 ? 0xffu : 0xffffu)))
		return -EPROTO;
	for (int i = 0; i < count; i++)
		out[i] = (char)(bits >> (16 - 8 * i));
	return count;
}

static int decode(pier_bytes in, struct credentials *out)
{
	out->len = 0;
	if (in.len % 4 != 0)
		return -EPROTO;
	if (in.len / 4 * 3 > sizeof(out->text))
		return -EMSGSIZE;
	for (size_t i = 0; i < in.len; i += 4) {
		int count = decode_four(in.p + i, out->text + out->len);
		if (count < 0 || (count < 3 && i + 4 < in.len))
			return -EPROTO;
		out->len += (size_t)count;
	}
	return 0;
}

static void copy_text(pier_bytes from, char *to)
{
	if (from.len > 0)
		memcpy(to, from.p, from.len);
	to[from.len] = '\0';
}

/* RFC 7617 §2: neither part may hold control characters; so there is no NUL either. */
static bool is_clean(pier_bytes b)
{
	return pier_http_is_text(b) && !(b.len > 0 && memchr(b.p, '\t', b.len));
}

int pier_http_basic(pier_bytes authorization, char *user, size_t user_room, char *password,
		    size_t password_room)
{
	if (authorization.len < 6 || !pier_http_same(pier_bytes_of(authorization.p, 6), "basic "))
		return -ENOENT;

	SECRET c;
	int err = decode(pier_http_trim(pier_bytes_of(authorization.p + 6, authorization.len - 6)),
			 &c);
	if (err < 0)
		return err;

	char *colon = memchr(c.text, ':', c.len); /* the first: a password may hold more */
	if (!colon)
		return -EPROTO;
	pier_bytes name = pier_bytes_of(c.text, (size_t)(colon - c.text));
	pier_bytes secret = pier_bytes_of(colon + 1, c.len - name.len - 1);
	if (!is_clean(name) || !is_clean(secret))
		return -EPROTO;
	if (name.len >= user_room || secret.len >= password_room)
		return -EMSGSIZE;

	copy_text(name, user);
	copy_text(secret, password);
	return 0;
}

ssize_t pier_http_basic_make(const char *user, const char *password, char *into, size_t room)
{
	size_t user_len = strlen(user), password_len = strlen(password);
	SECRET c = {.len = 0};

	if (strchr(user, ':') || !is_clean(pier_text(user)) || !is_clean(pier_text(password)))
		return -EINVAL;
	if (user_len >= sizeof(c.text) || password_len > sizeof(c.text) - user_len - 1)
		return -EMSGSIZE;
	c.len = user_len + 1 + password_len;
	size_t len = 6 + BASE64_LEN(c.len);
	if (len >= room)
		return -EMSGSIZE;

	memcpy(c.text, user, user_len);
	c.text[user_len] = ':';
	memcpy(c.text + user_len + 1, password, password_len);
	memcpy(into, "Basic ", 6);
	base64_encode(c.text, c.len, into + 6);
	return (ssize_t)len;
}
