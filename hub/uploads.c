/* The table of unfinished uploads. Its lock is held for a few instructions, never across a wait. */
#include "uploads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "terms.h"

#define TIDY_EVERY PIER_MIN(10)
#define LET_GO	   PIER_S(3) /* how long a request may take to notice that it is superseded */
#define LOOK_EVERY PIER_MS(20)
#define FOUND_MAX  8192 /* names read of partial/ at a time */

struct uploads {
	pier_dir *partial;
	int64_t bytes_each;
	pthread_mutex_t lock;
	struct upload *first; /* latest first */
	unsigned count;
	char bodies[UPLOADS_BODIES][ACCOUNT_NAME_MAX + 1]; /* whose is under way; "" = nobody's */
	_Atomic int64_t tidied;
};

static void terms_name(const char *id, char into[UPLOAD_ID + 8])
{
	snprintf(into, UPLOAD_ID + 8, "%s.terms", id);
}

/* ---- The disk ------------------------------------------------------------------------------ */

static void remove_files(struct uploads *u, const char *id)
{
	char name[UPLOAD_ID + 8];

	terms_name(id, name);
	PIER_SHIELD (PIER_S(10)) {
		pier_file_remove(u->partial, name);
		pier_file_remove(u->partial, id);
	}
}

static int write_terms(struct uploads *u, const struct upload *up)
{
	char name[UPLOAD_ID + 8], text[TERMS_MAX];

	terms_name(up->id, name);
	int fd = pier_file_open(u->partial, name, PIER_WRITE | PIER_CREATE | PIER_TRUNCATE);
	if (fd < 0)
		return fd;
	ssize_t n = pier_file_write(fd, text, terms_write(&up->terms, text), 0);
	int err = n < 0 ? (int)n : pier_file_sync(fd);
	pier_file_close(fd);
	return err;
}

static int read_terms(struct uploads *u, const char *id, struct terms *out)
{
	char name[UPLOAD_ID + 8], text[TERMS_MAX];

	terms_name(id, name);
	int fd = pier_file_open(u->partial, name, PIER_READ);
	if (fd < 0)
		return fd;
	ssize_t n = pier_file_read(fd, text, sizeof text, 0);
	pier_file_close(fd);
	return n < 0 ? (int)n : terms_read(pier_bytes_of(text, (size_t)n), out);
}

static bool is_id(const char *name)
{
	return strspn(name, "0123456789abcdef") == UPLOAD_ID && !name[UPLOAD_ID];
}

/* After a failure of power a file may have holes. Where no digest would find them, it begins at its first byte again. */
static int empty(struct uploads *u, const char *id)
{
	int fd = pier_file_open(u->partial, id, PIER_WRITE | PIER_TRUNCATE);
	if (fd >= 0)
		pier_file_close(fd);
	return fd < 0 ? fd : 0;
}

/* One file of partial/ from an earlier life: an upload to go on with, or rubbish. */
static int adopt(struct uploads *u, const struct pier_list_entry *e)
{
	struct upload *up;
	struct terms terms;

	if (strlen(e->name) == UPLOAD_ID + 6 && strcmp(e->name + UPLOAD_ID, ".terms") == 0) {
		char id[UPLOAD_ID + 1];
		pier_file_info info;
		snprintf(id, sizeof id, "%.*s", UPLOAD_ID, e->name);
		/* Terms without their file: the hub ended between the two. */
		if (pier_file_stat(u->partial, id, &info) == -ENOENT)
			pier_file_remove(u->partial, e->name);
		return 0;
	}
	if (!is_id(e->name) || pier_wall() - e->info.mtime > UPLOAD_AGE ||
	    u->count >= UPLOADS_MAX || read_terms(u, e->name, &terms) < 0) {
		if (is_id(e->name))
			remove_files(u, e->name);
		else if (e->info.is_file)
			pier_file_remove(u->partial, e->name);
		return 0;
	}
	int64_t size = e->info.size;
	if (!terms.promise.has_sha256 && !terms.promise.has_md5) {
		int err = empty(u, e->name);
		if (err < 0)
			return err;
		size = 0;
	}
	up = calloc(1, sizeof *up);
	if (!up)
		return -ENOMEM;
	memcpy(up->id, e->name, sizeof up->id);
	up->terms = terms;
	up->touched = e->info.mtime;
	up->size = size;
	up->next = u->first;
	u->first = up;
	u->count++;
	return 0;
}

