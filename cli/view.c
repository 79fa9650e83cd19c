/* What passes by, shown on stdout. */
#include "view.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "command.h"
#include "hex.h"
#include "json.h"
#include "terminal.h"

int view_open(struct view *v)
{
	v->start = pier_now();
	v->terminal = terminal_is(stdout) && !v->raw;
	v->colour = terminal_colour(stdout);
	v->text = open_memstream(&v->made, &v->made_len);
	if (!v->text)
		return -ENOMEM;
	v->out = pier_dial("fd:1");
	return pier_err(v->out);
}

void view_close(struct view *v)
{
	pier_close(v->out);
	v->out = NULL;
	if (v->text)
		fclose(v->text);
	v->text = NULL;
	free(v->made);
	v->made = NULL;
}

int view_err(const struct view *v)
{
	return pier_err(v->out);
}

bool view_is_events(const struct view *v)
{
	return v->hex || v->times || v->json;
}

/* Sends the event that was made, as one. The text may grow again while the reader keeps us waiting,
 * so it is taken away first. */
static int deliver(struct view *v)
{
	if (fflush(v->text) != 0)
		return -ENOMEM;
	if (v->made_len == 0)
		return 0;

	char *taken = malloc(v->made_len);
	if (!taken)
		return -ENOMEM;
	size_t len = v->made_len;
	memcpy(taken, v->made, len);
	rewind(v->text);
	ssize_t sent = pier_send(v->out, taken, len);
	free(taken);
	return sent < 0 ? (int)sent : 0;
}

/* ---- For people ------------------------------------------------------------------------------ */

static void put_clock(struct view *v)
{
	int64_t now = pier_wall();
	time_t seconds = (time_t)(now / PIER_S(1));
	struct tm parts;
	char text[16];

	strftime(text, sizeof text, "%H:%M:%S", localtime_r(&seconds, &parts));
	fprintf(v->text, "%s.%03d  ", text, (int)(now / PIER_MS(1) % 1000));
}

/* "09:14:02.120  1 ← ": when, who, which way. Returns its columns. */
static unsigned put_head(struct view *v, unsigned id, enum direction way)
{
	unsigned columns = 2;

	if (v->times) {
		put_clock(v);
		columns += 14;
	}
	if (v->numbered)
		columns += (unsigned)fprintf(v->text, "%u ", id);
	fprintf(v->text, "%s ", way == RECEIVED ? "←" : "→");
	return columns;
}

static void put_hex(struct view *v, unsigned id, enum direction way, pier_bytes data)
{
	unsigned columns = put_head(v, id, way);

	columns += (unsigned)fprintf(v->text, "%4zu  ", data.len);
	hex_rows(v->text, data, columns, v->colour);
}

/* Each line of a piece with its head; a piece that ends inside a line ends it, so that pieces never
 * run together. */
static void put_lines(struct view *v, unsigned id, enum direction way, pier_bytes data)
{
	struct visible fresh = {0};
	char *end = data.p + data.len;

	for (char *at = data.p, *next; at < end; at = next) {
		char *lf = memchr(at, '\n', (size_t)(end - at));
		next = lf ? lf + 1 : end;
		put_head(v, id, way);
		visible_put(&fresh, v->text, pier_bytes_of(at, (size_t)(next - at)));
		visible_end(&fresh, v->text);
		if (!lf)
			fputc('\n', v->text);
	}
	if (data.len == 0) {
		put_head(v, id, way);
		fputc('\n', v->text);
	}
}

/* ---- For programs ---------------------------------------------------------------------------- */

static void begin_json(struct view *v, const char *ev, unsigned id)
{
	fprintf(v->text, "{\"ev\":\"%s\",\"t\":%.6f", ev, (double)(pier_now() - v->start) / 1e9);
	if (v->numbered && id)
		fprintf(v->text, ",\"conn\":%u", id);
}

static int end_json(struct view *v)
{
	fputs("}\n", v->text);
	return deliver(v);
}

static int json_piece(struct view *v, unsigned id, enum direction way, pier_bytes data)
{
	begin_json(v, "data", id);
	fprintf(v->text, ",\"dir\":\"%s\",\"len\":%zu,", way == RECEIVED ? "in" : "out", data.len);
	json_data(v->text, data);
	return end_json(v);
}

int view_listening(struct view *v, const char *where)
{
	if (!v->json)
		return 0;
	begin_json(v, "listening", 0);
	fputs(",\"where\":", v->text);
	json_string(v->text, pier_text(where));
	return end_json(v);
}

int view_open_event(struct view *v, unsigned id, const char *scheme, pier_conn *peer)
{
	char local[PIER_ADDR_TEXT], other[PIER_ADDR_TEXT];
	pier_addr own;

	if (!v->json)
		return 0;
	begin_json(v, "open", id);
	fprintf(v->text, ",\"proto\":\"%s\",\"local\":", scheme);
	json_string(v->text, pier_text(pier_local_addr(peer, &own) == 0
					       ? pier_addr_format(&own, local, sizeof local)
					       : "?"));
	fputs(",\"peer\":", v->text);
	json_string(v->text, pier_text(peer_text(peer, other)));
	return end_json(v);
}

int view_error_event(struct view *v, const char *why)
{
	if (!v->json)
		return 0;
	begin_json(v, "error", 0);
	fputs(",\"why\":", v->text);
	json_string(v->text, pier_text(why));
	return end_json(v);
}

int view_close_event(struct view *v, unsigned id, const struct tally *tally)
{
	if (!v->json)
		return 0;
	begin_json(v, "close", id);
	fprintf(v->text,
		",\"sent\":%lld,\"received\":%lld,\"status\":%d,\"why\":", (long long)tally->sent,
		(long long)tally->received, tally->status);
	json_string(v->text, pier_text(tally->why));
	return end_json(v);
}

/* ---- All ------------------------------------------------------------------------------------- */

int view_note(struct view *v, const char *format, ...)
{
	va_list args;

	if (v->json || !(v->terminal || v->hex || v->times))
		return 0;
	if (v->times)
		put_clock(v);
	va_start(args, format);
	vfprintf(v->text, format, args);
	va_end(args);
	fputc('\n', v->text);
	return deliver(v);
}

int view_data(struct view *v, unsigned id, enum direction way, struct visible *state,
	      pier_bytes data)
{
	if (v->json)
		return json_piece(v, id, way, data);
	if (v->hex)
		put_hex(v, id, way, data);
	else if (v->times || (v->numbered && v->terminal && way == RECEIVED))
		put_lines(v, id, way, data);
	else if (way == SENT)
		return 0;
	else if (v->terminal)
		visible_put(state, v->text, data);
	else {
		ssize_t sent = pier_send(v->out, data.p, data.len);
		return sent < 0 ? (int)sent : 0;
	}
	return deliver(v);
}
