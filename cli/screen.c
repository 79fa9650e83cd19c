/* A terminal on which one types at the bottom while others' lines come in above. The line that is
 * typed is libedit's; its reader waits on a fiber, so that others run meanwhile. */
#include "screen.h"

#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <wchar.h>

#include "runes.h"
#include "terminal.h"

#define HISTORY_LINES 1000
#define PROMPT_MAX    256
#define KEYS_MAX      1024 /* bytes that were typed or pasted and are not read yet */

struct screen {
	EditLine *el;
	History *history;
	char *history_path;
	pier_conn *in;
	char keys[KEYS_MAX];
	size_t keys_at, keys_end;
	char prompt[PROMPT_MAX];
	char *line;   /* the last that was read */
	bool editing; /* the prompt and a line stand on the terminal */
	bool hidden;
	char secret[SECRET_MAX];
	size_t secret_len;
	void (*on_secret)(void *, const char *);
	void *arg;
};

/* ---- Keys ------------------------------------------------------------------------------------ */

/* Reads more keys behind those that are there. Returns the count, 0 at the end of input, or an
 * error. */
static ssize_t fill(struct screen *s)
{
	size_t left = s->keys_end - s->keys_at;

	memmove(s->keys, s->keys + s->keys_at, left);
	s->keys_at = 0;
	s->keys_end = left;
	ssize_t got = pier_recv(s->in, s->keys + left, sizeof s->keys - left);
	if (got > 0)
		s->keys_end += (size_t)got;
	return got;
}

/* The next character; 1, 0 at the end, or -1. Bytes that are none are passed over. */
static int next_key(struct screen *s, uint32_t *code)
{
	for (;;) {
		pier_bytes keys = pier_bytes_of(s->keys + s->keys_at, s->keys_end - s->keys_at);
		int used = keys.len > 0 ? rune_next(keys, code) : 0;
		if (used != 0)
			s->keys_at += used > 0 ? (size_t)used : 1;
		if (used > 0)
			return 1;
		if (used == 0) {
			ssize_t got = fill(s);
			if (got <= 0)
				return got == 0 ? 0 : -1;
		}
	}
}

static void end_secret(struct screen *s)
{
	s->secret[s->secret_len] = '\0';
	s->on_secret(s->arg, s->secret);
	explicit_bzero(s->secret, sizeof s->secret);
	explicit_bzero(s->keys, s->keys_at);
	s->secret_len = 0;
}

static void erase_one(struct screen *s)
{
	while (s->secret_len > 0 && (s->secret[--s->secret_len] & 0xC0) == 0x80)
		;
}

/* A key of a hidden line. The keys that edit are those of every terminal: erase, kill, enter. */
static void take_secret(struct screen *s, uint32_t code, pier_bytes as)
{
	if (code == '\r' || code == '\n')
		end_secret(s);
	else if (code == '\b' || code == 0x7F)
		erase_one(s);
	else if (code == ('U' & 0x1F))
		s->secret_len = 0;
	else if (code >= ' ' && as.len < sizeof s->secret - s->secret_len) {
		memcpy(s->secret + s->secret_len, as.p, as.len);
		s->secret_len += as.len;
	}
}

/* EL_GETCFN: the next character that libedit may see. */
static int read_key(EditLine *el, wchar_t *out)
{
	struct screen *s;
	uint32_t code = 0;
	int got;

	el_get(el, EL_CLIENTDATA, &s);
	while ((got = next_key(s, &code)) == 1 && s->hidden) {
		char as[RUNE_MAX + 1];
		int len = wctomb(as, (wchar_t)code);
		if (len > 0)
			take_secret(s, code, pier_bytes_of(as, (size_t)len));
	}
	*out = (wchar_t)code;
	return got;
}

/* ---- Painting -------------------------------------------------------------------------------- */

/* Where the cursor stands after `text`, when it stood in `column` of `row`. A wide character does
 * not straddle the margin, and one that reaches it takes the cursor to the next row. */
static void advance(pier_bytes text, unsigned columns, unsigned *row, unsigned *column)
{
	while (text.len > 0) {
		uint32_t code = 0;
		int used = rune_next(text, &code), width = used > 0 ? wcwidth((wchar_t)code) : 1;
		unsigned wide = width > 0 ? (unsigned)width : 0;

		if (*column + wide > columns) {
			++*row;
			*column = 0;
		}
		*column += wide;
		if (*column == columns) {
			++*row;
			*column = 0;
		}
		used = used > 0 ? used : 1;
		text.p += used;
		text.len -= (size_t)used;
	}
}