static int adopt_all(struct uploads *u)
{
	pier_list list = {0};
	int err = pier_file_list(u->partial, "", FOUND_MAX, &list);

	for (size_t i = 0; err == 0 && i < list.count; i++)
		err = adopt(u, &list.at[i]);
	pier_list_free(&list);
	return err;
}

int uploads_open(pier_dir *partial, int64_t bytes_each, struct uploads **out)
{
	struct uploads *u = calloc(1, sizeof *u);
	if (!u)
		return -ENOMEM;

	u->partial = partial;
	u->bytes_each = bytes_each;
	u->tidied = pier_now();
	pthread_mutex_init(&u->lock, NULL);
	int err = adopt_all(u);
	if (err < 0) {
		uploads_close(u);
		return err;
	}
	*out = u;
	return 0;
}

void uploads_close(struct uploads *u)
{
	if (!u)
		return;
	while (u->first) {
		struct upload *up = u->first;
		u->first = up->next;
		hasher_done(&up->hasher);
		free(up);
	}
	pthread_mutex_destroy(&u->lock);
	free(u);
}

/* ---- The table: all of this under the lock ------------------------------------------------- */

static struct upload *find(struct uploads *u, const char *id, const char *user)
{
	for (struct upload *up = u->first; up; up = up->next)
		if (strcmp(up->id, id) == 0)
			return strcmp(up->terms.user, user) == 0 ? up : NULL;
	return NULL;
}

static void unlink_upload(struct uploads *u, struct upload *gone)
{
	for (struct upload **at = &u->first; *at; at = &(*at)->next)
		if (*at == gone) {
			*at = gone->next;
			u->count--;
			return;
		}
}

/* The bytes that an upload may come to. */
static int64_t claim_of(const struct upload *up)
{
	return up->terms.length > up->size ? up->terms.length : up->size;
}

/* What this user has: how many, how many bytes, and the oldest that no request holds. */
static struct upload *oldest(struct uploads *u, const char *user, unsigned *count, int64_t *bytes)
{
	struct upload *old = NULL;

	*count = 0;
	*bytes = 0;
	for (struct upload *up = u->first; up; up = up->next) {
		if (strcmp(up->terms.user, user) != 0)
			continue;
		*count += 1;
		*bytes += claim_of(up) < u->bytes_each ? claim_of(up) : u->bytes_each;
		if (!up->busy && (!old || up->touched < old->touched))
			old = up;
	}
	return old;
}

/* Finds the upload free, or asks whoever holds it to let go. Returns 0, -ENOENT, or -EAGAIN. */
static int try_claim(struct uploads *u, const char *id, const char *user, struct upload **out)
{
	int err = -ENOENT;

	pthread_mutex_lock(&u->lock);
	struct upload *up = find(u, id, user);
	if (up && up->busy) {
		up->superseded = true;
		err = -EAGAIN;
	} else if (up) {
		up->busy = true;
		up->superseded = false;
		*out = up;
		err = 0;
	}
	pthread_mutex_unlock(&u->lock);
	return err;
}

/* ---- For requests -------------------------------------------------------------------------- */

int uploads_claim(struct uploads *u, const char *id, const char *user, struct upload **out)
{
	int64_t until = pier_now() + LET_GO;

	for (;;) {
		int err = try_claim(u, id, user, out);
		if (err != -EAGAIN)
			return err;
		if (pier_now() > until)
			return -EBUSY;
		err = pier_sleep(LOOK_EVERY);
		if (err < 0)
			return err;
	}
}

bool uploads_superseded(struct uploads *u, const struct upload *up)
{
	pthread_mutex_lock(&u->lock);
	bool is = up->superseded;
	pthread_mutex_unlock(&u->lock);
	return is;
}

void uploads_release(struct uploads *u, struct upload *up, int64_t size)
{
	pthread_mutex_lock(&u->lock);
	up->touched = pier_wall();
	up->size = size;
	up->busy = false;
	pthread_mutex_unlock(&u->lock);
}

int uploads_note(struct uploads *u, struct upload *up)
{
	return write_terms(u, up);
}

