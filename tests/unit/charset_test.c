/* Text in other charsets, there and back. */
#include "test.h"

#include <pier/charset.h>

/* These are in every libc. */
TEST(utf_8_and_two_bytes_a_character_go_there_and_back)
{
	static const char *const names[] = {"UTF-8", "UCS-2BE"};
	char wire[64], text[64];
	for (int i = 0; i < 2; i++) {
		pier_charset *cs = pier_charset_open(names[i]);
		CHECK(cs);
		size_t n = pier_encode(cs, pier_text("grün"), wire, sizeof wire);
		CHECK_EQ(n, i ? 8 : 5);
		CHECK_EQ((unsigned char)wire[i ? 5 : 3], i ? 0xfc : 0xbc);
		n = pier_decode(cs, pier_bytes_of(wire, n), text, sizeof text);
		CHECK_BYTES(pier_bytes_of(text, n), "grün");
		pier_charset_close(cs);
	}
}

TEST(what_is_no_utf_8_is_left_out)
{
	char wire[64];
	pier_charset *cs = pier_charset_open("UCS-2BE");
	CHECK_EQ(pier_encode(cs, pier_text("a\xff\x80z"), wire, sizeof wire), 4);
	CHECK_EQ(wire[3], 'z');
	CHECK_EQ(pier_encode(cs, pier_text("a\xe4\xbd"), wire, sizeof wire), 2);
	CHECK_EQ(pier_encode(cs, (pier_bytes){0}, wire, sizeof wire), 0);
	pier_charset_close(cs);
}

TEST(what_does_not_fit_is_left_off_between_characters)
{
	char wire[5];
	pier_charset *cs = pier_charset_open("UCS-2BE");
	CHECK_EQ(pier_encode(cs, pier_text("abc"), wire, sizeof wire), 4);
	CHECK_EQ(pier_encode(cs, pier_text("abc"), wire, 1), 0);
	pier_charset_close(cs);
}

TEST(a_charset_that_nobody_knows_is_none)
{
	CHECK(!pier_charset_open("klingon"));
	pier_charset_close(NULL);
}

#ifdef __GLIBC__
TEST(chinese_in_gb2312_is_two_bytes_a_character)
{
	test_skip_emulated("the other libc's tables are not here");
	char wire[64], text[64];
	pier_charset *cs = pier_charset_open("GB2312");
	CHECK(cs);
	size_t n = pier_encode(cs, pier_text("你好, señor"), wire, sizeof wire); /* it has no ñ */
	CHECK_BYTES(pier_bytes_of(wire, n), "\xc4\xe3\xba\xc3, seor");
	n = pier_decode(cs, pier_bytes_of(wire, n), text, sizeof text);
	CHECK_BYTES(pier_bytes_of(text, n), "你好, seor");
	n = pier_decode(cs, pier_text("\xc4\xe3\xff\xba\xc3"), text, sizeof text);
	CHECK_BYTES(pier_bytes_of(text, n), "你好");
	pier_charset_close(cs);
}

/* ISO 2022: escapes lead to the kanji and back, in each text anew. RFC 1468. */
TEST(a_text_ends_in_the_state_in_which_it_began)
{
	test_skip_emulated("the other libc's tables are not here");
	char wire[64];
	pier_charset *cs = pier_charset_open("ISO-2022-JP");
	CHECK(cs);
	for (int i = 0; i < 2; i++) {
		size_t n = pier_encode(cs, pier_text("日"), wire, sizeof wire);
		CHECK_BYTES(pier_bytes_of(wire, n), "\x1b$BF|\x1b(B");
	}
	pier_charset_close(cs);
}
#endif
