/* The small parts of HTTP: ranges, dates, escapes, passwords, URLs. */
#include "test.h"

#include <pier/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Ranges ------------------------------------------------------------------------------------ */

static void check_range(const char *field, int64_t size, int64_t first, int64_t count)
{
	int64_t f = -1, c = -1;
	if (pier_http_range(pier_text(field), size, &f, &c) != 1 || f != first || c != count)
		test_fail(__FILE__, __LINE__, "%s of %jd: %jd + %jd", field, size, f, c);
}

static int range_of(const char *field, int64_t size)
{
	int64_t f = -7, c = -7;
	int got = pier_http_range(field ? pier_text(field) : (pier_bytes){0}, size, &f, &c);
	CHECK(got == 1 || (f == -7 && c == -7));
	return got;
}

TEST(one_range_is_cut_to_the_size)
{
	check_range("bytes=0-99", 1000, 0, 100);
	check_range("bytes=0-0", 1, 0, 1);
	check_range("bytes=-5", 1000, 995, 5);
	check_range("bytes=-5000", 1000, 0, 1000);
	check_range("bytes=100-", 1000, 100, 900);
	check_range("bytes=999-5000", 1000, 999, 1);
	check_range("Bytes= 5-6 ", 1000, 5, 2);
	check_range("bytes=0-99999999999999999999", 10, 0, 10);
	check_range("bytes=-99999999999999999999", 10, 0, 10);
	check_range("bytes=0-", INT64_MAX, 0, INT64_MAX);
}

TEST(a_range_behind_the_end_cannot_be_satisfied)
{
	CHECK_EQ(range_of("bytes=1000-", 1000), -ERANGE);
	CHECK_EQ(range_of("bytes=1000-1000", 1000), -ERANGE);
	CHECK_EQ(range_of("bytes=99999999999999999999-", 1000), -ERANGE);
	CHECK_EQ(range_of("bytes=-0", 1000), -ERANGE);
	CHECK_EQ(range_of("bytes=0-", 0), -ERANGE);
}

TEST(a_range_that_is_none_is_ignored)
{
	static const char *const none[] = {
		"",	     "bytes",	    "bytes=",	  "bytes=-",
		"bytes=a-b", "bytes=5",	    "bytes=5-4",  "bytes=0-1,3-4",
		"items=0-1", "bytes=0-1-2", "bytes=+1-2", "bytes=0 - 1",
		"bytes=-1-", "bytes=0x1-2", "bytes=,0-1", "bytes:0-1",
	};
	CHECK_EQ(range_of(NULL, 1000), 0);
	CHECK_EQ(range_of("bytes=-5", 0), 0); /* all of nothing, which no Content-Range can say */
	for (size_t i = 0; i < COUNT(none); i++)
		CHECK_EQ(range_of(none[i], 1000), 0);
}

/* ---- Dates ------------------------------------------------------------------------------------- */

static int64_t parse(const char *text)
{
	int64_t s = 0;
	CHECK_OK(pier_http_date_parse(pier_text(text), &s));
	return s;
}

