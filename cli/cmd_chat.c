/* pier chat: a hub's text door at a terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../hub/hub.h"
#include "command.h"
#include "interrupt.h"
#include "paint.h"
#include "screen.h"
#include "talk.h"
#include "telnet.h"
#include "terminal.h"

#define CONNECT_TIMEOUT PIER_S(10)
#define PROMPT_AFTER	PIER_MS(40) /* a line that has no end for so long is a question */
#define FAREWELL_TIME	PIER_S(5)   /* for the hub to end, after Ctrl-D */
#define LINE_MAX_BYTES	8192	    /* a hub's line; a longer one is shown in pieces */
#define PROMPT		"> "

static const char *user, *lang;

static const struct option options[] = {
	{"user", 'u', OPTION_TEXT, &user, "NAME", "log in as NAME; with $PIER_PASSWORD by itself"},
	{"lang", 0, OPTION_TEXT, &lang, "en|zh",
	 "of pier's own words; the locale's when not given"},
	{0},
};

static const struct words {
	const char *connected, *closed, *slow;
} all_words[] = {
	[HUB_EN] = {"* Connected to %s. Ctrl-D leaves.", "* The hub has closed the conversation.",
		    "* The hub does not end; leaving."},
	[HUB_ZH] = {"* 已连接 %s。按 Ctrl-D 离开。", "* 服务器已关闭会话。",
		    "* 服务器没有结束会话，直接离开。"},
};

struct chat {
	char *url;
	pier_conn *hub;
	struct telnet telnet;
	struct screen *screen;
	const struct words *words;
	const char *user, *password;   /* still to be given, or NULL */
	char tail[LINE_MAX_BYTES + 1]; /* the line that has no end yet */
	size_t tail_len;
	bool asked;   /* it is a question of the hub's */
	bool leaving; /* we have said that we are done */
	bool colour;
	int status, signal;
};

/* ---- What the hub says ----------------------------------------------------------------------- */

static int send_line(struct chat *chat, const char *line)
{
	ssize_t sent = pier_printf(chat->hub, "%s\n", line);

	return sent < 0 ? (int)sent : 0;
}

static void show_tail(struct chat *chat, FILE *to, const char *answer)
{
	paint_line(to, pier_bytes_of(chat->tail, chat->tail_len), chat->colour);
	fprintf(to, "%s\n", answer);
	chat->tail_len = 0;
}

/* Text of the hub's: whole lines are written to `to`, the rest is kept. */
static void take_text(struct chat *chat, pier_bytes text, FILE *to)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '\n') {
			if (chat->tail_len > 0 && chat->tail[chat->tail_len - 1] == '\r')
				chat->tail_len--;
			show_tail(chat, to, "");
			continue;
		}
		chat->tail[chat->tail_len++] = text.p[i];
		if (chat->tail_len == LINE_MAX_BYTES)
			show_tail(chat, to, "");
	}
}

static void set_prompt(struct chat *chat)
{
	char *text = NULL;
	size_t len;

	if (!chat->asked) {
		screen_prompt(chat->screen, PROMPT);
		return;
	}
	FILE *to = open_memstream(&text, &len);
	if (!to)
		return;
	paint_line(to, pier_bytes_of(chat->tail, chat->tail_len), false);
	fclose(to);
	screen_prompt(chat->screen, text);
	free(text);
}

/* A piece from the conn: telnet's commands obeyed, lines shown in one go. */
static int take_piece(struct chat *chat, pier_bytes piece)
{
	char *text = NULL;
	size_t len;

	FILE *to = open_memstream(&text, &len);
	if (!to)
		return -ENOMEM;
	for (size_t used; piece.len > 0; piece.p += used, piece.len -= used)
		take_text(chat, telnet_take(&chat->telnet, piece, &used), to);
	fclose(to);

	bool had_question = chat->asked;
	chat->asked = false;
	if (had_question || chat->tail_len == 0)
		set_prompt(chat);
	if (len > 0)
		screen_print(chat->screen, text);
	free(text);
	screen_hide(chat->screen, chat->telnet.hides);
	if (chat->telnet.answers_len > 0)
		pier_send(chat->hub, chat->telnet.answers, chat->telnet.answers_len);
	chat->telnet.answers_len = 0;
	return pier_err(chat->hub);
}

