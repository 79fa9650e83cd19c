/* The client's side, against our server and against bytes. */
#include "http_talk.h"

static void check_body(pier_http *h, const char *expected)
{
	char body[256];
	size_t len = 0;
	ssize_t got;

	while ((got = pier_http_read(h, body + len, 3)) > 0)
		len += (size_t)got;
	CHECK_OK(got);
	CHECK_BYTES(pier_bytes_of(body, len), expected);
}

static void check_answer(pier_http *h, int status, const char *expected)
{
	pier_http_head head;

	CHECK_EQ(pier_http_answer(h, &head, NULL, NULL), 1);
	CHECK_EQ(head.status, status);
	check_body(h, expected);
}

static int ask_three_times(struct talk *t)
{
	pier_http *h = pier_http_new(t->client);

	CHECK_OK(pier_http_ask(h, "GET", pier_text("/a"), "h", NULL, -1));
	CHECK_EQ(pier_http_ask(h, "GET", pier_text("/b"), "h", NULL, -1), -EBUSY);
	check_answer(h, 200, "/a");
	CHECK_OK(pier_http_ask(h, "HEAD", pier_text("?x"), "h:80", "X: y\r\n", -1));
	check_answer(h, 200, "");
	pier_http_last(h);
	CHECK_OK(pier_http_ask(h, "GET", pier_text("/abc"), "", NULL, -1));
	check_answer(h, 200, "/abc");
	CHECK_EQ(pier_http_ask(h, "GET", pier_text("/b"), "h", NULL, -1), -EPIPE);
	pier_http_free(h);
	return 0;
}

TEST(a_client_asks_again_on_the_same_conn_until_it_is_the_last_time)
{
	struct heard *heard = talk(ask_three_times, answer_path);
	CHECK_EQ(heard->requests, 3);
	CHECK_EQ(heard->end, 0);
}

static int ask_with_bodies(struct talk *t)
{
	pier_http *h = pier_http_new(t->client);

	CHECK_OK(pier_http_ask(h, "PUT", pier_text("/"), "h", NULL, 5));
	CHECK_EQ(pier_http_send(h, "he", 2), 2);
	CHECK_EQ(pier_http_send(h, "llo!", 4), -EMSGSIZE);
	CHECK_EQ(pier_http_send(h, "llo", 3), 3);
	check_answer(h, 200, "hello");
	CHECK_OK(pier_http_ask(h, "PUT", pier_text("/"), "h", NULL, -2));
	CHECK_EQ(pier_http_send(h, "hello", 5), 5);
	CHECK_EQ(pier_http_send(h, " world", 6), 6);
	CHECK_OK(pier_http_end(h));
	check_answer(h, 200, "hello world");
	CHECK_OK(pier_http_ask(h, "PUT", pier_text("/"), "h", NULL, 0));
	check_answer(h, 200, "");
	pier_http_free(h);
	return 0;
}

TEST(a_client_sends_bodies_with_a_length_and_in_chunks)
{
	CHECK_EQ(talk(ask_with_bodies, answer_body)->requests, 3);
}

static void send_when_invited(const pier_http_head *head, void *arg)
{
	CHECK_EQ(head->status, 100);
	CHECK_EQ(pier_http_send(arg, "hello", 5), 5);
}

static int ask_for_an_invitation(struct talk *t)
{
	pier_http *h = pier_http_new(t->client);
	pier_http_head head;

	CHECK_OK(pier_http_ask(h, "PUT", pier_text("/"), "h", "Expect: 100-continue\r\n", 5));
	CHECK_EQ(pier_http_answer(h, &head, send_when_invited, h), 1);
	check_body(h, "hello");
	CHECK(head.keep_alive);
	CHECK_OK(pier_http_ask(h, "GET", pier_text("/"), "h", NULL, -1));
	check_answer(h, 200, "");
	pier_http_free(h);
	return 0;
}

TEST(a_client_that_waits_for_100_is_invited_when_the_body_is_read)
{
	CHECK_EQ(talk(ask_for_an_invitation, answer_body)->requests, 2);
}

static void refuse_unread(pier_http *h, const pier_http_head *head)
{
	CHECK(head->expects_continue);
	CHECK_OK(pier_http_reply(h, 401, NULL, NULL, pier_text("who?")));
}

static void never(const pier_http_head *head, void *arg)
{
	(void)arg;
	test_fail(__FILE__, __LINE__, "%d", head->status);
}

