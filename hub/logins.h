/* Good logins of the last minutes, so that a client which logs in for every request costs one
 * Argon2id per while, and is not shut out by strangers who guess at its name. What is kept is no
 * password: a hash of host, name, stored hash and password, keyed with bytes that only this process
 * has ever known. A changed password changes the stored hash, also when another process changed it,
 * and so is forgotten at once. */
#ifndef HUB_LOGINS_H
#define HUB_LOGINS_H

#include <pier/time.h>
#include <pthread.h>
#include <sodium.h>

#define LOGINS_GOOD_FOR PIER_MIN(5) /* since it was last used */
#define LOGINS_SETS	512 /* 2048 logins in sets of four; the oldest of a set makes room */
#define LOGINS_WAYS	4
#define LOGIN_BYTES	32

struct logins {
	pthread_mutex_t lock; /* held for a few instructions, also on fibers */
	unsigned char key[crypto_generichash_KEYBYTES];
	struct login {
		unsigned char mark[LOGIN_BYTES];
		int64_t until; /* 0 = free */
	} at[LOGINS_SETS][LOGINS_WAYS];
};

void logins_init(struct logins *l);
void logins_done(struct logins *l);

/* What stands for a login in the table. */
void logins_mark(const struct logins *l, const char *host, const char *name, const char *hash,
		 const char *password, unsigned char mark[LOGIN_BYTES]);
/* Is it there? Then it is used, and stays. */
bool logins_know(struct logins *l, const unsigned char mark[LOGIN_BYTES]);
void logins_add(struct logins *l, const unsigned char mark[LOGIN_BYTES]);

#endif