void uploads_end(struct uploads *u, struct upload *up)
{
	/* The files go first: until then the name is taken, and nobody else can begin under it. */
	remove_files(u, up->id);
	pthread_mutex_lock(&u->lock);
	unlink_upload(u, up);
	pthread_mutex_unlock(&u->lock);
	hasher_done(&up->hasher);
	free(up);
}

/* Makes room for one more of this user: the oldest at rest go. Returns 0 or -EBUSY. */
static int make_room(struct uploads *u, const struct terms *t)
{
	int64_t want = t->length > 0 ? t->length : 0;

	for (;;) {
		unsigned count;
		int64_t bytes;
		pthread_mutex_lock(&u->lock);
		struct upload *old = oldest(u, t->user, &count, &bytes);
		bool fits = count < UPLOADS_EACH && (count == 0 || bytes <= u->bytes_each - want);
		bool full = u->count >= UPLOADS_MAX;
		if (!fits && old)
			old->busy = true;
		pthread_mutex_unlock(&u->lock);

		if (fits)
			return full ? -EBUSY : 0;
		if (!old)
			return -EBUSY;
		uploads_end(u, old);
	}
}

static int make_files(struct uploads *u, struct upload *up)
{
	int err = write_terms(u, up);
	int fd = err < 0 ? err
			 : pier_file_open(u->partial, up->id,
					  PIER_WRITE | PIER_CREATE | PIER_TRUNCATE);
	if (fd < 0)
		return fd;
	pier_file_close(fd);
	return 0;
}

/* Enters a new upload, held by the caller. -EEXIST when another request was quicker. */
static int enter(struct uploads *u, const struct terms *terms, const char *id, struct upload **out)
{
	struct upload *up = calloc(1, sizeof *up);
	if (!up)
		return -ENOMEM;

	memcpy(up->id, id, sizeof up->id);
	up->terms = *terms;
	up->touched = pier_wall();
	up->busy = true;

	pthread_mutex_lock(&u->lock);
	bool taken = find(u, id, terms->user) != NULL;
	if (!taken) {
		up->next = u->first;
		u->first = up;
		u->count++;
	}
	pthread_mutex_unlock(&u->lock);
	if (taken) {
		free(up);
		return -EEXIST;
	}

	int err = make_files(u, up);
	if (err < 0) {
		uploads_end(u, up);
		return err;
	}
	*out = up;
	return 0;
}

int uploads_begin(struct uploads *u, const struct terms *terms, struct upload **out)
{
	char id[UPLOAD_ID + 1];

	terms_id(terms, id);
	int err = uploads_claim(u, id, terms->user, out);
	if (err != -ENOENT)
		return err;
	err = make_room(u, terms);
	if (err == 0)
		err = enter(u, terms, id, out);
	return err == -EEXIST ? uploads_claim(u, id, terms->user, out) : err;
}

void uploads_tidy(struct uploads *u)
{
	int64_t now = pier_now(), last = atomic_load(&u->tidied);

	if (now - last < TIDY_EVERY || !atomic_compare_exchange_strong(&u->tidied, &last, now))
		return;
	for (struct upload *stale = NULL;; stale = NULL) {
		pthread_mutex_lock(&u->lock);
		for (struct upload *up = u->first; up && !stale; up = up->next)
			if (!up->busy && pier_wall() - up->touched > UPLOAD_AGE)
				stale = up;
		if (stale)
			stale->busy = true;
		pthread_mutex_unlock(&u->lock);
		if (!stale)
			return;
		uploads_end(u, stale);
	}
}

int uploads_body_begin(struct uploads *u, const char *user)
{
	int found = -EBUSY;
	unsigned own = 0;

	pthread_mutex_lock(&u->lock);
	for (int i = 0; i < UPLOADS_BODIES; i++) {
		if (!*u->bodies[i])
			found = i;
		own += strcmp(u->bodies[i], user) == 0;
	}
	if (own >= UPLOADS_BODIES_EACH)
		found = -EBUSY;
	if (found >= 0)
		snprintf(u->bodies[found], sizeof u->bodies[found], "%s", user);
	pthread_mutex_unlock(&u->lock);
	return found;
}

void uploads_body_end(struct uploads *u, int body)
{
	pthread_mutex_lock(&u->lock);
	u->bodies[body][0] = '\0';
	pthread_mutex_unlock(&u->lock);
}
