#include "test.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store.h"

static char dir[] = "/tmp/pier-store-XXXXXX";

static void remove_dir(void)
{
	char command[80];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	if (system(command) != 0)
		perror(command);
}

static struct store *open_store(void)
{
	struct store *s;
	char why[200] = "";

	if (access(dir, F_OK) < 0) {
		CHECK(mkdtemp(dir));
		atexit(remove_dir);
	}
	int err = store_open(dir, &s, why, sizeof why);
	if (err < 0)
		test_fail(__FILE__, __LINE__, "%s", why);
	return s;
}

/* ---- Accounts ------------------------------------------------------------------------------- */

TEST(an_account_is_found_whatever_the_case_of_its_name)
{
	struct store *s = open_store();
	char hash[ACCOUNT_HASH_MAX], name[ACCOUNT_NAME_MAX + 1];

	CHECK_EQ(store_account_find(s, "zhao", hash, name), -ENOENT);
	CHECK_EQ(store_account_add(s, "Zhao", "h1"), 0);
	CHECK_EQ(store_account_add(s, "zHAO", "h2"), -EEXIST);
	CHECK_EQ(store_account_find(s, "ZHAO", hash, name), 0);
	CHECK_STR(hash, "h1");
	CHECK_STR(name, "Zhao");
	CHECK_EQ(store_account_set(s, "zhao", "h3"), 0);
	CHECK_EQ(store_account_find(s, "Zhao", hash, name), 0);
	CHECK_STR(hash, "h3");
	CHECK_EQ(store_account_remove(s, "ZHAO"), 0);
	CHECK_EQ(store_account_remove(s, "ZHAO"), -ENOENT);
	CHECK_EQ(store_account_set(s, "zhao", "h4"), -ENOENT);
	store_close(s);
}

static void list(const char *name, int64_t created, void *arg)
{
	CHECK(created > 1600000000);
	strcat(arg, name);
	strcat(arg, " ");
}

TEST(accounts_are_listed_by_name)
{
	struct store *s = open_store();
	char names[100] = "";

	CHECK_EQ(store_account_add(s, "wang", "h"), 0);
	CHECK_EQ(store_account_add(s, "Li", "h"), 0);
	CHECK_EQ(store_account_add(s, "李雷", "h"), 0);
	CHECK_EQ(store_account_each(s, list, names), 0);
	CHECK_STR(names, "Li wang 李雷 ");
	store_close(s);
}

TEST(the_database_is_for_its_owner_only)
{
	struct store *s = open_store();
	char path[64];
	struct stat st;

	CHECK_EQ(store_account_add(s, "li", "h"), 0);
	for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end;
	     end++) {
		snprintf(path, sizeof path, "%s/pier.db%s", dir, *end);
		CHECK_EQ(stat(path, &st), 0);
		CHECK_EQ(st.st_mode & 0777, 0600);
	}
	store_close(s);
}

/* ---- History -------------------------------------------------------------------------------- */

struct tape {
	unsigned count;
	int64_t last_id;
	char texts[400];
};

static void record(const struct said *said, void *arg)
{
	struct tape *tape = arg;

	CHECK(said->id > tape->last_id);
	CHECK(said->when > PIER_S(1600000000));
	tape->last_id = said->id;
	tape->count++;
	size_t len = strlen(tape->texts);
	snprintf(tape->texts + len, sizeof tape->texts - len, "%s ", said->text);
}

TEST(history_is_the_last_lines_of_one_room_oldest_first)
{
	struct store *s = open_store();
	struct tape tape = {0};
	int64_t third = 0;

	for (int i = 1; i <= 5; i++) {
		char text[8];
		snprintf(text, sizeof text, "t%d", i);
		int64_t id = store_say(s, "lobby", "li", text, NULL);
		CHECK_OK(id);
		if (i == 3)
			third = id;
		CHECK_OK(store_say(s, "dev", "li", "elsewhere", NULL));
	}
	CHECK_EQ(store_history(s, "lobby", INT64_MAX, 2, record, &tape), 0);
	CHECK_STR(tape.texts, "t4 t5 ");
	tape = (struct tape){0};
	CHECK_EQ(store_history(s, "lobby", third, 2, record, &tape), 0);
	CHECK_STR(tape.texts, "t2 t3 ");
	store_close(s);
}

TEST(the_last_id_outlives_the_process)
{
	struct store *s = open_store();
	int64_t id = -1;

	CHECK_EQ(store_last_id(s, &id), 0);
	CHECK_EQ(id, 0);
	int64_t said = store_say(s, "lobby", "li", "你好", NULL);
	store_close(s);
	s = open_store();
	CHECK_EQ(store_last_id(s, &id), 0);
	CHECK_EQ(id, said);
	store_close(s);
}

#define TALKERS 8
#define LINES	50

static void *talk(void *arg)
{
	for (int i = 0; i < LINES; i++)
		CHECK_OK(store_say(arg, "lobby", "li", "x", &i));
	return NULL;
}