static int ask_in_vain(struct talk *t)
{
	pier_http *h = pier_http_new(t->client);
	pier_http_head head;

	CHECK_OK(pier_http_ask(h, "PUT", pier_text("/"), "h", "Expect: 100-continue\r\n", 5));
	CHECK_EQ(pier_http_answer(h, &head, never, NULL), 1);
	CHECK_EQ(head.status, 401);
	CHECK(!head.keep_alive); /* or the server could not tell a body from the next request */
	pier_http_free(h);
	return 0;
}

TEST(a_client_refused_before_its_body_is_not_invited_and_the_conn_ends)
{
	struct heard *heard = talk(ask_in_vain, refuse_unread);
	CHECK_EQ(heard->requests, 1);
	CHECK_EQ(heard->end, 0);
}

/* Our client against bytes. Returns it after its answer was asked for, with what that returned. */
static int answer_to(const char *method, const char *said, pier_http_head *head, pier_http **out,
		     pier_conn *ends[2])
{
	CHECK_OK(pier_pair(ends));
	CHECK_EQ(pier_send(ends[1], said, strlen(said)), strlen(said));
	CHECK_OK(pier_finish(ends[1]));
	*out = pier_http_new(ends[0]);
	CHECK_OK(pier_http_ask(*out, method, pier_text("/"), "h", NULL, -1));
	return pier_http_answer(*out, head, NULL, NULL);
}

static void part(pier_http *h, pier_conn *ends[2])
{
	pier_http_free(h);
	pier_abort(ends[0]);
	pier_abort(ends[1]);
}

/* The last thing reading says: 0 or an error. */
static int read_all(const char *method, const char *said, const char *body)
{
	pier_conn *ends[2];
	pier_http_head head;
	pier_http *h;
	char text[256];
	size_t len = 0;
	ssize_t got = answer_to(method, said, &head, &h, ends);

	if (got == 1) {
		while ((got = pier_http_read(h, text + len, sizeof(text) - len)) > 0)
			len += (size_t)got;
		CHECK_BYTES(pier_bytes_of(text, len), body);
	}
	part(h, ends);
	return (int)got;
}

TEST(a_client_reads_a_body_however_its_end_is_told)
{
	CHECK_EQ(read_all("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", "ab"), 0);
	CHECK_EQ(read_all("GET", "HTTP/1.1 200 OK\r\n\r\nabc", "abc"), 0);
	CHECK_EQ(read_all("GET", "HTTP/1.0 200 OK\n\nabc", "abc"), 0);
	CHECK_EQ(read_all("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", ""), 0);
	CHECK_EQ(read_all("GET", "HTTP/1.1 304 OK\r\nContent-Length: 2\r\n\r\nabc", ""), 0);
	CHECK_EQ(read_all("GET",
			  "HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n"
			  "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\nX",
			  "abc"),
		 0);
}

