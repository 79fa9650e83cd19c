/* pier user: who may come into the hub. Works while the hub runs: both use the same database. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../hub/accounts.h"
#include "command.h"
#include "json.h"
#include "suggest.h"
#include "terminal.h"

static const char *data = "pier-data";
static bool json;

static const struct option options[] = {
	{"data", 'd', OPTION_TEXT, &data, "DIR",
	 "the hub's data folder; ./pier-data when not given"},
	{"json", 0, OPTION_FLAG, &json, NULL, "list: one JSON object a line"},
	{0},
};

/* ---- The password ---------------------------------------------------------------------------- */

/* One line of stdin, for scripts. */
static int read_password(char password[PASSWORD_MAX + 2])
{
	if (!fgets(password, PASSWORD_MAX + 2, stdin))
		return fail(STATUS_USAGE,
			    "no password on stdin (give it as one line, or use a terminal)");
	password[strcspn(password, "\r\n")] = '\0';
	return STATUS_DONE;
}

static int ask_password(const char *name, char password[PASSWORD_MAX + 2])
{
	char prompt[ACCOUNT_NAME_MAX + 40], again[PASSWORD_MAX + 2];

	snprintf(prompt, sizeof prompt, "Password for %s: ", name);
	int len = terminal_password(prompt, password, PASSWORD_MAX + 2);
	if (len == -EMSGSIZE)
		return fail(STATUS_USAGE, "the password is longer than %d bytes", PASSWORD_MAX);
	if (len < 0)
		return fail(STATUS_LOCAL, "no password was typed");

	len = terminal_password("Once more: ", again, sizeof again);
	bool same = len >= 0 && strcmp(password, again) == 0;
	explicit_bzero(again, sizeof again);
	return same ? STATUS_DONE
		    : fail(STATUS_USAGE, "the two passwords differ; nothing was changed");
}

/* A new password, as its hash. Returns a status. */
static int new_hash(const char *name, char hash[ACCOUNT_HASH_MAX])
{
	char password[PASSWORD_MAX + 2];
	int status = terminal_is(stdin) ? ask_password(name, password) : read_password(password);

	if (status == STATUS_DONE) {
		size_t len = strlen(password);
		int err = 0;
		if (len < PASSWORD_MIN || len > PASSWORD_MAX)
			status = fail(
				STATUS_USAGE, "a password has %d to %d bytes; this one has %s",
				PASSWORD_MIN, PASSWORD_MAX, len < PASSWORD_MIN ? "fewer" : "more");
		else if ((err = account_hash(password, hash)) < 0)
			status = fail(status_of(err), "the password: %s", pier_strerror(err));
	}
	explicit_bzero(password, sizeof password);
	return status;
}

/* ---- The verbs ------------------------------------------------------------------------------- */

/* A person who typed it wants to hear that it worked; a script does not. */
static void tell(const char *name, const char *what)
{
	if (terminal_is(stderr))
		fprintf(stderr, "%s %s\n", name, what);
}

static int fail_store(const char *name, int err)
{
	switch (err) {
	case -EEXIST:
		return fail(STATUS_OTHER,
			    "%s is there already (a new password: pier user passwd %s)", name,
			    name);
	case -ENOENT:
		return fail(STATUS_OTHER, "no account %s in %s (see: pier user list --data=%s)",
			    name, data, data);
	default:
		return fail(status_of(err), "%s: %s", data, pier_strerror(err));
	}
}

static int add(struct store *s, const char *name)
{
	char hash[ACCOUNT_HASH_MAX], taken[ACCOUNT_HASH_MAX], real[ACCOUNT_NAME_MAX + 1];

	/* Asked before the password is. */
	if (store_account_find(s, name, taken, real) == 0)
		return fail_store(real, -EEXIST);
	int status = new_hash(name, hash);
	if (status != STATUS_DONE)
		return status;
	int err = store_account_add(s, name, hash);
	if (err < 0)
		return fail_store(name, err);
	tell(name, "may come in");
	return STATUS_DONE;
}

static int passwd(struct store *s, const char *name)
{
	char hash[ACCOUNT_HASH_MAX], old[ACCOUNT_HASH_MAX], real[ACCOUNT_NAME_MAX + 1];

	int err = store_account_find(s, name, old, real);
	if (err < 0)
		return fail_store(name, err);
	int status = new_hash(real, hash);
	if (status != STATUS_DONE)
		return status;
	err = store_account_set(s, real, hash);
	if (err < 0)
		return fail_store(name, err);
	tell(real, "has a new password");
	return STATUS_DONE;
}

