#include "test.h"

#include "text_codec.h"
#include "utf8.h"

#define MAX 16

static char line[MAX + 1];

static struct text_codec fresh(void)
{
	struct text_codec t;

	text_init(&t, line, MAX);
	return t;
}

static enum text_event take(struct text_codec *t, const char *bytes, size_t len)
{
	size_t used;
	enum text_event event = text_take(t, pier_bytes_of(bytes, len), &used);

	CHECK_EQ(used, len);
	return event;
}
#define TAKE(t, literal) take((t), (literal), sizeof(literal) - 1)

TEST(a_line_ends_with_lf_or_cr_lf_or_telnets_cr_nul)
{
	struct text_codec t = fresh();

	CHECK_EQ(TAKE(&t, "one\n"), TEXT_LINE);
	CHECK_STR(t.line, "one");
	CHECK_EQ(TAKE(&t, "two\r\n"), TEXT_LINE);
	CHECK_STR(t.line, "two");
	CHECK_EQ(TAKE(&t, "three\r\0"), TEXT_LINE);
	CHECK_STR(t.line, "three");
	CHECK_EQ(TAKE(&t, "\n"), TEXT_LINE);
	CHECK_STR(t.line, "");
}

TEST(a_line_may_come_in_pieces_and_its_end_may_be_missing)
{
	struct text_codec t = fresh();

	CHECK_EQ(TAKE(&t, "\xe4\xbd"), TEXT_MORE);
	CHECK_EQ(TAKE(&t, "\xa0\xe5"), TEXT_MORE);
	CHECK_EQ(TAKE(&t, "\xa5\xbd"), TEXT_MORE);
	CHECK_EQ(text_end(&t), TEXT_LINE);
	CHECK_STR(t.line, "你好");
	CHECK_EQ(text_end(&t), TEXT_MORE);
}

TEST(lines_that_come_together_are_taken_one_by_one)
{
	struct text_codec t = fresh();
	size_t used;

	CHECK_EQ(text_take(&t, pier_text("a\nb\nc"), &used), TEXT_LINE);
	CHECK_EQ(used, 2);
	CHECK_STR(t.line, "a");
	CHECK_EQ(text_take(&t, pier_text("b\nc"), &used), TEXT_LINE);
	CHECK_STR(t.line, "b");
}

TEST(telnet_commands_vanish_even_inside_a_character)
{
	struct text_codec t = fresh();

	CHECK_EQ(TAKE(&t, "a\xff\xf1"
			  "b\xe4\xff\xfd\x03\xbd\xa0\n"),
		 TEXT_LINE);
	CHECK_STR(t.line, "ab你");
	CHECK(t.is_telnet);
}

TEST(a_lf_inside_a_subnegotiation_ends_no_line)
{
	struct text_codec t = fresh();

	CHECK_EQ(TAKE(&t, "x\xff\xfa\x1f\x00\x0a\x00\x18\xff\xf0y\n"), TEXT_LINE);
	CHECK_STR(t.line, "xy");
}

TEST(an_endless_subnegotiation_is_given_up)
{
	struct text_codec t = fresh();

	CHECK_EQ(TAKE(&t, "\xff\xfa"), TEXT_MORE);
	for (int i = 0; i < TEXT_SUB_MAX + 1; i++)
		CHECK_EQ(TAKE(&t, "z"), TEXT_MORE);
	CHECK_EQ(TAKE(&t, "\n"), TEXT_INVALID);
}

TEST(every_telnet_offer_is_refused_and_no_refusal_is_answered)
{
	struct text_codec t = fresh();

	TAKE(&t, "\xff\xfb\x18\xff\xfd\x01\xff\xfc\x18\xff\xfe\x01");
	CHECK_EQ(t.answers_len, 6);
	CHECK(memcmp(t.answers, "\xff\xfe\x18\xff\xfc\x01", 6) == 0);
}

TEST(answers_to_telnet_are_bounded)
{
	struct text_codec t = fresh();

	for (int i = 0; i < 1000; i++)
		TAKE(&t, "\xff\xfd\x18");
	CHECK_EQ(t.answers_len, TEXT_ANSWERS_MAX);
}

TEST(echo_is_hidden_from_telnet_only)
{
	struct text_codec t = fresh();

	text_hide_echo(&t, true);
	CHECK_EQ(t.answers_len, 0);
	TAKE(&t, "\xff\xfe\x18"); /* it shows itself */
	text_hide_echo(&t, true);
	CHECK_EQ(t.answers_len, 3);
	CHECK(memcmp(t.answers, "\xff\xfb\x01", 3) == 0);
	TAKE(&t, "\xff\xfd\x01"); /* its consent is no request */
	CHECK_EQ(t.answers_len, 3);
	text_hide_echo(&t, false);
	CHECK(memcmp(t.answers + 3, "\xff\xfc\x01", 3) == 0);
}

