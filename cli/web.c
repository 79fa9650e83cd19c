/* One web server, politely asked. */
#include "web.h"

#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "runes.h"

#define BACK_OFF_MAX PIER_S(30)
#define SAID_MAX     240 /* bytes shown of what a server says */

/* ---- The URL ------------------------------------------------------------------------------- */

static int complain(struct web *w, const char *what)
{
	snprintf(w->why, sizeof w->why, "%.200s: %s", w->text, what);
	return w->err = -PIER_EURL;
}

static int read_user(struct web *w)
{
	if (!w->url.user.p)
		return 0;
	if (pier_http_unescape(w->url.user, w->user, sizeof w->user) < 0)
		return complain(w, "the user in the URL is not well written");
	if (w->url.password.p &&
	    pier_http_unescape(w->url.password, w->password, sizeof w->password) < 0)
		return complain(w, "the password in the URL is not well written");
	return 0;
}

static int read_url(struct web *w)
{
	if (pier_http_url_parse(w->text, &w->url) < 0)
		return complain(w, "this is no http URL; write http://HOST[:PORT]/PATH");
	if (pier_name_ascii(w->url.host, w->host, sizeof w->host) < 0)
		return complain(w, "this is no host name");
	w->url.host = pier_text(w->host);
	return 0;
}

int web_init(struct web *w, const char *url, int64_t timeout)
{
	*w = (struct web){.timeout = timeout};
	int n = snprintf(w->text, sizeof w->text, "%s%s", strstr(url, "://") ? "" : "http://", url);

	if ((size_t)n >= sizeof w->text)
		return complain(w, "the URL is longer than 4 KiB");
	int err = read_url(w);
	return err < 0 ? err : read_user(w);
}

void web_close(struct web *w)
{
	pier_http_free(w->http);
	pier_close(w->conn);
	w->http = NULL;
	w->conn = NULL;
}

void web_done(struct web *w)
{
	web_close(w);
	explicit_bzero(w->password, sizeof w->password);
}

int web_drop(struct web *w, int err)
{
	if (pier_err(w->conn) < 0 && *pier_why(w->conn))
		snprintf(w->why, sizeof w->why, "%s", pier_why(w->conn));
	else
		snprintf(w->why, sizeof w->why, "%.*s port %u: %s", (int)w->url.host.len,
			 w->url.host.p, w->url.port, pier_strerror(err));
	/* What is left unread is worth nothing now; there is no reason to wait for it. */
	pier_http_free(w->http);
	pier_abort(w->conn);
	w->http = NULL;
	w->conn = NULL;
	return w->err = err;
}

/* ---- Requests ------------------------------------------------------------------------------ */

static bool bracketed(const struct web *w)
{
	return w->url.host.len && memchr(w->url.host.p, ':', w->url.host.len);
}

static int open_conn(struct web *w)
{
	char endpoint[WEB_URL_MAX];
	const char *left = bracketed(w) ? "[" : "", *right = bracketed(w) ? "]" : "";

	snprintf(endpoint, sizeof endpoint, "%s://%s%.*s%s:%u", w->url.tls ? "tls" : "tcp", left,
		 (int)w->url.host.len, w->url.host.p, right, w->url.port);
	w->conn = pier_dial(endpoint, .timeout = w->timeout, .idle = w->timeout);
	int err = pier_err(w->conn);
	if (err < 0) {
		web_drop(w, err);
		if (err != -PIER_EVERIFY && err != -PIER_ETLS) /* those have said what is wrong */
			explain_dial(endpoint, err, w->timeout, w->why);
		return err;
	}
	w->http = pier_http_new(w->conn);
	w->fresh = true;
	return w->http ? 0 : web_drop(w, -ENOMEM);
}

static void host_field(const struct web *w, char *into, size_t room)
{
	const char *left = bracketed(w) ? "[" : "", *right = bracketed(w) ? "]" : "";
	int n = snprintf(into, room, "%s%.*s%s", left, (int)w->url.host.len, w->url.host.p, right);

	if (w->url.port != (w->url.tls ? 443 : 80) && n > 0 && (size_t)n < room)
		snprintf(into + n, room - (size_t)n, ":%u", w->url.port);
}

static int send_head(struct web *w, const char *method, pier_bytes target, const char *fields,
		     int64_t body_len)
{
	char host[WEB_URL_MAX], all[WEB_FIELDS_MAX + 1024], basic[1024];

	int n = snprintf(all, sizeof all, "User-Agent: pier/" PIER_VERSION "\r\n%s", fields);
	if (*w->user && pier_http_basic_make(w->user, w->password, basic, sizeof basic) > 0)
		snprintf(all + n, sizeof all - (size_t)n, "Authorization: %s\r\n", basic);
	host_field(w, host, sizeof host);
	int err = pier_http_ask(w->http, method, target.p ? target : w->url.target, host, all,
				body_len);
	explicit_bzero(all, sizeof all);
	explicit_bzero(basic, sizeof basic);
	return err;
}

int web_ask(struct web *w, const char *method, pier_bytes target, const char *fields,
	    int64_t body_len)
{
	int err = -EPIPE;

	if (w->conn && !w->fresh)
		err = send_head(w, method, target, fields, body_len);
	if (err == 0)
		return 0;
	/* The server has closed it, or said that it would. */
	if (w->conn && !w->fresh)
		web_close(w);
	err = w->conn ? 0 : open_conn(w);
	if (err < 0)
		return err;
	err = send_head(w, method, target, fields, body_len);
	return err < 0 ? web_drop(w, err) : 0;
}

