/* Who may come in: passwords, checked by Argon2id in the offload pool, and the brake on guessing. */
#ifndef HUB_ACCOUNTS_H
#define HUB_ACCOUNTS_H

#include "store.h"

#define PASSWORD_MIN 6
#define PASSWORD_MAX 128

struct accounts;

int accounts_new(struct store *s, unsigned tries_per_minute, struct accounts **out);
void accounts_free(struct accounts *a);

/* Checks a password; waits (fiber) for the hash, which takes as long for a name that does not exist.
 * `host` is the peer's, for the brake. Writes the registered spelling of the name. Returns 0, -EACCES
 * (wrong name or password), -EAGAIN (too many failures from this host or for this name: wait), -EBUSY (the
 * hash queue is full) or an error. A good login is remembered for a while (not the password: a keyed
 * hash of it), so that HTTP's one check per request costs one Argon2id per minutes, not per request. */
int accounts_check(struct accounts *a, const char *name, const char *password, const char *host,
		   char real_name[ACCOUNT_NAME_MAX + 1]);

/* Registers. Returns 0, -EEXIST, -EINVAL (the name), -EDOM (the password is too short or long), -EAGAIN (too
 * many new accounts from this host: wait), -EBUSY … */
int accounts_register(struct accounts *a, const char *name, const char *password, const char *host);

/* 0 or -EINVAL: 1 to 32 bytes of valid UTF-8, no space, control, '/', '@', ':', ',', nor reserved names
 * (server, system, admin, root, pier, hub, 系统, 管理员 …). */
int account_name_check(const char *name);

/* 0 or -EDOM: PASSWORD_MIN to PASSWORD_MAX bytes. */
int password_check(const char *password);

/* The Argon2id string for a new password, blocking: for `pier user`. */
int account_hash(const char *password, char hash[ACCOUNT_HASH_MAX]);

#endif
