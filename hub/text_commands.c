/* What a member's line means. */
#include <stdlib.h>
#include <time.h>

#include "text_inside.h"

/* ---- History -------------------------------------------------------------------------------- */

struct page {
	struct visitor *v;
	const char *room;
	int64_t upto;
	unsigned count;
	FILE *to;
};

/* The day is shown for lines that are not of today. */
static void write_line(const struct said *said, void *arg)
{
	struct page *page = arg;
	time_t seconds = (time_t)(said->when / PIER_S(1)), now = (time_t)(pier_wall() / PIER_S(1));
	struct tm then, today;
	char when[32];

	localtime_r(&seconds, &then);
	localtime_r(&now, &today);
	bool same_day = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
	strftime(when, sizeof when, same_day ? "%H:%M" : "%Y-%m-%d %H:%M", &then);
	fprintf(page->to, "[%s] %s: %s\n", when, said->who, said->text);
}

static int64_t write_page(void *arg)
{
	struct page *page = arg;

	return store_history(page->v->hub->store, page->room, page->upto, page->count, write_line,
			     page);
}

/* Shows the last lines up to an id, in one piece. */
static void show_history(struct visitor *v, int64_t upto, unsigned count)
{
	char *text = NULL;
	size_t len = 0;
	struct page page = {
		.v = v,
		.room = rooms_name(&v->member),
		.upto = upto,
		.count = count,
		.to = open_memstream(&text, &len),
	};
	int err = page.to ? (int)pier_offload(write_page, &page) : -ENOMEM;

	if (page.to && fclose(page.to) != 0)
		err = -ENOMEM;
	if (err < 0)
		SAY(v, SAY_NO_HISTORY, pier_strerror(err));
	else
		pier_send(v->c, text, len);
	free(text);
}

static void history(struct visitor *v, char *rest)
{
	unsigned count = v->hub->opts.history_lines;

	if (*rest) {
		char *end;
		unsigned long asked = strtoul(rest, &end, 10);
		if (*end || *rest == '-' || asked < 1 || asked > HISTORY_MAX) {
			SAY(v, SAY_HISTORY_HOW, HISTORY_MAX);
			return;
		}
		count = (unsigned)asked;
	}
	pier_cork(v->c);
	show_history(v, rooms_upto(v->hub->rooms), count);
	pier_uncork(v->c);
}

/* ---- Rooms and people ----------------------------------------------------------------------- */

int text_join(struct visitor *v, const char *name)
{
	struct welcome welcome;

	pier_cork(v->c); /* what is said from now on waits until the history is shown */
	int err = rooms_join(v->hub->rooms, &v->member, name, &welcome);
	if (err == 0) {
		show_history(v, welcome.upto, v->hub->opts.history_lines);
		SAY(v, SAY_YOU_ARE_IN, rooms_title(v->hub->rooms, rooms_name(&v->member)),
		    welcome.people);
	}
	pier_uncork(v->c);
	return err;
}

static void join(struct visitor *v, char *rest)
{
	if (!*rest) {
		SAY(v, SAY_JOIN_HOW);
		return;
	}
	int err = text_join(v, rest);
	if (err == -EINVAL)
		SAY(v, SAY_BAD_ROOM, rest);
	else if (err == -ENOSPC)
		SAY(v, SAY_NO_MORE_ROOMS);
	else if (err < 0 && err != -EALREADY)
		SAY(v, SAY_NO_JOIN, pier_strerror(err));
}

static void who(struct visitor *v, char *rest)
{
	char roster[ROSTER_MAX];
	const char *room = *rest ? rest : rooms_name(&v->member);
	int count = rooms_who(v->hub->rooms, room, roster);

	if (count < 0)
		SAY(v, SAY_NO_ROOM, room);
	else
		SAY(v, SAY_WHO, rooms_title(v->hub->rooms, room), (unsigned)count, roster,
		    count > WHO_SHOWN ? SAY_AND_MORE(v->lang) : "");
}

static int most_people_first(const void *a, const void *b)
{
	const struct room_count *x = a, *y = b;

	if (x->people != y->people)
		return x->people < y->people ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void rooms(struct visitor *v, char *rest)
{
	struct room_count list[ROOMS_SHOWN];
	unsigned count = rooms_list(v->hub->rooms, list);

	(void)rest;
	qsort(list, count, sizeof list[0], most_people_first);
	pier_cork(v->c);
	for (unsigned i = 0; i < count; i++)
		SAY(v, SAY_ROOM_COUNT, rooms_title(v->hub->rooms, list[i].name), list[i].people);
	pier_uncork(v->c);
}

/* ---- The rest ------------------------------------------------------------------------------- */

static void msg(struct visitor *v, char *rest)
{
	const char *name = text_word(&rest);

	if (!*rest)
		SAY(v, SAY_MSG_HOW);
	else if (rooms_tell(v->hub->rooms, &v->member, name, rest) < 0)
		SAY(v, SAY_NOT_HERE, name);
}

static void help(struct visitor *v, char *rest)
{
	(void)rest;
	SAY(v, SAY_HELP);
}

static void quit(struct visitor *v, char *rest)
{
	(void)rest;
	SAY(v, SAY_BYE);
	v->left = true;
}

static const struct {
	const char *name;
	void (*run)(struct visitor *v, char *rest);
} commands[] = {
	{"help", help}, {"history", history}, {"join", join}, {"msg", msg},
	{"quit", quit}, {"rooms", rooms},     {"who", who},
};

static void command(struct visitor *v, const struct text_input *in)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(commands[i].name, in->command) == 0) {
			commands[i].run(v, in->rest);
			return;
		}
	}
	SAY(v, SAY_UNKNOWN, in->command);
}

void text_obey(struct visitor *v)
{
	if (strcmp(v->line, "Q") == 0) {
		quit(v, v->line);
		return;
	}
	struct text_input in = text_parse(v->line);
	if (in.command) {
		command(v, &in);
	} else if (*in.rest) {
		int err = rooms_say(v->hub->rooms, &v->member, in.rest);
		if (err < 0)
			SAY(v, SAY_NOT_STORED, pier_strerror(err));
	}
}
