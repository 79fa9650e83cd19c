/* pier serve: the hub, and what a person needs to know of it when it starts. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../hub/hub.h"
#include "../hub/store.h"
#include "command.h"
#include "terminal.h"

static struct hub_opts hub;
static const char *lang;
static int64_t line_max;

static const struct option options[] = {
	{"listen", 'l', OPTION_TEXT, &hub.listen, "ENDPOINT",
	 "where to listen; :7437 (every address) when not given"},
	{"open", 'o', OPTION_FLAG, &hub.open, NULL, "anyone may make an account"},
	{"lang", 0, OPTION_TEXT, &lang, "en|zh", "the hub's language; the locale's when not given"},
	{"max-clients", 0, OPTION_COUNT, &hub.max_clients, "N", "connections at a time; 10000"},
	{"max-per-host", 0, OPTION_COUNT, &hub.max_per_host, "N",
	 "the same, from one address; 256"},
	{"line-max", 0, OPTION_SIZE, &line_max, "SIZE", "bytes of one line of chat; 2000"},
	{"rate", 0, OPTION_COUNT, &hub.lines_per_minute, "N",
	 "lines of one person in a minute; 240, a quarter of it at once"},
	{"logins", 0, OPTION_COUNT, &hub.logins_per_minute, "N",
	 "failed logins of one address or name in a minute; 10"},
	{"history", 0, OPTION_COUNT, &hub.history_lines, "N", "lines shown on joining a room; 20"},
	{"upload-max", 0, OPTION_SIZE, &hub.upload_max, "SIZE", "bytes of one file; 64g"},
	{"grace", 0, OPTION_DURATION, &hub.grace, "TIME",
	 "on SIGTERM, conversations may end this long; 10s"},
	{0},
};

/* ---- What is said when the hub is open ------------------------------------------------------- */

static const struct words {
	const char *open, *listens, *data, *join, *files, *accounts, *none, *anyone, *stop,
		*how_to_stop, *gone;
} all_words[] = {
	[HUB_EN] = {"The hub is open.", "listens  ", "data     ", "join     ", "files    ",
		    "accounts ", "none yet; make one:", "anyone may make one (--open)", "stop     ",
		    "Ctrl-C", "The hub is closed."},
	[HUB_ZH] = {"服务已启动。", "监听 ", "数据 ", "加入 ", "文件 ", "账号 ",
		    "还没有，先建一个：", "任何人都可以注册（--open）", "停止 ", "Ctrl-C",
		    "服务已停止。"},
};

struct greeting {
	const struct words *words;
	unsigned accounts;
};

/* The port that the kernel gave, out of "0.0.0.0:7437 and [::]:7437"; 0 when there is none. */
static unsigned port_in(const char *where)
{
	const char *colon = strrchr(where, ':');

	return colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
}

/* The address by which others reach this machine: the one a packet to the world would come from.
 * None is sent: connecting a datagram socket only asks for the way. */
static void own_address(char *into, size_t room)
{
	snprintf(into, room, "localhost");
	if (hub.listen) {
		pier_endpoint e;
		if (pier_endpoint_parse(hub.listen, &e) == 0 && e.host.len > 0) {
			if (!pier_bytes_eq(e.host, "0.0.0.0") && !pier_bytes_eq(e.host, "::"))
				snprintf(into, room, "%.*s", (int)e.host.len, e.host.p);
			return;
		}
	}

	pier_addr own;
	PIER_AUTO *way =
		pier_dial("udp://192.0.2.1:9", .timeout = PIER_S(1)); /* RFC 5737: nobody */
	if (pier_err(way) == 0 && pier_local_addr(way, &own) == 0)
		pier_addr_host(&own, into, room);
}

static char own[PIER_ADDR_TEXT];

