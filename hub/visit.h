/* One request at the HTTP door, and the ways to answer it. What a function here or in files.h returns:
 * 0 = answered, and the conn may go on; below 0 = the conn is of no use any more. */
#ifndef HUB_VISIT_H
#define HUB_VISIT_H

#include "accounts.h"
#include "conditions.h"
#include "digest.h"
#include "hub.h"
#include "target.h"

#define BODY_IDLE  PIER_S(60) /* a body that stands still for this long is given up */
#define BODY_FLOOR 64	      /* bytes a second that it must keep up on average */

struct visit {
	struct hub *hub;
	pier_conn *conn;
	pier_http *http;
	pier_http_head ask;   /* good until the body is read */
	struct target target; /* what it is about, unless it is an upload's own resource */
	char user[ACCOUNT_NAME_MAX + 1]; /* who asks, once visit_login said 1 */
	enum {
		BODY_UNREAD,
		BODY_BEGUN,
		BODY_WHOLE
	} body;
};

/* Further lines of an answer's head. */
struct fields {
	size_t len;
	char text[4 * TARGET_MAX];
};
void fields_add(struct fields *f, const char *format, ...) PIER_PRINTF(2, 3);

/* Answers with a line of plain text. */
int visit_say(struct visit *v, int status, const char *fields, const char *format, ...)
	PIER_PRINTF(4, 5);

/* Answers with what an error of files or of the body means: 403, 404, 408, 409, 413, 503, 507 … */
int visit_fail(struct visit *v, int err);

/* The same when the body could not be taken whole: what is left of it is not waited for. */
int visit_fail_body(struct visit *v, int err);

/* After an answer to a body that is still on its way: ends our side, and reads on for a moment, so that the
 * peer reads the answer instead of a reset. RFC 9112 §9.6. */
void visit_linger(struct visit *v);

/* Answers without a body. */
int visit_bare(struct visit *v, int status, const char *fields);

/* Who is it? Returns 1 with v->user set, or 0 when 401, 429 or 503 has been answered, or an error. */
int visit_login(struct visit *v);

/* True for HEAD; for a list in a field that has this word; for "?word" in the query. */
bool visit_is(const struct visit *v, const char *method);
bool visit_accepts(const struct visit *v, const char *type);
bool visit_query(const struct visit *v, const char *word);
/* The value of "word=…" in the query; p is NULL when absent. */
pier_bytes visit_query_value(const struct visit *v, const char *word);

#endif
