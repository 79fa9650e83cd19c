/* What the hub remembers: accounts, history, digests of files, in one SQLite database (WAL). Calls block on
 * the disk: from a fiber they belong into pier_offload, save store_say, which does that itself. */
#ifndef HUB_STORE_H
#define HUB_STORE_H

#include <pier.h>

struct store;

/* Opens DIR/pier.db, made when missing, upgraded when old. Returns 0 or a negative error. */
int store_open(const char *dir, struct store **out, char *why, size_t room);
void store_close(struct store *s);

/* ---- Accounts: names are compared without case; hashes are libsodium's strings ------------------- */
#define ACCOUNT_NAME_MAX 32  /* bytes, without the NUL */
#define ACCOUNT_HASH_MAX 128 /* crypto_pwhash_STRBYTES */
int store_account_add(struct store *s, const char *name, const char *hash); /* -EEXIST */
int store_account_set(struct store *s, const char *name, const char *hash); /* -ENOENT */
int store_account_remove(struct store *s, const char *name);		    /* -ENOENT */
/* The hash, and the name as it was registered. -ENOENT. */
int store_account_find(struct store *s, const char *name, char hash[ACCOUNT_HASH_MAX],
		       char real_name[ACCOUNT_NAME_MAX + 1]);
/* Calls each(name, created seconds, arg) in order of name. */
int store_account_each(struct store *s, void (*each)(const char *, int64_t, void *), void *arg);

/* ---- History -------------------------------------------------------------------------------------- */
struct said {
	int64_t id;   /* grows by time; no gaps are promised */
	int64_t when; /* ns since 1970 */
	const char *room, *who, *text;
	void *from; /* what store_say was given; not stored */
};

/* Puts a line on the disk and then publishes it: waits (fiber) until the commit that holds it; lines of
 * many fibers share one. After the commit, and in the order of ids, `publish` is called once for each
 * line, on a pool thread. A line that someone has seen survives a crash. `from` goes along to `publish`.
 * Returns the id, -EBUSY when too many lines wait already, -ENOSPC … */
int64_t store_say(struct store *s, const char *room, const char *who, const char *text, void *from);
void store_on_said(struct store *s, void (*publish)(const struct said *, void *), void *arg);

/* The id of the line that was stored last, 0 when there is none. Blocks. */
int store_last_id(struct store *s, int64_t *out);

/* The last `count` lines of a room with id ≤ upto, oldest first. Blocks: call it in pier_offload. */
int store_history(struct store *s, const char *room, int64_t upto, unsigned count,
		  void (*each)(const struct said *, void *), void *arg);

/* ---- Digests of files, good as long as size, mtime and inode are what they were ------------------- */
struct digests {
	uint8_t sha256[32];
	uint8_t md5[16];
};
int store_digests_get(struct store *s, const char *path, const pier_file_info *info,
		      struct digests *out); /* -ENOENT */
int store_digests_put(struct store *s, const char *path, const pier_file_info *info,
		      const struct digests *digests);

#endif
