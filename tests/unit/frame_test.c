/* How a stream is cut into messages. */
#include "net/frame.h"
#include "test.h"

#include <stdlib.h>

static ssize_t decode(pier_frame kind, pier_bytes in, size_t max, pier_bytes *message)
{
	return pier_frame_decode(kind, in, 0, max, message);
}

TEST(raw_is_all_there_is)
{
	pier_bytes m = {0};

	CHECK_EQ(decode(PIER_RAW, (pier_bytes){0}, 1, &m), 0);
	CHECK_EQ(decode(PIER_RAW, pier_text("abc"), 1, &m), 3);
	CHECK_BYTES(m, "abc");
}

TEST(lines_end_by_lf_or_crlf)
{
	pier_bytes m = {0};

	CHECK_EQ(decode(PIER_LINES, pier_text("one\ntwo\n"), 80, &m), 4);
	CHECK_BYTES(m, "one");
	CHECK_EQ(decode(PIER_LINES, pier_text("one\r\ntwo\n"), 80, &m), 5);
	CHECK_BYTES(m, "one");
	CHECK_EQ(decode(PIER_LINES, pier_text("a\rb\r\r\n"), 80, &m), 6);
	CHECK_BYTES(m, "a\rb\r"); /* one CR belongs to the end, the others to the text */
	CHECK_EQ(decode(PIER_LINES, pier_text("\n"), 80, &m), 1);
	CHECK(m.p);
	CHECK_EQ(m.len, 0);
	CHECK_EQ(decode(PIER_LINES, pier_text("\r\n"), 80, &m), 2);
	CHECK_EQ(m.len, 0);
}

TEST(an_unfinished_line_waits)
{
	pier_bytes m = {0};

	CHECK_EQ(decode(PIER_LINES, (pier_bytes){0}, 80, &m), 0);
	CHECK_EQ(decode(PIER_LINES, pier_text("hello"), 80, &m), 0);
	CHECK_EQ(decode(PIER_LINES, pier_text("hello\r"), 80, &m), 0);
	CHECK(!m.p);
}

TEST(scanned_bytes_are_not_searched_again)
{
	pier_bytes m = {0};

	CHECK_EQ(pier_frame_decode(PIER_LINES, pier_text("hello\n"), 5, 80, &m), 6);
	CHECK_BYTES(m, "hello");
	CHECK_EQ(pier_frame_decode(PIER_LINES, pier_text("hello\r\n"), 6, 80, &m), 7);
	CHECK_BYTES(m, "hello");
	CHECK_EQ(pier_frame_decode(PIER_LINES, pier_text("hello"), 5, 80, &m), 0);
}

TEST(a_line_may_have_its_maximum_and_no_more)
{
	pier_bytes m = {0};

	CHECK_EQ(decode(PIER_LINES, pier_text("12345\r\n"), 5, &m), 7);
	CHECK_BYTES(m, "12345");
	CHECK_EQ(decode(PIER_LINES, pier_text("12345\r"), 5, &m), 0);
	CHECK_EQ(decode(PIER_LINES, pier_text("12345"), 5, &m), 0);
	CHECK_EQ(decode(PIER_LINES, pier_text("123456\n"), 5, &m), -EMSGSIZE);
	CHECK_EQ(decode(PIER_LINES, pier_text("123456"), 5, &m), -EMSGSIZE);
	CHECK_EQ(decode(PIER_LINES, pier_text("12345\rx"), 5, &m), -EMSGSIZE);
}

TEST(prefixed_messages_are_cut_at_their_length)
{
	pier_bytes m = {0};

	CHECK_EQ(decode(PIER_LEN16, pier_bytes_of("\0\5hello\0\1x", 10), 80, &m), 7);
	CHECK_BYTES(m, "hello");
	CHECK_EQ(decode(PIER_LEN32, pier_bytes_of("\0\0\0\5hello\0", 10), 80, &m), 9);
	CHECK_BYTES(m, "hello");
	CHECK_EQ(decode(PIER_LEN16, pier_bytes_of("\0\0", 2), 80, &m), 2);
	CHECK(m.p);
	CHECK_EQ(m.len, 0);
}

