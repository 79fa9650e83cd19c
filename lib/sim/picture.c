/* A film as a message-sequence chart: a line down for each node, an arrow for each packet, sloped by its time.
 *
 *	  scenario          srv
 *	     ├── syn ──╲     │
 *	     │          ╲───→│
 *	     │←─── syn ack ──┤
 *
 * Time is no measure here: a millisecond among microseconds and an hour among minutes are both seen. Each point of time
 * is a row; the more lies between two rows, the farther apart they are, by its logarithm. */
#include "film.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 300 /* frames: the last ones */
#define LEFT	  150 /* of the first node; before it stand the times */
#define RIGHT	  130
#define TOP	  128
#define BOTTOM	  64
#define TITLE_GAP 14
#define ROW_GAP	  15	       /* between two beginnings, or two ends, so that words have room */
#define TICK_GAP  26	       /* between two times */
#define STEEP	  110	       /* an arrow that goes down by more */
#define LONG_WAIT PIER_MS(200) /* more is told in words */
#define LOST_PART 75	       /* of the way, in percent, that is seen */
#define LOST_DROP 12	       /* by which it would have sloped */

struct row {
	int64_t time;
	const struct frame *frame;
	bool arrival;
};

struct shown {
	const struct frame *frame;
	int y, y2; /* of its beginning and its end */
};

struct picture {
	FILE *out;
	const struct film *film;
	uint64_t left_out;
	struct shown shown[SHOWN_MAX];
	struct row rows[2 * SHOWN_MAX];
	unsigned count, row_count;
	int height, width, span;
};

/* ---- Text ---------------------------------------------------------------------------------------- */

/* Escaped; what is no printable ASCII is a point: it may be anybody's bytes. XML 1.0 §2.4. */
static void put_text(struct picture *p, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", p->out);
			break;
		case '<':
			fputs("&lt;", p->out);
			break;
		case '>':
			fputs("&gt;", p->out);
			break;
		case '"':
			fputs("&quot;", p->out);
			break;
		default:
			fputc(*text >= ' ' && *text <= '~' ? *text : '.', p->out);
		}
}

static void put_label(struct picture *p, const char *class, int x, int y, const char *text)
{
	fprintf(p->out, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
	put_text(p, text);
	fputs("</text>\n", p->out);
}

static void put_span(struct picture *p, int x, int y, int64_t ns)
{
	const char *unit = ns >= PIER_S(1) ? "s" : "ms";
	double n = (double)ns / (ns >= PIER_S(1) ? 1e9 : 1e6);
	fprintf(p->out, "<text class=\"pause\" x=\"%d\" y=\"%d\">%.*f %s</text>\n", x, y,
		n < 10 ? 1 : 0, n, unit);
}

/* ---- Rows ---------------------------------------------------------------------------------------- */

static bool is_arrow(const struct frame *f)
{
	return f->kind <= FRAME_LOST;
}

static int by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->frame != y->frame)
		return x->frame < y->frame ? -1 : 1; /* as they lie in the copy: in their order */
	return x->arrival - y->arrival;
}

static int gap(int64_t ns)
{
	int bits = ns < 10000 ? 0 : 64 - __builtin_clzll((unsigned long long)ns / 10000);
	return 3 + 4 * (bits < 15 ? bits : 15);
}

static void add_rows(struct picture *p, const struct frame *f)
{
	p->rows[p->row_count++] = (struct row){f->sent, f, false};
	if (is_arrow(f) && f->kind != FRAME_LOST)
		p->rows[p->row_count++] = (struct row){f->came, f, true};
}

static void choose(struct picture *p, struct frame *copy)
{
	const struct film *film = p->film;
	uint64_t first = film->count > SHOWN_MAX ? film->count - SHOWN_MAX : 0;
	p->left_out = first;
	for (uint64_t i = first; i < film->count; i++) {
		copy[p->count] = film->at[i % FRAMES_MAX];
		p->shown[p->count].frame = &copy[p->count];
		add_rows(p, &copy[p->count++]);
	}
	qsort(p->rows, p->row_count, sizeof *p->rows, by_time);
}

static void put_tick(struct picture *p, int y, int64_t time, int *last)
{
	if (y - *last < TICK_GAP)
		return;
	*last = y;
	fprintf(p->out,
		"<text class=\"time\" x=\"%d\" y=\"%d\">%lld.%06lld</text>"
		"<path class=\"tick\" d=\"M%d %dH%d\"/>\n",
		LEFT - 62, y + 4, (long long)(time / 1000000000),
		(long long)(time / 1000 % 1000000), LEFT - 56, y, LEFT + p->span + 20);
}