/* Answers what can be answered without a person: the name, and the password, which is asked for
 * hidden. */
static bool answer_by_itself(struct chat *chat)
{
	const char **given = chat->telnet.hides ? &chat->password : &chat->user;

	if (!*given || (chat->telnet.hides && chat->user))
		return false;
	const char *answer = *given;
	*given = NULL;
	if (!chat->telnet.hides) {
		char *text = NULL;
		size_t len;
		FILE *to = open_memstream(&text, &len);
		if (!to)
			return false;
		show_tail(chat, to, answer);
		fclose(to);
		screen_print(chat->screen, text);
		free(text);
	}
	send_line(chat, answer);
	return true;
}

static int end(struct chat *chat, int status)
{
	chat->status = status;
	return -ECANCELED;
}

static int hear(void *arg)
{
	struct chat *chat = arg;

	for (pier_bytes b; (b = pier_next(chat->hub)).p;) {
		int err = take_piece(chat, b);
		if (err < 0)
			break;
		if (chat->tail_len == 0 || pier_poll(chat->hub, PROMPT_AFTER) != 0)
			continue;
		if (!answer_by_itself(chat)) {
			chat->asked = true;
			set_prompt(chat);
		}
	}
	int err = pier_err(chat->hub);
	if (err == -ECANCELED)
		return err;
	if (err < 0) {
		screen_close(chat->screen);
		chat->screen = NULL;
		return end(chat, fail_dial(chat->url, err, 0));
	}
	if (!chat->leaving) {
		screen_print(chat->screen, chat->words->closed);
		screen_print(chat->screen, "\n");
	}
	return end(chat, STATUS_DONE);
}

/* ---- What is typed --------------------------------------------------------------------------- */

static void say_secret(void *arg, const char *secret)
{
	send_line(arg, secret);
}

static bool is_farewell(const char *line)
{
	return strcmp(line, "/quit") == 0 || strcmp(line, "Q") == 0;
}

static int type(void *arg)
{
	struct chat *chat = arg;

	for (const char *line; (line = screen_read(chat->screen));) {
		bool answer = chat->asked;
		/* The question stands above now, with its answer. */
		chat->asked = false;
		chat->tail_len = answer ? 0 : chat->tail_len;
		set_prompt(chat);
		if (!answer)
			screen_remember(chat->screen, line);
		chat->leaving = is_farewell(line);
		if (send_line(chat, line) < 0)
			return 0; /* hear tells why */
	}
	int err = pier_stopped();
	if (err < 0)
		return err;
	screen_print(chat->screen, "\n");
	chat->leaving = true;
	pier_finish(chat->hub);
	err = pier_sleep(FAREWELL_TIME);
	if (err < 0)
		return err;
	screen_print(chat->screen, chat->words->slow);
	screen_print(chat->screen, "\n");
	return end(chat, STATUS_DONE);
}

static int heed_signals(void *arg)
{
	struct chat *chat = arg;
	int sig = interrupt_wait();

	if (sig < 0)
		return sig;
	chat->signal = sig;
	return -ECANCELED;
}

/* ---- All ------------------------------------------------------------------------------------- */

/* The file of what was typed, its folder made. NULL when there is no home to put it in. */
static char *history_path(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *folder = NULL, *path = NULL;
	pier_dir *made;

	if (state && *state == '/') /* relative ones are to be ignored, says the specification */
		state = asprintf(&folder, "%s/pier", state) < 0 ? NULL : folder;
	else if (home && *home)
		state = asprintf(&folder, "%s/.local/state/pier", home) < 0 ? NULL : folder;
	else
		state = NULL;
	if (state && pier_dir_open(folder, true, &made) == 0) {
		pier_dir_close(made);
		if (asprintf(&path, "%s/chat_history", folder) < 0)
			path = NULL;
	}
	free(folder);
	return path;
}

static int chat_on_screen(struct chat *chat)
{
	char *path = history_path(), line[PLACE_MAX], peer[PIER_ADDR_TEXT];
	PIER_AUTO_GROUP fibers = PIER_GROUP;

	int err = screen_open(&chat->screen, path, say_secret, chat);
	free(path);
	if (err < 0)
		return fail(STATUS_LOCAL, "the terminal: %s", pier_strerror(err));

	snprintf(line, sizeof line, chat->words->connected, peer_text(chat->hub, peer));
	paint_line(stdout, pier_text(line), chat->colour);
	putchar('\n');
	set_prompt(chat);
	pier_send(chat->hub, TELNET_HELLO, strlen(TELNET_HELLO));
	pier_go(&fibers, heed_signals, chat);
	pier_go(&fibers, hear, chat);
	pier_go(&fibers, type, chat);
	pier_group_wait(&fibers);
	screen_close(chat->screen);
	return chat->status;
}

