#include "test.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

static char heard[64];
static pier_level how;

static void hear(pier_level level, const char *line, void *arg)
{
	how = level;
	snprintf(heard, sizeof heard, "%s%s", (char *)arg, line);
}

TEST(a_library_without_a_sink_is_silent)
{
	pier_log_line(PIER_ERROR, "nobody hears %d", 1);
	CHECK_STR(heard, "");
}

TEST(a_sink_hears_each_line_with_its_level_until_it_is_taken_away)
{
	pier_log_to(hear, "> ");
	pier_log_line(PIER_WARN, "number %d", 7);
	CHECK_STR(heard, "> number 7");
	CHECK_EQ(how, PIER_WARN);
	pier_log_to(NULL, NULL);
	pier_log_line(PIER_WARN, "number %d", 8);
	CHECK_STR(heard, "> number 7");
}

static size_t length;

static void measure(pier_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	length = strlen(line);
}

TEST(a_long_line_is_cut)
{
	char text[2 * LOG_LINE_MAX];
	memset(text, 'x', sizeof text);
	pier_log_to(measure, NULL);
	pier_log_line(PIER_INFO, "%.*s", (int)sizeof text, text);
	CHECK_EQ(length, LOG_LINE_MAX - 1);
}
