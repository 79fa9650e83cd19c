/* Digests of files in the store, good as long as the file is the one they were computed of. */
#include "store_inside.h"

static void bind_file(sqlite3_stmt *stmt, const char *path, const pier_file_info *info)
{
	db_text(stmt, 1, path);
	sqlite3_bind_int64(stmt, 2, info->size);
	sqlite3_bind_int64(stmt, 3, info->mtime);
	sqlite3_bind_int64(stmt, 4, (int64_t)info->inode);
}

static int column_blob(sqlite3_stmt *stmt, int at, uint8_t *into, size_t len)
{
	const void *blob = sqlite3_column_blob(stmt, at);

	if (!blob || (size_t)sqlite3_column_bytes(stmt, at) != len)
		return -ENOENT;
	memcpy(into, blob, len);
	return 0;
}

int store_digests_get(struct store *s, const char *path, const pier_file_info *info,
		      struct digests *out)
{
	DB_LOCK *db = db_lock(&s->reading);
	sqlite3_stmt *stmt = db_query(db, DIGESTS_GET);
	struct digests digests;

	bind_file(stmt, path, info);
	int got = sqlite3_step(stmt);
	int err = got == SQLITE_DONE ? -ENOENT : store_error(got);
	if (err == 0)
		err = column_blob(stmt, 0, digests.sha256, sizeof digests.sha256);
	if (err == 0)
		err = column_blob(stmt, 1, digests.md5, sizeof digests.md5);
	sqlite3_reset(stmt);
	if (err == 0)
		*out = digests;
	return err;
}

int store_digests_put(struct store *s, const char *path, const pier_file_info *info,
		      const struct digests *digests)
{
	DB_LOCK *db = db_lock(&s->writing);
	sqlite3_stmt *stmt = db_query(db, DIGESTS_PUT);

	bind_file(stmt, path, info);
	sqlite3_bind_blob(stmt, 5, digests->sha256, sizeof digests->sha256, SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 6, digests->md5, sizeof digests->md5, SQLITE_STATIC);
	return db_run(stmt);
}