/* Scripts: bytes in, bytes out. */
static int chat_plainly(struct chat *chat)
{
	struct talk_opts opts = {.linger = TALK_LINGER};
	struct view view = {0};
	struct tally tally = {0};

	if (chat->user && !chat->password)
		return fail(STATUS_USAGE, "no terminal to ask for the password: set PIER_PASSWORD");
	int err = view_open(&view);
	if (err < 0)
		return fail(STATUS_LOCAL, "stdout: %s", pier_strerror(err));
	if (chat->user)
		pier_printf(chat->hub, "%s\n%s\n", chat->user, chat->password);
	talk(chat->url, chat->hub, &view, &opts, &tally);
	view_close(&view);
	return tally.status;
}

static bool on_terminal(void)
{
	const char *term = getenv("TERM");

	return terminal_is(stdin) && terminal_is(stdout) && term && strcmp(term, "dumb") != 0;
}

static int join(void *arg)
{
	struct chat *chat = arg;
	PIER_AUTO *hub = pier_dial(chat->url, .timeout = CONNECT_TIMEOUT);

	int err = pier_err(hub);
	if (err < 0)
		return fail_dial(chat->url, err, CONNECT_TIMEOUT);
	chat->hub = hub;
	return on_terminal() ? chat_on_screen(chat) : chat_plainly(chat);
}

/* "host" and "::1" get the hub's port; what is an endpoint already stays as it is. NULL when memory
 * is out. */
static char *url_of(const char *place)
{
	pier_endpoint e;
	const char *colon = strchr(place, ':');
	bool ipv6 = colon && strchr(colon + 1, ':') && place[0] != '[' && !strchr(place, '/');
	char *url;

	if (!ipv6 && pier_endpoint_parse(place, &e) == 0)
		return strdup(place);
	if (asprintf(&url, ipv6 ? "tcp://[%s]:%d" : "tcp://%s:%d", place, HUB_PORT) < 0)
		return NULL;
	return url;
}

static int run(int argc, char **argv)
{
	struct chat *chat = calloc(1, sizeof *chat);
	char *url = url_of(argc > 0 ? argv[0] : "localhost");
	int status;

	if (argc > 1)
		status = fail(STATUS_USAGE, "chat takes one hub, not %d: %s %s", argc, argv[0],
			      argv[1]);
	else if (!chat || !url)
		status = fail(STATUS_LOCAL, "no memory");
	else {
		bool zh = lang ? strcmp(lang, "zh") == 0 : hub_lang_from_env() == HUB_ZH;
		chat->url = url;
		chat->words = &all_words[zh ? HUB_ZH : HUB_EN];
		chat->user = user;
		chat->password = getenv("PIER_PASSWORD");
		chat->colour = terminal_colour(stdout);
		status = pier_run(join, chat, .workers = 1);
		if (status < 0)
			status = fail(STATUS_LOCAL, "cannot run: %s", pier_strerror(status));
	}
	int sig = chat ? chat->signal : 0;
	free(chat);
	free(url);
	if (sig)
		interrupt_die(sig);
	return status;
}

const struct command command_chat = {
	.name = "chat",
	.line = "join a hub from the terminal",
	.usage = "[OPTIONS] [HOST|URL]",
	.options = options,
	.help = "  pier chat                      the hub on this machine\n"
		"  pier chat 192.168.1.5          port 7437 when none is given\n"
		"  pier chat --user lin hub:9000  asks for the password only\n"
		"  echo hello | PIER_PASSWORD=secret pier chat -u lin hub     from a script\n"
		"\n"
		"What others say comes in above the line that you type. Arrow keys edit and find\n"
		"what you said before; /help lists the hub's commands; /quit or Ctrl-D leaves.\n"
		"A password is not shown, nor kept; the rest of what you say is, for you alone,\n"
		"in ~/.local/state/pier/chat_history. Keys are libedit's: see editrc(5).\n",
	.run = run,
};
