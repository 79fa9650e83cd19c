#include "test.h"

#include <string.h>

#include "page.h"

static char sent[1 << 20];
static size_t sent_len;

static ssize_t keep(const void *p, size_t n, void *fail)
{
	if (fail)
		return -EPIPE;
	CHECK(n <= PAGE_MAX && n < sizeof sent - sent_len);
	memcpy(sent + sent_len, p, n);
	sent_len += n;
	sent[sent_len] = '\0';
	return (ssize_t)n;
}

TEST(html_cannot_be_broken_out_of)
{
	struct page p = {.send = keep};

	page_html(&p, "<b a=\"x\" c='y'>&amp;\x01\n文");
	CHECK_OK(page_end(&p));
	CHECK_STR(sent,
		  "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;\xef\xbf\xbd\xef\xbf\xbd文");
}

TEST(json_is_json_whatever_the_name)
{
	struct page p = {.send = keep};

	page_json(&p, "a\"b\\c\nd\x7f\xff文\xe6\x96");
	CHECK_OK(page_end(&p));
	CHECK_STR(sent, "a\\\"b\\\\c\\u000ad\\u007f\\ufffd文\\ufffd\\ufffd");
}

TEST(a_url_keeps_its_slashes_and_nothing_else)
{
	struct page p = {.send = keep};

	page_url(&p, "a/b c?d#e\"f%");
	CHECK_OK(page_end(&p));
	CHECK_STR(sent, "a/b%20c%3Fd%23e%22f%25");
}

TEST(a_long_text_leaves_whole_in_pieces)
{
	struct page p = {.send = keep};

	for (int i = 0; i < 10000; i++)
		page_format(&p, "%05d\n", i);
	CHECK_OK(page_end(&p));
	CHECK_EQ(sent_len, 60000);
	CHECK(memcmp(sent + 59994, "09999\n", 6) == 0);
}

TEST(the_first_error_stays)
{
	struct page p = {.send = keep, .arg = sent};

	for (int i = 0; i < 10000; i++)
		page_text(&p, "0123456789");
	CHECK_EQ(page_end(&p), -EPIPE);
	CHECK_EQ(sent_len, 0);
}
