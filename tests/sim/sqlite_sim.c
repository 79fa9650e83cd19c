/* SQLite, unchanged, on a simulated disk: what it has committed is there after every failure of power, and where it was told
 * not to sync, it is not. */
#include "test.h"

#include <pier.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS	  60
#define NOTE_SIZE 600 /* bytes: a transaction is more than one page */

static const char *journal, *synchronous;
static bool maps, may_fail;
static double faults;
static int promised; /* the row that was committed last */
static pier_sim *sim;

static int run(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *arg)
{
	char *why = NULL;
	int err = sqlite3_exec(db, sql, row, arg, &why);
	if (err != SQLITE_OK && !may_fail)
		fprintf(stderr, "%s: %s\n", sql, why ? why : sqlite3_errstr(err));
	sqlite3_free(why);
	pier_sim_check(sim, err == SQLITE_OK || may_fail);
	return err;
}

static int number_of(void *out, int count, char **values, char **names)
{
	(void)count;
	(void)names;
	*(int *)out = values[0] ? atoi(values[0]) : 0;
	return 0;
}

static int text_of(void *out, int count, char **values, char **names)
{
	(void)count;
	(void)names;
	snprintf(out, 64, "%s", values[0]);
	return 0;
}

static void pragma(sqlite3 *db, const char *name, const char *value)
{
	char sql[64];
	snprintf(sql, sizeof sql, "PRAGMA %s = %s", name, value);
	run(db, sql, NULL, NULL);
}

/* All rows up to the last, and at least those that were promised. The last, or -1 when the disk fails. */
static int look(sqlite3 *db)
{
	int last = 0, count = 0;
	char verdict[64] = "";
	if (run(db, "CREATE TABLE IF NOT EXISTS notes (n INTEGER PRIMARY KEY, note TEXT)", NULL,
		NULL) ||
	    run(db, "SELECT max(n) FROM notes", number_of, &last) ||
	    run(db, "SELECT count(*) FROM notes", number_of, &count) ||
	    run(db, "PRAGMA integrity_check", text_of, verdict))
		return -1;
	pier_sim_check(sim, !strcmp(verdict, "ok") || may_fail);
	pier_sim_check(sim, last == count);
	pier_sim_check(sim, last >= promised);
	return last;
}

static int add(sqlite3 *db, int n)
{
	char insert[NOTE_SIZE + 64], update[96];
	snprintf(insert, sizeof insert, "INSERT INTO notes VALUES (%d, '%0*d')", n, NOTE_SIZE, n);
	snprintf(update, sizeof update, "UPDATE notes SET note = note || '.' WHERE n %% 7 = %d",
		 n % 7);
	if (run(db, "BEGIN IMMEDIATE", NULL, NULL) || run(db, insert, NULL, NULL) ||
	    run(db, update, NULL, NULL) || run(db, "COMMIT", NULL, NULL))
		return -1;
	promised = n;
	return 0;
}

/* To the last row, or until the disk fails. */
static int program(void)
{
	sqlite3 *db;
	int err = sqlite3_open("/data/db", &db);
	pier_sim_check(sim, err == SQLITE_OK || may_fail);
	if (err == SQLITE_OK) {
		pragma(db, "journal_mode", journal);
		pragma(db, "synchronous", synchronous);
		pragma(db, "mmap_size", maps ? "1048576" : "0");
		int last = look(db);
		for (int n = last + 1; last >= 0 && n <= ROWS && add(db, n) == 0; n++)
			;
		look(db);
	}
	sqlite3_close(db);
	return 0;
}

/* A disk that fails does so some time after the start, so that what was lost before is found. */
static int crash_and_look(pier_sim *s)
{
	sim = s;
	promised = 0;
	CHECK_OK(pier_sim_file_put(s, "srv", "/data/readme", pier_text("")));
	CHECK_OK(pier_sim_node(s, "srv", program));
	for (int crash = 0; crash < 5; crash++) {
		pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(300)));
		may_fail = faults > 0;
		CHECK_OK(pier_sim_disk(s, "srv", .faults = faults));
		if (faults > 0)
			pier_sleep((int64_t)pier_sim_chance(s, PIER_MS(300)));
		if (pier_sim_crash(s, "srv") < 0 && !may_fail)
			break;
		may_fail = false;
		CHECK_OK(pier_sim_disk(s, "srv", .faults = 0));
		CHECK_OK(pier_sim_restart(s, "srv"));
	}
	return 0;
}

static void try(const char *mode, const char *sync, int expected)
{
	journal = mode;
	synchronous = sync;
	CHECK_EQ(pier_sim_run(crash_and_look, .seeds = 100), expected);
}

TEST_WITHIN(60, with_a_rollback_journal_every_commit_survives)
{
	try("DELETE", "EXTRA", 0);
}

TEST_WITHIN(60, with_a_write_ahead_log_every_commit_survives)
{
	try("WAL", "FULL", 0);
}

TEST_WITHIN(60, read_by_a_mapping_every_commit_survives)
{
	maps = true;
	try("DELETE", "EXTRA", 0);
	try("WAL", "FULL", 0);
}

TEST_WITHIN(60, on_a_disk_that_fails_every_commit_survives)
{
	faults = 0.02;
	try("DELETE", "EXTRA", 0);
	try("WAL", "FULL", 0);
}

TEST_WITHIN(60, without_syncs_the_simulation_finds_what_is_lost)
{
	try("DELETE", "OFF", 1);
	try("WAL", "OFF", 1);
}
