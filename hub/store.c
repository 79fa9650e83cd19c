/* What the hub remembers: opening the database, and its schema. */
#include "store_inside.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* upgrades[n] leads from version n (PRAGMA user_version) to n + 1. Never edit one that was
 * released; add the next. Names of accounts are compared without (ASCII) case: NOCASE. Ids of what
 * was said are never given twice (AUTOINCREMENT), since readers remember up to which id they have
 * seen. */
static const char *const upgrades[] = {
	"CREATE TABLE accounts ("
	"	name TEXT PRIMARY KEY COLLATE NOCASE,"
	"	hash TEXT NOT NULL,"
	"	created INTEGER NOT NULL" /* seconds since 1970 */
	") WITHOUT ROWID;"
	"CREATE TABLE said ("
	"	id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"	at INTEGER NOT NULL," /* ns since 1970 */
	"	room TEXT NOT NULL,"
	"	who TEXT NOT NULL,"
	"	text TEXT NOT NULL"
	");"
	"CREATE INDEX said_in_room ON said (room, id);"
	"CREATE TABLE digests ("
	"	path TEXT PRIMARY KEY,"
	"	size INTEGER NOT NULL,"
	"	mtime INTEGER NOT NULL,"
	"	inode INTEGER NOT NULL,"
	"	sha256 BLOB NOT NULL,"
	"	md5 BLOB NOT NULL"
	") WITHOUT ROWID;",
};
#define VERSION ((int)(sizeof upgrades / sizeof upgrades[0]))

#define BUSY_MS_MAX 5000 /* another process (pier user) may hold the database this long */

static const char *const queries[QUERIES] = {
	[ACCOUNT_ADD] = "INSERT INTO accounts (name, hash, created) VALUES (?, ?, ?)",
	[ACCOUNT_SET] = "UPDATE accounts SET hash = ?2 WHERE name = ?1",
	[ACCOUNT_REMOVE] = "DELETE FROM accounts WHERE name = ?",
	[ACCOUNT_FIND] = "SELECT hash, name FROM accounts WHERE name = ?",
	[ACCOUNT_EACH] = "SELECT name, created FROM accounts ORDER BY name",
	[SAID_ADD] = "INSERT INTO said (at, room, who, text) VALUES (?, ?, ?, ?)",
	[SAID_LAST] = "SELECT max(id) FROM said",
	[SAID_EACH] = "SELECT id, at, room, who, text FROM ("
		      "	SELECT * FROM said WHERE room = ? AND id <= ? ORDER BY id DESC LIMIT ?"
		      ") ORDER BY id",
	[DIGESTS_GET] = "SELECT sha256, md5 FROM digests"
			" WHERE path = ? AND size = ? AND mtime = ? AND inode = ?",
	[DIGESTS_PUT] = "REPLACE INTO digests (path, size, mtime, inode, sha256, md5)"
			" VALUES (?, ?, ?, ?, ?, ?)",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
};

