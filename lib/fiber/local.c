/* Values that each fiber has for itself: a row of slots, made when the first is set. */
#include "fiber.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define ROUNDS_MAX 4 /* a destructor may set values again: pthread_key_create(3) */

static struct {
	pthread_mutex_t lock; /* of making keys */
	atomic_uint count;
	void (*end[PIER_LOCALS_MAX])(void *);
} keys = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* An end is written before the count that covers it, and never changes. */
int pier_local_key(void (*end)(void *))
{
	pthread_mutex_lock(&keys.lock);
	unsigned key = atomic_load(&keys.count);
	bool room = key < PIER_LOCALS_MAX;
	if (room) {
		keys.end[key] = end;
		atomic_store(&keys.count, key + 1);
	}
	pthread_mutex_unlock(&keys.lock);
	return room ? (int)key : -ENOSPC;
}

static bool is_key(int key)
{
	return key >= 0 && (unsigned)key < atomic_load(&keys.count);
}

int pier_local_set(int key, void *value)
{
	struct fiber *f = pier_fiber_self();
	if (!f)
		return -ENOTSUP;
	if (!is_key(key))
		return -EINVAL;
	if (!f->locals && !(f->locals = calloc(PIER_LOCALS_MAX, sizeof *f->locals)))
		return -ENOMEM;
	f->locals[key] = value;
	return 0;
}

void *pier_local_get(int key)
{
	struct fiber *f = pier_fiber_self();
	return f && f->locals && is_key(key) ? f->locals[key] : NULL;
}

static bool end_all(struct fiber *f)
{
	bool any = false;
	for (unsigned key = 0; key < atomic_load(&keys.count); key++) {
		void *value = f->locals[key];
		if (!value || !keys.end[key])
			continue;
		f->locals[key] = NULL;
		keys.end[key](value);
		any = true;
	}
	return any;
}

void pier_locals_end(struct fiber *f)
{
	for (int round = 0; f->locals && round < ROUNDS_MAX; round++)
		if (!end_all(f))
			break;
	free(f->locals);
	f->locals = NULL;
}
