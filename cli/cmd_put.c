/* pier put: files to a hub or another web server, resumed after a cut, and checked. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "json.h"
#include "local.h"
#include "terminal.h"
#include "upload.h"
#include "web.h"

#define SECRET_MAX 256

static const char *user, *password_file;
static unsigned retry = 5;
static int64_t timeout = PIER_S(60);
static bool quiet, verbose, json;

static const struct option options[] = {
	{"user", 'u', OPTION_TEXT, &user, "NAME", "log in as; else the URL's user"},
	{"password-file", 0, OPTION_TEXT, &password_file, "FILE",
	 "its first line; else $PIER_PASSWORD, or it is asked for"},
	{"retry", 0, OPTION_COUNT, &retry, "N",
	 "attempts after a cut, counted anew when bytes went; 5"},
	{"timeout", 'w', OPTION_DURATION, &timeout, "TIME",
	 "for a connection, and for a server that stands still; 60s"},
	{"quiet", 'q', OPTION_FLAG, &quiet, NULL, "no progress"},
	{"verbose", 'v', OPTION_FLAG, &verbose, NULL, "say what was stored, and when it was cut"},
	{"json", 0, OPTION_FLAG, &json, NULL, "one JSON object a line"},
	{.name = NULL},
};

/* ---- Who ----------------------------------------------------------------------------------- */

static int read_password_file(char into[SECRET_MAX])
{
	struct local l;
	int err = local_source(password_file, &l);
	int fd = err < 0 ? err : pier_file_open(l.dir, l.name, PIER_READ);
	ssize_t n = fd < 0 ? fd : pier_file_read(fd, into, SECRET_MAX - 1, 0);

	if (fd >= 0)
		pier_file_close(fd);
	if (err == 0)
		local_done(&l);
	if (n < 0)
		return fail(STATUS_LOCAL, "%s: %s", password_file, pier_strerror((int)n));
	into[n] = '\0';
	into[strcspn(into, "\r\n")] = '\0';
	return STATUS_DONE;
}

/* The password for a user that is known, from the place that was named, or the terminal. */
static int find_password(const char *name, char into[SECRET_MAX])
{
	const char *env = getenv("PIER_PASSWORD");
	char prompt[300];

	if (password_file)
		return read_password_file(into);
	if (env) {
		if (strlen(env) >= SECRET_MAX)
			return fail(STATUS_USAGE, "PIER_PASSWORD is longer than %d bytes",
				    SECRET_MAX - 1);
		memcpy(into, env, strlen(env) + 1);
		return STATUS_DONE;
	}
	snprintf(prompt, sizeof prompt, "Password for %.100s: ", name);
	int len = terminal_password(prompt, into, SECRET_MAX);
	if (len == -ENOTTY)
		return fail(STATUS_USAGE,
			    "no password for %s (set PIER_PASSWORD, or --password-file=FILE)",
			    name);
	return len < 0 ? fail(STATUS_LOCAL, "no password was typed") : STATUS_DONE;
}

/* ---- Where --------------------------------------------------------------------------------- */

/* The URL of the file: what was given, with the file's name behind it when that is a folder. */
static int make_url(const char *base, const char *path, char *into, size_t room)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strlen(base);
	char escaped[3 * NAME_MAX + 1] = "";
	struct web w;

	bool top = web_init(&w, base, 0) == 0 && w.url.target.len == 1 && base[len - 1] != '/';
	web_done(&w);
	bool folder = top || base[len - 1] == '/';
	if (folder && pier_http_escape(pier_text(name), escaped, sizeof escaped) < 0)
		return -ENAMETOOLONG;
	int n = snprintf(into, room, "%s%s%s", base, top ? "/" : "", escaped);
	return n < 0 || (size_t)n >= room ? -ENAMETOOLONG : 0;
}

/* ---- What is said -------------------------------------------------------------------------- */

static void put_text(const char *key, const char *text)
{
	printf(",\"%s\":", key);
	json_string(stdout, pier_text(text));
}

