/* A proxy: its URL, and which of the two languages it speaks. */
#include "proxy.h"

#include "base/cursor.h"

#include <pier/error.h>
#include <pier/names.h>
#include <string.h>
#include <strings.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 §2.1. */
static int decode_word(pier_bytes in, char out[PROXY_WORD_MAX + 1])
{
	size_t len = 0;
	for (size_t i = 0; i < in.len; i++) {
		int c = (unsigned char)in.p[i];
		if (c == '%') {
			int high = i + 2 < in.len ? hex(in.p[i + 1]) : -1;
			int low = high >= 0 ? hex(in.p[i + 2]) : -1;
			if (low < 0)
				return -PIER_EURL;
			c = high << 4 | low;
			i += 2;
		}
		if (c == 0 || len == PROXY_WORD_MAX)
			return -PIER_EURL;
		out[len++] = (char)c;
	}
	out[len] = '\0';
	return 0;
}

static int read_user(pier_bytes info, struct proxy *p)
{
	struct cursor whole = {.rest = info};
	pier_bytes user = take_until(&whole, ':');
	if (whole.bad) /* no password */
		return decode_word(info, p->user);
	int err = decode_word(user, p->user);
	return err < 0 ? err : decode_word(whole.rest, p->password);
}

static const struct {
	const char *word;
	enum proxy_kind kind;
} kinds[] = {
	{"socks5://", PROXY_SOCKS5},
	{"socks5h://", PROXY_SOCKS5},
	{"http://", PROXY_CONNECT},
};

int pier_proxy_parse(const char *url, struct proxy *out)
{
	struct proxy p = {0};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !p.kind; i++) {
		size_t len = strlen(kinds[i].word);
		if (strncasecmp(url, kinds[i].word, len) == 0) {
			p.kind = kinds[i].kind;
			url += len;
		}
	}
	if (!p.kind)
		return -PIER_EURL;
	const char *at = strrchr(url, '@');
	int err = at ? read_user(pier_bytes_of(url, (size_t)(at - url)), &p) : 0;
	if (err == 0)
		err = pier_endpoint_parse(at ? at + 1 : url, &p.at);
	if (err == 0 && p.at.scheme != PIER_TCP)
		err = -PIER_EURL;
	if (err == 0)
		*out = p;
	explicit_bzero(&p, sizeof p);
	return err;
}

int pier_proxy_connect(pier_conn *c, const struct proxy *p, const pier_endpoint *to, char *words,
		       size_t room)
{
	char name[PIER_NAME_MAX];
	pier_endpoint known = *to;

	words[0] = '\0';
	if (to->host.len == 0 || pier_name_ascii(to->host, name, sizeof name) < 0)
		return -PIER_EURL;
	known.host = pier_text(name);
	return p->kind == PROXY_SOCKS5 ? pier_proxy_socks(c, p, &known, words, room)
				       : pier_proxy_http(c, p, &known, words, room);
}
