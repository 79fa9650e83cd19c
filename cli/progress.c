/*	firmware.bin   42%  340 MiB   112 MiB/s  0:04 */
#include "progress.h"

#include <stdio.h>

#include "runes.h"
#include "terminal.h"

#define DRAW_EVERY PIER_MS(100)
#define NUMBERS	   48 /* columns that the numbers take at most */

const char *size_format(double bytes, char into[SIZE_TEXT])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t unit = 0;

	for (; bytes >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
		bytes /= 1024;
	snprintf(into, SIZE_TEXT, unit && bytes < 9.95 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
	return into;
}

void progress_begin(struct progress *p, bool quiet, const char *what, int64_t first, int64_t total)
{
	*p = (struct progress){
		.shown = !quiet && terminal_is(stderr),
		.what = what,
		.first = first,
		.total = total,
		.began = pier_now(),
	};
}

/* "0:04", "1:02:33". */
static const char *span(int64_t seconds, char into[SIZE_TEXT])
{
	if (seconds >= 3600)
		snprintf(into, SIZE_TEXT, "%d:%02d:%02d", (int)(seconds / 3600 % 1000),
			 (int)(seconds / 60 % 60), (int)(seconds % 60));
	else
		snprintf(into, SIZE_TEXT, "%d:%02d", (int)(seconds / 60), (int)(seconds % 60));
	return into;
}

/* As much of a name as fits; ideographs and their like take two columns. */
static void put_name(const char *name, unsigned columns)
{
	pier_bytes rest = pier_text(name);
	uint32_t code = 0;

	while (rest.len) {
		int len = rune_next(rest, &code);
		bool fine = len > 0 && !rune_is_control(code);
		unsigned width = fine && code >= 0x1100 ? 2 : 1;
		if (width > columns)
			return;
		columns -= width;
		fwrite(fine ? rest.p : "?", 1, fine ? (size_t)len : 1, stderr);
		rest.p += len > 0 ? len : 1;
		rest.len -= len > 0 ? (size_t)len : 1;
	}
}

static void draw(const struct progress *p, int64_t at, int64_t now)
{
	char numbers[96], size[SIZE_TEXT], rate[SIZE_TEXT], left[SIZE_TEXT];
	double seconds = (double)(now - p->began) / 1e9, speed = (double)(at - p->first) / seconds;
	unsigned columns = terminal_columns(stderr);

	size_format((double)at, size);
	size_format(speed, rate);
	if (p->total > 0 && speed >= 1)
		snprintf(numbers, sizeof numbers, "%3d%%  %s  %s/s  %s",
			 (int)((double)at * 100 / (double)p->total), size, rate,
			 span((int64_t)((double)(p->total - at) / speed), left));
	else
		snprintf(numbers, sizeof numbers, "%s  %s/s", size, rate);
	/* The name gets what is left of the line; a narrow terminal does without it. */
	fputs("\r", stderr);
	if (columns > NUMBERS + 8)
		put_name(p->what, columns - NUMBERS);
	fprintf(stderr, "  %s\033[K", numbers);
	fflush(stderr);
}

void progress_at(struct progress *p, int64_t at)
{
	int64_t now = pier_now();

	if (!p->shown || now - p->began < DRAW_EVERY || now - p->drawn < DRAW_EVERY)
		return;
	p->drawn = now;
	draw(p, at, now);
}

void progress_end(struct progress *p)
{
	if (p->shown && p->drawn)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
