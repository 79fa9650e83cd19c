/* Who may come in. */
#include "accounts.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "brake.h"
#include "logins.h"
#include "names.h"
#include "password.h"

/* What the brake counts apart. */
enum {
	BRAKE_HOST = 'h',
	BRAKE_NAME = 'n',
	BRAKE_NEW = '+'
};

struct accounts {
	struct store *store;
	struct brake brake;
	struct logins logins;
	struct password_queue queue;
	char nobody[ACCOUNT_HASH_MAX]; /* the hash that unknown names are checked against */
};

int accounts_new(struct store *s, unsigned tries_per_minute, struct accounts **out)
{
	char random[PASSWORD_MIN * 4];

	if (sodium_init() < 0)
		return -ENOSYS;
	struct accounts *a = calloc(1, sizeof *a);
	if (!a)
		return -ENOMEM;
	for (size_t i = 0; i + 1 < sizeof random; i++)
		random[i] = (char)('a' + randombytes_uniform(26));
	random[sizeof random - 1] = '\0';
	int err = password_hash(random, a->nobody);
	if (err < 0) {
		free(a);
		return err;
	}
	a->store = s;
	brake_init(&a->brake, tries_per_minute);
	logins_init(&a->logins);
	password_queue_init(&a->queue);
	*out = a;
	return 0;
}

void accounts_free(struct accounts *a)
{
	if (!a)
		return;
	password_queue_done(&a->queue);
	logins_done(&a->logins);
	brake_done(&a->brake);
	free(a);
}

/* ---- Checking ------------------------------------------------------------------------------- */

struct attempt {
	struct accounts *accounts;
	const char *name, *password;
	char host[BRAKE_HOST_MAX], folded[NAME_MAX_BYTES + 1];
	bool known;
	char hash[ACCOUNT_HASH_MAX], real_name[ACCOUNT_NAME_MAX + 1];
};

static bool host_braked(struct attempt *t)
{
	return brake_holds(&t->accounts->brake, BRAKE_HOST, t->host);
}

static bool braked(struct attempt *t)
{
	return host_braked(t) || brake_holds(&t->accounts->brake, BRAKE_NAME, t->folded);
}

static int failed(struct attempt *t)
{
	brake_count(&t->accounts->brake, BRAKE_HOST, t->host);
	brake_count(&t->accounts->brake, BRAKE_NAME, t->folded);
	return -EACCES;
}

static int64_t look_up(void *arg)
{
	struct attempt *t = arg;
	int err = store_account_find(t->accounts->store, t->name, t->hash, t->real_name);

	t->known = err == 0;
	if (err == -ENOENT) {
		memcpy(t->hash, t->accounts->nobody, sizeof t->hash);
		return 0;
	}
	return err;
}

static int64_t verify(void *arg)
{
	struct attempt *t = arg;
	int err = password_verify(t->hash, t->password);

	if (!t->known)
		return -EACCES;
	if (err == 0 && password_is_dated(t->hash)) {
		/* We made stronger hashes since: take the occasion. It may fail; the old one holds.
		 */
		char hash[ACCOUNT_HASH_MAX];
		if (password_hash(t->password, hash) == 0)
			store_account_set(t->accounts->store, t->name, hash);
	}
	return err;
}

/* A guess that came while others were checked waits for its turn, and then looks at the brake
 * again: so many guesses at once are no way around it. */
static int verify_in_turn(struct attempt *t)
{
	struct password_queue *queue = &t->accounts->queue;
	int err = password_enter(queue);

	if (err < 0)
		return err;
	err = braked(t) ? -EAGAIN : (int)pier_offload(verify, t);
	password_leave(queue);
	return err == -EACCES ? failed(t) : err;
}

static int check(struct attempt *t)
{
	unsigned char mark[LOGIN_BYTES];
	struct logins *logins = &t->accounts->logins;

	if (host_braked(t))
		return -EAGAIN;
	if (strlen(t->name) > ACCOUNT_NAME_MAX || strlen(t->password) > PASSWORD_MAX)
		return failed(t);
	int err = (int)pier_offload(look_up, t);
	if (err < 0)
		return err;
	/* Before the name's brake: others' guesses do not shut out who was let in from here lately. */
	logins_mark(logins, t->host, t->folded, t->hash, t->password, mark);
	if (t->known && logins_know(logins, mark))
		return 0;
	err = braked(t) ? -EAGAIN : verify_in_turn(t);
	if (err == 0)
		logins_add(logins, mark);
	return err;
}

int accounts_check(struct accounts *a, const char *name, const char *password, const char *host,
		   char real_name[ACCOUNT_NAME_MAX + 1])
{
	struct attempt t = {.accounts = a, .name = name, .password = password};

	brake_host(host, t.host);
	name_fold(name, t.folded);
	int err = check(&t);
	if (err == 0)
		memcpy(real_name, t.real_name, sizeof t.real_name);
	sodium_memzero(t.hash, sizeof t.hash);
	return err;
}

/* ---- Registering ---------------------------------------------------------------------------- */

struct candidate {
	struct accounts *accounts;
	const char *name, *password;
};

static int64_t add(void *arg)
{
	struct candidate *c = arg;
	char hash[ACCOUNT_HASH_MAX];
	int err = password_hash(c->password, hash);

	return err < 0 ? err : store_account_add(c->accounts->store, c->name, hash);
}

int password_check(const char *password)
{
	size_t len = strlen(password);

	return len < PASSWORD_MIN || len > PASSWORD_MAX ? -EDOM : 0;
}

int accounts_register(struct accounts *a, const char *name, const char *password, const char *host)
{
	struct candidate c = {a, name, password};
	char block[BRAKE_HOST_MAX];
	int err = account_name_check(name);

	brake_host(host, block);
	if (err == 0)
		err = password_check(password);
	if (err < 0)
		return err;
	if (brake_holds(&a->brake, BRAKE_NEW, block))
		return -EAGAIN;
	err = password_enter(&a->queue);
	if (err < 0)
		return err;
	err = (int)pier_offload(add, &c);
	password_leave(&a->queue);
	brake_count(&a->brake, BRAKE_NEW, block);
	return err;
}

int account_hash(const char *password, char hash[ACCOUNT_HASH_MAX])
{
	if (sodium_init() < 0)
		return -ENOSYS;
	return password_hash(password, hash);
}
