/* Conversations over a pair: what both http tests stand on. */
#ifndef HTTP_TALK_H
#define HTTP_TALK_H

#include "test.h"

#include <pier/conn.h>
#include <pier/fiber.h>
#include <pier/http.h>
#include <pier/server.h>
#include <pier/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST	  "Host: h\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

#define POST(length, body) "POST / HTTP/1.1\r\n" HOST "Content-Length: " length "\r\n\r\n" body
#define POST_CHUNKED(body) "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n" body
#define OK_HEAD(length)	   "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n"

/* ---- The server's side, heard as bytes ----------------------------------------------------------- */

typedef void answerer(pier_http *h, const pier_http_head *head);

/* What one conversation came to. */
struct heard {
	char text[300000]; /* all that the server sent, without its Date lines */
	size_t len;
	int end;      /* what the last pier_http_next returned */
	int requests; /* how many came before */
};

/* Takes the Date lines out: they are the only part that differs from run to run. */
static inline void drop_dates(struct heard *heard)
{
	char *at, *end;

	while ((at = strstr(heard->text, "Date: ")) && (end = strstr(at, "\r\n"))) {
		CHECK_EQ(end - at, 6 + 29);
		memmove(at, end + 2, strlen(end + 2) + 1);
	}
}

static inline void hear_all(pier_conn *c, struct heard *heard)
{
	ssize_t got;

	while ((got = pier_recv(c, heard->text + heard->len,
				sizeof(heard->text) - 1 - heard->len)) > 0)
		heard->len += (size_t)got;
	heard->text[heard->len] = '\0';
	drop_dates(heard);
}

static inline void serve_on(pier_conn *c, answerer *answer, struct heard *heard)
{
	pier_http *h = pier_http_new(c);
	pier_http_head head;

	while ((heard->end = pier_http_next(h, &head)) > 0) {
		heard->requests++;
		answer(h, &head);
	}
	CHECK_EQ(pier_http_next(h, &head), heard->end); /* over is over */
	pier_http_free(h);
}

static inline void answer_path(pier_http *h, const pier_http_head *head)
{
	CHECK_OK(pier_http_reply(h, 200, NULL, "text/plain", head->path));
}

/* Answers with the body that came, or with the error of reading it. */
static inline void answer_body(pier_http *h, const pier_http_head *head)
{
	static char body[200000];
	size_t len = 0;
	ssize_t got;

	(void)head;
	while ((got = pier_http_read(h, body + len, 7)) > 0)
		len += (size_t)got;
	if (got == 0)
		CHECK_EQ(pier_http_read(h, body, 1), 0);
	if (got == -EPROTO)
		CHECK_OK(pier_http_reply(h, 400, NULL, NULL, pier_text("no body")));
	else if (got == 0)
		CHECK_OK(pier_http_reply(h, 200, NULL, NULL, pier_bytes_of(body, len)));
	else
		CHECK_EQ(pier_http_reply(h, 200, NULL, NULL, pier_text("")), got);
}

#define ANSWER(path) "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n" path

/* ---- Both sides, on fibers --------------------------------------------------------------------- */

/* Our client or bare bytes on one end, our server on the other. */
struct talk {
	pier_conn *client, *server;
	answerer *answer;
	int (*speak)(struct talk *t);
	struct heard heard; /* of the server: its end and count; the text is the client's to fill */
};

static inline int serve_fiber(void *arg)
{
	struct talk *t = arg;

	serve_on(t->server, t->answer, &t->heard);
	pier_close(t->server);
	return 0;
}

static inline int speak_fiber(void *arg)
{
	struct talk *t = arg;

	CHECK_OK(t->speak(t));
	pier_close(t->client);
	return 0;
}

static inline int both_fibers(void *arg)
{
	struct talk *t = arg;
	PIER_AUTO_GROUP both = PIER_GROUP;

	CHECK_OK(pier_go(&both, serve_fiber, t));
	CHECK_OK(pier_go(&both, speak_fiber, t));
	return pier_group_wait(&both);
}

static inline struct heard *talk_within(int64_t server_idle, int (*speak)(struct talk *t),
					answerer *answer)
{
	static struct talk t;
	pier_conn *ends[2];

	CHECK_OK(pier_pair(ends));
	t = (struct talk){.client = ends[0], .server = ends[1], .answer = answer, .speak = speak};
	pier_set_timeouts(t.server, server_idle, 0);
	CHECK_OK(pier_run(both_fibers, &t));
	return &t.heard;
}

static inline struct heard *talk(int (*speak)(struct talk *t), answerer *answer)
{
	return talk_within(0, speak, answer);
}

#endif
