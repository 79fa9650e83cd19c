/* Answers that any request can get. */
#include "visit.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 512
#define LINGER	 PIER_S(5)

void fields_add(struct fields *f, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(f->text + f->len, sizeof f->text - f->len, format, args);
	va_end(args);
	/* All that we put into a head has a maximum, and they fit together. */
	assert(n >= 0 && (size_t)n < sizeof f->text - f->len);
	f->len += (size_t)n;
}

int visit_say(struct visit *v, int status, const char *fields, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof text - 1, format, args);
	va_end(args);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof text - 2 ? (size_t)n : sizeof text - 2;
	text[len++] = '\n';
	return pier_http_reply(v->http, status, fields, "text/plain; charset=utf-8",
			       pier_bytes_of(text, len));
}

int visit_bare(struct visit *v, int status, const char *fields)
{
	return pier_http_reply(v->http, status, fields, NULL, (pier_bytes){0});
}

static const struct answer {
	int err, status;
	const char *text;
} answers[] = {
	{ENOENT, 404, "no such file"},
	{ENOTDIR, 404, "no such file: a part of the path is a file, not a folder"},
	{EXDEV, 403, "that link leads outside the shared folder"},
	{ELOOP, 403, "that link leads outside the shared folder"},
	{EACCES, 403, "the hub may not read or write that"},
	{EPERM, 403, "the hub may not read or write that"},
	{EINVAL, 403, "that is neither a file nor a folder"},
	{EISDIR, 409, "that name is a folder; choose another name"},
	{EEXIST, 409, "that name is taken"},
	{ENOTEMPTY, 409, "that folder is not empty"},
	{ENAMETOOLONG, 400, "the name is too long for the hub's disk"},
	{EFBIG, 413, "the file is larger than this hub takes"},
	{ENOSPC, 507, "the hub's disk is full; nothing was stored"},
	{EDQUOT, 507, "the hub's disk quota is used up; nothing was stored"},
	{EROFS, 507, "the hub's disk is read-only"},
	{ETIMEDOUT, 408, "the body stood still for too long"},
	{PIER_ETRUNCATED, 400, "the body ended before it was whole"},
	{PIER_EDIGEST, 400,
	 "the digest differs from the one you sent; nothing was stored, send it again"},
	{ECONNABORTED, 409, "another request goes on with this upload"},
	{EBUSY, 503, "the hub is busy; try again in a moment"},
	{EMFILE, 503, "the hub is busy; try again in a moment"},
	{ENFILE, 503, "the hub is busy; try again in a moment"},
	{ENOMEM, 503, "the hub is short of memory; try again in a moment"},
	{ECANCELED, 503, "the hub is stopping; try again in a moment"},
};

int visit_fail(struct visit *v, int err)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (answers[i].err == -err)
			return visit_say(v, answers[i].status,
					 answers[i].status == 503 ? "Retry-After: 5\r\n" : NULL,
					 "%s", answers[i].text);
	return visit_say(v, 500, NULL, "the hub could not do it: %s", pier_strerror(err));
}

int visit_fail_body(struct visit *v, int err)
{
	/* A time-out sticks to the conn, but the peer may still read why. */
	if (err == -ETIMEDOUT)
		pier_clear(v->conn);
	if (pier_err(v->conn) < 0)
		return err;
	pier_http_last(v->http);
	int sent = visit_fail(v, err);
	return sent < 0 ? sent : 0;
}

void visit_linger(struct visit *v)
{
	char scratch[32 << 10];
	/* Who waits for "100 Continue" and was not invited sends nothing. */
	bool comes = v->body == BODY_BEGUN ||
		     (v->body == BODY_UNREAD && !v->ask.expects_continue &&
		      (v->ask.chunked || v->ask.body_len > (int64_t)sizeof scratch));

	if (!comes)
		return;
	pier_http_last(v->http);
	pier_finish(v->conn);
	PIER_WITHIN (LINGER)
		while (pier_recv(v->conn, scratch, sizeof scratch) > 0)
			;
}

bool visit_is(const struct visit *v, const char *method)
{
	return pier_bytes_eq(v->ask.method, method);
}

/* A media type in Accept is found as it is written; q=0 is not worth the parser. */
bool visit_accepts(const struct visit *v, const char *type)
{
	pier_bytes accept = pier_http_get(&v->ask, "Accept");
	return accept.p && memmem(accept.p, accept.len, type, strlen(type));
}

pier_bytes visit_query_value(const struct visit *v, const char *word)
{
	pier_bytes rest = v->ask.query;
	size_t len = strlen(word);

	while (rest.len) {
		const char *amp = memchr(rest.p, '&', rest.len);
		size_t one = amp ? (size_t)(amp - rest.p) : rest.len;
		if (one >= len && memcmp(rest.p, word, len) == 0) {
			if (one == len)
				return pier_bytes_of(rest.p + len, 0);
			if (rest.p[len] == '=')
				return pier_bytes_of(rest.p + len + 1, one - len - 1);
		}
		rest.p += one + (amp ? 1 : 0);
		rest.len -= one + (amp ? 1 : 0);
	}
	return (pier_bytes){0};
}

bool visit_query(const struct visit *v, const char *word)
{
	return visit_query_value(v, word).p != NULL;
}

int visit_login(struct visit *v)
{
	char name[ACCOUNT_NAME_MAX + 1], password[PASSWORD_MAX + 1], host[PIER_ADDR_TEXT];
	int err = pier_http_basic(pier_http_get(&v->ask, "Authorization"), name, sizeof name,
				  password, sizeof password);
	if (err == 0) {
		pier_addr_host(pier_peer_addr(v->conn), host, sizeof host);
		err = accounts_check(v->hub->accounts, name, password, host, v->user);
	}
	explicit_bzero(password, sizeof password);

	switch (err) {
	case 0:
		return 1;
	case -EAGAIN:
		return visit_say(v, 429, "Retry-After: 60\r\n",
				 "too many failed logins; wait a minute");
	case -EBUSY:
	case -ENOMEM:
	case -ECANCELED:
		return visit_fail(v, err);
	default:
		/* RFC 7617 §2.1: names and passwords are UTF-8. */
		return visit_say(v, 401,
				 "WWW-Authenticate: Basic realm=\"pier\", charset=\"UTF-8\"\r\n",
				 "log in with a name and password of this hub (curl -u NAME …)");
	}
}
