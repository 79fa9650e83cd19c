/* Talk at the hub: what a member was shown, each member is shown, in the one order that the hub remembers, over crashes and
 * stops of the hub. */
#include "hub_site.h"
#include "test.h"

#include <stdlib.h>

#define SPEAKERS  3 /* wang0 …; the last of SITE_USERS listens */
#define LINES	  30
#define LINES_MAX 200 /* that the hub shows of its history */
#define TEXT_MAX  2100

static pier_sim *sim;
static bool over; /* who listens need not come back */

/* ---- What was said, in the order in which it was shown --------------------------------------------- */

struct line {
	int who, number;
};

static struct line known[LINES_MAX]; /* the longest row that anybody was shown */
static size_t known_count;

/* The next line of a row that began with the first line of all: it is known, or new and of its speaker the next. */
static void shown(size_t at, struct line l)
{
	if (at < known_count) {
		CHECK_EQ(l.who, known[at].who);
		CHECK_EQ(l.number, known[at].number);
		return;
	}
	CHECK(at < LINES_MAX);
	for (size_t i = 0; i < known_count; i++)
		CHECK(known[i].who != l.who || known[i].number < l.number);
	known[known_count++] = l;
}

/* "wang1: 7", or "[12:00] wang1: 7" in the history. */
static bool read_line(const char *text, struct line *out)
{
	const char *who = strstr(text, "wang");
	if (!who || text[0] == '*' || (text[0] != '[' && who != text))
		return false;
	return sscanf(who, "wang%d: %d", &out->who, &out->number) == 2;
}

/* ---- Members ------------------------------------------------------------------------------------- */

/* Comes in, and gives each line to `heard` until it is in. 0 or an error. */
static int come_in(pier_conn *c, int who, size_t *at)
{
	char text[TEXT_MAX];
	struct line l;
	pier_set_timeouts(c, PIER_S(20), PIER_S(20));
	pier_printf(c, "wang%d\npassword\n", who);
	while (pier_gets(c, text, sizeof text) > 0) {
		if (strstr(text, "* You are in"))
			return 0;
		if (at && read_line(text, &l))
			shown((*at)++, l);
	}
	return pier_err(c) ? pier_err(c) : -PIER_ETRUNCATED;
}

static bool hear_until(pier_conn *c, int who, int number)
{
	char text[TEXT_MAX];
	struct line l;
	while (pier_gets(c, text, sizeof text) > 0)
		if (read_line(text, &l) && l.who == who && l.number == number)
			return true;
	return false;
}

static int hear(void *arg)
{
	char text[TEXT_MAX];
	struct line l;
	(void)arg;
	while (!over) {
		size_t at = 0;
		PIER_AUTO *c = pier_dial("tcp://srv:7437", .timeout = PIER_S(5));
		if (come_in(c, SPEAKERS, &at) == 0)
			while (!over && pier_gets(c, text, sizeof text) > 0)
				if (read_line(text, &l))
					shown(at++, l);
		pier_sleep(PIER_MS(100));
	}
	return 0;
}

/* Each line is said once, on the conn that there is: it may be lost with that. */
static int speak(void *arg)
{
	int who = *(int *)arg;
	for (int next = 0; next < LINES;) {
		PIER_AUTO *c = pier_dial("tcp://srv:7437", .timeout = PIER_S(5));
		if (come_in(c, who, NULL) < 0)
			pier_sleep(PIER_MS(100));
		else
			while (next < LINES && pier_printf(c, "%d\n", next) >= 0 && ++next)
				if (pier_sim_chance(sim, 3) == 0)
					pier_sleep((int64_t)pier_sim_chance(sim, PIER_MS(300)));
	}
	return 0;
}

/* ---- A day ---------------------------------------------------------------------------------------- */

static void break_off(pier_sim *s)
{
	pier_sleep((int64_t)pier_sim_chance(s, PIER_S(3)));
	if (pier_sim_chance(s, 3)) {
		site_crash(s, "srv");
		return;
	}
	CHECK_EQ(pier_sim_stop(s, "srv"), 0);
	site_up(s);
}

static int talk_over_crashes(pier_sim *s)
{
	int who[SPEAKERS];
	size_t at = 0;
	PIER_AUTO_GROUP speakers = PIER_GROUP, listeners = PIER_GROUP;
	sim = s;
	site_open(s);
	for (int i = 0; i < SPEAKERS; i++) {
		who[i] = i;
		CHECK_OK(pier_go(&speakers, speak, &who[i]));
	}
	CHECK_OK(pier_go(&listeners, hear, NULL));
	CHECK_OK(pier_go(&listeners, hear, NULL));
	for (uint64_t crashes = pier_sim_chance(s, 5); crashes; crashes--)
		break_off(s);
	pier_sim_calm(s);
	CHECK_OK(pier_group_wait(&speakers));
	over = true;
	CHECK_OK(pier_group_wait(&listeners));
	site_crash(s, "srv");
	PIER_AUTO *late = pier_dial("tcp://srv:7437"), *last = pier_dial("tcp://srv:7437");
	CHECK_OK(come_in(late, SPEAKERS, &at));
	CHECK_EQ(at, known_count);
	CHECK_OK(come_in(last, 0, NULL));
	pier_printf(last, "%d\n", LINES);
	return pier_sim_check(s, hear_until(late, 0, LINES));
}

TEST_WITHIN(100, what_a_member_was_shown_is_remembered_once_and_in_its_order)
{
	site_hush();
	CHECK_EQ(pier_sim_run(talk_over_crashes, .seeds = 50, .loss = 0.02, .delay = PIER_MS(20),
			      .partitions = 1, .resets = 2),
		 0);
}

/* ---- One who does not listen ----------------------------------------------------------------------- */

#define LONG_LINES                                                                                 \
	1500 /* of LONG bytes: more than waits for one member (1 MiB), and what is under way */
#define LONG 1900

static int speak_long(void *arg)
{
	char words[LONG];
	memset(words, 'x', sizeof words);
	for (int i = 0; i < LONG_LINES; i++)
		pier_printf(arg, "%d %.*s\n", i, (int)sizeof words, words);
	return pier_err(arg);
}

/* Counts lines, each the next; how many came until the end of the conn. */
static int count_lines(pier_conn *c)
{
	char text[TEXT_MAX];
	struct line l;
	int count = 0;
	while (count < LONG_LINES && pier_gets(c, text, sizeof text) > 0)
		if (read_line(text, &l)) {
			CHECK_EQ(l.number, count);
			count++;
		}
	return count;
}

static int talk_to_one_who_sleeps(pier_sim *s)
{
	PIER_AUTO_GROUP speaker = PIER_GROUP;
	sim = s;
	site_open(s);
	PIER_AUTO *loud = pier_dial("tcp://srv:7437"), *fast = pier_dial("tcp://srv:7437"),
		  *slow = pier_dial("tcp://srv:7437");
	CHECK_OK(come_in(slow, 2, NULL));
	CHECK_OK(come_in(fast, 1, NULL));
	CHECK_OK(come_in(loud, 0, NULL));
	CHECK_OK(pier_go(&speaker, speak_long, loud));
	CHECK_EQ(count_lines(fast), LONG_LINES);
	CHECK_OK(pier_group_wait(&speaker));
	return pier_sim_check(s, count_lines(slow) < LONG_LINES);
}

TEST_WITHIN(100, a_member_that_does_not_listen_is_cut_and_the_others_hear_all)
{
	site_hush();
	CHECK_EQ(pier_sim_run(talk_to_one_who_sleeps, .seeds = 10, .loss = 0.01), 0);
}