static void heard(const struct said *said, void *arg)
{
	CHECK(said->from);
	record(said, arg);
}

/* record() checks the order itself, and without a lock: publishing must not run twice at once. */
TEST_WITHIN(30, every_line_is_published_once_and_in_the_order_of_ids)
{
	struct store *s = open_store();
	struct tape live = {0}, stored = {0};
	pthread_t threads[TALKERS];

	store_on_said(s, heard, &live);
	for (int i = 0; i < TALKERS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, talk, s), 0);
	for (int i = 0; i < TALKERS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(live.count, TALKERS * LINES);
	CHECK_EQ(store_history(s, "lobby", INT64_MAX, 1000, record, &stored), 0);
	CHECK_EQ(stored.count, TALKERS * LINES);
	CHECK_EQ(stored.last_id, live.last_id);
	store_close(s);
}

static void tell_parent(const struct said *said, void *arg)
{
	CHECK_EQ(write(*(int *)arg, &said->id, sizeof said->id), sizeof said->id);
}

TEST_WITHIN(30, a_line_that_was_published_survives_a_kill)
{
	int ends[2];
	struct store *s = open_store();

	store_close(s);
	CHECK_EQ(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		pthread_t threads[TALKERS];
		s = open_store();
		store_on_said(s, tell_parent, &ends[1]);
		for (int i = 0; i < TALKERS; i++)
			pthread_create(&threads[i], NULL, talk, s);
		pause();
	}
	close(ends[1]);
	int64_t id = 0, last = 0;
	for (int i = 0; i < 100; i++)
		CHECK_EQ(read(ends[0], &id, sizeof id), sizeof id);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	while (read(ends[0], &id, sizeof id) == sizeof id)
		;
	close(ends[0]);

	s = open_store();
	struct tape tape = {0};
	CHECK_EQ(store_last_id(s, &last), 0);
	CHECK(last >= id);
	CHECK_EQ(store_history(s, "lobby", id, 1000, record, &tape), 0);
	CHECK_EQ(tape.last_id, id);
	CHECK_EQ(tape.count, id); /* the first ids of a new database have no gaps */
	store_close(s);
}

/* ---- Digests -------------------------------------------------------------------------------- */

TEST(digests_hold_for_the_file_they_were_made_of)
{
	struct store *s = open_store();
	pier_file_info info = {.size = 5, .mtime = 7, .inode = UINT64_MAX, .is_file = true};
	struct digests put = {.sha256 = {1, 2, 3}, .md5 = {4}}, got;

	CHECK_EQ(store_digests_get(s, "a/b", &info, &got), -ENOENT);
	CHECK_EQ(store_digests_put(s, "a/b", &info, &put), 0);
	CHECK_EQ(store_digests_get(s, "a/b", &info, &got), 0);
	CHECK(memcmp(&got, &put, sizeof put) == 0);
	info.mtime++;
	CHECK_EQ(store_digests_get(s, "a/b", &info, &got), -ENOENT);
	CHECK_EQ(store_digests_put(s, "a/b", &info, &put), 0);
	CHECK_EQ(store_digests_get(s, "a/b", &info, &got), 0);
	store_close(s);
}

/* ---- Opening -------------------------------------------------------------------------------- */

static void write_db(const char *bytes)
{
	char path[64];

	snprintf(path, sizeof path, "%s/pier.db", dir);
	FILE *f = fopen(path, "w");
	CHECK(f);
	fputs(bytes, f);
	fclose(f);
}

TEST(a_folder_that_is_not_there_is_said_so)
{
	struct store *s = NULL;
	char why[200];

	CHECK_EQ(store_open("/nonexistent", &s, why, sizeof why), -ENOENT);
	CHECK(strstr(why, "/nonexistent/pier.db: No such file or directory"));
	CHECK(!s);
}

TEST(a_file_that_is_no_database_is_not_touched)
{
	struct store *s = open_store();
	char why[200];

	store_close(s);
	write_db("this is a letter to my mother, and longer than the header of a database is: "
		 "a hundred bytes at least");
	CHECK_EQ(store_open(dir, &s, why, sizeof why), -EBADMSG);
	CHECK(strstr(why, "damaged"));
}

TEST(a_database_of_a_newer_pier_is_refused)
{
	struct store *s = open_store();
	char path[64], why[200];
	sqlite3 *db;

	store_close(s);
	snprintf(path, sizeof path, "%s/pier.db", dir);
	CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
	CHECK_EQ(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	CHECK_EQ(store_open(dir, &s, why, sizeof why), -ENOTSUP);
	CHECK(strstr(why, "newer pier"));
}

TEST(an_older_database_keeps_what_it_holds)
{
	struct store *s = open_store();
	char hash[ACCOUNT_HASH_MAX], name[ACCOUNT_NAME_MAX + 1];

	CHECK_EQ(store_account_add(s, "li", "h"), 0);
	store_close(s);
	s = open_store();
	CHECK_EQ(store_account_find(s, "li", hash, name), 0);
	store_close(s);
}
