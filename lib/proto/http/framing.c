/* How long a message is and whether the conn lives on: RFC 9112 §6 and §9.3. Here, and only here,
 * is where the end of one message and the start of the next is decided. */
#include "chars.h"
#include "codec.h"

/* The fields that matter, as they stood. */
struct control {
	pier_bytes length, coding, host;
	unsigned lengths, codings, hosts;
	bool close, keep_alive;
	bool expects_continue, expects_other;
};

static void note_connection(struct control *c, pier_bytes list)
{
	for (pier_bytes member; pier_http_take_member(&list, &member);) {
		c->close |= pier_http_same(member, "close");
		c->keep_alive |= pier_http_same(member, "keep-alive");
	}
}

static void note_expect(struct control *c, pier_bytes list)
{
	for (pier_bytes member; pier_http_take_member(&list, &member);)
		if (pier_http_same(member, "100-continue"))
			c->expects_continue = true;
		else if (member.len > 0)
			c->expects_other = true;
}

static void note(struct control *c, const pier_http_field *f)
{
	switch (f->name.len) { /* most fields are none of these, and are passed over by their length
				*/
	case 4:
		if (pier_http_same(f->name, "host"))
			c->host = f->value, c->hosts++;
		break;
	case 6:
		if (pier_http_same(f->name, "expect"))
			note_expect(c, f->value);
		break;
	case 10:
		if (pier_http_same(f->name, "connection"))
			note_connection(c, f->value);
		break;
	case 14:
		if (pier_http_same(f->name, "content-length"))
			c->length = f->value, c->lengths++;
		break;
	case 17:
		if (pier_http_same(f->name, "transfer-encoding"))
			c->coding = f->value, c->codings++;
		break;
	}
}

static struct control control_of(const pier_http_head *h)
{
	struct control c = {0};

	for (unsigned i = 0; i < h->field_count; i++)
		note(&c, &h->fields[i]);
	return c;
}

/* "chunked" and nothing else. Other codings before it could be undone by somebody, so they are
 * unimplemented (501); without it at the end the length is anybody's guess (400): RFC 9112 §6.1,
 * §6.3. */
static int check_coding(const struct control *c, int minor, struct refusal *no)
{
	pier_bytes list = c->coding, member = {0};
	unsigned members = 0;

	if (c->lengths > 0)
		return refuse(no, -EPROTO, 400, "both Content-Length and Transfer-Encoding");
	if (minor == 0)
		return refuse(no, -EPROTO, 400, "HTTP/1.0 has no Transfer-Encoding");
	if (c->codings == 1 && pier_http_same(list, "chunked"))
		return 0;
	for (bool chunked = false; pier_http_take_member(&list, &member); members++) {
		if (chunked)
			return refuse(no, -EPROTO, 400, "chunked must be the last coding, once");
		chunked = pier_http_same(member, "chunked");
	}
	if (c->codings > 1 || members < 2 || !pier_http_same(member, "chunked"))
		return refuse(no, -EPROTO, 400, "Transfer-Encoding must be: chunked");
	return refuse(no, -EPROTO, 501, "no transfer coding but chunked is spoken here");
}

/* Even two equal lengths are refused: RFC 9112 §6.3 allows it, and no honest sender writes them. */
static int check_length(const struct control *c, int64_t *out, struct refusal *no)
{
	if (c->lengths > 1)
		return refuse(no, -EPROTO, 400, "more than one Content-Length");
	switch (pier_http_number(c->length, out)) {
	case 0:
		return 0;
	case -ERANGE:
		return refuse(no, -EPROTO, 413, "nothing is that long");
	default:
		return refuse(no, -EPROTO, 400, "Content-Length must be a number");
	}
}

/* Sets body_len and chunked from whichever of the two is there; body_len stays as it is without. */
static int frame_body(pier_http_head *h, const struct control *c, struct refusal *no)
{
	if (c->codings > 0) {
		int err = check_coding(c, h->minor, no);
		if (err < 0)
			return err;
		h->chunked = true;
		h->body_len = -1;
		return 0;
	}
	return c->lengths > 0 ? check_length(c, &h->body_len, no) : 0;
}

/* RFC 9112 §9.3: 1.1 stays open unless told, 1.0 closes unless told. */
static bool lives_on(const pier_http_head *h, const struct control *c)
{
	return !c->close && (h->minor > 0 || c->keep_alive);
}

/* RFC 9112 §3.2: a 1.1 request has one Host, which may be empty; nobody has two. */
static int check_host(const pier_http_head *h, const struct control *c, struct refusal *no)
{
	if (c->hosts > 1 || (c->hosts == 0 && h->minor > 0))
		return refuse(no, -EPROTO, 400, "one Host header is needed");
	if (c->host.len > 0 && !chars_are(c->host, CHAR_HOST))
		return refuse(no, -EPROTO, 400, "the Host header is malformed");
	return 0;
}

int pier_http_frame_request(pier_http_head *h, struct refusal *no)
{
	struct control c = control_of(h);
	int err = check_host(h, &c, no);

	if (err == 0)
		err = frame_body(h, &c, no);
	if (err < 0)
		return err;
	if (c.expects_other && h->minor > 0)
		return refuse(no, -EPROTO, 417, "no expectation but 100-continue is known here");

	h->keep_alive = lives_on(h, &c);
	h->expects_continue = c.expects_continue && h->minor > 0 && h->body_len != 0;
	return 0;
}

/* 1xx, 204 and 304 have no body whatever their fields say; a HEAD's answer has none either, but
 * that only the client knows. Without any length the body lasts as long as the conn. RFC 9112 §6.3.
 */
int pier_http_frame_response(pier_http_head *h, struct refusal *no)
{
	struct control c = control_of(h);

	h->body_len = -1;
	int err = frame_body(h, &c, no);
	if (err < 0)
		return err;
	if (h->status < 200 || h->status == 204 || h->status == 304) {
		h->body_len = 0;
		h->chunked = false;
	}
	h->keep_alive = lives_on(h, &c) && (h->body_len >= 0 || h->chunked);
	return 0;
}
