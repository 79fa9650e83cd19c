/* Argon2id, away from the workers and only so often at once. */
#include "password.h"

#include <sodium.h>
#include <string.h>

/* No primitive wakes a fiber of another worker, so who waits looks again: at most ARGON_WAITING_MAX
 * do, and a hash takes longer than this. */
#define LOOK_AGAIN PIER_MS(5)

struct waiter {
	struct waiter *next;
};

void password_queue_init(struct password_queue *q)
{
	*q = (struct password_queue){.last = NULL};
	pthread_mutex_init(&q->lock, NULL);
}

void password_queue_done(struct password_queue *q)
{
	pthread_mutex_destroy(&q->lock);
}

/* Under the lock. */
static void unlink_waiter(struct password_queue *q, struct waiter *me)
{
	struct waiter **at = &q->first;

	while (*at != me)
		at = &(*at)->next;
	*at = me->next;
	if (q->last == &me->next)
		q->last = at;
	q->waiting--;
}

static int join_queue(struct password_queue *q, struct waiter *me)
{
	int err = -EBUSY;

	pthread_mutex_lock(&q->lock);
	if (q->waiting < ARGON_WAITING_MAX) {
		if (!q->first)
			q->last = &q->first;
		*q->last = me;
		q->last = &me->next;
		q->waiting++;
		err = 0;
	}
	pthread_mutex_unlock(&q->lock);
	return err;
}

static bool my_turn(struct password_queue *q, struct waiter *me)
{
	pthread_mutex_lock(&q->lock);
	bool mine = q->first == me && q->running < ARGON_AT_ONCE;
	if (mine) {
		unlink_waiter(q, me);
		q->running++;
	}
	pthread_mutex_unlock(&q->lock);
	return mine;
}

int password_enter(struct password_queue *q)
{
	struct waiter me = {0};
	int err = join_queue(q, &me);

	if (err < 0)
		return err;
	while (!my_turn(q, &me)) {
		err = pier_sleep(LOOK_AGAIN);
		if (err < 0) {
			pthread_mutex_lock(&q->lock);
			unlink_waiter(q, &me);
			pthread_mutex_unlock(&q->lock);
			return err;
		}
	}
	return 0;
}

void password_leave(struct password_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->running--;
	pthread_mutex_unlock(&q->lock);
}

int password_hash(const char *password, char hash[ACCOUNT_HASH_MAX])
{
	char made[crypto_pwhash_STRBYTES];

	_Static_assert(sizeof made <= ACCOUNT_HASH_MAX, "a hash fits its column");
	if (crypto_pwhash_str_alg(made, password, strlen(password), ARGON_PASSES, ARGON_MEMORY,
				  crypto_pwhash_ALG_ARGON2ID13) != 0)
		return -ENOMEM;
	memcpy(hash, made, sizeof made);
	return 0;
}

int password_verify(const char *hash, const char *password)
{
	return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0 ? 0 : -EACCES;
}

bool password_is_dated(const char *hash)
{
	return crypto_pwhash_str_needs_rehash(hash, ARGON_PASSES, ARGON_MEMORY) != 0;
}
