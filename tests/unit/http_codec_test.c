/* Heads: what is read, what is refused, and that no byte beyond them is touched. */
#include "proto/http/codec.h"
#include "test.h"

#include <pier/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST "Host: h\r\n"

/* The bytes in a block of their own size, so that a sanitizer sees a read past their end. */
static ssize_t decode_exact(const char *in, size_t len, bool request)
{
	static pier_http_head head;
	char *copy = malloc(len ? len : 1);
	memcpy(copy, in, len);
	pier_bytes view = {len ? copy : NULL, len};
	ssize_t used = request ? pier_http_decode_request(view, &head)
			       : pier_http_decode_response(view, &head);
	free(copy);
	return used;
}

static ssize_t request(const char *text)
{
	return decode_exact(text, strlen(text), true);
}

static int status_of(const char *text)
{
	pier_http_head head;
	struct refusal no = {0};
	return pier_http_read_request(pier_text(text), &head, &no) < 0 ? no.status : 0;
}

static const char *const good_requests[] = {
	"GET / HTTP/1.1\r\n" HOST "\r\n",
	"GET /a%20b?x=1&y HTTP/1.1\r\nHost: localhost:7437\r\nUser-Agent: curl/7.88.1\r\nAccept: "
	"*/*\r\n\r\n",
	"\r\nGET / HTTP/1.0\r\n\r\n",
	"POST /p HTTP/1.1\r\n" HOST "Content-Length: 5\r\nX:\t tab \tinside \t\r\n\r\n",
	"PUT /p HTTP/1.1\r\n" HOST "transfer-encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
	"GET http://h:80?q HTTP/1.1\r\n" HOST "\r\n",
	"M-SEARCH /\xe6\x96\x87 HTTP/1.9\r\n" HOST "X: \xe6\x96\x87\r\nEmpty:\r\n\r\n",
};