/* Gives each point of time its place, and writes the times down beside. */
static void place(struct picture *p, const struct frame *copy)
{
	int y = TOP, last[2] = {-ROW_GAP, -ROW_GAP}, tick = 0; /* beginnings, ends */
	for (unsigned i = 0; i < p->row_count; i++) {
		const struct row *r = &p->rows[i];
		struct shown *s = &p->shown[r->frame - copy];
		int64_t passed = i ? r->time - p->rows[i - 1].time : 0;
		y += i ? gap(passed) : 0;
		if (y < last[r->arrival] + ROW_GAP)
			y = last[r->arrival] + ROW_GAP;
		last[r->arrival] = y + (r->frame->kind == FRAME_FAILURE ? 20 : 0); /* its text */
		if (passed >= LONG_WAIT)
			put_span(p, LEFT - 62, y - gap(passed) / 2 + 4, passed);
		*(r->arrival ? &s->y2 : &s->y) = y;
		put_tick(p, y, r->time, &tick);
	}
	p->height = y + BOTTOM;
}

/* ---- Nodes --------------------------------------------------------------------------------------- */

static int x_of(const struct picture *p, unsigned node)
{
	return LEFT + (int)node * (p->film->nodes > 1 ? p->span / (int)(p->film->nodes - 1) : 0);
}

static void put_life(struct picture *p, unsigned node, const char *class, int from, int to)
{
	fprintf(p->out, "<path class=\"%s\" d=\"M%d %dV%d\"/>\n", class, x_of(p, node), from, to);
}

static const char *class_after(enum frame_kind kind)
{
	switch (kind) {
	case FRAME_ENDS:
		return "life ended";
	case FRAME_CRASHES:
		return "life crashed";
	case FRAME_PAUSES:
		return "life paused";
	default:
		return "life";
	}
}

/* Its line, in pieces: up, paused, down. */
static void put_node(struct picture *p, unsigned node)
{
	const char *class = "life";
	int y = TOP - 24, x = x_of(p, node);
	for (unsigned i = 0; i < p->count; i++) {
		const struct shown *s = &p->shown[i];
		if (s->frame->from != node || s->frame->kind < FRAME_STARTS ||
		    s->frame->kind > FRAME_RESUMES)
			continue;
		put_life(p, node, class, y, s->y);
		y = s->y;
		class = class_after(s->frame->kind);
	}
	put_life(p, node, class, y, p->height - BOTTOM + 18);
	for (int at = TOP - 24; at > 0; at = at == TOP - 24 ? p->height - BOTTOM + 42 : 0) {
		fprintf(p->out,
			"<rect class=\"node\" x=\"%d\" y=\"%d\" width=\"120\" height=\"24\" "
			"rx=\"12\"/>\n",
			x - 60, at - 24);
		put_label(p, "name", x, at - 8, p->film->names[node]);
	}
}

static void put_marks(struct picture *p)
{
	for (unsigned i = 0; i < p->count; i++) {
		const struct shown *s = &p->shown[i];
		enum frame_kind kind = s->frame->kind;
		int x = x_of(p, s->frame->from);
		if (kind < FRAME_STARTS || kind > FRAME_RESUMES)
			continue;
		if (kind == FRAME_CRASHES)
			fprintf(p->out, "<path class=\"cross\" d=\"M%d %dl12 12m0 -12l-12 12\"/>\n",
				x - 6, s->y - 6);
		else
			fprintf(p->out, "<circle class=\"mark\" cx=\"%d\" cy=\"%d\" r=\"4\"/>\n", x,
				s->y);
		put_label(p, kind == FRAME_CRASHES ? "note bad" : "note", x + 10, s->y + 4,
			  s->frame->label);
	}
}

/* ---- Cuts ---------------------------------------------------------------------------------------- */

static void put_cut(struct picture *p, const struct frame *f, int from, int to)
{
	int a = x_of(p, f->from), b = x_of(p, f->to), low = a < b ? a : b, wide = abs(b - a);
	fprintf(p->out, "<rect class=\"cut\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
		low + 3, from, wide - 6, to > from ? to - from : 1);
	fprintf(p->out, "<text class=\"scissors%s\" x=\"%d\" y=\"%d\">%s</text>\n",
		a < b ? "" : " back", a < b ? low + 10 : low + wide - 10, from + 12,
		a < b ? "cut →" : "← cut");
}

static bool ends_cut(const struct frame *cut, const struct frame *f)
{
	return (f->kind == FRAME_JOINED || f->kind == FRAME_CUT) && f->from == cut->from &&
	       f->to == cut->to;
}

