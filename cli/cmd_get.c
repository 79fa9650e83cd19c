/* pier get: files from web servers, gone on with where they were cut, and checked. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../hub/target.h"
#include "command.h"
#include "download.h"
#include "json.h"
#include "runes.h"
#include "web.h"

static const char *output;
static unsigned retry = 5;
static int64_t timeout = PIER_S(60);
static bool quiet, verbose, json;

static const struct option options[] = {
	{"output", 'o', OPTION_TEXT, &output, "FILE",
	 "store under this name; - is stdout, NAME/ a folder"},
	{"retry", 0, OPTION_COUNT, &retry, "N",
	 "attempts after a cut, counted anew when bytes came; 5"},
	{"timeout", 'w', OPTION_DURATION, &timeout, "TIME",
	 "for a connection, and for a server that stands still; 60s"},
	{"quiet", 'q', OPTION_FLAG, &quiet, NULL, "no progress"},
	{"verbose", 'v', OPTION_FLAG, &verbose, NULL, "say what was fetched, and when it was cut"},
	{"json", 0, OPTION_FLAG, &json, NULL, "one JSON object a line: open, then close"},
	{.name = NULL},
};

/* ---- Names --------------------------------------------------------------------------------- */

/* The last name of the URL's path, made harmless: a server cannot choose a folder, nor a name that
 * acts on a terminal. The server's Content-Disposition is not asked. */
static void name_from(const char *url, char into[TARGET_NAME + 1])
{
	struct web w;
	struct target t = {0};
	const char *why, *name = "";

	if (web_init(&w, url, 0) == 0) {
		pier_bytes path = w.url.target;
		const char *query = memchr(path.p, '?', path.len);
		path.len = query ? (size_t)(query - path.p) : path.len;
		if (target_read(path, &t, &why) == 0 && !t.folder)
			name = target_name(t.path);
	}
	web_done(&w);
	bool fine = *name && runes_valid(pier_text(name));
	pier_bytes rest = pier_text(name);
	for (uint32_t code; fine && rest.len;) {
		int n = rune_next(rest, &code);
		fine = n > 0 && !rune_is_control(code);
		rest.p += n;
		rest.len -= (size_t)n;
	}
	snprintf(into, TARGET_NAME + 1, "%s", fine ? name : "index.html");
}

/* Where a URL goes: -o's file, a name in -o's folder, or a name here. */
static void choose(const char *url, char *into, size_t room)
{
	char name[TARGET_NAME + 1];
	size_t len = output ? strlen(output) : 0;

	if (len && output[len - 1] != '/') {
		snprintf(into, room, "%s", output);
		return;
	}
	name_from(url, name);
	snprintf(into, room, "%s%s", output ? output : "", name);
}

/* ---- What is said -------------------------------------------------------------------------- */

static void put_text(const char *key, const char *text)
{
	printf(",\"%s\":", key);
	json_string(stdout, pier_text(text));
}

static void on_open(const struct download *d, void *began)
{
	if (!json)
		return;
	printf("{\"ev\":\"open\",\"t\":%.3f", (double)(pier_now() - *(int64_t *)began) / 1e9);
	put_text("url", d->url);
	put_text("file", d->to);
	if (d->size >= 0)
		printf(",\"size\":%" PRId64, d->size);
	printf(",\"resumed\":%" PRId64 "}\n", d->resumed);
	fflush(stdout);
}

static void say_json(const struct download *d, int status, int64_t took)
{
	char hex[DIGEST_HEX_MAX];

	printf("{\"ev\":\"close\",\"t\":%.3f", (double)took / 1e9);
	put_text("url", d->url);
	printf(",\"received\":%" PRId64 ",\"resumed\":%" PRId64, d->received, d->resumed);
	if (d->checked && d->promise.has_sha256)
		put_text("sha256",
			 digest_hex(d->promise.is.sha256, sizeof d->promise.is.sha256, hex));
	else if (d->checked)
		put_text("md5", digest_hex(d->promise.is.md5, sizeof d->promise.is.md5, hex));
	printf(",\"status\":%d", status);
	put_text("why", status ? d->why : "done");
	puts("}");
	fflush(stdout);
}

static void say_done(const struct download *d, int64_t took)
{
	char size[SIZE_TEXT], rate[SIZE_TEXT];

	fprintf(stderr, "%s  %s  %s/s%s\n", d->to,
		size_format((double)(d->resumed + d->received), size),
		size_format((double)d->received * 1e9 / (double)(took > 0 ? took : 1), rate),
		!d->checked		? "  (the server gave no digest)"
		: d->promise.has_sha256 ? "  sha-256 ok"
					: "  md5 ok");
}

/* ---- The command --------------------------------------------------------------------------- */

static int get(const char *url)
{
	char path[4096];
	int64_t began = pier_now();
	struct download d = {
		.url = url,
		.to = path,
		.timeout = timeout,
		.retry = retry,
		.quiet = quiet || json,
		.verbose = verbose,
		.on_open = on_open,
		.arg = &began,
	};

	choose(url, path, sizeof path);
	int status = download_run(&d);
	int64_t took = pier_now() - began;
	if (json)
		say_json(&d, status, took);
	else if (status)
		fail((enum status)status, "%s", d.why);
	else if (verbose)
		say_done(&d, took);
	return status;
}

struct operands {
	int argc;
	char **argv;
};

/* Every file is tried; the first status that is not 0 is the command's. */
static int get_all(void *arg)
{
	struct operands *all = arg;
	int status = STATUS_DONE;

	for (int i = 0; i < all->argc; i++) {
		int one = get(all->argv[i]);
		status = status ? status : one;
	}
	return status;
}

static int run(int argc, char **argv)
{
	struct operands all = {argc, argv};

	if (argc < 1)
		return fail(STATUS_USAGE, "get needs a URL (try: pier get http://HOST:7437/FILE)");
	if (argc > 1 && output && output[0] && output[strlen(output) - 1] != '/' &&
	    strcmp(output, "-") != 0)
		return fail(STATUS_USAGE, "-o %s: one name for %d files (a folder ends in /)",
			    output, argc);
	if (json && output && strcmp(output, "-") == 0)
		return fail(STATUS_USAGE, "--json and -o - both want stdout");
	int status = pier_run(get_all, &all, .workers = 1);
	return status < 0 ? fail(status_of(status), "%s", pier_strerror(status)) : status;
}

const struct command command_get = {
	.name = "get",
	.line = "fetch files from web servers and hubs: resumed, checked",
	.usage = "[OPTIONS] URL…",
	.options = options,
	.help = "  pier get http://hub.local:7437/firmware.bin\n"
		"  pier get -o - http://hub.local:7437/notes.txt | less\n"
		"  pier get -o down/ http://hub.local:7437/a http://hub.local:7437/b\n"
		"\n"
		"What has come is in FILE.part until the file is whole and checked; the same\n"
		"command goes on with it after a cut. A digest that differs: status 8.\n",
	.run = run,
};