/* Takes prompt and line off the terminal; the cursor is then where they began. */
static void erase(struct screen *s)
{
	const LineInfo *line = el_line(s->el);
	unsigned columns = terminal_columns(stdout), row = 0, column = 0;

	advance(pier_text(s->prompt), columns, &row, &column);
	advance(pier_bytes_of(line->buffer, (size_t)(line->cursor - line->buffer)), columns, &row,
		&column);
	if (row > 0)
		printf("\033[%uA", row);
	fputs("\r\033[J", stdout);
}

static void redraw(struct screen *s)
{
	el_resize(s->el);
	el_set(s->el, EL_REFRESH);
	fflush(stdout);
}

void screen_print(struct screen *s, const char *lines)
{
	if (s->editing)
		erase(s);
	fputs(lines, stdout);
	if (s->editing)
		redraw(s);
	fflush(stdout);
}

void screen_prompt(struct screen *s, const char *prompt)
{
	if (strcmp(s->prompt, prompt) == 0)
		return;
	if (s->editing)
		erase(s);
	snprintf(s->prompt, sizeof s->prompt, "%s", prompt);
	if (s->editing)
		redraw(s);
}

void screen_hide(struct screen *s, bool hide)
{
	s->hidden = hide;
	if (!hide)
		s->secret_len = 0;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

const char *screen_read(struct screen *s)
{
	int len;

	s->editing = true;
	const char *got = el_gets(s->el, &len);
	if (!got && pier_stopped() < 0)
		erase(s); /* nobody will go on typing there */
	fflush(stdout);
	s->editing = false;
	free(s->line);
	s->line = got && len > 0 ? strndup(got, strcspn(got, "\r\n")) : NULL;
	return s->line;
}

void screen_remember(struct screen *s, const char *line)
{
	HistEvent event;

	if (*line)
		history(s->history, &event, H_ENTER, line);
}

/* ---- Birth and end --------------------------------------------------------------------------- */

static char *prompt_of(EditLine *el)
{
	struct screen *s;

	el_get(el, EL_CLIENTDATA, &s);
	return s->prompt;
}

/* libedit measures characters by the locale; a terminal of today shows UTF-8 also where none is
 * set. */
static void use_utf8(void)
{
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

static int start_editing(struct screen *s)
{
	HistEvent event;

	use_utf8();
	s->el = el_init("pier", stdin, stdout, stderr);
	s->history = history_init();
	if (!s->el || !s->history)
		return -ENOMEM;
	history(s->history, &event, H_SETSIZE, HISTORY_LINES);
	history(s->history, &event, H_SETUNIQUE, 1);
	if (s->history_path)
		history(s->history, &event, H_LOAD, s->history_path);

	el_set(s->el, EL_CLIENTDATA, s);
	el_set(s->el, EL_PROMPT, prompt_of);
	el_set(s->el, EL_EDITOR, "emacs");
	el_set(s->el, EL_HIST, history, s->history);
	el_set(s->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_set(s->el, EL_GETCFN, read_key);
	el_source(s->el, NULL); /* ~/.editrc: whoever likes vi says so there */
	return 0;
}

int screen_open(struct screen **out, const char *history, void (*on_secret)(void *, const char *),
		void *arg)
{
	struct screen *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;

	s->on_secret = on_secret;
	s->arg = arg;
	s->history_path = history ? strdup(history) : NULL;
	s->in = pier_dial("fd:0");
	int err = pier_err(s->in);
	if (err == 0)
		err = start_editing(s);
	if (err < 0) {
		screen_close(s);
		return err;
	}
	*out = s;
	return 0;
}

/* Nobody else may read what one said. */
static void save_history(struct screen *s)
{
	HistEvent event;
	mode_t old = umask(077);

	history(s->history, &event, H_SAVE, s->history_path);
	umask(old);
}

void screen_close(struct screen *s)
{
	if (!s)
		return;
	if (s->history && s->history_path)
		save_history(s);
	if (s->el)
		el_end(s->el);
	if (s->history)
		history_end(s->history);
	pier_close(s->in);
	free(s->history_path);
	free(s->line);
	explicit_bzero(s, sizeof *s);
	free(s);
}
