/* The server's side: requests in, answers out. */
#include "chars.h"
#include "conversation.h"

#include <pier/fiber.h>
#include <pier/time.h>
#include <stdio.h>

#define REFUSAL_WAIT PIER_S(1) /* for telling a client why it is let go */

/* ---- Answers -----------------------------------------------------------------------------------
 */

/* RFC 9110 §6.4.1: these have no body, and RFC 9110 §8.6: no length. */
static bool has_no_body(int status)
{
	return status < 200 || status == 204 || status == 304;
}

static void put_status_line(struct out *o, int status)
{
	out_text(o, "HTTP/1.1 ");
	pier_http_out_number(o, status);
	out_text(o, " ");
	out_text(o, pier_http_reason(status));
	out_text(o, "\r\n");
}

static void put_date(struct out *o)
{
	char date[PIER_HTTP_DATE];
	pier_http_out_field(o, "Date", pier_http_date(pier_wall() / PIER_S(1), date));
}

/* 1.1 lives on unless told, 1.0 closes unless told: RFC 9112 §9.3. */
static void put_connection(struct out *o, const pier_http *h)
{
	if (h->last)
		pier_http_out_field(o, "Connection", "close");
	else if (h->minor == 0)
		pier_http_out_field(o, "Connection", "keep-alive");
}

/* A body in that will not be read to its end makes this answer the last one. After a final answer a
 * client that waits for 100 may send its body or not, and we could not tell which. */
static bool leaves_too_much(const pier_http *h)
{
	return h->in != BODY_NONE &&
	       (h->owes_continue || (h->in == BODY_LENGTH && h->in_left > HTTP_SKIP_MAX));
}

static bool is_sound(const char *fields, const char *type)
{
	return (!fields || pier_http_fields_sound(fields)) &&
	       (!type || pier_http_is_text(pier_text(type)));
}

/* Writes the head of a final answer; len -1 is a body of unknown length. Returns 0 or an error,
 * with nothing sent. */
static int write_head(pier_http *h, struct out *o, int status, const char *fields, const char *type,
		      int64_t len)
{
	if (h->turn != TURN_ASKED || status < 200 || status > 599 || !is_sound(fields, type))
		return -EINVAL;

	bool chunked = len < 0 && h->minor > 0;
	h->last |= leaves_too_much(h) || (len < 0 && !chunked && !has_no_body(status));
	put_status_line(o, status);
	put_date(o);
	put_connection(o, h);
	if (fields)
		out_text(o, fields);
	if (type)
		pier_http_out_field(o, "Content-Type", type);
	if (!has_no_body(status) && len >= 0)
		pier_http_out_length(o, len);
	if (!has_no_body(status) && chunked)
		pier_http_out_field(o, "Transfer-Encoding", "chunked");
	out_text(o, "\r\n");
	return o->full ? -EMSGSIZE : 0;
}

/* Sends a head that is written: from here on the request is answered. */
static int send_head(pier_http *h, const struct out *o)
{
	h->turn = TURN_ANSWERED;
	ssize_t sent = pier_send(h->conn, o->at, o->len);
	return sent < 0 ? pier_http_fail(h, (int)sent) : 0;
}

int pier_http_reply(pier_http *h, int status, const char *fields, const char *type, pier_bytes body)
{
	char head[HTTP_OUT_MAX];
	struct out o = {.at = head, .room = sizeof(head)};

	if (!h)
		return -ENOMEM;
	if (h->err < 0)
		return h->err;
	int err = write_head(h, &o, status, fields, type, (int64_t)body.len);
	if (err < 0)
		return err;

	bool silent = h->head || has_no_body(status);
	pier_http_begin_out(h, BODY_NONE, 0);
	if (!silent && body.len <= o.room - o.len) { /* one segment for a small answer */
		out_put(&o, body.p, body.len);
		return send_head(h, &o);
	}
	err = send_head(h, &o);
	if (err < 0 || silent)
		return err;
	ssize_t sent = pier_send(h->conn, body.p, body.len);
	return sent < 0 ? pier_http_fail(h, (int)sent) : 0;
}

static enum body body_of(const pier_http *h, int status, int64_t len)
{
	if (h->head || has_no_body(status) || len == 0)
		return BODY_NONE;
	if (len > 0)
		return BODY_LENGTH;
	return h->minor > 0 ? BODY_CHUNKED : BODY_TO_END;
}

