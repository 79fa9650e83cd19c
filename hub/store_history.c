/* What was said: group commit, then publishing.
 *
 *	fiber A ─ queue ─ offload ──► takes the lock, takes A B C, one commit, publishes A B C
 *	fiber B ─ queue ─ offload ──► waits for the lock; B is done: returns
 *	fiber C ─ queue ─ offload ──► likewise
 *
 * The slower the disk, the more lines share a commit. Publishing happens under the lock of the
 * commits, so that its order is that of the ids. docs/decisions/0010-group-commit.md */
#include <stdatomic.h>

#include "store_inside.h"

#define QUEUE_MAX  2048	      /* lines that wait for a commit, of all rooms */
#define POOL_RETRY PIER_MS(1) /* when the offload pool is full */

/* A line on its way, on the stack of the fiber that waits for it. */
struct saying {
	struct store *store;
	struct said said;
	struct saying *next; /* in the queue, then in the batch */
	int err;
	atomic_bool done;
};

static int enqueue(struct store *s, struct saying *saying)
{
	int err = -EBUSY;

	pthread_mutex_lock(&s->queue_lock);
	if (s->queued < QUEUE_MAX) {
		if (!s->first)
			s->last = &s->first;
		*s->last = saying;
		s->last = &saying->next;
		s->queued++;
		err = 0;
	}
	pthread_mutex_unlock(&s->queue_lock);
	return err;
}

static struct saying *take_all(struct store *s)
{
	pthread_mutex_lock(&s->queue_lock);
	struct saying *batch = s->first;
	s->first = NULL;
	s->queued = 0;
	pthread_mutex_unlock(&s->queue_lock);
	return batch;
}

static int insert(struct db *db, struct said *said)
{
	sqlite3_stmt *stmt = db_query(db, SAID_ADD);

	said->when = pier_wall();
	sqlite3_bind_int64(stmt, 1, said->when);
	db_text(stmt, 2, said->room);
	db_text(stmt, 3, said->who);
	db_text(stmt, 4, said->text);
	int err = db_run(stmt);
	said->id = sqlite3_last_insert_rowid(db->sqlite);
	return err;
}

static int commit(struct db *db, struct saying *batch)
{
	int err = db_run(db_query(db, BEGIN));

	if (err < 0)
		return err;
	for (struct saying *at = batch; at && err == 0; at = at->next)
		err = insert(db, &at->said);
	if (err == 0)
		err = db_run(db_query(db, COMMIT));
	if (err < 0 && !sqlite3_get_autocommit(db->sqlite))
		db_run(db_query(db, ROLLBACK));
	return err;
}

/* Runs on a pool thread. When it returns, its own line is done, by this call or by another's batch.
 */
static int64_t settle(void *arg)
{
	struct saying *mine = arg;
	struct store *s = mine->store;
	DB_LOCK *db = db_lock(&s->writing);

	if (mine->done)
		return mine->err;
	struct saying *batch = take_all(s);
	int err = commit(db, batch);
	while (batch) {
		struct saying *at = batch;
		batch = at->next;
		if (err == 0 && s->publish)
			s->publish(&at->said, s->publish_arg);
		at->err = err;
		at->done = true; /* from here on it may be gone */
	}
	return err;
}

int64_t store_say(struct store *s, const char *room, const char *who, const char *text, void *from)
{
	struct saying saying = {
		.store = s,
		.said = {.room = room, .who = who, .text = text, .from = from},
	};
	int err = enqueue(s, &saying);

	if (err < 0)
		return err;
	/* Once queued it is on its way: a cancel comes too late. When the pool is full, the line
	 * keeps its place, and whichever call gets through takes it along. */
	PIER_SHIELD (PIER_FOREVER) {
		while (pier_offload(settle, &saying), !saying.done)
			pier_sleep(POOL_RETRY);
	}
	return saying.err < 0 ? saying.err : saying.said.id;
}

void store_on_said(struct store *s, void (*publish)(const struct said *, void *), void *arg)
{
	s->publish = publish;
	s->publish_arg = arg;
}

int store_last_id(struct store *s, int64_t *out)
{
	DB_LOCK *db = db_lock(&s->reading);
	sqlite3_stmt *stmt = db_query(db, SAID_LAST);
	int got = sqlite3_step(stmt);

	if (got == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0); /* NULL, of no rows, reads as 0 */
	sqlite3_reset(stmt);
	return store_error(got);
}

int store_history(struct store *s, const char *room, int64_t upto, unsigned count,
		  void (*each)(const struct said *, void *), void *arg)
{
	DB_LOCK *db = db_lock(&s->reading);
	sqlite3_stmt *stmt = db_query(db, SAID_EACH);
	int got;

	db_text(stmt, 1, room);
	sqlite3_bind_int64(stmt, 2, upto);
	sqlite3_bind_int64(stmt, 3, count);
	while ((got = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct said said = {
			.id = sqlite3_column_int64(stmt, 0),
			.when = sqlite3_column_int64(stmt, 1),
			.room = db_column(stmt, 2),
			.who = db_column(stmt, 3),
			.text = db_column(stmt, 4),
		};
		each(&said, arg);
	}
	sqlite3_reset(stmt);
	return store_error(got);
}
