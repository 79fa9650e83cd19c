/* A conversation, from either side: heads are awaited, bodies read and written. The one loop that
 * joins waiting to parsing heads is wait_head. */
#include "conversation.h"

#include <stdlib.h>

pier_http *pier_http_new(pier_conn *c)
{
	pier_http *h = calloc(1, sizeof(*h));
	if (h)
		h->conn = c;
	return h;
}

void pier_http_free(pier_http *h)
{
	pier_conn *own = h && h->owns ? h->conn : NULL;

	free(h);
	pier_close(own);
}

pier_conn *pier_http_conn(pier_http *h)
{
	return h ? h->conn : NULL;
}

void pier_http_last(pier_http *h)
{
	if (h)
		h->last = true;
}

int pier_http_fail(pier_http *h, int err)
{
	if (h->err == 0)
		h->err = err;
	return h->err;
}

/* ---- Heads in ----------------------------------------------------------------------------------
 */

/* A head is read anew only when another line of it is whole, so that who sends it byte by byte
 * makes us work once per line and not once per byte. */
static bool is_worth_reading(pier_bytes view, size_t tried)
{
	return view.len > tried && (tried == 0 || view.len >= PIER_HTTP_HEAD_MAX ||
				    memchr(view.p + tried, '\n', view.len - tried));
}

ssize_t pier_http_wait_head(pier_http *h, http_decoder *decode, pier_http_head *out,
			    struct refusal *no)
{
	size_t tried = 0;

	no->status = 0;
	for (;;) {
		pier_bytes view = pier_view(h->conn);
		if (is_worth_reading(view, tried)) {
			ssize_t used = decode(view, out, no);
			if (used != 0)
				return used;
			tried = view.len;
		}
		ssize_t grown = pier_fill(h->conn);
		if (grown < 0)
			return grown;
		if (grown == 0)
			return view.len > 0 ? -PIER_ETRUNCATED : 0;
	}
}

/* ---- Bodies in ---------------------------------------------------------------------------------
 */

/* Spends `taken` bytes of the view; but while a chunked body lasts, the view's last byte stays in
 * it, held: an empty view means to pier_fill that we are between messages, where a stopping server
 * ends the input. */
static void hold_last(pier_http *h, size_t taken)
{
	h->held = h->in == BODY_CHUNKED && taken > 0 && taken == pier_view(h->conn).len;
	pier_spend(h->conn, taken - h->held);
}

void pier_http_begin_in(pier_http *h, const pier_http_head *head, size_t taken)
{
	h->in_left = head->body_len;
	h->chunks = (struct chunks){0};
	if (head->chunked)
		h->in = BODY_CHUNKED;
	else if (head->body_len < 0)
		h->in = BODY_TO_END;
	else
		h->in = head->body_len > 0 ? BODY_LENGTH : BODY_NONE;
	hold_last(h, taken);
}

/* RFC 9110 §10.1.1: a client that has begun to send needs no invitation, and one that has its answer gets
 * none. */
static int invite_body(pier_http *h)
{
	bool begun = pier_view(h->conn).len > h->held;

	h->owes_continue = false;
	return begun || h->turn == TURN_ANSWERED ? 0 : pier_http_inform(h, 100, NULL);
}

static ssize_t read_length(pier_http *h, void *into, size_t room)
{
	size_t want = (uint64_t)h->in_left < room ? (size_t)h->in_left : room;
	ssize_t got = pier_recv(h->conn, into, want);
	if (got <= 0)
		return got < 0 ? got : -PIER_ETRUNCATED;

	h->in_left -= got;
	if (h->in_left == 0)
		h->in = BODY_NONE;
	return got;
}

static ssize_t read_to_end(pier_http *h, void *into, size_t room)
{
	ssize_t got = pier_recv(h->conn, into, room);
	if (got == 0)
		h->in = BODY_NONE;
	return got;
}

/* Decodes what is in the view until `into` is full, the view is used up, or it breaks. Returns the
 * bytes of data; 0 when more is needed; or an error, once the data before it was given. */
static ssize_t take_chunks(pier_http *h, char *into, size_t room)
{
	pier_bytes view = pier_view(h->conn);
	size_t at = h->held, got = 0;
	ssize_t used = 1;

	while (h->chunks.at != CHUNK_DONE && got < room) {
		pier_bytes data, rest = pier_bytes_of(view.p + at, view.len - at);
		if (h->chunks.at == CHUNK_DATA && rest.len > room - got)
			rest.len = room - got;
		used = pier_http_take_chunk(&h->chunks, rest, &data);
		if (used <= 0)
			break;
		if (data.len > 0)
			memcpy(into + got, data.p, data.len);
		got += data.len;
		at += (size_t)used;
	}
	if (h->chunks.at == CHUNK_DONE)
		h->in = BODY_NONE;
	hold_last(h, at);
	return used < 0 && got == 0 ? used : (ssize_t)got;
}