static int remove_account(struct store *s, const char *name)
{
	int err = store_account_remove(s, name);

	if (err < 0)
		return fail_store(name, err);
	tell(name, "may not come in any more");
	return STATUS_DONE;
}

static void show_json(const char *name, int64_t created, void *arg)
{
	(void)arg;
	fputs("{\"name\":", stdout);
	json_string(stdout, pier_text(name));
	printf(",\"created\":%" PRId64 "}\n", created);
}

static void show(const char *name, int64_t created, void *arg)
{
	char when[32];
	time_t seconds = (time_t)created;
	struct tm parts;

	(void)arg;
	strftime(when, sizeof when, "%Y-%m-%d %H:%M", localtime_r(&seconds, &parts));
	printf("%s  %s\n", when, name);
}

static int list(struct store *s, const char *name)
{
	(void)name;
	int err = store_account_each(s, json ? show_json : show, NULL);
	if (err < 0)
		return fail_store("", err);
	return fflush(stdout) == 0 ? STATUS_DONE
				   : fail(STATUS_LOCAL, "stdout: %s", strerror(errno));
}

static const struct verb {
	const char *name;
	int (*run)(struct store *s, const char *name);
	bool wants_name;
	bool makes; /* the data folder, when there is none */
} verbs[] = {
	{"add", add, true, true},	 {"list", list, false, false},
	{"passwd", passwd, true, false}, {"remove", remove_account, true, false},
	{NULL, NULL, false, false},
};

static const struct verb *find_verb(const char *name)
{
	struct suggestion near = {.word = name};

	for (const struct verb *v = verbs; v->name; v++) {
		if (strcmp(v->name, name) == 0)
			return v;
		suggest(&near, v->name);
	}
	if (near.best)
		fail(STATUS_USAGE, "user: no %s (did you mean %s?)", name, near.best);
	else
		fail(STATUS_USAGE, "user: no %s (there are: add, list, passwd, remove)", name);
	return NULL;
}

static int on_store(const struct verb *v, const char *name)
{
	char path[4096], why[256] = "";
	struct store *s;

	if (snprintf(path, sizeof path, "%s/pier.db", data) >= (int)sizeof path)
		return fail(STATUS_USAGE, "--data: the path is too long");
	if (!v->makes && access(path, F_OK) < 0)
		return fail(STATUS_LOCAL, "%s: no hub's data there (name its folder: --data=DIR)",
			    data);

	pier_dir *folder;
	int err = pier_dir_open(data, v->makes, &folder);
	if (err < 0)
		return fail(status_of(err), "%s: %s", data, pier_strerror(err));
	err = store_open(data, &s, why, sizeof why);
	if (err < 0) {
		pier_dir_close(folder);
		return fail(status_of(err), "%s", *why ? why : pier_strerror(err));
	}
	int status = v->run(s, name);
	store_close(s);
	pier_dir_close(folder);
	return status;
}

static int run(int argc, char **argv)
{
	if (argc == 0)
		return fail(STATUS_USAGE,
			    "user: what? (pier user add NAME, list, passwd NAME, remove NAME)");
	const struct verb *v = find_verb(argv[0]);
	if (!v)
		return STATUS_USAGE;
	if (argc != 1 + v->wants_name)
		return fail(STATUS_USAGE,
			    v->wants_name ? "user %s wants one name: pier user %s NAME"
					  : "user %s wants no name: pier user %s",
			    v->name, v->name);

	const char *name = v->wants_name ? argv[1] : "";
	if (v->wants_name && account_name_check(name) < 0)
		return fail(
			STATUS_USAGE,
			"%s cannot be a name (1 to %d bytes, no spaces, none of / @ : , and not a "
			"name of the system's, such as admin)",
			name, ACCOUNT_NAME_MAX);
	return on_store(v, name);
}

const struct command command_user = {
	.name = "user",
	.line = "who may come into the hub",
	.usage = "add|list|passwd|remove [NAME]",
	.options = options,
	.help = "  pier user add lin              asks for the password, twice, hidden\n"
		"  pier user add lin < secret     a line of a file is it, for scripts\n"
		"  pier user passwd lin           a new password\n"
		"  pier user list                 since when, and who\n"
		"  pier user remove lin           what lin said and stored stays\n"
		"\n"
		"Works beside a running hub. Passwords are kept as Argon2id hashes, never as\n"
		"themselves. With pier serve --open people make their own accounts.\n",
	.run = run,
};
