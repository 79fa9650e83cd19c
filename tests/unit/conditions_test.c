#include "test.h"

#include <stdio.h>

#include "conditions.h"

static const pier_file_info file = {
	.size = 10, .mtime = PIER_S(784111777) + 5, .inode = 7, .is_file = true};
#define THEN  "Sun, 06 Nov 1994 08:49:37 GMT"
#define EARLY "Sun, 06 Nov 1994 08:49:36 GMT"

/* A request with one or two fields; %s stands for the file's entity tag. */
static int check(const pier_file_info *info, bool reading, const char *fields)
{
	static char text[1024];
	char tag[ETAG_MAX], all[800];
	pier_http_head ask;

	snprintf(all, sizeof all, fields, etag_of(&file, tag), tag);
	snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", all);
	CHECK(pier_http_decode_request(pier_text(text), &ask) > 0);
	return conditions_check(&ask, info, reading);
}

static bool range_holds(const char *fields)
{
	static char text[1024];
	char tag[ETAG_MAX], all[800];
	pier_http_head ask;

	snprintf(all, sizeof all, fields, etag_of(&file, tag));
	snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", all);
	CHECK(pier_http_decode_request(pier_text(text), &ask) > 0);
	return if_range_holds(&ask, &file);
}

TEST(a_reader_who_has_it_gets_304)
{
	CHECK_EQ(check(&file, true, ""), 0);
	CHECK_EQ(check(&file, true, "If-None-Match: %s\r\n"), 304);
	CHECK_EQ(check(&file, true, "If-None-Match: W/%s\r\n"), 304);
	CHECK_EQ(check(&file, true, "If-None-Match: \"a,b\", %s\r\n"), 304);
	CHECK_EQ(check(&file, true, "If-None-Match: *\r\n"), 304);
	CHECK_EQ(check(&file, true, "If-None-Match: \"other\"\r\n"), 0);
	CHECK_EQ(check(&file, true, "If-Modified-Since: " THEN "\r\n"), 304);
	CHECK_EQ(check(&file, true, "If-Modified-Since: " EARLY "\r\n"), 0);
	CHECK_EQ(check(&file, true, "If-Modified-Since: yesterday\r\n"), 0);
}

TEST(a_tag_outranks_a_date)
{
	CHECK_EQ(check(&file, true, "If-None-Match: \"other\"\r\nIf-Modified-Since: " THEN "\r\n"),
		 0);
	CHECK_EQ(check(&file, true, "If-Match: %s\r\nIf-Unmodified-Since: " EARLY "\r\n"), 0);
}

TEST(a_writer_with_a_wrong_premise_gets_412)
{
	CHECK_EQ(check(&file, false, "If-None-Match: *\r\n"), 412);
	CHECK_EQ(check(NULL, false, "If-None-Match: *\r\n"), 0);
	CHECK_EQ(check(&file, false, "If-Match: %s\r\n"), 0);
	CHECK_EQ(check(&file, false, "If-Match: W/%s\r\n"), 412);
	CHECK_EQ(check(&file, false, "If-Match: \"other\"\r\n"), 412);
	CHECK_EQ(check(NULL, false, "If-Match: *\r\n"), 412);
	CHECK_EQ(check(&file, false, "If-Unmodified-Since: " THEN "\r\n"), 0);
	CHECK_EQ(check(&file, false, "If-Unmodified-Since: " EARLY "\r\n"), 412);
}

TEST(a_range_holds_for_the_very_same_content_only)
{
	CHECK(range_holds(""));
	CHECK(range_holds("If-Range: %s\r\n"));
	CHECK(!range_holds("If-Range: W/%s\r\n"));
	CHECK(!range_holds("If-Range: \"other\"\r\n"));
	CHECK(range_holds("If-Range: " THEN "\r\n"));
	CHECK(!range_holds("If-Range: " EARLY "\r\n"));
}

TEST(broken_tags_are_no_tags)
{
	CHECK_EQ(check(&file, true, "If-None-Match: \"\r\n"), 0);
	CHECK_EQ(check(&file, true, "If-None-Match: W/\r\n"), 0);
	CHECK_EQ(check(&file, false, "If-Match: \"abc\r\n"), 412);
}