int pier_http_start(pier_http *h, int status, const char *fields, const char *type, int64_t len)
{
	char head[HTTP_OUT_MAX];
	struct out o = {.at = head, .room = sizeof(head)};

	if (!h)
		return -ENOMEM;
	if (h->err < 0)
		return h->err;
	int err = write_head(h, &o, status, fields, type, len);
	if (err < 0)
		return err;
	pier_http_begin_out(h, body_of(h, status, len), len);
	return send_head(h, &o);
}

/* A 1.0 client would take it for the final answer, so it gets none: RFC 9110 §15.2. */
int pier_http_inform(pier_http *h, int status, const char *fields)
{
	char head[HTTP_OUT_MAX];
	struct out o = {.at = head, .room = sizeof(head)};

	if (!h)
		return -ENOMEM;
	if (h->err < 0)
		return h->err;
	if (h->turn != TURN_ASKED || status < 100 || status > 199 || !is_sound(fields, NULL))
		return -EINVAL;
	if (h->minor == 0)
		return 0;

	put_status_line(&o, status);
	if (fields)
		out_text(&o, fields);
	out_text(&o, "\r\n");
	if (o.full)
		return -EMSGSIZE;
	if (status == 100)
		h->owes_continue = false;
	ssize_t sent = pier_send(h->conn, o.at, o.len);
	return sent < 0 ? pier_http_fail(h, (int)sent) : 0;
}

/* ---- Requests ----------------------------------------------------------------------------------
 */

/* Tells a client why it is let go. Its fault must not hold us, nor a deadline that has passed
 * already. */
static void answer_refusal(pier_http *h, struct refusal no)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "%d %s: %s\n", no.status,
			   pier_http_reason(no.status), no.why);

	h->turn = TURN_ASKED;
	h->last = true;
	h->head = false;
	h->minor = 1;
	h->in = BODY_NONE;
	PIER_SHIELD (REFUSAL_WAIT)
		pier_http_reply(h, no.status, NULL, "text/plain; charset=utf-8",
				pier_bytes_of(text, (size_t)len));
}

/* No request came of it. Half a head that never grew whole is worth a word (408); silence is not.
 */
static int end_without_request(pier_http *h, int err, struct refusal no)
{
	if (no.status > 0) {
		answer_refusal(h, no);
	} else if (err == -ETIMEDOUT && pier_view(h->conn).len > 0) {
		pier_clear(h->conn);
		answer_refusal(h, (struct refusal){408, "the request did not come whole in time"});
	}
	return pier_http_fail(h, err);
}

/* Brings the conn from the last exchange to the start of the next. Returns 1, 0 when it ends here,
 * or an error. */
static int finish_exchange(pier_http *h)
{
	if (h->turn == TURN_IDLE)
		return 1;
	if (h->turn ==
	    TURN_ASKED) { /* the handler never answered: say so, rather than hang the client */
		h->last = true;
		return pier_http_reply(h, 500, NULL, NULL, pier_text(""));
	}
	if (h->out == BODY_CHUNKED || (h->out == BODY_LENGTH && h->out_begun && h->out_left > 0))
		h->last = true; /* its body stopped short, and the only way left to say so is to
				   close */
	return h->last ? 0 : pier_http_skip(h);
}

static void begin_exchange(pier_http *h, const pier_http_head *head, size_t taken)
{
	h->turn = TURN_ASKED;
	h->last = !head->keep_alive;
	h->head = pier_bytes_eq(head->method, "HEAD");
	h->minor = head->minor;
	h->owes_continue = head->expects_continue;
	pier_http_begin_in(h, head, taken);
	pier_http_begin_out(h, BODY_NONE, 0);
}

int pier_http_next(pier_http *h, pier_http_head *out)
{
	struct refusal no;

	if (!h)
		return -ENOMEM;
	if (h->err < 0)
		return h->err;
	int ready = finish_exchange(h);
	if (ready <= 0) {
		h->last = true;
		h->turn = TURN_ANSWERED;
		return ready < 0 ? pier_http_fail(h, ready) : 0;
	}

	h->turn = TURN_IDLE;
	ssize_t got = pier_http_wait_head(h, pier_http_read_request, out, &no);
	if (got < 0)
		return end_without_request(h, (int)got, no);
	if (got == 0) {
		h->last = true;
		h->turn = TURN_ANSWERED;
		return 0;
	}
	begin_exchange(h, out, (size_t)got);
	return 1;
}