/* One that was there before the first frame is seen by its end. */
static void put_cuts(struct picture *p)
{
	for (unsigned i = 0; i < p->count; i++) {
		const struct frame *f = p->shown[i].frame;
		int end = p->height - BOTTOM;
		bool earlier = false;
		if (f->kind == FRAME_CUT) {
			for (unsigned k = p->count - 1; k > i; k--)
				if (ends_cut(f, p->shown[k].frame))
					end = p->shown[k].y;
			put_cut(p, f, p->shown[i].y, end);
		}
		for (unsigned k = 0; k < i; k++)
			earlier |= ends_cut(f, p->shown[k].frame);
		if (f->kind == FRAME_JOINED && !earlier)
			put_cut(p, f, TOP, p->shown[i].y);
	}
}

/* ---- Arrows -------------------------------------------------------------------------------------- */

static const char *const classes[] = {"syn", "data", "datagram", "end", "reset", "lost"};

/* Within a node: out and back. */
static void put_loop(struct picture *p, const struct shown *s)
{
	int x = x_of(p, s->frame->from), down = s->y2 > s->y + 6 ? s->y2 : s->y + 6;
	fprintf(p->out, "<path class=\"arrow %s\" d=\"M%d %dC%d %d %d %d %d %d\"/>\n",
		classes[s->frame->kind], x, s->y, x + 26, s->y, x + 26, down, x + 3, down);
	put_label(p, "label here", x + 26, s->y + 4, s->frame->label);
}

static void put_lost(struct picture *p, const struct shown *s, int a, int b)
{
	int x = a + (b - a) * LOST_PART / 100, y = s->y + LOST_DROP * LOST_PART / 100;
	fprintf(p->out,
		"<path class=\"lost\" d=\"M%d %dL%d %d\"/>"
		"<path class=\"cross\" d=\"M%d %dl8 8m0 -8l-8 8\"/>\n",
		a, s->y, x, y, x - 4, y - 4);
}

/* Along the arrow, at the middle of it, where arrows that meet at a node are apart; beside the beginning of a steep one. */
static void put_words(struct picture *p, const struct shown *s, int a, int b, int to)
{
	int drop = to - s->y, x = (a + b) / 2, y = (s->y + to) / 2 - 4;
	bool steep = drop > STEEP;
	if (steep) {
		x = a + (b - a) / 8;
		y = s->y + drop / 8 + 4;
	}
	fprintf(p->out, "<text class=\"label%s\" transform=\"matrix(1 %.3f 0 1 %d %d)\">",
		!steep	? ""
		: a < b ? " here"
			: " back",
		steep ? 0 : (double)drop / (b - a), a < b ? x + 4 * steep : x - 4 * steep, y);
	put_text(p, s->frame->label);
	fputs("</text>\n", p->out);
}

static void put_arrow(struct picture *p, const struct shown *s)
{
	const struct frame *f = s->frame;
	int a = x_of(p, f->from), b = x_of(p, f->to);
	if (f->from == f->to) {
		put_loop(p, s);
		return;
	}
	if (f->kind == FRAME_LOST)
		put_lost(p, s, a, b);
	else
		fprintf(p->out, "<path class=\"arrow %s\" d=\"M%d %dL%d %d\"/>\n", classes[f->kind],
			a, s->y, a < b ? b - 3 : b + 3, s->y2);
	put_words(p, s, a, b, f->kind == FRAME_LOST ? s->y + LOST_DROP : s->y2);
}

static void put_arrows(struct picture *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (is_arrow(p->shown[i].frame))
			put_arrow(p, &p->shown[i]);
}

static void put_failure(struct picture *p)
{
	for (unsigned i = 0; i < p->count; i++) {
		const struct shown *s = &p->shown[i];
		if (s->frame->kind != FRAME_FAILURE)
			continue;
		fprintf(p->out, "<path class=\"failure\" d=\"M%d %dH%d\"/>\n", LEFT - 56, s->y,
			p->width - 20);
		put_label(p, "note bad", LEFT + 10, s->y + 16, p->film->failure);
	}
}

/* ---- All ----------------------------------------------------------------------------------------- */