TEST(a_prefixed_message_waits_for_its_last_byte)
{
	static const char wire[] = "\0\0\0\5hello";
	pier_bytes m = {0};

	for (size_t len = 0; len < 9; len++) {
		CHECK_EQ(decode(PIER_LEN32, pier_bytes_of(wire, len), 80, &m), 0);
		if (len < 7)
			CHECK_EQ(decode(PIER_LEN16, pier_bytes_of(wire + 2, len), 80, &m), 0);
	}
	CHECK(!m.p);
}

TEST(a_prefix_above_the_maximum_is_refused_before_the_message_comes)
{
	pier_bytes m = {0};

	CHECK_EQ(decode(PIER_LEN16, pier_bytes_of("\1\1", 2), 256, &m), -EMSGSIZE);
	CHECK_EQ(decode(PIER_LEN16, pier_bytes_of("\1\0", 2), 256, &m), 0);
	CHECK_EQ(decode(PIER_LEN32, pier_bytes_of("\xff\xff\xff\xff", 4), 1 << 20, &m), -EMSGSIZE);
	CHECK_EQ(decode(PIER_LEN32, pier_bytes_of("\x80\0\0\0", 4), 1 << 20, &m), -EMSGSIZE);
}

TEST(wants_tells_the_whole_frame_once_its_head_is_here)
{
	CHECK_EQ(pier_frame_wants(PIER_LEN16, pier_bytes_of("\0", 1)), 0);
	CHECK_EQ(pier_frame_wants(PIER_LEN16, pier_bytes_of("\0\5", 2)), 7);
	CHECK_EQ(pier_frame_wants(PIER_LEN32, pier_bytes_of("\0\0\0", 3)), 0);
	CHECK_EQ(pier_frame_wants(PIER_LEN32, pier_bytes_of("\0\1\0\0hel", 7)), 65540);
	CHECK_EQ(pier_frame_wants(PIER_LINES, pier_text("abc")), 0);
	CHECK_EQ(pier_frame_wants(PIER_RAW, pier_text("abc")), 0);
}

TEST(heads_are_written_as_they_are_read)
{
	static const pier_frame kinds[] = {PIER_RAW, PIER_LINES, PIER_LEN16, PIER_LEN32};

	for (size_t k = 0; k < 4; k++) {
		for (size_t len = 1; len < 70000; len = len * 2 + 1) {
			char head[PIER_FRAME_EXTRA], *wire = calloc(1, len + 8);
			size_t head_len = 99;
			bool lf = false;
			pier_bytes m = {0};

			if (kinds[k] == PIER_LEN16 && len > 65535)
				CHECK_EQ(pier_frame_head(kinds[k], len, head, &head_len, &lf),
					 -EMSGSIZE);
			else {
				CHECK_OK(pier_frame_head(kinds[k], len, head, &head_len, &lf));
				memcpy(wire, head, head_len);
				if (lf)
					wire[head_len + len] = '\n';
				size_t all = head_len + len + lf;
				CHECK_EQ(decode(kinds[k], pier_bytes_of(wire, all), len, &m), all);
				CHECK_EQ(m.len, len);
			}
			free(wire);
		}
	}
}

TEST(a_head_that_cannot_hold_the_length_is_refused)
{
	char head[PIER_FRAME_EXTRA] = "keep";
	size_t head_len = 99;
	bool lf = true;

	CHECK_EQ(pier_frame_head(PIER_LEN16, 65536, head, &head_len, &lf), -EMSGSIZE);
	CHECK_EQ(pier_frame_head(PIER_LEN32, (size_t)UINT32_MAX + 1, head, &head_len, &lf),
		 -EMSGSIZE);
	CHECK_EQ(head_len, 99);
	CHECK_EQ(memcmp(head, "keep", 4), 0);
}
