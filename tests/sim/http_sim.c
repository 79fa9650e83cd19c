/* HTTP over a bad wire: each request is answered by its own answer, whole, over conns that are kept, also when several are
 * asked at once. */
#include "test.h"

#include <errno.h>
#include <pier.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 30000
#define REQUESTS 5

static char letter(long seed, size_t at)
{
	return (char)('a' + ((size_t)seed * 7 + at) % 26);
}

static void give(pier_http *h, long number, bool chunked)
{
	char body[BODY_MAX];
	size_t len = (size_t)number % BODY_MAX;
	for (size_t i = 0; i < len; i++)
		body[i] = letter(number, i);
	if (!chunked) {
		pier_http_reply(h, 200, NULL, "text/plain", (pier_bytes){body, len});
		return;
	}
	char mine[512];
	pier_http_start(h, 200, NULL, "text/plain", -1);
	for (size_t at = 0; at < len; at += sizeof mine) {
		size_t n = len - at < sizeof mine ? len - at : sizeof mine;
		for (size_t i = 0; i < n; i++)
			mine[i] = letter(number, at + i);
		pier_http_send(h, mine, n);
	}
	pier_http_end(h);
}

static void answer(pier_conn *c, void *arg)
{
	pier_http *h = pier_http_new(c);
	pier_http_head head;
	(void)arg;
	while (pier_http_next(h, &head) > 0) {
		char target[32];
		snprintf(target, sizeof target, "%.*s", (int)head.target.len, head.target.p);
		give(h, strtol(target + 2, NULL, 10), target[1] == 'c');
	}
	pier_http_free(h);
}

static int server(void)
{
	return pier_serve("tcp://:80", answer, .quiet = true);
}

static void ask(pier_sim *s, pier_http *h)
{
	char target[32], body[4096];
	pier_http_head head;
	long number = (long)pier_sim_chance(s, BODY_MAX);
	size_t len = 0;
	ssize_t n;
	snprintf(target, sizeof target, "/%c%ld", pier_sim_chance(s, 2) ? 'c' : 'l', number);
	CHECK_OK(pier_http_ask(h, "GET", pier_text(target), "srv", NULL, -1));
	CHECK_EQ(pier_http_answer(h, &head, NULL, NULL), 1);
	CHECK_EQ(head.status, 200);
	while ((n = pier_http_read(h, body, sizeof body)) > 0)
		for (ssize_t i = 0; i < n; i++)
			CHECK_EQ(body[i], letter(number, len++));
	CHECK_EQ(n, 0);
	CHECK_EQ(len, number);
}

static int client(void *arg)
{
	pier_sim *s = arg;
	PIER_AUTO *c = pier_dial("tcp://srv:80");
	CHECK_OK(pier_err(c));
	pier_http *h = pier_http_new(c);
	for (int i = 0; i < REQUESTS; i++)
		ask(s, h);
	pier_http_free(h);
	return 0;
}

static int many_requests(pier_sim *s)
{
	PIER_AUTO_GROUP all = PIER_GROUP;
	CHECK_OK(pier_sim_node(s, "srv", server));
	for (int i = 0; i < 3; i++)
		CHECK_OK(pier_go(&all, client, s));
	return pier_group_wait(&all);
}

TEST_WITHIN(100, each_request_has_its_own_answer_whole)
{
	CHECK_EQ(pier_sim_run(many_requests, .seeds = 200, .loss = 0.1, .delay = PIER_MS(50),
			      .partitions = 2),
		 0);
}

/* ---- Pipelined -------------------------------------------------------------------------------------- */

#define AT_ONCE 8

struct pipeline {
	pier_conn *conn;
	long numbers[AT_ONCE];
	bool chunked[AT_ONCE];
};

/* Each with a body that the server has to pass over, which may be sent in chunks itself. */
static int ask_all(void *arg)
{
	struct pipeline *p = arg;
	for (int i = 0; i < AT_ONCE; i++) {
		pier_printf(p->conn, "POST /%c%ld HTTP/1.1\r\nHost: srv\r\n",
			    p->chunked[i] ? 'c' : 'l', p->numbers[i]);
		if (i % 2)
			pier_printf(p->conn, "Content-Length: 5\r\n\r\nhello");
		else
			pier_printf(p->conn, "Transfer-Encoding: chunked\r\n\r\n"
					     "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n");
	}
	return 0;
}

static void read_body(pier_conn *c, const pier_http_head *head, long number)
{
	char byte;
	CHECK_EQ(head->body_len, number);
	for (long i = 0; i < number; i++) {
		CHECK_EQ(pier_recv(c, &byte, 1), 1);
		CHECK_EQ(byte, letter(number, (size_t)i));
	}
}

static void read_chunks(pier_conn *c, long number)
{
	char line[64], byte;
	long at = 0;
	for (;;) {
		CHECK(pier_gets(c, line, sizeof line) > 0);
		long len = strtol(line, NULL, 16);
		for (long i = 0; i < len; i++) {
			CHECK_EQ(pier_recv(c, &byte, 1), 1);
			CHECK_EQ(byte, letter(number, (size_t)at++));
		}
		CHECK(pier_gets(c, line, sizeof line) > 0);
		CHECK_STR(line, "");
		if (len == 0)
			break;
	}
	CHECK_EQ(at, number);
}

static void read_head(pier_conn *c, pier_http_head *head)
{
	ssize_t used;
	while ((used = pier_http_decode_response(pier_view(c), head)) == 0)
		CHECK(pier_fill(c) > 0);
	CHECK_OK(used);
	pier_spend(c, (size_t)used);
}

static int ask_at_once(pier_sim *s)
{
	struct pipeline p = {0};
	PIER_AUTO_GROUP asker = PIER_GROUP;
	CHECK_OK(pier_sim_node(s, "srv", server));
	PIER_AUTO *c = pier_dial("tcp://srv:80");
	p.conn = c;
	for (int i = 0; i < AT_ONCE; i++) {
		p.numbers[i] = (long)pier_sim_chance(s, 3000);
		p.chunked[i] = pier_sim_chance(s, 2);
	}
	CHECK_OK(pier_go(&asker, ask_all, &p));
	for (int i = 0; i < AT_ONCE; i++) {
		pier_http_head head;
		read_head(c, &head);
		CHECK_EQ(head.status, 200);
		CHECK_EQ(head.chunked, p.chunked[i]);
		CHECK(head.keep_alive);
		if (head.chunked)
			read_chunks(c, p.numbers[i]);
		else
			read_body(c, &head, p.numbers[i]);
	}
	return pier_group_wait(&asker);
}

TEST_WITHIN(100, what_is_asked_at_once_is_answered_in_that_order)
{
	CHECK_EQ(pier_sim_run(ask_at_once, .seeds = 200, .loss = 0.1, .delay = PIER_MS(20)), 0);
}
