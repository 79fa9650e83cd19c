/* Good logins of the last minutes. */
#include "logins.h"

#include <string.h>

void logins_init(struct logins *l)
{
	*l = (struct logins){0};
	pthread_mutex_init(&l->lock, NULL);
	crypto_generichash_keygen(l->key);
}

void logins_done(struct logins *l)
{
	pthread_mutex_destroy(&l->lock);
	sodium_memzero(l, sizeof *l);
}

/* With its final NUL each part ends where it ends, so no two logins give the same bytes. */
static void add(crypto_generichash_state *state, const char *part)
{
	crypto_generichash_update(state, (const unsigned char *)part, strlen(part) + 1);
}

void logins_mark(const struct logins *l, const char *host, const char *name, const char *hash,
		 const char *password, unsigned char mark[LOGIN_BYTES])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, l->key, sizeof l->key, LOGIN_BYTES);
	add(&state, host);
	add(&state, name);
	add(&state, hash);
	add(&state, password);
	crypto_generichash_final(&state, mark, LOGIN_BYTES);
	sodium_memzero(&state, sizeof state);
}

static struct login *set_of(struct logins *l, const unsigned char mark[LOGIN_BYTES])
{
	return l->at[(mark[0] | mark[1] << 8) % LOGINS_SETS];
}

bool logins_know(struct logins *l, const unsigned char mark[LOGIN_BYTES])
{
	struct login *set = set_of(l, mark);
	int64_t now = pier_now();
	bool known = false;

	pthread_mutex_lock(&l->lock);
	for (int i = 0; i < LOGINS_WAYS; i++) {
		if (set[i].until <= now || sodium_memcmp(set[i].mark, mark, LOGIN_BYTES) != 0)
			continue;
		set[i].until = now + LOGINS_GOOD_FOR;
		known = true;
	}
	pthread_mutex_unlock(&l->lock);
	return known;
}

void logins_add(struct logins *l, const unsigned char mark[LOGIN_BYTES])
{
	struct login *set = set_of(l, mark), *oldest = set;

	pthread_mutex_lock(&l->lock);
	for (int i = 1; i < LOGINS_WAYS; i++) {
		if (set[i].until < oldest->until)
			oldest = &set[i];
	}
	memcpy(oldest->mark, mark, LOGIN_BYTES);
	oldest->until = pier_now() + LOGINS_GOOD_FOR;
	pthread_mutex_unlock(&l->lock);
}