static void say_json(const struct put_file *p, int status, int64_t took)
{
	char hex[DIGEST_HEX_MAX];

	printf("{\"ev\":\"close\",\"t\":%.3f", (double)took / 1e9);
	put_text("file", p->path);
	printf(",\"size\":%" PRId64 ",\"sent\":%" PRId64 ",\"resumed\":%" PRId64, p->size, p->sent,
	       p->resumed);
	if (status == STATUS_DONE)
		put_text("sha256", digest_hex(p->digests.sha256, sizeof p->digests.sha256, hex));
	printf(",\"status\":%d", status);
	put_text("why", status ? p->why : p->there ? "it was there already" : "done");
	puts("}");
	fflush(stdout);
}

static void say_done(const struct put_file *p, int64_t took)
{
	char size[SIZE_TEXT], rate[SIZE_TEXT];

	size_format((double)p->size, size);
	if (p->there)
		fprintf(stderr, "%s  %s  it was there already\n", p->path, size);
	else
		fprintf(stderr, "%s  %s  %s/s%s\n", p->path, size,
			size_format((double)p->sent * 1e9 / (double)(took > 0 ? took : 1), rate),
			p->checked ? "  sha-256 ok" : "  (the server gave no digest)");
}

/* ---- The command --------------------------------------------------------------------------- */

struct operands {
	int files;
	char **argv;
	const char *url;
	const char *password;
};

static int put(const struct operands *all, const char *path)
{
	char url[WEB_URL_MAX];
	int64_t began = pier_now();
	struct put_file p = {
		.path = path,
		.url = url,
		.user = user,
		.password = all->password,
		.timeout = timeout,
		.retry = retry,
		.quiet = quiet || json,
		.verbose = verbose,
	};

	if (make_url(all->url, path, url, sizeof url) < 0)
		return fail(STATUS_USAGE, "%s: the URL gets too long", path);
	int status = upload_run(&p);
	int64_t took = pier_now() - began;
	if (json)
		say_json(&p, status, took);
	else if (status)
		fail((enum status)status, "%s", p.why);
	else if (verbose)
		say_done(&p, took);
	return status;
}

static int put_all(void *arg)
{
	struct operands *all = arg;
	int status = STATUS_DONE;

	for (int i = 0; i < all->files; i++) {
		int one = put(all, all->argv[i]);
		status = status ? status : one;
	}
	return status;
}

/* Asks for the password before anything is hashed or sent; `into` stays "" when there is no user. */
static int log_in(const char *url, char into[SECRET_MAX])
{
	struct web w;
	int status = STATUS_DONE;

	if (web_init(&w, url, 0) < 0)
		status = fail(STATUS_USAGE, "%s", w.why);
	else if (user || (*w.user && !*w.password))
		status = find_password(user ? user : w.user, into);
	web_done(&w);
	return status;
}

static int run(int argc, char **argv)
{
	char password[SECRET_MAX] = "";

	if (argc < 2)
		return fail(STATUS_USAGE,
			    "put needs a file and a URL (try: pier put FILE http://HOST:7437/)");
	struct operands all = {argc - 1, argv, argv[argc - 1], NULL};
	if (!*all.url)
		return fail(STATUS_USAGE, "the URL is empty");
	if (all.files > 1 &&
	    strchr(strstr(all.url, "://") ? strstr(all.url, "://") + 3 : all.url, '/') &&
	    all.url[strlen(all.url) - 1] != '/')
		return fail(STATUS_USAGE, "%s: one name for %d files (a folder ends in /)", all.url,
			    all.files);
	int status = log_in(all.url, password);
	if (status != STATUS_DONE)
		return status;
	if (*password)
		all.password = password;
	status = pier_run(put_all, &all, .workers = 1);
	explicit_bzero(password, sizeof password);
	return status < 0 ? fail(status_of(status), "%s", pier_strerror(status)) : status;
}

const struct command command_put = {
	.name = "put",
	.line = "store files on a hub or a web server: resumed, checked",
	.usage = "[OPTIONS] FILE… URL",
	.options = options,
	.help = "  pier put build.tar.zst http://hub.local:7437/ --user wang\n"
		"  pier put a.bin b.bin http://wang@hub.local:7437/firmware/\n"
		"\n"
		"After a cut, of either side, the same command goes on where the hub has\n"
		"got to. The hub shows the file when it is whole and its digest is right.\n",
	.run = run,
};
