/* The inside of the store: two connections to one database.
 *
 *	writing   every change, one at a time: who holds its lock also publishes, in the order of
 *commits reading   look-ups, which in WAL mode never wait for a commit on its way to the disk
 *
 * A connection and its statements are used under its lock, on pool threads (or outside fibers): a
 *fiber that waited for a mutex would hold up its whole worker. */
#ifndef HUB_STORE_INSIDE_H
#define HUB_STORE_INSIDE_H

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>

#include "store.h"

enum query {
	ACCOUNT_ADD,
	ACCOUNT_SET,
	ACCOUNT_REMOVE,
	ACCOUNT_FIND,
	ACCOUNT_EACH,
	SAID_ADD,
	SAID_LAST,
	SAID_EACH,
	DIGESTS_GET,
	DIGESTS_PUT,
	BEGIN,
	COMMIT,
	ROLLBACK,
	QUERIES,
};

struct db {
	pthread_mutex_t lock;
	sqlite3 *sqlite;
	sqlite3_stmt *stmts[QUERIES];
};

struct store {
	struct db writing, reading;
	void (*publish)(const struct said *, void *);
	void *publish_arg;

	/* What waits to be committed, oldest first. */
	pthread_mutex_t queue_lock;
	struct saying *first, **last;
	unsigned queued;
};

/* The negative error of a SQLite code; 0 for SQLITE_OK, ROW and DONE. */
int store_error(int sqlite);

/* The statement, ready to be bound. Under db->lock. */
sqlite3_stmt *db_query(struct db *db, enum query query);

/* Runs a statement that gives no rows, and resets it. */
int db_run(sqlite3_stmt *stmt);

/* Binds text that lives until the statement has run. */
void db_text(sqlite3_stmt *stmt, int at, const char *text);

/* A text column, never NULL. */
const char *db_column(sqlite3_stmt *stmt, int at);

#define DB_LOCK PIER_CLEANUP(db_unlock) struct db
static inline struct db *db_lock(struct db *db)
{
	pthread_mutex_lock(&db->lock);
	return db;
}
static inline void db_unlock(struct db **db)
{
	pthread_mutex_unlock(&(*db)->lock);
}

#endif