TEST(the_three_forms_of_a_date_are_one_time)
{
	char text[PIER_HTTP_DATE];

	CHECK_EQ(parse("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
	CHECK_EQ(parse("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
	CHECK_EQ(parse("Sun Nov  6 08:49:37 1994"), 784111777);
	CHECK_EQ(parse("Sun Nov 16 08:49:37 1994"), 784111777 + 10 * 86400);
	CHECK_STR(pier_http_date(784111777, text), "Sun, 06 Nov 1994 08:49:37 GMT");
	CHECK_STR(pier_http_date(0, text), "Thu, 01 Jan 1970 00:00:00 GMT");
	CHECK_STR(pier_http_date(-1, text), "Wed, 31 Dec 1969 23:59:59 GMT");
	CHECK_STR(pier_http_date(951782400, text), "Tue, 29 Feb 2000 00:00:00 GMT");
	CHECK_STR(pier_http_date(INT64_MAX, text), "Fri, 31 Dec 9999 23:59:59 GMT");
	CHECK_STR(pier_http_date(INT64_MIN, text), "Mon, 01 Jan 0001 00:00:00 GMT");
}

TEST(every_date_comes_back_as_it_went)
{
	char text[PIER_HTTP_DATE];

	for (int64_t s = -62135596800; s < 253402300799; s += 86400 * 11 + 3607)
		CHECK_EQ(parse(pier_http_date(s, text)), s);
}

TEST(what_is_no_date_is_refused)
{
	static const char *const bad[] = {
		"",
		"Sun",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Son, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 29 Feb 1900 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 06 Nov 0000 08:49:37 GMT",
		"Sun, 06 Nov  994 08:49:37 GMT",
		"Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994",
		"Sun Nov  0 08:49:37 1994",
	};
	int64_t s = 7;
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK_EQ(pier_http_date_parse(pier_text(bad[i]), &s), -EPROTO);
	CHECK_EQ(s, 7);
}

/* ---- Escapes ----------------------------------------------------------------------------------- */

TEST(any_bytes_escaped_come_back_as_they_were)
{
	char in[255], escaped[800], out[256];

	for (int i = 0; i < 255; i++)
		in[i] = (char)(i + 1);
	ssize_t len = pier_http_escape(pier_bytes_of(in, 255), escaped, sizeof(escaped));
	CHECK_EQ(len, strlen(escaped));
	CHECK_EQ(pier_http_unescape(pier_text(escaped), out, sizeof(out)), 255);
	CHECK_EQ(memcmp(in, out, 255), 0);
	CHECK_EQ(pier_http_unescape(pier_text(escaped), escaped, sizeof(escaped)),
		 255); /* in place */
	CHECK_EQ(memcmp(in, escaped, 255), 0);
}

TEST(a_path_is_escaped_and_read_back)
{
	char text[32];

	CHECK_EQ(pier_http_escape(pier_text("a b/\xe6\x96\x87~?"), text, sizeof(text)), 19);
	CHECK_STR(text, "a%20b/%E6%96%87~%3F");
	CHECK_EQ(pier_http_unescape(pier_text("a+b%2f%C3%a9"), text, sizeof(text)), 6);
	CHECK_STR(text, "a+b/\xc3\xa9");
}

TEST(a_broken_escape_is_refused_and_nothing_is_written)
{
	static const char *const bad[] = {"%", "a%4", "%zz", "%4g", "%%41", "%00", "a%00b", "% 1"};
	char text[8] = "before";

	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK_EQ(pier_http_unescape(pier_text(bad[i]), text, sizeof(text)), -EPROTO);
	CHECK_EQ(pier_http_unescape(pier_bytes_of("a\0b", 3), text, sizeof(text)), -EPROTO);
	CHECK_EQ(pier_http_unescape(pier_text("12345678"), text, sizeof(text)), -EMSGSIZE);
	CHECK_EQ(pier_http_escape(pier_text("12345%"), text, sizeof(text)), -EMSGSIZE);
	CHECK_EQ(pier_http_unescape(pier_text(""), text, 0), -EMSGSIZE);
	CHECK_STR(text, "before");
	CHECK_EQ(pier_http_unescape(pier_text("%31234567"), text, sizeof(text)), 7);
	CHECK_STR(text, "1234567");
}

/* ---- Passwords --------------------------------------------------------------------------------- */

TEST(the_example_of_rfc_7617_is_read)
{
	char user[16], password[16], made[64];

	CHECK_EQ(pier_http_basic(pier_text("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), user, 16,
				 password, 16),
		 0);
	CHECK_STR(user, "Aladdin");
	CHECK_STR(password, "open sesame");
	CHECK_EQ(pier_http_basic_make("Aladdin", "open sesame", made, sizeof(made)), 34);
	CHECK_STR(made, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	CHECK_EQ(pier_http_basic(pier_text("bAsIc  dGVzdDoxMjPCow=="), user, 16, password, 16), 0);
	CHECK_STR(user, "test");
	CHECK_STR(password, "123\xc2\xa3");
}

TEST(users_and_passwords_of_every_length_come_back)
{
	char text[64], user[64], password[64], made[256];

	memset(text, ':', sizeof(text)); /* colons belong to the password */
	for (size_t u = 0; u < 8; u++)
		for (size_t p = 0; p < 60; p++) {
			snprintf(user, sizeof(user), "%.*s", (int)u,
				 "\xe7\x94\xa8"
				 "abcdefgh");
			text[p] = '\0';
			ssize_t len = pier_http_basic_make(user, text, made, sizeof(made));
			CHECK_EQ(len, strlen(made));
			char got[64];
			CHECK_EQ(pier_http_basic(pier_text(made), got, u + 1, password, p + 1), 0);
			CHECK_STR(got, user);
			CHECK_STR(password, text);
			CHECK_EQ(pier_http_basic(pier_text(made), got, u, password, 64), -EMSGSIZE);
			CHECK_EQ(pier_http_basic(pier_text(made), got, 64, password, p), -EMSGSIZE);
			text[p] = ':';
		}
}

TEST(what_is_no_basic_password_is_refused)
{
	static const char *const bad[] = {
		"Basic ",
		"Basic QQ",
		"Basic QQ=",
		"Basic QTpC=",
		"Basic QT*C",
		"Basic QTpCQ===",
		"Basic QR==",
		"Basic QTpD QTpD",
		"Basic ====",
		"Basic Q===",
		"Basic QQ==QTpC",
		"Basic QUJD" /* ABC */,
		"Basic QQA6Qg==" /* A NUL : B */,
		"Basic QTpCCg==" /* A:B LF */,
		"Basic QQ=A",
		"Basic QTr-",
	};
	char user[64] = "u", password[64] = "p", made[16];

	for (size_t i = 0; i < COUNT(bad); i++)
		if (pier_http_basic(pier_text(bad[i]), user, 64, password, 64) != -EPROTO)
			test_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
	CHECK_EQ(pier_http_basic((pier_bytes){0}, user, 64, password, 64), -ENOENT);
	CHECK_EQ(pier_http_basic(pier_text("Bearer QTpC"), user, 64, password, 64), -ENOENT);
	CHECK_EQ(pier_http_basic(pier_text("Basic"), user, 64, password, 64), -ENOENT);
	CHECK_STR(user, "u");
	CHECK_STR(password, "p");
	CHECK_EQ(pier_http_basic_make("a:b", "c", made, sizeof(made)), -EINVAL);
	CHECK_EQ(pier_http_basic_make("a", "b\n", made, sizeof(made)), -EINVAL);
	CHECK_EQ(pier_http_basic_make("user", "password", made, sizeof(made)), -EMSGSIZE);
}

/* ---- URLs -------------------------------------------------------------------------------------- */

TEST(a_url_is_read_into_its_parts)
{
	pier_http_url u;

	CHECK_OK(pier_http_url_parse("http://me:p%40ss@[::1]:7437/a%20b?x=1#part", &u));
	CHECK_BYTES(u.user, "me");
	CHECK_BYTES(u.password, "p%40ss");
	CHECK_BYTES(u.host, "::1");
	CHECK_EQ(u.port, 7437);
	CHECK_BYTES(u.target, "/a%20b?x=1");
	CHECK(!u.tls);

	CHECK_OK(pier_http_url_parse("HTTPS://example.org", &u));
	CHECK_BYTES(u.host, "example.org");
	CHECK_BYTES(u.target, "/");
	CHECK(u.port == 443 && u.tls && !u.user.p && !u.password.p);

	CHECK_OK(pier_http_url_parse("http://例子.测试:81/x", &u));
	CHECK_BYTES(u.host, "例子.测试");
	CHECK_EQ(u.port, 81);

	CHECK_OK(pier_http_url_parse("http://h:?q", &u));
	CHECK(u.port == 80);
	CHECK_BYTES(u.target, "?q");
	CHECK_OK(pier_http_url_parse("http://me@h/@x:y", &u));
	CHECK_BYTES(u.user, "me");
	CHECK(!u.password.p);
	CHECK_BYTES(u.target, "/@x:y");
	CHECK_OK(pier_http_url_parse("http://h#f/", &u));
	CHECK_BYTES(u.target, "/");
}

TEST(what_is_no_url_is_refused)
{
	static const char *const bad[] = {
		"",
		"h",
		"ftp://h/",
		"http:/h",
		"http://",
		"http:///a",
		"http://:80/",
		"http://h:0/",
		"http://h:65536/",
		"http://h:8x/",
		"http://[::1/",
		"http://[::1]x/",
		"http://a@b@c/",
		"http://h/a b",
		"http://h/a\r\nX: y",
		"http://a b/",
		"http://h\r\n/",
		"http://[]/",
		"http://a]b/",
		"http://@/",
		"http://h:-1/",
	};
	pier_http_url u = {.port = 7};
	for (size_t i = 0; i < COUNT(bad); i++)
		if (pier_http_url_parse(bad[i], &u) != -PIER_EURL)
			test_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
	CHECK_EQ(u.port, 7);
}

TEST(a_status_has_its_words)
{
	CHECK_STR(pier_http_reason(404), "Not Found");
	CHECK_STR(pier_http_reason(299), "Success");
	CHECK_STR(pier_http_reason(7), "Unknown");
	CHECK_STR(pier_http_reason(INT32_MIN), "Unknown");
}
