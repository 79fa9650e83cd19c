/* Options: what the command line means, and that what it cannot mean is refused. */
#include "options.h"

#include <string.h>

#include "command.h"
#include "suggest.h"
#include "test.h"

static bool open_to_all, hex;
static const char *lang;
static unsigned clients;
static int64_t line_max, grace;

static const struct option table[] = {
	{"open", 'o', OPTION_FLAG, &open_to_all, NULL, "anyone may register"},
	{"hex", 'x', OPTION_FLAG, &hex, NULL, "as hex"},
	{"lang", 'l', OPTION_TEXT, &lang, "en|zh", "language"},
	{"max-clients", 'm', OPTION_COUNT, &clients, "N", "at most"},
	{"line-max", 0, OPTION_SIZE, &line_max, "SIZE", "of a line"},
	{"grace", 'w', OPTION_DURATION, &grace, "TIME", "to wait"},
	{0},
};

static int parse(char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return options_parse("serve", table, argc, argv);
}
#define PARSE(...) parse((char *[]){__VA_ARGS__, NULL})

TEST(every_kind_is_read_in_every_spelling)
{
	CHECK_EQ(PARSE("--open", "--lang=zh", "--max-clients=7", "--line-max=2k", "--grace=1.5s"),
		 0);
	CHECK(open_to_all);
	CHECK_STR(lang, "zh");
	CHECK_EQ(clients, 7);
	CHECK_EQ(line_max, 2048);
	CHECK_EQ(grace, PIER_MS(1500));

	CHECK_EQ(PARSE("--lang", "en", "-m", "8", "-w250ms"), 0);
	CHECK_STR(lang, "en");
	CHECK_EQ(clients, 8);
	CHECK_EQ(grace, PIER_MS(250));
}

TEST(letters_cluster_and_the_last_may_take_a_value)
{
	CHECK_EQ(PARSE("-oxw", "2m"), 0);
	CHECK(open_to_all && hex);
	CHECK_EQ(grace, PIER_MIN(2));
}

TEST(operands_come_between_options_and_keep_their_order)
{
	char *argv[] = {"one", "-x", "two", "-", "--", "--open", "-m", NULL};

	CHECK_EQ(parse(argv), 5);
	CHECK_STR(argv[0], "one");
	CHECK_STR(argv[1], "two");
	CHECK_STR(argv[2], "-");
	CHECK_STR(argv[3], "--open");
	CHECK_STR(argv[4], "-m");
	CHECK(hex && !open_to_all);
}

TEST(what_cannot_be_meant_is_refused)
{
	CHECK_EQ(PARSE("--bogus"), -1);
	CHECK_EQ(PARSE("--ope"),
		 -1); /* no abbreviations: a later option could change what they mean */
	CHECK_EQ(PARSE("-Z"), -1);
	CHECK_EQ(PARSE("-xZ"), -1);
	CHECK_EQ(PARSE("--open=yes"), -1);
	CHECK_EQ(PARSE("--lang"), -1);
	CHECK_EQ(PARSE("--lang=fr"), -1);
	CHECK_EQ(PARSE("--lang=en|zh"), -1);
	CHECK_EQ(PARSE("--lang="), -1);
	CHECK_EQ(PARSE("--max-clients=-1"), -1);
	CHECK_EQ(PARSE("--max-clients=4294967296"), -1);
	CHECK_EQ(PARSE("--max-clients=99999999999999999999999"), -1);
	CHECK_EQ(PARSE("--max-clients=7x"), -1);
	CHECK_EQ(PARSE("--line-max=much"), -1);
	CHECK_EQ(PARSE("--grace="), -1);
	CHECK_EQ(PARSE("-w"), -1);
}

TEST(help_ends_the_reading)
{
	CHECK_EQ(PARSE("--help", "--bogus"), 0);
	CHECK(common.help);
}

TEST(sizes_count_by_1024)
{
	int64_t n = 5;

	CHECK_EQ(size_parse("0", &n), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(size_parse("64k", &n), 0);
	CHECK_EQ(n, 65536);
	CHECK_EQ(size_parse("1.5G", &n), 0);
	CHECK_EQ(n, 3LL << 29);
	CHECK_EQ(size_parse("4MiB", &n), 0);
	CHECK_EQ(n, 4 << 20);
	n = 5;
	for (const char **bad = (const char *[]){"", "k", "-1", "+1", "1kk", "1 k", "0x10", "nan",
						 "inf", "1e3", ".", "1.2.3", "9000000t",
						 "99999999999999999999999", NULL};
	     *bad; bad++)
		CHECK_EQ(size_parse(*bad, &n), -EINVAL);
	CHECK_EQ(n, 5);
}

TEST(durations_are_nanoseconds_and_a_bare_number_is_seconds)
{
	int64_t ns = 0;

	CHECK_EQ(duration_parse("2", &ns), 0);
	CHECK_EQ(ns, PIER_S(2));
	CHECK_EQ(duration_parse("0.5s", &ns), 0);
	CHECK_EQ(ns, PIER_MS(500));
	CHECK_EQ(duration_parse("250ms", &ns), 0);
	CHECK_EQ(ns, PIER_MS(250));
	CHECK_EQ(duration_parse("1h", &ns), 0);
	CHECK_EQ(ns, PIER_MIN(60));
	CHECK_EQ(duration_parse("2mb", &ns), -EINVAL);
	CHECK_EQ(duration_parse("400000d", &ns), -EINVAL); /* beyond 292 years */
}

static const char *nearest(const char *word)
{
	struct suggestion s = {.word = word};

	suggest(&s, "serve");
	suggest(&s, "send");
	suggest(&s, "listen");
	suggest(&s, "connect");
	return s.best;
}

TEST(a_slip_of_the_finger_finds_its_word)
{
	CHECK_STR(nearest("srve"), "serve");
	CHECK_STR(nearest("sevre"), "serve");
	CHECK_STR(nearest("lsiten"), "listen");
	CHECK_STR(nearest("conn"), "connect");
	CHECK_STR(nearest("listenn"), "listen");
	CHECK_STR(nearest("xyzzy"), NULL);
	CHECK_STR(nearest(""), NULL);
	CHECK_STR(nearest("a-word-that-is-much-longer-than-anything-we-know"), NULL);
}

TEST(each_error_has_its_status)
{
	CHECK_EQ(status_of(0), STATUS_DONE);
	CHECK_EQ(status_of(-PIER_ENONAME), STATUS_NAME);
	CHECK_EQ(status_of(-ECONNREFUSED), STATUS_REFUSED);
	CHECK_EQ(status_of(-ENETUNREACH), STATUS_REFUSED);
	CHECK_EQ(status_of(-ETIMEDOUT), STATUS_TIMEOUT);
	CHECK_EQ(status_of(-ECONNRESET), STATUS_RESET);
	CHECK_EQ(status_of(-PIER_ETRUNCATED), STATUS_RESET);
	CHECK_EQ(status_of(-PIER_EDIGEST), STATUS_EXPECT);
	CHECK_EQ(status_of(-ENOSPC), STATUS_LOCAL);
	CHECK_EQ(status_of(-PIER_EURL), STATUS_USAGE);
	CHECK_EQ(status_of(-EPROTO), STATUS_OTHER);
}
