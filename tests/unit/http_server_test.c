/* The server's side: what it answers, byte for byte, and when a conn ends. */
#include "http_talk.h"

/* Says all of it, ends, serves, and hears what came back. */
static struct heard *converse(pier_bytes said, answerer *answer)
{
	static struct heard heard;
	pier_conn *ends[2];

	heard = (struct heard){0};
	CHECK_OK(pier_pair(ends));
	CHECK_EQ(pier_send(ends[0], said.p, said.len), said.len);
	CHECK_OK(pier_finish(ends[0]));
	serve_on(ends[1], answer, &heard);
	pier_close(ends[1]);
	hear_all(ends[0], &heard);
	pier_close(ends[0]);
	return &heard;
}

static struct heard *say(const char *said, answerer *answer)
{
	return converse(pier_text(said), answer);
}

TEST(pipelined_requests_are_answered_in_order)
{
	struct heard *heard = say(GET("/a") GET("/b"), answer_path);

	CHECK_STR(heard->text, ANSWER("/a") ANSWER("/b"));
	CHECK_EQ(heard->end, 0);
}

TEST(a_head_request_gets_the_length_and_no_body)
{
	struct heard *heard = say("HEAD /a HTTP/1.1\r\n" HOST "\r\n", answer_path);
	CHECK_STR(heard->text, ANSWER(""));
}

TEST(a_conn_ends_after_the_answer_when_the_request_says_so)
{
	struct heard *heard =
		say("GET /a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n" GET("/b"), answer_path);
	CHECK_EQ(heard->requests, 1);
	CHECK(strstr(heard->text, "\r\nConnection: close\r\n"));

	heard = say("GET /a HTTP/1.0\r\n\r\n" GET("/b"), answer_path);
	CHECK_EQ(heard->requests, 1);
	heard = say("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET("/b"), answer_path);
	CHECK_EQ(heard->requests, 2);
	CHECK(strstr(heard->text, "\r\nConnection: keep-alive\r\n"));
}

static void answer_last(pier_http *h, const pier_http_head *head)
{
	pier_http_last(h);
	answer_path(h, head);
}

TEST(a_conn_ends_after_the_answer_when_the_handler_says_so)
{
	struct heard *heard = say(GET("/a") GET("/b"), answer_last);
	CHECK_EQ(heard->requests, 1);
	CHECK(strstr(heard->text, "\r\nConnection: close\r\n"));
}

static void answer_nothing_new(pier_http *h, const pier_http_head *head)
{
	CHECK_OK(pier_http_reply(h, head->path.len == 2 ? 304 : 204, "ETag: \"x\"\r\n", NULL,
				 pier_text("not sent")));
}

TEST(an_answer_that_has_no_body_has_no_length)
{
	struct heard *heard = say(GET("/a") GET("/abc"), answer_nothing_new);
	CHECK_STR(heard->text, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"
			       "HTTP/1.1 204 No Content\r\nETag: \"x\"\r\n\r\n");
}

/* ---- Bodies in --------------------------------------------------------------------------------- */

TEST(a_body_is_read_to_its_end_and_not_beyond)
{
	struct heard *heard =
		say(POST("11", "hello world") POST("0", "") POST("1", "x"), answer_body);
	CHECK_STR(heard->text, OK_HEAD("11") "hello world" OK_HEAD("0") OK_HEAD("1") "x");
}

TEST(a_chunked_body_is_read_to_its_end_and_not_beyond)
{
	struct heard *heard = say(POST_CHUNKED("5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: x\r\n\r\n")
					  POST_CHUNKED("0\r\n\r\n") POST("1", "x"),
				  answer_body);
	CHECK_STR(heard->text, OK_HEAD("11") "hello world" OK_HEAD("0") OK_HEAD("1") "x");
}

TEST(a_body_nobody_read_is_skipped)
{
	struct heard *heard = say("POST /a HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nxyz"
				  "POST /b HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
				  "3\r\nxyz\r\n0\r\n\r\n" GET("/a"),
				  answer_path);
	CHECK_EQ(heard->requests, 3);
	CHECK_STR(heard->text, ANSWER("/a") ANSWER("/b") ANSWER("/a"));
}

TEST(a_body_too_long_to_skip_ends_the_conn_and_the_answer_says_so)
{
	struct heard *heard = say(POST("262145", "x"), answer_path);
	CHECK_EQ(heard->requests, 1);
	CHECK_EQ(heard->end, 0);
	CHECK(strstr(heard->text, "\r\nConnection: close\r\n"));
}

TEST(a_body_or_a_head_cut_short_is_no_request)
{
	CHECK_EQ(say("", answer_body)->end, 0);
	CHECK_EQ(say("GET / HT", answer_body)->end, -PIER_ETRUNCATED);
	CHECK_EQ(say(POST("3", "xy"), answer_body)->end, -PIER_ETRUNCATED);
	CHECK_EQ(say(POST_CHUNKED("3\r\nxyz"), answer_body)->end, -PIER_ETRUNCATED);
	CHECK_EQ(say(POST_CHUNKED("3\r\nxyz\r\n"), answer_body)->end, -PIER_ETRUNCATED);
	CHECK_EQ(say(POST_CHUNKED("3\r\nxyz\r\n0\r\n"), answer_body)->end, -PIER_ETRUNCATED);
	CHECK_EQ(say(GET("/a") "G", answer_path)->end, -PIER_ETRUNCATED);
}

TEST(a_body_of_broken_chunks_can_be_answered_and_ends_the_conn)
{
	struct heard *heard = say(POST_CHUNKED("3\r\nxyzGET / HTTP/1.1\r\n\r\n"), answer_body);
	CHECK_EQ(heard->requests, 1);
	CHECK_EQ(heard->end, 0);
	CHECK(strstr(heard->text, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"));
}

/* ---- Refusals ---------------------------------------------------------------------------------- */

static void check_refused(const char *said, const char *status, int end)
{
	struct heard *heard = say(said, answer_path);
	CHECK_EQ(heard->requests, 0);
	CHECK_EQ(heard->end, end);
	if (strncmp(heard->text + 9, status, 3) != 0 ||
	    !strstr(heard->text, "\r\nConnection: close\r\n"))
		test_fail(__FILE__, __LINE__, "not %s: %s", status, heard->text);
}

TEST(a_malformed_head_is_answered_and_ends_the_conversation)
{
	check_refused("hello\r\n", "400", -EPROTO);
	check_refused("GET / HTTP/1.1\r\n\r\n" GET("/a"), "400", -EPROTO);
	check_refused("GET / HTTP/2.0\r\n\r\n", "505", -EPROTO);
	check_refused("CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n", "501", -EPROTO);
	check_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: br, chunked\r\n\r\n", "501",
		      -EPROTO);
	check_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n",
		      "413", -EPROTO);
	check_refused("GET / HTTP/1.1\r\n" HOST "Expect: a-miracle\r\n\r\n", "417", -EPROTO);
	CHECK_STR(say("GET /\n\n", answer_path)->text,
		  "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; "
		  "charset=utf-8\r\nContent-Length: 58\r\n\r\n"
		  "400 Bad Request: lines must end in CR LF (with nc: nc -C)\n");
}

TEST(a_head_or_a_first_line_over_its_limit_is_answered)
{
	static char text[PIER_HTTP_HEAD_MAX + 100];

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "GET /", 5);
	check_refused(text, "414", -EMSGSIZE);
	memcpy(text, "GET / HTTP/1.1\r\nA: ", 19);
	check_refused(text, "431", -EMSGSIZE);
}

