/* HTTP-dates, always in GMT: RFC 9110 §5.6.7.
 *
 *	Sun, 06 Nov 1994 08:49:37 GMT     the form to write
 *	Sunday, 06-Nov-94 08:49:37 GMT    RFC 850's, to be read all the same
 *	Sun Nov  6 08:49:37 1994          asctime's, likewise */
#include "base/cursor.h"
#include "chars.h"

#include <pier/error.h>
#include <pier/http.h>

#define DAY 86400
/* 0001-01-01 00:00:00 and 9999-12-31 23:59:59: what four digits can say. */
#define SECONDS_MIN (-62135596800)
#define SECONDS_MAX 253402300799

static const char week[7][10] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
				 "Thursday", "Friday", "Saturday"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct when {
	int year, month, day; /* month 0-11 */
	int hour, minute, second;
};

static int days_in(int year, int month)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month] + (month == 1 && leap);
}

/* Days from 1970-01-01. Years are counted from March, so that the leap day is their last; a month
 * then begins (153 m + 2) / 5 days into its year, and 400 years have 146097. */
static int64_t days_from(int year, int month, int day)
{
	int y = month < 2 ? year - 1 : year;
	int m = (month + 10) % 12;
	return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 719469;
}

/* The inverse: guesses the year from its mean length, which is at most one too high or low. */
static struct when when_at(int64_t seconds)
{
	int64_t days = seconds / DAY - (seconds % DAY < 0);
	int left = (int)(seconds - days * DAY);
	struct when w = {.year = (int)(1970 + days * 400 / 146097)};

	while (days_from(w.year, 0, 1) > days)
		w.year--;
	while (days_from(w.year + 1, 0, 1) <= days)
		w.year++;
	int day = (int)(days - days_from(w.year, 0, 1));
	for (; day >= days_in(w.year, w.month); w.month++)
		day -= days_in(w.year, w.month);

	w.day = day + 1;
	w.hour = left / 3600;
	w.minute = left / 60 % 60;
	w.second = left % 60;
	return w;
}

static int weekday_at(int64_t seconds)
{
	int64_t days = seconds / DAY - (seconds % DAY < 0);
	return (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

static char *put_two(char *at, int n)
{
	at[0] = (char)('0' + n / 10 % 10);
	at[1] = (char)('0' + n % 10);
	return at + 2;
}

static char *put_clock(char *at, const struct when *w)
{
	at = put_two(at, w->hour);
	*at++ = ':';
	at = put_two(at, w->minute);
	*at++ = ':';
	return put_two(at, w->second);
}

/* By hand rather than by snprintf: every answer has one. A time out of range is brought into it. */
const char *pier_http_date(int64_t seconds, char into[PIER_HTTP_DATE])
{
	if (seconds < SECONDS_MIN)
		seconds = SECONDS_MIN;
	if (seconds > SECONDS_MAX)
		seconds = SECONDS_MAX;

	struct when w = when_at(seconds);
	char *at = into;
	memcpy(at, week[weekday_at(seconds)], 3);
	memcpy(at + 3, ", ", 2);
	at = put_two(at + 5, w.day);
	*at++ = ' ';
	memcpy(at, months[w.month], 3);
	at[3] = ' ';
	at = put_two(at + 4, w.year / 100);
	at = put_two(at, w.year % 100);
	*at++ = ' ';
	at = put_clock(at, &w);
	memcpy(at, " GMT", 5);
	return into;
}

/* ---- Reading -----------------------------------------------------------------------------------
 */

static void expect(struct cursor *c, const char *text)
{
	pier_bytes found = take(c, strlen(text));
	if (!c->bad && !pier_bytes_eq(found, text))
		c->bad = true;
}

/* A number of exactly `digits` digits; the first may be a blank where asctime pads. */
static int take_number(struct cursor *c, size_t digits, bool padded)
{
	pier_bytes text = take(c, digits);
	int n = 0;

	for (size_t i = 0; i < text.len; i++) {
		bool digit = is_digit(text.p[i]);
		c->bad |= !digit && !(padded && i == 0 && text.p[i] == ' ');
		n = n * 10 + (digit ? text.p[i] - '0' : 0);
	}
	return n;
}

/* One of `count` names of `stride` bytes each, cut to `letters` (0 = whole). Returns which. */
static int take_name(struct cursor *c, const char *names, size_t stride, int count, size_t letters)
{
	for (int i = 0; i < count && !c->bad; i++) {
		const char *name = names + (size_t)i * stride;
		size_t len = letters ? letters : strlen(name);
		if (c->rest.len < len || memcmp(c->rest.p, name, len) != 0)
			continue;
		take(c, len);
		return i;
	}
	c->bad = true;
	return 0;
}

static void take_weekday(struct cursor *c, size_t letters)
{
	(void)take_name(c, week[0], sizeof(week[0]), 7, letters); /* it says nothing new */
}

static int take_month(struct cursor *c)
{
	return take_name(c, months[0], sizeof(months[0]), 12, 3);
}

static void take_clock(struct cursor *c, struct when *w)
{
	w->hour = take_number(c, 2, false);
	expect(c, ":");
	w->minute = take_number(c, 2, false);
	expect(c, ":");
	w->second = take_number(c, 2, false);
}

static void take_fixdate(struct cursor *c, struct when *w)
{
	take_weekday(c, 3);
	expect(c, ", ");
	w->day = take_number(c, 2, false);
	expect(c, " ");
	w->month = take_month(c);
	expect(c, " ");
	w->year = take_number(c, 4, false);
	expect(c, " ");
	take_clock(c, w);
	expect(c, " GMT");
}

/* Two digits of year: 70-99 are 19xx, as in POSIX. The RFC's rule is fifty years around today, but
 * a codec has no clock, and who still writes this form writes of files from after 1970. */
static void take_rfc850(struct cursor *c, struct when *w)
{
	take_weekday(c, 0);
	expect(c, ", ");
	w->day = take_number(c, 2, false);
	expect(c, "-");
	w->month = take_month(c);
	expect(c, "-");
	int year = take_number(c, 2, false);
	w->year = year < 70 ? 2000 + year : 1900 + year;
	expect(c, " ");
	take_clock(c, w);
	expect(c, " GMT");
}

static void take_asctime(struct cursor *c, struct when *w)
{
	take_weekday(c, 3);
	expect(c, " ");
	w->month = take_month(c);
	expect(c, " ");
	w->day = take_number(c, 2, true);
	expect(c, " ");
	take_clock(c, w);
	expect(c, " ");
	w->year = take_number(c, 4, false);
}

/* 60 is a leap second; it is read as the second after. */
static bool is_possible(const struct when *w)
{
	return w->year >= 1 && w->day >= 1 && w->day <= days_in(w->year, w->month) &&
	       w->hour < 24 && w->minute < 60 && w->second <= 60;
}

int pier_http_date_parse(pier_bytes text, int64_t *seconds)
{
	struct cursor c = {.rest = text};
	struct when w = {0};

	if (text.len > 3 && text.p[3] == ',')
		take_fixdate(&c, &w);
	else if (text.len > 3 && text.p[3] == ' ')
		take_asctime(&c, &w);
	else
		take_rfc850(&c, &w);
	if (c.bad || c.rest.len > 0 || !is_possible(&w))
		return -EPROTO;

	*seconds =
		days_from(w.year, w.month, w.day) * DAY + w.hour * 3600 + w.minute * 60 + w.second;
	return 0;
}