static const char *const good_responses[] = {
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
	"HTTP/1.1 200\r\n\r\n",
	"HTTP/1.0 404 \r\n\r\n",
	"HTTP/1.1 206 Partial Content\nTransfer-Encoding: chunked\n\n",
	"HTTP/1.1 100 Continue\r\n\r\n",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(a_head_is_taken_whole_and_every_truncation_of_it_waits_for_more)
{
	for (size_t i = 0; i < COUNT(good_requests); i++) {
		size_t len = strlen(good_requests[i]);
		for (size_t cut = 0; cut < len; cut++)
			CHECK_EQ(decode_exact(good_requests[i], cut, true), 0);
		CHECK_EQ(decode_exact(good_requests[i], len, true), len);
	}
	for (size_t i = 0; i < COUNT(good_responses); i++) {
		size_t len = strlen(good_responses[i]);
		for (size_t cut = 0; cut < len; cut++)
			CHECK_EQ(decode_exact(good_responses[i], cut, false), 0);
		CHECK_EQ(decode_exact(good_responses[i], len, false), len);
	}
}

TEST(what_follows_a_head_is_left)
{
	CHECK_EQ(request("GET / HTTP/1.1\r\n" HOST "\r\nGET /2"), 16 + 9 + 2);
	CHECK_EQ(request("GET / HTTP/1.1\r\n" HOST "\r\n\0\1\2"), 16 + 9 + 2);
}

TEST(a_request_is_read_into_its_parts)
{
	pier_http_head h;
	const char *text = "POST /a%20b?x=1?2 HTTP/1.1\r\nHost: localhost:7437\r\nCookie:  a=b \r\n"
			   "content-LENGTH: 0042\r\nExpect: 100-continue\r\n\r\n";

	CHECK_EQ(pier_http_decode_request(pier_text(text), &h), strlen(text));
	CHECK_BYTES(h.method, "POST");
	CHECK_BYTES(h.target, "/a%20b?x=1?2");
	CHECK_BYTES(h.path, "/a%20b");
	CHECK_BYTES(h.query, "x=1?2");
	CHECK_EQ(h.minor, 1);
	CHECK_EQ(h.field_count, 4);
	CHECK_BYTES(pier_http_get(&h, "COOKIE"), "a=b");
	CHECK(pier_http_get(&h, "cooki").p == NULL);
	CHECK_EQ(h.body_len, 42);
	CHECK(!h.chunked && h.keep_alive && h.expects_continue);
}

TEST(the_absolute_form_is_accepted)
{
	pier_http_head h;

	CHECK(pier_http_decode_request(pier_text("GET HTTP://a.b:1/c?d HTTP/1.1\r\n" HOST "\r\n"),
				       &h) > 0);
	CHECK_BYTES(h.path, "/c");
	CHECK_BYTES(h.query, "d");
	CHECK(pier_http_decode_request(pier_text("GET http://a.b HTTP/1.1\r\n" HOST "\r\n"), &h) >
	      0);
	CHECK_BYTES(h.path, "/");
	CHECK(h.query.p == NULL);
	CHECK(request("GET http:///c HTTP/1.1\r\n" HOST "\r\n") < 0);
	CHECK(request("GET http://u@h/c HTTP/1.1\r\n" HOST "\r\n") < 0);
}

static bool stays(const char *text)
{
	pier_http_head h;
	CHECK(pier_http_decode_request(pier_text(text), &h) > 0);
	return h.keep_alive;
}

TEST(who_keeps_the_conn_open_follows_the_version_and_the_connection_header)
{
	CHECK(stays("GET / HTTP/1.1\r\n" HOST "\r\n"));
	CHECK(!stays("GET / HTTP/1.0\r\n\r\n"));
	CHECK(stays("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
	CHECK(!stays("GET / HTTP/1.1\r\n" HOST "Connection: keep-alive, close\r\n\r\n"));
	CHECK(!stays("GET / HTTP/1.1\r\n" HOST "Connection: x\r\nConnection: ,Close ,\r\n\r\n"));
	CHECK(stays("GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n"));
}

/* Each of these is read as one request by some and as another, or as two, by others. */
static const char *const smuggling[] = {
	"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
	"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
	"Content-Length: 5\r\nContent-Length: 6\r\n",
	"Content-Length: 5\r\nContent-Length: 5\r\n",
	"Content-Length: 5, 5\r\n",
	"Content-Length: +5\r\n",
	"Content-Length: -5\r\n",
	"Content-Length: 0x5\r\n",
	"Content-Length: 5 5\r\n",
	"Content-Length: 5,\r\n",
	"Content-Length:\r\n",
	"Content-Length: \xd9\xa3\r\n",
	"Content-Length: 9223372036854775808\r\n",
	"Content-Length: 18446744073709551621\r\n",
	"Content-Length: 99999999999999999999999999999999\r\n",
	"Content-Length : 5\r\n",
	"Content-Length\t: 5\r\n",
	" Content-Length: 5\r\n",
	"\tContent-Length: 5\r\n",
	"X: a\r\n Content-Length: 5\r\n",
	"X: a\r\n\tb\r\n",
	"X: a\rContent-Length: 5\r\n",
	"X: a\nContent-Length: 5\r\n",
	"X: a\r\r\n",
	"Content-Length: 5\n",
	"Content-Length: 5\r\n\n",
	"Transfer-Encoding : chunked\r\n",
	"Transfer-Encoding: xchunked\r\n",
	"Transfer-Encoding: chunked, chunked\r\n",
	"Transfer-Encoding: chunked, identity\r\n",
	"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
	"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
	"Transfer-Encoding: \"chunked\"\r\n",
	"Transfer-Encoding: chunked;q=1\r\n",
	"Transfer-Encoding: \013chunked\r\n",
	"Transfer-Encoding: identity\r\n",
	"Transfer-Encoding:\r\n",
	"Transfer-Encoding: chunked,\r\n",
	"Transfer\x80-Encoding: chunked\r\n",
	"Host: other\r\n",
	": nameless\r\n",
	"no colon\r\n",
	"X\x01: 1\r\n",
	"X: \x7f\r\n",
	"X(: 1\r\n",
};

TEST(what_request_smuggling_lives_on_is_refused)
{
	char text[512];

	for (size_t i = 0; i < COUNT(smuggling); i++) {
		snprintf(text, sizeof(text), "POST / HTTP/1.1\r\n" HOST "%s\r\n", smuggling[i]);
		if (request(text) >= 0)
			test_fail(__FILE__, __LINE__, "taken: %s", smuggling[i]);
	}
	CHECK(decode_exact("GET / HTTP/1.1\r\nHost: h\0\r\n\r\n", 28, true) < 0);
	CHECK(request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") < 0);
}

static const char *const bad_first_lines[] = {
	"GET /\r\n",
	"GET  / HTTP/1.1\r\n",
	"GET / HTTP/1.1 \r\n",
	" GET / HTTP/1.1\r\n",
	"GET /  HTTP/1.1\r\n",
	"GET\t/ HTTP/1.1\r\n",
	"GET / http/1.1\r\n",
	"GET / HTTP/1.10\r\n",
	"GET / HTTP/1.\r\n",
	"GET / HTTP/11\r\n",
	"GET / HTTP 1.1\r\n",
	"G(T / HTTP/1.1\r\n",
	"GET /a b HTTP/1.1\r\n",
	"GET /a#b HTTP/1.1\r\n",
	"GET a HTTP/1.1\r\n",
	"GET * HTTP/1.1\r\n",
	"GET h:80 HTTP/1.1\r\n",
	"\r\n\r\nGET / HTTP/1.1\r\n",
	"GET /\x01 HTTP/1.1\r\n",
	"GET / HTTP/1.1\n",
	"GET https://h/ HTTP/1.1\r\n",
	"\x16\x03\x01\x02\x01\x01x",
	"GET /\r HTTP/1.1\r\n",
	"GET /\x7f HTTP/1.1\r\n",
};

TEST(a_first_line_of_another_shape_is_refused)
{
	char text[512];

	for (size_t i = 0; i < COUNT(bad_first_lines); i++) {
		snprintf(text, sizeof(text), "%s" HOST "\r\n", bad_first_lines[i]);
		if (request(text) >= 0)
			test_fail(__FILE__, __LINE__, "taken: %s", bad_first_lines[i]);
	}
	CHECK(request("\x16\x03\x01") < 0); /* a TLS hello is refused before its line ends */
}

TEST(a_refusal_has_the_right_status)
{
	CHECK_EQ(status_of("GET / HTTP/2.0\r\n"), 505);
	CHECK_EQ(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
	CHECK_EQ(status_of("CONNECT h:80 HTTP/1.1\r\n"), 501);
	CHECK_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
	CHECK_EQ(status_of("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);
	CHECK_EQ(status_of("GET / HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n"), 417);
	CHECK_EQ(status_of("GET / HTTP/1.0\r\nExpect: tea\r\n\r\n"), 0);
	CHECK_EQ(status_of("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
		 501);
	CHECK_EQ(status_of("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, gzip\r\n\r\n"),
		 400);
	CHECK_EQ(
		status_of("POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\n"),
		413);
}

TEST(a_first_line_or_a_head_over_its_limit_is_refused)
{
	static char text[PIER_HTTP_HEAD_MAX + 8];
	struct refusal no;
	pier_http_head h;

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "GET /", 5);
	CHECK_EQ(decode_exact(text, PIER_HTTP_HEAD_MAX - 1, true), 0);
	CHECK_EQ(pier_http_read_request(pier_bytes_of(text, PIER_HTTP_HEAD_MAX), &h, &no),
		 -EMSGSIZE);
	CHECK_EQ(no.status, 414);

	memcpy(text, "GET / HTTP/1.1\r\n" HOST "X: ", 28);
	CHECK_EQ(decode_exact(text, PIER_HTTP_HEAD_MAX - 1, true), 0);
	CHECK_EQ(pier_http_read_request(pier_bytes_of(text, PIER_HTTP_HEAD_MAX), &h, &no),
		 -EMSGSIZE);
	CHECK_EQ(no.status, 431);

	memcpy(text + PIER_HTTP_HEAD_MAX - 4, "\r\n\r\n", 4); /* exactly as long as allowed */
	CHECK_EQ(decode_exact(text, PIER_HTTP_HEAD_MAX, true), PIER_HTTP_HEAD_MAX);
	memcpy(text + PIER_HTTP_HEAD_MAX - 4, "a\r\n\r\n", 5); /* one more */
	CHECK_EQ(decode_exact(text, PIER_HTTP_HEAD_MAX + 1, true), -EMSGSIZE);
}

TEST(as_many_fields_as_promised_fit_and_one_more_does_not)
{
	char text[1024] = "GET / HTTP/1.1\r\n" HOST;
	struct refusal no;
	pier_http_head h;

	for (int i = 1; i < PIER_HTTP_FIELDS_MAX; i++)
		strcat(text, "a:b\r\n");
	strcat(text, "\r\n");
	CHECK(pier_http_read_request(pier_text(text), &h, &no) > 0);
	CHECK_EQ(h.field_count, PIER_HTTP_FIELDS_MAX);
	strcpy(text + strlen(text) - 2, "a:b\r\n\r\n");
	CHECK_EQ(pier_http_read_request(pier_text(text), &h, &no), -EMSGSIZE);
	CHECK_EQ(no.status, 431);
}

TEST(a_failed_decode_leaves_the_head_alone)
{
	static pier_http_head before, h;

	memset(&before, 0x5a, sizeof(before));
	memcpy(&h, &before, sizeof(h));
	CHECK(pier_http_decode_request(pier_text("GET / HTTP/1.1\r\na:b\r\n\r\n"), &h) < 0);
	CHECK_EQ(pier_http_decode_request(pier_text("GET / HTTP/1.1\r\na:b\r\n"), &h), 0);
	CHECK_EQ(memcmp(&before, &h, sizeof(h)), 0);
}

static pier_http_head response(const char *text)
{
	pier_http_head h;
	CHECK_EQ(pier_http_decode_response(pier_text(text), &h), strlen(text));
	return h;
}

TEST(a_response_says_how_long_its_body_is)
{
	pier_http_head h = response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	CHECK_EQ(h.status, 200);
	CHECK_BYTES(h.reason, "OK");
	CHECK(h.body_len == 5 && !h.chunked && h.keep_alive);
	h = response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	CHECK(h.body_len == -1 && h.chunked && h.keep_alive);
	h = response("HTTP/1.1 200 OK\r\n\r\n");
	CHECK(h.body_len == -1 && !h.chunked && !h.keep_alive);
	h = response("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
	CHECK(h.body_len == 0 && h.keep_alive);
	h = response("HTTP/1.1 204 \r\n\r\n");
	CHECK(h.body_len == 0 && h.keep_alive);
	h = response("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n");
	CHECK(h.body_len == 5 && !h.keep_alive);
}

TEST(a_malformed_response_is_refused)
{
	static const char *const bad[] = {
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000\r\n\r\n",
		"HTTP/1.1  200 OK\r\n\r\n",
		"HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.1 099 x\r\n\r\n",
		"HTTP/1.1 200 a\rb\r\n\r\n",
		"http/1.1 200 OK\r\n\r\n",
		"\r\n\r\n",
		"HTTP/1.1200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\n a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
	};
	for (size_t i = 0; i < COUNT(bad); i++)
		if (decode_exact(bad[i], strlen(bad[i]), false) >= 0)
			test_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
}

TEST(lines_for_a_head_that_we_send_cannot_end_it)
{
	CHECK(pier_http_fields_sound(""));
	CHECK(pier_http_fields_sound("A: b\r\nC: d\r\n"));
	CHECK(!pier_http_fields_sound("A: b"));
	CHECK(!pier_http_fields_sound("A: b\r\n\r\n"));
	CHECK(!pier_http_fields_sound("A: b\nC: d\r\n"));
	CHECK(!pier_http_fields_sound("A: b\r\n C: d\r\n"));
	CHECK(!pier_http_fields_sound("A: b\r\nHTTP/1.1 200 OK\r\n"));
}
