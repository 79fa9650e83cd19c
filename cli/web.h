/* Requests to one web server, on one conn as long as it lasts. */
#ifndef CLI_WEB_H
#define CLI_WEB_H

#include <pier.h>

#include "command.h"

#define WEB_URL_MAX    4096
#define WEB_REDIRECTS  10
#define WEB_FIELDS_MAX 2048

struct web {
	char text[WEB_URL_MAX];	  /* the URL; `url` points into it */
	char host[PIER_NAME_MAX]; /* … but for its host, which is here as DNS has it */
	pier_http_url url;
	char user[256], password[256]; /* decoded; "" when there are none */
	int64_t timeout;	       /* ns that a connect, or a wait for bytes, may take */
	pier_conn *conn;
	pier_http *http;
	bool fresh;	   /* the conn has carried no answer yet */
	bool met;	   /* the server has answered once */
	int err;	   /* why the last request failed, 0 or below */
	char why[WHY_MAX]; /* the same as a sentence */
};

/* Reads a URL; without a scheme it is http. Nothing is sent yet. Returns 0 or -PIER_EURL with w->why
 * set: also for https, which is not spoken. */
int web_init(struct web *w, const char *url, int64_t timeout);
void web_done(struct web *w);

/* Sends a request, on the open conn when there is one, else on a new one, with "Authorization" when a
 * user is known; `target` p NULL is the URL's own. The body follows by pier_http_send or sendfile.
 * Returns 0 or an error. */
int web_ask(struct web *w, const char *method, pier_bytes target, const char *fields,
	    int64_t body_len);

/* Waits for the answer. Returns 0, or an error with the conn dropped. */
int web_answer(struct web *w, pier_http_head *head);

/* Both, for requests without a body: when the open conn turns out to be closed by the server, asks once
 * more on a new one (RFC 9112 §9.3.1). */
int web_fetch(struct web *w, const char *method, pier_bytes target, const char *fields,
	      pier_http_head *head);

/* Closes the conn well; the next request opens another. */
void web_close(struct web *w);

/* Remembers why the conn failed, and closes it. Returns `err`. */
int web_drop(struct web *w, int err);

/* Goes where the Location of a 3xx says; a user and password stay with their own server. Returns 0, or
 * -PIER_EURL with w->why set. */
int web_follow(struct web *w, const pier_http_head *head);

/* True when asking again later may help. Errors: once the server has answered, a cut, a time-out, a server
 * that is away while it starts anew; before that they are told at once. Answers: 408, 425, 429, 500, 502,
 * 503, 504. */
bool web_may_pass(const struct web *w, int err);
bool web_status_may_pass(int status);

/* The sentence for a status that is no success: what the server says in a line of plain text, else the
 * usual words. Reads a little of the body. Returns w->why. */
const char *web_refusal(struct web *w, const pier_http_head *head);

/* The status of the command for such an answer, or for an error. */
int web_exit_status(int http_status);

/* Waits before the n-th further attempt: 0.5 s, 1 s, 2 s … 30 s. Returns 0 or an error. */
int web_back_off(unsigned attempt);

/* The number of a Content-Length, an Upload-Offset, a Retry-After; -1 when there is none. */
int64_t web_number(const pier_http_head *head, const char *field);

#endif
