/* Heads:
 *
 *	GET /a%20b?x=1 HTTP/1.1 CRLF        HTTP/1.1 200 OK CRLF
 *	Host: localhost CRLF                Content-Length: 5 CRLF
 *	CRLF                                CRLF
 *
 * A head that two readers can understand in two ways is how requests are smuggled past a proxy, so
 * there is no leniency here that the RFC does not demand. */
#include "codec.h"
#include "chars.h"

struct lines {
	pier_bytes rest;
	bool strict; /* only CR LF ends a line */
};

/* Takes the next line, without its end. Returns 1, 0 when the end has not come, or -EPROTO. What
 * has come of a line is looked at before its end has: whoever speaks TLS to us is told at once. */
static int take_line(struct lines *l, pier_bytes *line, struct refusal *no)
{
	char *end = l->rest.len ? memchr(l->rest.p, '\n', l->rest.len) : NULL;
	size_t len = end ? (size_t)(end - l->rest.p) : l->rest.len;
	bool cr = len > 0 && l->rest.p[len - 1] == '\r';

	*line = pier_bytes_of(l->rest.p, len - cr);
	if (!end)
		return pier_http_is_text(*line)
			       ? 0
			       : refuse(no, -EPROTO, 400, "this is not HTTP: a control character");
	if (!cr && l->strict)
		return refuse(no, -EPROTO, 400, "lines must end in CR LF (with nc: nc -C)");
	l->rest = pier_bytes_of(end + 1, l->rest.len - len - 1);
	return 1;
}

/* Takes what stands before the next blank; p is NULL when there is none. */
static pier_bytes take_word(pier_bytes *line)
{
	char *blank = line->len ? memchr(line->p, ' ', line->len) : NULL;
	if (!blank)
		return (pier_bytes){0};

	pier_bytes word = pier_bytes_of(line->p, (size_t)(blank - line->p));
	*line = pier_bytes_of(blank + 1, line->len - word.len - 1);
	return word;
}

/* "HTTP/1.1", upper case and one digit each: RFC 9112 §2.3. */
static int read_version(pier_bytes text, int *minor, struct refusal *no)
{
	if (text.len != 8 || memcmp(text.p, "HTTP/", 5) != 0 || !is_digit(text.p[5]) ||
	    text.p[6] != '.' || !is_digit(text.p[7]))
		return refuse(no, -EPROTO, 400, "the first line must end in HTTP/1.1");
	if (text.p[5] != '1')
		return refuse(no, -EPROTO, 505, "only HTTP/1.1 and 1.0 are spoken here");

	*minor = text.p[7] - '0';
	return 0;
}

/* Splits the target's path from its query. RFC 9112 §3.2:
 *	/path?query                 origin-form, the usual one
 *	http://host/path?query      absolute-form, which a server must accept
 *	*                           asterisk-form, OPTIONS only
 *	host:port                   authority-form, CONNECT only: we are no proxy */
static int read_target(pier_http_head *h, struct refusal *no)
{
	pier_bytes path = h->target;

	if (pier_bytes_eq(h->method, "CONNECT"))
		return refuse(no, -EPROTO, 501, "CONNECT is for proxies");
	if (!chars_are(path, CHAR_TARGET))
		return refuse(no, -EPROTO, 400, "the target holds what no URL can");
	if (path.len > 7 && strncasecmp(path.p, "http://", 7) == 0) {
		char *at = path.p + 7, *end = path.p + path.len;
		while (at < end && *at != '/' && *at != '?')
			at++;
		if (!chars_are(pier_bytes_of(path.p + 7, (size_t)(at - path.p) - 7), CHAR_HOST))
			return refuse(no, -EPROTO, 400, "the target's host is malformed");
		path = pier_bytes_of(at, (size_t)(end - at));
	} else if (*path.p != '/' &&
		   !(path.len == 1 && *path.p == '*' && pier_bytes_eq(h->method, "OPTIONS"))) {
		return refuse(no, -EPROTO, 400, "the target must begin with /");
	}

	char *mark = path.len ? memchr(path.p, '?', path.len) : NULL;
	if (mark) {
		h->query = pier_bytes_of(mark + 1, path.len - (size_t)(mark - path.p) - 1);
		path.len = (size_t)(mark - path.p);
	}
	h->path = path.len ? path : pier_text("/");
	return 0;
}

static int read_request_line(pier_bytes line, pier_http_head *h, struct refusal *no)
{
	h->method = take_word(&line);
	h->target = take_word(&line);
	if (!h->target.p || !chars_are(h->method, CHAR_TOKEN))
		return refuse(no, -EPROTO, 400, "the first line must be: GET /path HTTP/1.1");

	int err = read_version(line, &h->minor, no);
	return err < 0 ? err : read_target(h, no);
}

/* The reason may be missing, with or without the blank before it: many servers leave it out. */
static int read_status_line(pier_bytes line, pier_http_head *h, struct refusal *no)
{
	if (line.len < 12 || line.p[8] != ' ' || (line.len > 12 && line.p[12] != ' '))
		return refuse(no, -EPROTO, 502, "malformed status line");

	int err = read_version(pier_bytes_of(line.p, 8), &h->minor, no);
	if (err < 0)
		return err;

	const char *d = line.p + 9;
	if (d[0] < '1' || d[0] > '9' || !is_digit(d[1]) || !is_digit(d[2]))
		return refuse(no, -EPROTO, 502, "malformed status");
	h->status = (d[0] - '0') * 100 + (d[1] - '0') * 10 + (d[2] - '0');
	h->reason = line.len > 13 ? pier_bytes_of(line.p + 13, line.len - 13) : pier_text("");
	return pier_http_is_text(h->reason)
		       ? 0
		       : refuse(no, -EPROTO, 502, "control character in the reason");
}