static void say(const char *label, const char *format, ...) PIER_PRINTF(2, 3);
static void say(const char *label, const char *format, ...)
{
	va_list args;

	printf("  %s%s%s ", terminal_sgr(stdout, SGR_DIM), label, terminal_sgr(stdout, SGR_RESET));
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static void on_listen(const char *where, void *arg)
{
	const struct greeting *g = arg;
	const struct words *w = g->words;
	const char *data = hub.data ? hub.data : "./pier-data";
	unsigned port = port_in(where);

	printf("%s%s%s\n", terminal_sgr(stdout, SGR_BOLD), w->open,
	       terminal_sgr(stdout, SGR_RESET));
	say(w->listens, "%s", where);
	say(w->data, "%s", data);
	if (port) {
		const char *host = strchr(own, ':') ? "[" : "", *end = *host ? "]" : "";
		say(w->join, "nc %s %u   ·   pier chat %s%s%s:%u", own, port, host, own, end, port);
		say(w->files, "http://%s%s%s:%u/", host, own, end, port);
	}
	if (hub.open)
		say(w->accounts, "%s", w->anyone);
	else if (g->accounts == 0)
		say(w->accounts, "%s pier user add --data=%s NAME", w->none, data);
	if (terminal_is(stdin))
		say(w->stop, "%s", w->how_to_stop);
	fflush(stdout);
}

static void count_one(const char *name, int64_t created, void *arg)
{
	(void)name;
	(void)created;
	++*(unsigned *)arg;
}

/* How many accounts there are already; a folder that is not there yet has none, and what is wrong
 * with it the hub will tell. */
static unsigned count_accounts(const char *data)
{
	char path[PATH_MAX], why[256];
	struct store *s;
	unsigned count = 0;

	if (snprintf(path, sizeof path, "%s/pier.db", data) >= (int)sizeof path ||
	    access(path, F_OK) < 0 || store_open(data, &s, why, sizeof why) < 0)
		return 0;
	store_account_each(s, count_one, &count);
	store_close(s);
	return count;
}

/* ---- Running --------------------------------------------------------------------------------- */

static int fail_hub(int err, const char *why)
{
	const char *listen = hub.listen ? hub.listen : "tcp://:7437";
	char place[PLACE_MAX];
	pier_endpoint e;

	if (err == -EADDRINUSE && pier_endpoint_parse(listen, &e) == 0 && e.port)
		return fail(STATUS_LOCAL,
			    "%s: in use, by another hub or another program (who: ss -lntp 'sport = "
			    "%u'; "
			    "or try: pier serve --listen=:%u)",
			    place_of(listen, place), e.port, e.port == 65535 ? 7437u : e.port + 1u);
	if (err == -PIER_EURL || err == -EADDRINUSE || err == -EADDRNOTAVAIL)
		return fail_listen(listen, err);
	return fail(status_of(err), "%s", *why ? why : pier_strerror(err));
}

static int run(int argc, char **argv)
{
	char why[512] = "";
	struct greeting greeting = {0};

	if (argc > 1)
		return fail(STATUS_USAGE, "serve takes one data folder, not %d: %s %s", argc,
			    argv[0], argv[1]);
	if (line_max > UINT_MAX)
		return fail(STATUS_USAGE, "--line-max: too much for a line");
	hub.line_max = (unsigned)line_max;
	hub.data = argc == 1 ? argv[0] : NULL;
	hub.lang = lang ? (strcmp(lang, "zh") == 0 ? HUB_ZH : HUB_EN) : hub_lang_from_env();
	hub.on_listen = on_listen;
	hub.arg = &greeting;

	greeting.words = &all_words[hub.lang];
	greeting.accounts = count_accounts(hub.data ? hub.data : "pier-data");
	own_address(own, sizeof own);

	int err = hub_serve(&hub, why, sizeof why);
	if (err < 0)
		return fail_hub(err, why);
	puts(greeting.words->gone);
	fflush(stdout);
	return STATUS_DONE;
}

const struct command command_serve = {
	.name = "serve",
	.line = "the hub: chat, files and a web page on one port, in one folder",
	.usage = "[OPTIONS] [DIR]",
	.options = options,
	.help = "  pier serve                     here: port 7437, data in ./pier-data\n"
		"  pier serve /srv/hub --open     anyone may make an account\n"
		"  pier serve --listen=127.0.0.1:9000 --lang=zh\n"
		"\n"
		"People join with nc HOST 7437, telnet, or pier chat HOST. Files: pier get, pier\n"
		"put, curl, or a browser at http://HOST:7437/. Accounts: pier user.\n"
		"\n"
		"DIR holds all of it: pier.db (accounts, history), files/ (what people share),\n"
		"partial/ (uploads that are not whole yet). One hub at a time has it.\n"
		"Ctrl-C or SIGTERM closes the hub gently; a second one at once.\n",
	.run = run,
};
