/* What the two sides of a conversation share: the struct, heads coming in, heads going out, bodies.
 */
#ifndef HTTP_CONVERSATION_H
#define HTTP_CONVERSATION_H

#include "chunked.h"
#include "codec.h"

#include <pier/error.h>
#include <pier/http.h>

#define HTTP_SKIP_MAX                                                                              \
	(256 * 1024)	      /* bytes of a body nobody wants that are read to keep the conn       \
			       */
#define HTTP_OUT_MAX	 8192 /* bytes of a head that we send */
#define HTTP_INTERIM_MAX 32   /* interim answers before one final */

enum body {
	BODY_NONE = 0, /* none, or all of it is done */
	BODY_LENGTH,
	BODY_CHUNKED,
	BODY_TO_END, /* as long as the conn */
};

/* Between which messages we are. A client's ASKED waits for the answer, a server's gives it. */
enum turn {
	TURN_IDLE = 0,
	TURN_ASKED,
	TURN_ANSWERED
};

struct pier_http {
	pier_conn *conn;
	bool owns; /* the conn ends with the conversation */
	int err;   /* what ended it; sticks */
	enum turn turn;
	bool last; /* after this exchange we are done with the conn */
	bool gone; /* a client's: after this exchange the server is */
	bool head; /* the request is a HEAD: no body comes back */
	int minor; /* of the request */

	enum body in;
	int64_t in_left; /* BODY_LENGTH */
	struct chunks chunks;
	size_t held;	    /* bytes of the view that are done with: hold_last tells why */
	bool owes_continue; /* the client waits for our 100 before it sends the body */

	enum body out;
	int64_t out_left; /* BODY_LENGTH */
	bool out_begun;
};

/* A head on its way out, in the caller's memory. What does not fit makes it `full` for good. */
struct out {
	char *at;
	size_t len, room;
	bool full;
};

static inline void out_put(struct out *o, const char *p, size_t n)
{
	if (o->full || n > o->room - o->len) {
		o->full = true;
		return;
	}
	if (n > 0)
		memcpy(o->at + o->len, p, n);
	o->len += n;
}

static inline void out_text(struct out *o, const char *text)
{
	out_put(o, text, strlen(text));
}

void pier_http_out_number(struct out *o, int64_t n);
/* "Name: value CRLF" */
void pier_http_out_field(struct out *o, const char *name, const char *value);
void pier_http_out_length(struct out *o, int64_t len);

/* Waits for a head. Returns its bytes, which are still to be spent; 0 when the input ended before
 * the first of them; or an error. `no` is set when the decoder refused it, its status 0 otherwise. */
ssize_t pier_http_wait_head(pier_http *h, http_decoder *decode, pier_http_head *out,
			    struct refusal *no);

/* Spends a head of `taken` bytes, and prepares to read the body that it announced; or to send one. */
void pier_http_begin_in(pier_http *h, const pier_http_head *head, size_t taken);
void pier_http_begin_out(pier_http *h, enum body body, int64_t len);

/* Reads the rest of the body in, up to HTTP_SKIP_MAX bytes. Returns 1 when it is done, 0 when there
 * is more of it than that, or an error. */
int pier_http_skip(pier_http *h);

/* Makes the first error stick, and returns it. */
int pier_http_fail(pier_http *h, int err);

#endif
