/* Chunked bodies: one piece or many, the same data; and what is no chunk. */
#include "proto/http/chunked.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* Feeds `text` in pieces that end at each multiple of `step` and at `cut`; what is not taken is
 * kept, as a conn keeps it. Returns the bytes taken when done, 0 when more is needed, or an error. */
static ssize_t feed(const char *text, size_t len, size_t cut, size_t step, char *data, size_t *got)
{
	struct chunks c = {0};
	size_t at = 0;

	*got = 0;
	for (size_t end = 0; end <= len; end++) {
		if (end != cut && end != len && (step == 0 || end % step != 0))
			continue;
		for (ssize_t used = 1; used > 0 && c.at != CHUNK_DONE;) {
			char *exact = malloc(end - at + 1); /* one more, so that it is never NULL */
			memcpy(exact, text + at, end - at);
			pier_bytes run, in = {exact, end - at};
			used = pier_http_take_chunk(&c, in, &run);
			if (run.len > 0)
				memcpy(data + *got, run.p, run.len);
			*got += run.len;
			free(exact);
			if (used < 0)
				return used;
			at += (size_t)used;
		}
	}
	return c.at == CHUNK_DONE ? (ssize_t)at : 0;
}

static ssize_t feed_whole(const char *text)
{
	static char data[65536];
	size_t got;
	return feed(text, strlen(text), 0, 0, data, &got);
}

static const char body[] = "5\r\nhello\r\n0006;a=\"b c\" ; d\r\n world\r\nA \t;x\r\n0123456789\r\n"
			   "000\r\nDigest: x\r\nEmpty:\r\n\r\n";
static const char meaning[] = "hello world0123456789";

TEST(a_chunked_body_split_at_any_byte_gives_the_same_data)
{
	char data[64];
	size_t got, len = sizeof(body) - 1;

	for (size_t cut = 0; cut <= len; cut++) {
		CHECK_EQ(feed(body, len, cut, 0, data, &got), len);
		CHECK_EQ(got, strlen(meaning));
		CHECK_EQ(memcmp(data, meaning, got), 0);
	}
	for (size_t step = 1; step < 8; step++) {
		CHECK_EQ(feed(body, len, 0, step, data, &got), len);
		CHECK_EQ(memcmp(data, meaning, got), 0);
	}
}

TEST(a_chunked_body_cut_short_is_not_done)
{
	char data[64];
	size_t got;

	for (size_t len = 0; len < sizeof(body) - 1; len++)
		CHECK_EQ(feed(body, len, 0, 0, data, &got), 0);
}

TEST(what_follows_the_last_chunk_is_left)
{
	CHECK_EQ(feed_whole("0\r\n\r\nGET / HTTP/1.1\r\n"), 5);
}

TEST(what_is_no_chunk_is_refused)
{
	static const char *const bad[] = {
		"\r\n",
		"x\r\n",
		"-1\r\n",
		"+1\r\n",
		"0x5\r\nhello\r\n",
		" 5\r\nhello\r\n",
		"5 \r\nhello\r\n",
		"5\nhello\r\n",
		"5\rhello\r\n\r\n",
		"5 x\r\nhello\r\n",
		"5;a\nb\r\nhello\r\n",
		"5;a\rb\r\nhello\r\n",
		"5;\x01\r\nhello\r\n",
		"5\r\nhello\n",
		"5\r\nhelloX\n",
		"5\r\nhello\rX",
		"5\r\nhello!\r\n",
		"5,5\r\n",
		"1000000000000000\r\n",
		"ffffffffffffffff1\r\n",
		"0000000000000005\r\nhello\r\n",
		"0\r\n\n",
		"0\r\nno colon\r\n\r\n",
		"0\r\nA : b\r\n\r\n",
		"0\r\nA: b\r\n folded\r\n\r\n",
		"0\r\nA: b\n\r\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (feed_whole(bad[i]) >= 0)
			test_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
}

TEST(a_size_of_fifteen_digits_is_taken)
{
	struct chunks c = {0};
	pier_bytes data;

	CHECK_EQ(pier_http_take_chunk(&c, pier_text("fffffffffffffff\r\n"), &data), 17);
	CHECK_EQ(c.left, 0xfffffffffffffff);
}

TEST(a_line_over_its_limit_is_refused_before_it_ends)
{
	char line[CHUNK_LINE_MAX + 1];

	memset(line, 'a', sizeof(line));
	memcpy(line, "5;", 2);
	line[CHUNK_LINE_MAX - 1] = '\0';
	CHECK_EQ(feed_whole(line), 0);
	line[CHUNK_LINE_MAX - 1] = 'a';
	line[CHUNK_LINE_MAX] = '\0';
	CHECK_EQ(feed_whole(line), -EPROTO);
}

/* Small chunks under long extensions would make us read a thousand bytes for each one of data. */
TEST(extensions_and_trailers_are_limited_all_together)
{
	static char text[200000];
	static const char chunk[] = "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n";
	static const char trailer[] = "A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
	size_t many = CHUNK_OVERHEAD_MAX / 40;

	for (size_t i = 0; i < many; i++)
		memcpy(text + i * (sizeof(chunk) - 1), chunk, sizeof(chunk));
	CHECK_EQ(feed_whole(text), -EPROTO);

	strcpy(text, "0\r\n");
	for (size_t i = 0; i < many; i++)
		memcpy(text + 3 + i * (sizeof(trailer) - 1), trailer, sizeof(trailer));
	CHECK_EQ(feed_whole(text), -EPROTO);
}