int web_answer(struct web *w, pier_http_head *head)
{
	int err = pier_http_answer(w->http, head, NULL, NULL);
	if (err < 0)
		return web_drop(w, err);
	w->fresh = false;
	w->met = true;
	return 0;
}

int web_fetch(struct web *w, const char *method, pier_bytes target, const char *fields,
	      pier_http_head *head)
{
	for (;;) {
		bool used = w->conn && !w->fresh;
		int err = web_ask(w, method, target, fields, -1);
		if (err == 0)
			err = web_answer(w, head);
		if (err == 0 || !used || !(pier_is_disconnect(err) || err == -EPIPE))
			return err;
	}
}

/* ---- What comes back ----------------------------------------------------------------------- */

/* RFC 3986 §5.2, as far as servers use it: whole URLs, //host/path, /path, and a name beside ours. */
static int resolve(const struct web *w, pier_bytes to, char *into, size_t room)
{
	const char *http = w->url.tls ? "https" : "http";
	char host[WEB_URL_MAX];
	int n;

	host_field(w, host, sizeof host);
	if (to.len && memmem(to.p, to.len, "://", 3)) {
		n = snprintf(into, room, "%.*s", (int)to.len, to.p);
	} else if (pier_bytes_starts(to, "//")) {
		n = snprintf(into, room, "%s:%.*s", http, (int)to.len, to.p);
	} else if (pier_bytes_starts(to, "/")) {
		n = snprintf(into, room, "%s://%s%.*s", http, host, (int)to.len, to.p);
	} else {
		size_t path = w->url.target.len;
		const char *query = memchr(w->url.target.p, '?', path);
		path = query ? (size_t)(query - w->url.target.p) : path;
		while (path && w->url.target.p[path - 1] != '/')
			path--;
		n = snprintf(into, room, "%s://%s%.*s%.*s", http, host, (int)path, w->url.target.p,
			     (int)to.len, to.p);
	}
	return n < 0 || (size_t)n >= room ? -EMSGSIZE : 0;
}

int web_follow(struct web *w, const pier_http_head *head)
{
	char next[WEB_URL_MAX], host[WEB_URL_MAX], new_host[WEB_URL_MAX];
	pier_bytes location = pier_http_get(head, "Location");

	if (!location.p || resolve(w, location, next, sizeof next) < 0)
		return complain(w, "the server sends us on, but does not say where");
	bool was_tls = w->url.tls;
	host_field(w, host, sizeof host);
	web_close(w);
	memcpy(w->text, next, sizeof next);
	int err = read_url(w);
	if (err < 0)
		return err;
	host_field(w, new_host, sizeof new_host);
	if (strcmp(host, new_host) != 0 || (was_tls && !w->url.tls))
		*w->user = *w->password = '\0';
	return 0;
}

bool web_may_pass(const struct web *w, int err)
{
	return w->met && (pier_is_disconnect(err) || err == -ETIMEDOUT || err == -ECONNREFUSED ||
			  err == -PIER_ENAMETEMP || err == -EHOSTUNREACH || err == -ENETUNREACH);
}

bool web_status_may_pass(int status)
{
	return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 ||
	       status == 503 || status == 504;
}

/* One line, without what would act on a terminal. */
static size_t clean(char *text, size_t len)
{
	size_t kept = 0;
	uint32_t code;

	for (size_t i = 0; i < len && text[i] != '\n' && text[i] != '\r';) {
		int n = rune_next(pier_bytes_of(text + i, len - i), &code);
		if (n <= 0)
			break;
		if (!rune_is_control(code)) {
			memmove(text + kept, text + i, (size_t)n);
			kept += (size_t)n;
		}
		i += (size_t)n;
	}
	text[kept] = '\0';
	return kept;
}

const char *web_refusal(struct web *w, const pier_http_head *head)
{
	char said[SAID_MAX + 1] = "";
	int status = head->status;
	bool plain = pier_bytes_starts(pier_http_get(head, "Content-Type"), "text/plain");
	size_t len = 0;

	while (plain && len < SAID_MAX) {
		ssize_t n = pier_http_read(w->http, said + len, SAID_MAX - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (clean(said, len) == 0)
		snprintf(said, sizeof said, "%s", pier_http_reason(status));
	snprintf(w->why, sizeof w->why, "%.*s port %u answers %d: %s", (int)w->url.host.len,
		 w->url.host.p, w->url.port, status, said);
	return w->why;
}

int web_exit_status(int http_status)
{
	switch (http_status) {
	case 401:
	case 403:
	case 407:
	case 429:
		return STATUS_REFUSED;
	case 408:
	case 504:
		return STATUS_TIMEOUT;
	case 412:
		return STATUS_EXPECT;
	default:
		return STATUS_OTHER;
	}
}

int web_back_off(unsigned attempt)
{
	int64_t wait = PIER_MS(500) << (attempt < 8 ? attempt : 8);
	return pier_sleep(wait < BACK_OFF_MAX ? wait : BACK_OFF_MAX);
}

int64_t web_number(const pier_http_head *head, const char *field)
{
	pier_bytes text = pier_http_get(head, field);
	int64_t n = 0;

	if (!text.p || text.len < 1 || text.len > 18)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -1;
		n = n * 10 + (text.p[i] - '0');
	}
	return n;
}
