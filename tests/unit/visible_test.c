/* What a peer sends is shown, never obeyed. */
#include "visible.h"

#include <stdlib.h>

#include "json.h"
#include "test.h"

static char *shown;
static size_t shown_len;

/* Shows `text` in pieces of `piece` bytes. */
static const char *show(const char *text, size_t len, size_t piece)
{
	struct visible v = {0};
	FILE *to;

	free(shown);
	to = open_memstream(&shown, &shown_len);
	for (size_t at = 0; at < len; at += piece)
		visible_put(&v, to, pier_bytes_of(text + at, piece < len - at ? piece : len - at));
	visible_end(&v, to);
	fclose(to);
	return shown;
}

static void check(const char *text, const char *want)
{
	for (size_t piece = 1; piece <= strlen(text); piece++)
		CHECK_STR(show(text, strlen(text), piece), want);
}

TEST(text_of_any_language_passes)
{
	check("plain\ttext\n", "plain\ttext\n");
	check("你好，café 🙂\n", "你好，café 🙂\n");
}

TEST(what_a_terminal_would_act_on_is_spelled_out)
{
	check("\033[31mred\007", "\\x1b[31mred\\x07");
	check("a\bb\177", "a\\x08b\\x7f");
	check("\302\233"
	      "31m",
	      "\\u009b31m"); /* C1 CSI */
	check("evil\342\200\256txt", "evil\\u202etxt");
}

TEST(a_line_may_end_in_two_bytes_but_none_may_overwrite_itself)
{
	check("one\r\ntwo\r\n", "one\ntwo\n");
	check("password\rxxxx\n", "password\\x0dxxxx\n");
	check("end\r", "end\\x0d");
	check("\r\r\n", "\\x0d\n");
}

TEST(bytes_that_are_no_text_are_spelled_out)
{
	check("\377\376", "\\xff\\xfe");
	check("\300\257", "\\xc0\\xaf");	  /* overlong '/' */
	check("\355\240\200", "\\xed\\xa0\\x80"); /* a surrogate */
	check("\344\275", "\\xe4\\xbd");	  /* the beginning of 你, and then nothing */
	check("\344\275A\r\n", "\\xe4\\xbd"
			       "A\n");
	CHECK_STR(show("a\0b", 3, 3), "a\\x00b");
}

static const char *json(void (*put)(FILE *, pier_bytes), const char *text, size_t len)
{
	free(shown);
	FILE *to = open_memstream(&shown, &shown_len);
	put(to, pier_bytes_of(text, len));
	fclose(to);
	return shown;
}

TEST(json_strings_escape_what_they_must)
{
	CHECK_STR(json(json_string, "a\"b\\c\n\t\r\0", 9), "\"a\\\"b\\\\c\\n\\t\\r\\u0000\"");
	CHECK_STR(json(json_string, "你好", 6), "\"你好\"");
	CHECK_STR(json(json_string, "a\377", 2), "\"a\\ufffd\"");
	CHECK_STR(json(json_string, "\033", 1), "\"\\u001b\"");
}

TEST(json_data_is_text_when_it_can_be_and_hex_when_not)
{
	CHECK_STR(json(json_data, "hi\n", 3), "\"text\":\"hi\\n\"");
	CHECK_STR(json(json_data, "\377\0", 2), "\"hex\":\"ff00\"");
	CHECK_STR(json(json_data, "", 0), "\"text\":\"\"");
}
