/* Accounts in the store. */
#include <stdio.h>

#include "store_inside.h"

static int put(struct store *s, enum query query, const char *name, const char *hash)
{
	DB_LOCK *db = db_lock(&s->writing);
	sqlite3_stmt *stmt = db_query(db, query);

	db_text(stmt, 1, name);
	if (hash)
		db_text(stmt, 2, hash);
	if (query == ACCOUNT_ADD)
		sqlite3_bind_int64(stmt, 3, pier_wall() / PIER_S(1));
	int err = db_run(stmt);
	if (err < 0)
		return err;
	return sqlite3_changes(db->sqlite) == 0 ? -ENOENT : 0;
}

int store_account_add(struct store *s, const char *name, const char *hash)
{
	return put(s, ACCOUNT_ADD, name, hash);
}

int store_account_set(struct store *s, const char *name, const char *hash)
{
	return put(s, ACCOUNT_SET, name, hash);
}

int store_account_remove(struct store *s, const char *name)
{
	return put(s, ACCOUNT_REMOVE, name, NULL);
}

int store_account_find(struct store *s, const char *name, char hash[ACCOUNT_HASH_MAX],
		       char real_name[ACCOUNT_NAME_MAX + 1])
{
	DB_LOCK *db = db_lock(&s->reading);
	sqlite3_stmt *stmt = db_query(db, ACCOUNT_FIND);

	db_text(stmt, 1, name);
	int got = sqlite3_step(stmt);
	if (got == SQLITE_ROW) {
		snprintf(hash, ACCOUNT_HASH_MAX, "%s", db_column(stmt, 0));
		snprintf(real_name, ACCOUNT_NAME_MAX + 1, "%s", db_column(stmt, 1));
	}
	sqlite3_reset(stmt);
	return got == SQLITE_DONE ? -ENOENT : store_error(got);
}

int store_account_each(struct store *s, void (*each)(const char *, int64_t, void *), void *arg)
{
	DB_LOCK *db = db_lock(&s->reading);
	sqlite3_stmt *stmt = db_query(db, ACCOUNT_EACH);
	int got;

	while ((got = sqlite3_step(stmt)) == SQLITE_ROW)
		each(db_column(stmt, 0), sqlite3_column_int64(stmt, 1), arg);
	sqlite3_reset(stmt);
	return store_error(got);
}
