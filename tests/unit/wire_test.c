/* What goes out and what comes in, before the one and after the other: line ends, hex, telnet. */
#include "eol.h"
#include "hex.h"
#include "telnet.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Line ends ------------------------------------------------------------------------------- */

static const char *convert(enum eol want, const char *text, size_t piece)
{
	static char out[200];
	struct eol_state s = {.want = want};
	size_t len = strlen(text), made = 0;

	for (size_t at = 0; at < len; at += piece)
		made += eol_convert(&s,
				    pier_bytes_of(text + at, piece < len - at ? piece : len - at),
				    out + made);
	out[made] = '\0';
	return out;
}

TEST(a_line_ends_as_the_peer_wants_however_it_was_read)
{
	for (size_t piece = 1; piece < 12; piece++) {
		CHECK_STR(convert(EOL_CRLF, "one\ntwo\r\n\n", piece), "one\r\ntwo\r\n\r\n");
		CHECK_STR(convert(EOL_CR, "one\ntwo\r\n", piece), "one\rtwo\r");
		CHECK_STR(convert(EOL_NONE, "one\n", piece), "one");
		CHECK_STR(convert(EOL_LF, "one\r\ntwo\n", piece), "one\r\ntwo\n");
	}
	CHECK_STR(convert(EOL_CRLF, "\r\r\n\r", 1), "\r\r\n\r");
}

TEST(names_of_line_ends)
{
	CHECK_EQ(eol_named("lf"), EOL_LF);
	CHECK_EQ(eol_named("crlf"), EOL_CRLF);
	CHECK_EQ(eol_named("cr"), EOL_CR);
	CHECK_EQ(eol_named("none"), EOL_NONE);
}

/* ---- Hex ------------------------------------------------------------------------------------- */

static void check_hex(const char *text, const char *want)
{
	char typed[100];
	snprintf(typed, sizeof typed, "%s", text);
	ssize_t len = hex_parse(typed, strlen(typed));

	CHECK_OK(len);
	CHECK_BYTES(pier_bytes_of(typed, (size_t)len), want);
}

TEST(hex_is_read_as_people_write_it)
{
	check_hex("68 69\n", "hi");
	check_hex("6869", "hi");
	check_hex("0x68,0x69", "hi");
	check_hex("68:69-6A", "hij");
	check_hex(" \n", "");
}

TEST(what_is_no_hex_is_refused)
{
	for (const char **bad = (const char *[]){"6", "6 8", "68 6", "xyz", "0x", "68h", NULL};
	     *bad; bad++) {
		char typed[10];
		snprintf(typed, sizeof typed, "%s", *bad);
		if (strcmp(*bad, "0x") != 0)
			CHECK_EQ(hex_parse(typed, strlen(typed)), -EINVAL);
	}
}

TEST(hex_rows_line_up)
{
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	hex_rows(to, pier_text("0123456789abcdef\n!"), 2, false);
	fclose(to);
	CHECK_STR(text, "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66   0123456789abcdef\n"
			"  0a 21                                             .!\n");
	free(text);
}

/* ---- Telnet ---------------------------------------------------------------------------------- */

static struct telnet telnet;
static char shown[200];

static void feed(const char *bytes, size_t len)
{
	char in[200];
	size_t used, at = strlen(shown);

	memcpy(in, bytes, len);
	for (pier_bytes rest = pier_bytes_of(in, len); rest.len > 0;
	     rest.p += used, rest.len -= used) {
		pier_bytes text = telnet_take(&telnet, rest, &used);
		memcpy(shown + at, text.p, text.len);
		at += text.len;
	}
	shown[at] = '\0';
}

TEST(text_passes_and_commands_do_not)
{
	const char bytes[] = "a\377\373\003b\377\372\030\001\377\360c\377\361d";

	for (size_t i = 0; i + 1 < sizeof bytes; i++)
		feed(bytes + i, 1);
	CHECK_STR(shown, "abcd");
	CHECK_EQ(telnet.answers_len, 3); /* WILL SGA is refused */
	CHECK_EQ(telnet.answers[1], 254);
}

TEST(will_echo_hides_and_wont_echo_shows)
{
	size_t used;
	char in[] = "Password: \377\373\001x";

	pier_bytes text = telnet_take(&telnet, pier_bytes_of(in, sizeof in - 1), &used);
	CHECK_BYTES(text, "Password: ");
	CHECK(telnet.hides);
	CHECK_EQ(used, sizeof in - 2); /* what follows is for the next call */
	CHECK_EQ(telnet.answers_len, 3);
	CHECK_EQ(telnet.answers[1], 253);

	feed("\377\373\001", 3); /* again: no second answer, or two would answer for ever */
	CHECK_EQ(telnet.answers_len, 3);
	feed("\377\374\001", 3);
	CHECK(!telnet.hides);
	CHECK_EQ(telnet.answers_len, 6);
}

TEST(a_peer_that_only_negotiates_gets_no_more_answers_than_fit)
{
	for (int i = 0; i < 1000; i++)
		feed("\377\373\030", 3);
	CHECK(telnet.answers_len <= TELNET_ANSWERS_MAX);
}