int pier_http_read_field(pier_bytes line, pier_http_field *out, struct refusal *no)
{
	char *colon = line.len ? memchr(line.p, ':', line.len) : NULL;
	if (!colon)
		return refuse(no, -EPROTO, 400, "a header line lacks its colon");

	pier_bytes name = pier_bytes_of(line.p, (size_t)(colon - line.p));
	pier_bytes value = pier_bytes_of(colon + 1, line.len - name.len - 1);
	if (!chars_are(name,
		       CHAR_TOKEN)) /* a blank before the colon, or a folded line: §5.1, §5.2 */
		return refuse(no, -EPROTO, 400, "a header name is malformed");
	if (!pier_http_is_text(value))
		return refuse(no, -EPROTO, 400, "control character in a header");

	*out = (pier_http_field){name, pier_http_trim(value)};
	return 0;
}

/* Reads field lines up to the empty line that ends the head. */
static int read_fields(struct lines *l, pier_http_head *h, struct refusal *no)
{
	pier_bytes line;

	for (;;) {
		int got = take_line(l, &line, no);
		if (got <= 0 || line.len == 0)
			return got;
		if (h->field_count == PIER_HTTP_FIELDS_MAX)
			return refuse(no, -EMSGSIZE, 431, "too many header lines");
		int err = pier_http_read_field(line, &h->fields[h->field_count], no);
		if (err < 0)
			return err;
		h->field_count++;
	}
}

/* Only what is in use: most of the 64 fields never are. */
static void copy_head(pier_http_head *to, const pier_http_head *from)
{
	memcpy(to, from, offsetof(pier_http_head, fields));
	memcpy(to->fields, from->fields, from->field_count * sizeof(from->fields[0]));
}

typedef int first_line(pier_bytes line, pier_http_head *h, struct refusal *no);

/* Returns the bytes up to the end of the head, 0, or an error, with no length or conn rules
 * applied. */
static ssize_t read_head(pier_bytes in, first_line *read_first, pier_http_head *h,
			 struct refusal *no)
{
	bool request = read_first == read_request_line, whole = in.len < PIER_HTTP_HEAD_MAX;
	struct lines l = {pier_bytes_of(in.p, whole ? in.len : PIER_HTTP_HEAD_MAX), request};
	pier_bytes line;

	memset(h, 0, offsetof(pier_http_head, fields));
	int got = take_line(&l, &line, no);
	if (got > 0 && line.len == 0 &&
	    request) /* one empty line before it is no harm: RFC 9112 §2.2 */
		got = take_line(&l, &line, no);
	if (got == 0 && !whole)
		return refuse(no, -EMSGSIZE, 414, "the first line is too long");
	if (got <= 0)
		return got;

	int err = read_first(line, h, no);
	if (err < 0)
		return err;
	got = read_fields(&l, h, no);
	if (got == 0 && !whole)
		return refuse(no, -EMSGSIZE, 431, "the head is too long");
	return got <= 0 ? got : (ssize_t)(l.rest.p - in.p);
}

ssize_t pier_http_read_request(pier_bytes in, pier_http_head *out, struct refusal *no)
{
	pier_http_head h;
	ssize_t used = read_head(in, read_request_line, &h, no);
	if (used <= 0)
		return used;

	int err = pier_http_frame_request(&h, no);
	if (err < 0)
		return err;
	copy_head(out, &h);
	return used;
}

/* A response may end its lines by LF alone: RFC 9112 §2.2 allows it, small devices do it, and
 * nobody stands behind a client to be deceived. */
ssize_t pier_http_read_response(pier_bytes in, pier_http_head *out, struct refusal *no)
{
	pier_http_head h;
	ssize_t used = read_head(in, read_status_line, &h, no);
	if (used <= 0)
		return used;

	int err = pier_http_frame_response(&h, no);
	if (err < 0)
		return err;
	copy_head(out, &h);
	return used;
}

ssize_t pier_http_decode_request(pier_bytes in, pier_http_head *out)
{
	struct refusal unused;
	return pier_http_read_request(in, out, &unused);
}

ssize_t pier_http_decode_response(pier_bytes in, pier_http_head *out)
{
	struct refusal unused;
	return pier_http_read_response(in, out, &unused);
}

pier_bytes pier_http_get(const pier_http_head *head, const char *name)
{
	for (unsigned i = 0; i < head->field_count; i++)
		if (pier_http_same(head->fields[i].name, name))
			return head->fields[i].value;
	return (pier_bytes){0};
}

bool pier_http_fields_sound(const char *fields)
{
	struct lines l = {pier_text(fields), true};
	struct refusal unused;
	pier_http_field field;
	pier_bytes line;

	while (l.rest.len > 0)
		if (take_line(&l, &line, &unused) <= 0 ||
		    pier_http_read_field(line, &field, &unused) < 0)
			return false;
	return true;
}
