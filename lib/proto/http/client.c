/* The client's side: one request, then its answer. */
#include "chars.h"
#include "conversation.h"

/* Brings the conn from the last exchange to the start of the next. */
static int finish_exchange(pier_http *h)
{
	if (h->turn == TURN_IDLE)
		return 0;
	if (h->turn == TURN_ASKED)
		return -EBUSY; /* its answer has not been read */
	int whole = h->gone ? 0 : pier_http_skip(h);
	return whole < 0 ? whole : whole == 0 ? -EPIPE : 0;
}

static bool is_sound(const char *method, pier_bytes target, const char *host, const char *fields)
{
	return chars_are(pier_text(method), CHAR_TOKEN) && strcmp(method, "CONNECT") != 0 &&
	       chars_are(target, CHAR_TARGET) &&
	       (!*host || chars_are(pier_text(host), CHAR_HOST)) &&
	       (!fields || pier_http_fields_sound(fields));
}

static void put_request_line(struct out *o, const char *method, pier_bytes target)
{
	out_text(o, method);
	out_text(o, *target.p == '?' ? " /" : " "); /* http://host?query has an empty path */
	out_put(o, target.p, target.len);
	out_text(o, " HTTP/1.1\r\n");
}

int pier_http_ask(pier_http *h, const char *method, pier_bytes target, const char *host,
		  const char *fields, int64_t body_len)
{
	char head[HTTP_OUT_MAX];
	struct out o = {.at = head, .room = sizeof(head)};

	if (!h)
		return -ENOMEM;
	if (h->err < 0)
		return h->err;
	if (body_len < -2 || !is_sound(method, target, host, fields))
		return -EINVAL;

	put_request_line(&o, method, target);
	pier_http_out_field(&o, "Host", host);
	if (h->last)
		pier_http_out_field(&o, "Connection", "close");
	if (fields)
		out_text(&o, fields);
	if (body_len >= 0)
		pier_http_out_length(&o, body_len);
	if (body_len == -2)
		pier_http_out_field(&o, "Transfer-Encoding", "chunked");
	out_text(&o, "\r\n");
	if (o.full)
		return -EMSGSIZE;

	int err = finish_exchange(h);
	if (err < 0)
		return err;
	h->turn = TURN_ASKED;
	h->head = strcmp(method, "HEAD") == 0;
	h->minor = 1;
	pier_http_begin_out(h,
			    body_len == -2 ? BODY_CHUNKED
			    : body_len > 0 ? BODY_LENGTH
					   : BODY_NONE,
			    body_len);
	ssize_t sent = pier_send(h->conn, o.at, o.len);
	return sent < 0 ? pier_http_fail(h, (int)sent) : 0;
}

/* Waits for one head, interim or final. Returns its bytes, or an error. */
static ssize_t wait_answer(pier_http *h, pier_http_head *out)
{
	struct refusal no;
	ssize_t got = pier_http_wait_head(h, pier_http_read_response, out, &no);

	if (got > 0)
		return got;
	return pier_http_fail(h, got < 0 ? (int)got : -PIER_ETRUNCATED);
}

/* The head's fields are views; those of a HEAD's answer tell of a body that does not come. */
static void begin_answer(pier_http *h, pier_http_head *head, size_t taken)
{
	if (h->head) {
		head->chunked = false;
		head->body_len = 0;
	}
	h->turn = TURN_ANSWERED;
	h->gone = h->last || !head->keep_alive || head->status == 101;
	pier_http_begin_in(h, head, taken);
}

int pier_http_answer(pier_http *h, pier_http_head *out,
		     void (*on_interim)(const pier_http_head *, void *), void *arg)
{
	if (!h)
		return -ENOMEM;
	if (h->err < 0)
		return h->err;
	if (h->turn != TURN_ASKED)
		return -EINVAL;

	for (int interim = 0; interim <= HTTP_INTERIM_MAX; interim++) {
		ssize_t got = wait_answer(h, out);
		if (got < 0)
			return (int)got;
		if (out->status >= 200 || out->status == 101) {
			begin_answer(h, out, (size_t)got);
			return 1;
		}
		pier_spend(h->conn, (size_t)got);
		if (on_interim)
			on_interim(out, arg);
	}
	return pier_http_fail(h, -EPROTO); /* interim answers without end */
}