TEST(a_long_line_is_told_once_and_dropped_up_to_its_end)
{
	struct text_codec t = fresh();
	size_t used;
	const char *in = "0123456789abcdefGHI\nok\n";

	CHECK_EQ(text_take(&t, pier_text(in), &used), TEXT_LONG);
	CHECK_EQ(used, MAX + 1);
	CHECK_EQ(text_take(&t, pier_text(in + used), &used), TEXT_LINE);
	CHECK_STR(t.line, "ok");
}

TEST(a_line_of_exactly_the_limit_is_kept)
{
	struct text_codec t = fresh();

	CHECK_EQ(TAKE(&t, "0123456789abcdef\r\n"), TEXT_LINE);
	CHECK_STR(t.line, "0123456789abcdef");
}

TEST(what_is_not_utf8_is_refused_and_the_next_line_is_not)
{
	static const char *const bad[] = {
		"\xc4\xe3\xba\xc3\n", /* 你好 in GB2312 */
		"\xc0\xaf\n",	      /* overlong */
		"\xe0\x80\xaf\n",     /* overlong */
		"\xf0\x80\x80\xaf\n", /* overlong */
		"\xed\xa0\x80\n",     /* a surrogate */
		"\xf4\x90\x80\x80\n", /* above U+10FFFF */
		"\xe4\xbd\n",	      /* cut */
		"\x80\n",	      /* a stray continuation */
		"a\xff\xff\n",	      /* the byte 255 */
		"a\xff\n",	      /* 255 before the end */
		"a\xff\x41\n",	      /* 255 and no command */
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct text_codec t = fresh();
		CHECK_EQ(take(&t, bad[i], strlen(bad[i])), TEXT_INVALID);
		CHECK_EQ(TAKE(&t, "ok\n"), TEXT_LINE);
		CHECK_STR(t.line, "ok");
	}
	struct text_codec t = fresh();
	CHECK_EQ(TAKE(&t, "a\0b\n"), TEXT_INVALID);
}

TEST(controls_and_bidi_overrides_are_taken_out)
{
	struct text_codec t = fresh();

	CHECK_EQ(TAKE(&t, "\x1b[31mred\t\x7f\n"), TEXT_LINE);
	CHECK_STR(t.line, "[31mred ");
	CHECK_EQ(TAKE(&t, "a\xe2\x80\xae"
			  "b\xc2\x9b"
			  "c\n"),
		 TEXT_LINE);
	CHECK_STR(t.line, "abc");
}

TEST(a_slash_begins_a_command_and_two_begin_a_line)
{
	char join[] = "/join  dev  ", twice[] = "//etc/hosts", plain[] = " hi ", bare[] = "/";

	struct text_input in = text_parse(join);
	CHECK_STR(in.command, "join");
	CHECK_STR(in.rest, "dev");
	in = text_parse(twice);
	CHECK(!in.command);
	CHECK_STR(in.rest, "/etc/hosts");
	in = text_parse(plain);
	CHECK(!in.command);
	CHECK_STR(in.rest, " hi ");
	in = text_parse(bare);
	CHECK_STR(in.command, "");
	CHECK_STR(in.rest, "");
}

TEST(words_are_taken_one_by_one_until_there_is_none)
{
	char text[] = "  li  see you ", *rest = text;

	CHECK_STR(text_word(&rest), "li");
	CHECK_STR(rest, "see you ");
	CHECK_STR(text_word(&rest), "see");
	CHECK_STR(text_word(&rest), "you");
	CHECK_STR(text_word(&rest), "");
	CHECK_STR(text_word(&rest), "");
}

TEST(every_code_point_is_read_back_and_nothing_else_is)
{
	for (int32_t code = 1; code <= 0x10ffff; code++) {
		char p[4];
		size_t n;
		if (code < 0x80) {
			n = 1;
			p[0] = (char)code;
		} else if (code < 0x800) {
			n = 2;
			p[0] = (char)(0xc0 | code >> 6);
		} else if (code < 0x10000) {
			n = 3;
			p[0] = (char)(0xe0 | code >> 12);
		} else {
			n = 4;
			p[0] = (char)(0xf0 | code >> 18);
		}
		for (size_t i = 1; i < n; i++)
			p[i] = (char)(0x80 | (code >> 6 * (n - 1 - i) & 0x3f));
		pier_bytes rest = {p, n};
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		CHECK_EQ(utf8_take(&rest), surrogate ? -EILSEQ : code);
		CHECK_EQ(rest.len, surrogate ? n : 0);
	}
}
