/* Argon2id, away from the workers and only so often at once. */
#ifndef HUB_PASSWORD_H
#define HUB_PASSWORD_H

#include <pthread.h>

#include "accounts.h"

/* OWASP's minimum for Argon2id (Password Storage Cheat Sheet, 2023): 19 MiB, two passes; some 17
 * ms. */
#define ARGON_MEMORY	  (19u << 20)
#define ARGON_PASSES	  2
#define ARGON_AT_ONCE	  2  /* so hashing takes two threads of the pool and 38 MiB, never more */
#define ARGON_WAITING_MAX 64 /* half a second's work; whoever comes then is told to come later */

/* The queue for hashing: fibers of all workers wait in it, first come, first served. */
struct password_queue {
	pthread_mutex_t lock; /* held for a few instructions, also on fibers */
	struct waiter *first, **last;
	unsigned running, waiting;
};

void password_queue_init(struct password_queue *q);
void password_queue_done(struct password_queue *q);

/* Waits for a turn. Returns 0, and then password_leave must follow; or -EBUSY, -ECANCELED,
 * -ETIMEDOUT. */
int password_enter(struct password_queue *q);
void password_leave(struct password_queue *q);

/* Both block for the hash: on a fiber, in pier_offload, between enter and leave. Return 0, or
 * -EACCES (it is another password), -ENOMEM. */
int password_hash(const char *password, char hash[ACCOUNT_HASH_MAX]);
int password_verify(const char *hash, const char *password);

/* True when the hash is weaker than what we make today. */
bool password_is_dated(const char *hash);

#endif