TEST(a_client_is_told_of_a_body_or_a_head_cut_short)
{
	CHECK_EQ(read_all("GET", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", "abc"),
		 -PIER_ETRUNCATED);
	CHECK_EQ(read_all("GET",
			  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
			  "abc"),
		 -PIER_ETRUNCATED);
	CHECK_EQ(read_all("GET", "", ""), -PIER_ETRUNCATED);
	CHECK_EQ(read_all("GET", "HTTP/1.1 200 OK\r\n", ""), -PIER_ETRUNCATED);
	CHECK_EQ(read_all("GET", "HTTP/1.1 100 Continue\r\n\r\n", ""), -PIER_ETRUNCATED);
}

TEST(a_client_refuses_what_is_no_answer)
{
	char interim[40 * 30] = "";

	CHECK_EQ(read_all("GET", "SSH-2.0-OpenSSH_9.2\r\n", ""), -EPROTO);
	CHECK_EQ(
		read_all("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", ""),
		-EPROTO);
	for (int i = 0; i < 40; i++)
		strcat(interim, "HTTP/1.1 102 Still\r\n\r\n");
	CHECK_EQ(read_all("GET", interim, ""), -EPROTO);
}

TEST(a_client_does_not_send_what_would_be_two_requests)
{
	pier_conn *ends[2];
	pier_http *h;

	CHECK_OK(pier_pair(ends));
	h = pier_http_new(ends[0]);
	CHECK_EQ(pier_http_ask(h, "GET", pier_text("/ HTTP/1.1\r\n\r\n"), "h", NULL, -1), -EINVAL);
	CHECK_EQ(pier_http_ask(h, "GET /", pier_text("/"), "h", NULL, -1), -EINVAL);
	CHECK_EQ(pier_http_ask(h, "GET", pier_text("/"), "h\r\nA: b", NULL, -1), -EINVAL);
	CHECK_EQ(pier_http_ask(h, "GET", pier_text("/"), "h", "A: b\r\n\r\n", -1), -EINVAL);
	CHECK_EQ(pier_http_ask(h, "CONNECT", pier_text("h:1"), "h", NULL, -1), -EINVAL);
	CHECK_EQ(pier_http_ask(h, "GET", pier_text(""), "h", NULL, -1), -EINVAL);
	CHECK_OK(pier_finish(ends[0]));
	char byte;
	CHECK_EQ(pier_recv(ends[1], &byte, 1), 0);
	part(h, ends);
}

TEST(every_call_accepts_a_conversation_that_could_not_be_made)
{
	pier_http_head head;
	char byte;

	CHECK_EQ(pier_http_next(NULL, &head), -ENOMEM);
	CHECK_EQ(pier_http_read(NULL, &byte, 1), -ENOMEM);
	CHECK_EQ(pier_http_reply(NULL, 200, NULL, NULL, pier_text("")), -ENOMEM);
	CHECK_EQ(pier_http_start(NULL, 200, NULL, NULL, 0), -ENOMEM);
	CHECK_EQ(pier_http_send(NULL, "", 0), -ENOMEM);
	CHECK_EQ(pier_http_end(NULL), -ENOMEM);
	CHECK_EQ(pier_http_inform(NULL, 100, NULL), -ENOMEM);
	CHECK_EQ(pier_http_ask(NULL, "GET", pier_text("/"), "", NULL, -1), -ENOMEM);
	CHECK_EQ(pier_http_answer(NULL, &head, NULL, NULL), -ENOMEM);
	CHECK(pier_http_conn(NULL) == NULL);
	pier_http_last(NULL);
	pier_http_free(NULL);
}

/* ---- By URL -------------------------------------------------------------------------------------- */

static void mirror_host(pier_conn *c, void *arg)
{
	pier_http *h = pier_http_new(c);
	pier_http_head head;
	char said[256];
	(void)arg;

	while (pier_http_next(h, &head) > 0) {
		pier_bytes host = pier_http_get(&head, "Host");
		snprintf(said, sizeof said, "%.*s %.*s", (int)host.len, host.p,
			 (int)head.target.len, head.target.p);
		pier_http_reply(h, 200, NULL, NULL, pier_text(said));
	}
	pier_http_free(h);
}

static int serve_once(void *listener)
{
	pier_conn *c = NULL;
	CHECK_OK(pier_accept(listener, &c));
	mirror_host(c, NULL);
	pier_close(c);
	return 0;
}

static int open_url(void *arg)
{
	PIER_AUTO_GROUP server = PIER_GROUP;
	pier_listener *l = NULL;
	char where[PIER_ADDR_TEXT], url[PIER_ADDR_TEXT + 32], expected[PIER_ADDR_TEXT + 32];
	pier_addr at;
	(void)arg;

	CHECK_OK(pier_listen("tcp://127.0.0.1:0", &l));
	CHECK_OK(pier_listener_addr(l, &at));
	pier_addr_format(&at, where, sizeof where);
	snprintf(url, sizeof url, "http://%s/a?b#c", where);
	snprintf(expected, sizeof expected, "%s /a?b", where);
	CHECK_OK(pier_go(&server, serve_once, l));
	pier_http *h = pier_http_open(url, .timeout = PIER_S(5));
	check_answer(h, 200, expected);
	pier_http_free(h); /* and the conn with it, or the server would never end */
	CHECK_OK(pier_group_wait(&server));
	pier_listener_close(l);
	return 0;
}

TEST(a_url_is_asked_for_in_one_call)
{
	CHECK_OK(pier_run(open_url, NULL, .workers = 1));
}

TEST(what_is_no_url_is_told_by_the_answer_and_nobody_is_dialled)
{
	static const char *const none[] = {"",
					   "x",
					   "http://",
					   "tcp://127.0.0.1:9",
					   "http://me:it@127.0.0.1:9/",
					   "http://h:0x/"};

	for (unsigned i = 0; i < sizeof none / sizeof *none; i++) {
		PIER_AUTO_HTTP *h = pier_http_open(none[i]);
		pier_http_head head;
		CHECK_EQ(pier_http_answer(h, &head, NULL, NULL), -PIER_EURL);
		CHECK_EQ(pier_err(pier_http_conn(h)), -PIER_EURL);
	}
}

TEST(a_server_that_is_not_there_is_told_by_the_answer)
{
	PIER_AUTO_HTTP *h = pier_http_open("http://127.0.0.1:1/");
	pier_http_head head;
	CHECK_EQ(pier_http_answer(h, &head, NULL, NULL), -ECONNREFUSED);
	CHECK(strstr(pier_why(pier_http_conn(h)), "127.0.0.1:1"));
}