static ssize_t read_chunked(pier_http *h, void *into, size_t room)
{
	for (;;) {
		ssize_t got = take_chunks(h, into, room);
		if (got != 0 || h->in == BODY_NONE)
			return got;
		ssize_t grown = pier_fill(h->conn);
		if (grown <= 0)
			return grown < 0 ? grown : -PIER_ETRUNCATED;
	}
}

ssize_t pier_http_read(pier_http *h, void *into, size_t room)
{
	if (!h)
		return -ENOMEM;
	if (h->err < 0 || h->in == BODY_NONE)
		return h->err;
	if (room == 0)
		return -EINVAL;

	ssize_t got = h->owes_continue ? invite_body(h) : 0;
	if (got == 0 && h->in == BODY_LENGTH)
		got = read_length(h, into, room);
	else if (got == 0 && h->in == BODY_CHUNKED)
		got = read_chunked(h, into, room);
	else if (got == 0)
		got = read_to_end(h, into, room);
	if (got == -EPROTO)
		h->last = true; /* the body's end is lost; an answer can still be given */
	else if (got < 0)
		pier_http_fail(h, (int)got);
	return got;
}

int pier_http_skip(pier_http *h)
{
	char scratch[4096];
	size_t skipped = 0;

	while (h->in != BODY_NONE) {
		if (skipped > HTTP_SKIP_MAX || (h->in == BODY_LENGTH && h->in_left > HTTP_SKIP_MAX))
			return 0;
		ssize_t got = pier_http_read(h, scratch, sizeof(scratch));
		if (got < 0)
			return (int)got;
		skipped += (size_t)got;
	}
	return 1;
}

/* ---- Heads and bodies out ----------------------------------------------------------------------
 */

void pier_http_out_number(struct out *o, int64_t n)
{
	char digits[20], *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	out_put(o, at, (size_t)(digits + sizeof(digits) - at));
}

void pier_http_out_field(struct out *o, const char *name, const char *value)
{
	out_text(o, name);
	out_text(o, ": ");
	out_text(o, value);
	out_text(o, "\r\n");
}

void pier_http_out_length(struct out *o, int64_t len)
{
	out_text(o, "Content-Length: ");
	pier_http_out_number(o, len);
	out_text(o, "\r\n");
}

void pier_http_begin_out(pier_http *h, enum body body, int64_t len)
{
	h->out = body;
	h->out_left = len;
	h->out_begun = false;
}

/* "5 CRLF hello CRLF", in one piece when it is small. */
static ssize_t send_chunk(pier_http *h, const char *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	char piece[4096], size[18];
	size_t at = sizeof(size) - 2;

	memcpy(size + at, "\r\n", 2);
	for (size_t left = n; left > 0; left /= 16)
		size[--at] = hex[left % 16];
	struct out o = {.at = piece, .room = sizeof(piece)};
	out_put(&o, size + at, sizeof(size) - at);
	out_put(&o, p, n);
	out_text(&o, "\r\n");
	if (!o.full)
		return pier_send(h->conn, piece, o.len);

	ssize_t sent = pier_send(h->conn, size + at, sizeof(size) - at);
	if (sent >= 0)
		sent = pier_send(h->conn, p, n);
	return sent < 0 ? sent : pier_send(h->conn, "\r\n", 2);
}

ssize_t pier_http_send(pier_http *h, const void *p, size_t n)
{
	if (!h)
		return -ENOMEM;
	if (h->err < 0)
		return h->err;
	if (n == 0 || h->out == BODY_NONE) /* what a HEAD's answer would hold goes nowhere */
		return (ssize_t)n;
	if (h->out == BODY_LENGTH && n > (uint64_t)h->out_left)
		return -EMSGSIZE;

	ssize_t sent = h->out == BODY_CHUNKED ? send_chunk(h, p, n) : pier_send(h->conn, p, n);
	if (sent < 0)
		return pier_http_fail(h, (int)sent);
	h->out_begun = true;
	h->out_left -= h->out == BODY_LENGTH ? (int64_t)n : 0;
	return (ssize_t)n;
}

int pier_http_end(pier_http *h)
{
	if (!h)
		return -ENOMEM;
	if (h->err < 0 || h->out != BODY_CHUNKED)
		return h->err;

	h->out = BODY_NONE;
	ssize_t sent = pier_send(h->conn, "0\r\n\r\n", 5);
	return sent < 0 ? pier_http_fail(h, (int)sent) : 0;
}