static void answer_never(pier_http *h, const pier_http_head *head)
{
	(void)h, (void)head;
}

TEST(a_request_that_the_handler_forgets_is_answered_with_500)
{
	struct heard *heard = say(GET("/a") GET("/b"), answer_never);
	CHECK_EQ(heard->requests, 1);
	CHECK_STR(heard->text, "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n"
			       "Content-Length: 0\r\n\r\n");
}

/* ---- Bodies out -------------------------------------------------------------------------------- */

static void answer_in_chunks(pier_http *h, const pier_http_head *head)
{
	(void)head;
	CHECK_OK(pier_http_start(h, 200, NULL, NULL, -1));
	CHECK_EQ(pier_http_send(h, "hello", 5), 5);
	CHECK_EQ(pier_http_send(h, "", 0), 0); /* which would end the body */
	CHECK_EQ(pier_http_send(h, "01234567890123456", 17), 17);
	CHECK_OK(pier_http_end(h));
}

TEST(a_body_of_unknown_length_is_chunked_or_for_1_0_ends_with_the_conn)
{
	CHECK_STR(say(GET("/a"), answer_in_chunks)->text,
		  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "5\r\nhello\r\n11\r\n01234567890123456\r\n0\r\n\r\n");
	CHECK_STR(say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET("/"), answer_in_chunks)
			  ->text,
		  "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello01234567890123456");
	CHECK_STR(say("HEAD / HTTP/1.1\r\n" HOST "\r\n", answer_in_chunks)->text,
		  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static void answer_half_a_chunked(pier_http *h, const pier_http_head *head)
{
	(void)head;
	CHECK_OK(pier_http_start(h, 200, NULL, NULL, -1));
	CHECK_EQ(pier_http_send(h, "hello", 5), 5);
}

static void answer_half_a_length(pier_http *h, const pier_http_head *head)
{
	(void)head;
	CHECK_OK(pier_http_start(h, 200, NULL, NULL, 10));
	CHECK_EQ(pier_http_send(h, "hello", 5), 5);
	CHECK_EQ(pier_http_send(h, "123456", 6), -EMSGSIZE);
}

TEST(an_answer_that_stopped_short_is_not_made_to_look_whole)
{
	struct heard *heard = say(GET("/a") GET("/b"), answer_half_a_chunked);
	CHECK_EQ(heard->requests, 1);
	CHECK(!strstr(heard->text, "\r\n0\r\n"));
	heard = say(GET("/a") GET("/b"), answer_half_a_length);
	CHECK_EQ(heard->requests, 1);
	CHECK_STR(heard->text, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
}

static char large[100000];

static void answer_large(pier_http *h, const pier_http_head *head)
{
	(void)head;
	memset(large, 'x', sizeof(large) - 1);
	CHECK_OK(pier_http_reply(h, 200, NULL, NULL, pier_text(large)));
}

TEST(a_large_body_goes_whole)
{
	struct heard *heard = say(GET("/a"), answer_large);
	size_t head = strlen(OK_HEAD("99999"));

	CHECK_EQ(memcmp(heard->text, OK_HEAD("99999"), head), 0);
	CHECK_STR(heard->text + head, large);
}

static void answer_injected(pier_http *h, const pier_http_head *head)
{
	(void)head;
	CHECK_EQ(pier_http_reply(h, 200, "A: b\r\n\r\nevil", NULL, pier_text("")), -EINVAL);
	CHECK_EQ(pier_http_reply(h, 200, "A: b\n", NULL, pier_text("")), -EINVAL);
	CHECK_EQ(pier_http_reply(h, 200, "A: b", NULL, pier_text("")), -EINVAL);
	CHECK_EQ(pier_http_reply(h, 200, NULL, "a\r\nB: c", pier_text("")), -EINVAL);
	CHECK_EQ(pier_http_reply(h, 100, NULL, NULL, pier_text("")), -EINVAL);
	CHECK_EQ(pier_http_inform(h, 103, "Link: x\r\n"), 0);
	CHECK_OK(pier_http_reply(h, 200, "A: b\r\n", NULL, pier_text("")));
	CHECK_EQ(pier_http_reply(h, 200, NULL, NULL, pier_text("twice")), -EINVAL);
}

TEST(lines_that_would_end_the_head_are_refused_and_nothing_is_sent)
{
	CHECK_STR(say(GET("/a"), answer_injected)->text,
		  "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
		  "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n");
}

/* ---- In time ----------------------------------------------------------------------------------- */

static int speak_slowly(struct talk *t)
{
	static const char said[] = GET("/a") POST_CHUNKED("5\r\nhello\r\n0\r\n\r\n") GET("/b");

	for (size_t i = 0; i < sizeof(said) - 1; i++) {
		CHECK_EQ(pier_send(t->client, said + i, 1), 1);
		CHECK_OK(pier_yield());
	}
	CHECK_OK(pier_finish(t->client));
	hear_all(t->client, &t->heard);
	return 0;
}

static void answer_either(pier_http *h, const pier_http_head *head)
{
	if (head->chunked)
		answer_body(h, head);
	else
		answer_path(h, head);
}

TEST(requests_that_come_byte_by_byte_are_served)
{
	struct heard *heard = talk(speak_slowly, answer_either);
	CHECK_STR(heard->text, ANSWER("/a") OK_HEAD("5") "hello" ANSWER("/b"));
	CHECK_EQ(heard->requests, 3);
	CHECK_EQ(heard->end, 0);
}

static int speak_half_a_head(struct talk *t)
{
	CHECK(pier_printf(t->client, "GET / HTTP/1.1\r\nHo") > 0);
	hear_all(t->client, &t->heard);
	return 0;
}

static int speak_not_at_all(struct talk *t)
{
	hear_all(t->client, &t->heard);
	return 0;
}

TEST(half_a_head_that_never_grows_is_answered_with_408_and_silence_is_not)
{
	struct heard *heard = talk_within(PIER_MS(30), speak_half_a_head, answer_path);
	CHECK_EQ(heard->end, -ETIMEDOUT);
	CHECK(strstr(heard->text, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"));
	heard = talk_within(PIER_MS(30), speak_not_at_all, answer_path);
	CHECK_EQ(heard->end, -ETIMEDOUT);
	CHECK_STR(heard->text, "");
}

/* A chunked body longer than what is skipped, of which the last part is never needed. */
static int speak_endlessly(struct talk *t)
{
	static char block[64 * 1024];

	CHECK(pier_printf(t->client, POST_CHUNKED("fffffff\r\n")) > 0);
	while (pier_send(t->client, block, sizeof(block)) > 0)
		;
	CHECK(pier_is_disconnect(pier_err(t->client)));
	return 0;
}

TEST(a_chunked_body_that_will_not_end_is_not_skipped_for_ever)
{
	struct heard *heard = talk(speak_endlessly, answer_path);
	CHECK_EQ(heard->requests, 1);
	CHECK_EQ(heard->end, 0);
}