static const char style[] =
	"<style>\n"
	"text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#334155}\n"
	".bg{fill:#fff}.title{font:600 16px system-ui,sans-serif;fill:#0f172a}\n"
	".sub{font:12px system-ui,sans-serif;fill:#64748b}.bad,.sub.bad{fill:#c81e1e}\n"
	".node{fill:#f1f5f9;stroke:#94a3b8}.name{text-anchor:middle;font-weight:600}\n"
	".life{stroke:#94a3b8;stroke-width:2;fill:none}.ended{stroke-dasharray:1 6}\n"
	".crashed{stroke:#dc2626;stroke-dasharray:4 6}.paused{stroke:#d97706;stroke-width:5;"
	"stroke-dasharray:3 3}\n"
	".time{text-anchor:end;fill:#64748b}.pause{text-anchor:end;fill:#b45309;font-style:italic}"
	"\n"
	".tick{stroke:#eef2f6;fill:none}\n"
	".label,.note{paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}\n"
	".label{text-anchor:middle}.here{text-anchor:start}.back{text-anchor:end}.note{font-weight:"
	"600}.mark{fill:#64748b}\n"
	".arrow{fill:none;stroke-width:1.5;marker-end:url(#tip)}\n"
	".syn,.end{stroke:#64748b}.data{stroke:#2563eb}.datagram{stroke:#0d9488}.reset{stroke:#"
	"dc2626}\n"
	".lost{fill:none;stroke:#dc2626;stroke-dasharray:5 4}.cross{fill:none;stroke:#dc2626;"
	"stroke-width:2}\n"
	".cut{fill:url(#hatch)}.scissors{fill:#b91c1c;font-size:10px}"
	".failure{stroke:#dc2626;stroke-width:2;fill:none}\n"
	"#tip path{fill:context-stroke}\n"
	"@media(prefers-color-scheme:dark){\n"
	"text{fill:#cbd5e1}.bg{fill:#0f172a}.title{fill:#f1f5f9}\n"
	".sub,.time{fill:#94a3b8}.node{fill:#1e293b;stroke:#64748b}.life{stroke:#64748b}\n"
	".crashed{stroke:#f87171}.tick{stroke:#1e293b}.label,.note{stroke:#0f172a}\n"
	".pause{fill:#fbbf24}.data{stroke:#60a5fa}.datagram{stroke:#2dd4bf}.syn,.end{stroke:#"
	"94a3b8}\n"
	".reset,.lost,.cross,.failure{stroke:#f87171}.scissors{fill:#fca5a5}.mark{fill:#94a3b8}\n"
	".bad,.sub.bad{fill:#f87171}\n"
	"}\n</style>\n";

static const char shapes[] =
	"<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
	"markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0.5L8 4L0 7.5z\"/></marker>\n"
	"<pattern id=\"hatch\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" "
	"patternTransform=\"rotate(45)\"><path d=\"M0 0V8\" stroke=\"#dc2626\" stroke-width=\"3\" "
	"stroke-opacity=\".22\"/></pattern></defs>\n";

static void put_head(struct picture *p, const char *title)
{
	bool failed = *p->film->failure;
	put_label(p, "title", 24, 34, title);
	put_label(p, failed ? "sub bad" : "sub", 24, 56, failed ? p->film->failure : "is well");
	if (p->left_out)
		fprintf(p->out,
			"<text class=\"sub\" x=\"24\" y=\"74\">%llu earlier ones are left "
			"out</text>\n",
			(unsigned long long)p->left_out);
}

static void measure(struct picture *p)
{
	int each = p->film->nodes > 4 ? 220 : 300;
	p->span = p->film->nodes > 1 ? (int)(p->film->nodes - 1) * each : 0;
	p->width = LEFT + p->span + RIGHT;
	if (p->width < 600)
		p->width = 600;
}

/* The times come first, and with them the height; the frame around all is written last. */
static void draw(struct picture *p, const char *title, const struct frame *copy)
{
	put_head(p, title);
	place(p, copy);
	put_cuts(p);
	for (unsigned i = 0; i < p->film->nodes; i++)
		put_node(p, i);
	put_arrows(p);
	put_marks(p);
	put_failure(p);
}

static char *frame_all(const struct picture *p, const char *body, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	if (!out)
		return NULL;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		"height=\"%d\">\n%s%s<rect class=\"bg\" width=\"100%%\" "
		"height=\"100%%\"/>\n%s</svg>\n",
		p->width, p->height, p->width, p->height, style, shapes, body);
	return fclose(out) == 0 ? text : NULL;
}

char *pier_picture(const struct film *f, const char *title, size_t *len)
{
	struct picture *p = calloc(1, sizeof *p);
	struct frame *copy = calloc(SHOWN_MAX, sizeof *copy);
	char *body = NULL, *all = NULL;
	size_t body_len;
	if (p && copy && (p->out = open_memstream(&body, &body_len))) {
		p->film = f;
		measure(p);
		choose(p, copy);
		draw(p, title, copy);
		if (fclose(p->out) == 0)
			all = frame_all(p, body, len);
	}
	free(body);
	free(copy);
	free(p);
	return all;
}