int store_error(int sqlite)
{
	switch (sqlite & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

sqlite3_stmt *db_query(struct db *db, enum query query)
{
	sqlite3_stmt *stmt = db->stmts[query];

	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return stmt;
}

int db_run(sqlite3_stmt *stmt)
{
	int err = store_error(sqlite3_step(stmt));

	sqlite3_reset(stmt); /* ends the statement's read transaction, or later ones see no news */
	return err;
}

void db_text(sqlite3_stmt *stmt, int at, const char *text)
{
	/* The text outlives the step: every caller runs the statement before it returns. */
	sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

const char *db_column(sqlite3_stmt *stmt, int at)
{
	const unsigned char *text = sqlite3_column_text(stmt, at);

	return text ? (const char *)text : "";
}

/* ---- Opening -------------------------------------------------------------------------------- */

static int db_version(sqlite3 *db, int *out)
{
	sqlite3_stmt *stmt;
	int err = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL);

	if (err != SQLITE_OK)
		return store_error(err);
	err = sqlite3_step(stmt);
	if (err == SQLITE_ROW)
		*out = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return store_error(err);
}

static int upgrade_from(sqlite3 *db, int version)
{
	char seal[48];

	for (; version < VERSION; version++) {
		int err = sqlite3_exec(db, upgrades[version], NULL, NULL, NULL);
		if (err != SQLITE_OK)
			return store_error(err);
	}
	snprintf(seal, sizeof seal, "PRAGMA user_version = %d", VERSION);
	return store_error(sqlite3_exec(db, seal, NULL, NULL, NULL));
}

/* All or nothing, and once, though the hub and `pier user` may open a new database together. */
static int db_upgrade(sqlite3 *db)
{
	int version = 0;
	int err = store_error(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL));

	if (err < 0)
		return err;
	err = db_version(db, &version);
	if (err == 0 && version > VERSION)
		err = -ENOTSUP;
	if (err == 0)
		err = upgrade_from(db, version);
	if (err == 0)
		err = store_error(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
	if (err < 0)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

/* FULL: in WAL mode each commit waits until it is on the disk, so what was acknowledged survives
 * also a power cut. https://sqlite.org/pragma.html#pragma_synchronous */
static int db_open(struct db *db, const char *path)
{
	int err = sqlite3_open_v2(path, &db->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				  NULL);

	if (err == SQLITE_OK)
		err = sqlite3_busy_timeout(db->sqlite, BUSY_MS_MAX);
	if (err == SQLITE_OK)
		err = sqlite3_exec(db->sqlite,
				   "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", NULL,
				   NULL, NULL);
	return store_error(err);
}

static int db_prepare(struct db *db)
{
	for (enum query q = 0; q < QUERIES; q++) {
		int err = sqlite3_prepare_v3(db->sqlite, queries[q], -1, SQLITE_PREPARE_PERSISTENT,
					     &db->stmts[q], NULL);
		if (err != SQLITE_OK)
			return store_error(err);
	}
	return 0;
}

static void db_close(struct db *db)
{
	for (enum query q = 0; q < QUERIES; q++)
		sqlite3_finalize(db->stmts[q]);
	sqlite3_close(db->sqlite);
	pthread_mutex_destroy(&db->lock);
}

/* Hashes of passwords and what people said are nobody else's: 0600. SQLite gives the WAL and its
 * index the same mode. <pier/file.h> has no mode to give. */
static int make_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	int err = fchmod(fd, 0600) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static int open_both(struct store *s, const char *path)
{
	int err = make_private(path);

	if (err == 0)
		err = db_open(&s->writing, path);
	if (err == 0)
		err = db_upgrade(s->writing.sqlite);
	if (err == 0)
		err = db_prepare(&s->writing);
	if (err == 0)
		err = db_open(&s->reading, path);
	if (err == 0)
		err = db_prepare(&s->reading);
	return err;
}

static void explain(const char *path, int err, char *why, size_t room)
{
	const char *hint = "";

	if (err == -ENOTSUP)
		hint = " (a newer pier made it: use that one, or another folder)";
	else if (err == -EBADMSG)
		hint = " (it is damaged, or no database: restore it, or move it away)";
	else if (err == -EBUSY)
		hint = " (another process holds it)";
	else if (err == -ENOSPC)
		hint = " (make room, or choose another folder)";
	else if (err == -EACCES)
		hint = " (this user may not write it)";
	snprintf(why, room, "%s: %s%s", path, pier_strerror(err), hint);
}

int store_open(const char *dir, struct store **out, char *why, size_t room)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof path, "%s/pier.db", dir) >= sizeof path) {
		snprintf(why, room, "the folder's name is too long");
		return -ENAMETOOLONG;
	}
	struct store *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->writing.lock, NULL);
	pthread_mutex_init(&s->reading.lock, NULL);
	pthread_mutex_init(&s->queue_lock, NULL);

	int err = open_both(s, path);
	if (err < 0) {
		explain(path, err, why, room);
		store_close(s);
		return err;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	db_close(&s->reading); /* the last to close tidies the WAL away, so it must be a writer */
	db_close(&s->writing);
	pthread_mutex_destroy(&s->queue_lock);
	free(s);
}
