/* Channels: a ring of items and two queues of waiters, under one lock.
 *
 * Who finds a partner waiting hands the item over at once, so these hold whenever the lock is free:
 * a sender waits only while the ring is full, a receiver only while it is empty. So nobody who comes
 * later overtakes who waits, and a wake-up is never lost: what is handed over is the item itself. */
#include <pier/chan.h>

#include "waiter.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct pier_chan {
	pthread_mutex_t lock;
	pier_waiting senders, receivers;
	size_t item_size;
	unsigned capacity, head, count;
	bool closed;
	char items[];
};

pier_chan *pier_chan_new(size_t item_size, unsigned capacity)
{
	if (item_size > PIER_CHAN_ITEM_MAX || capacity > PIER_CHAN_ITEMS_MAX)
		return NULL;
	size_t size; /* both limits at once are too much for 32 bits */
	if (__builtin_mul_overflow(item_size, (size_t)capacity, &size) ||
	    __builtin_add_overflow(size, sizeof(pier_chan), &size))
		return NULL;
	pier_chan *c = calloc(1, size);
	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	c->item_size = item_size;
	c->capacity = capacity;
	return c;
}

/* Whoever was handed the last item may free the channel while its sender is about to unlock it: taking the
 * lock once more lets that one finish. */
void pier_chan_free(pier_chan *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	assert(!c->senders.first && !c->receivers.first);
	pthread_mutex_unlock(&c->lock);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- One item, under the lock -------------------------------------------------------------------- */

static void copy(const pier_chan *c, void *to, const void *from)
{
	if (to && c->item_size)
		memcpy(to, from, c->item_size);
}

static void *slot(pier_chan *c, unsigned i)
{
	return c->items + (size_t)((c->head + i) % c->capacity) * c->item_size;
}

static void put(pier_chan *c, const void *item)
{
	assert(c->count < c->capacity);
	copy(c, slot(c, c->count), item);
	c->count++;
}

static void take(pier_chan *c, void *out)
{
	copy(c, out, slot(c, 0));
	c->head = (c->head + 1) % c->capacity;
	c->count--;
}

/* True when the send is decided; *partner is then to be told, if there was one. */
static bool send_now(pier_chan *c, struct pier_place *mine, struct waiter **partner)
{
	if (c->closed) {
		mine->result = -EPIPE;
		return true;
	}
	struct pier_place *theirs = pier_place_claim(&c->receivers);
	if (theirs) {
		copy(c, theirs->item, mine->item);
		theirs->result = 1;
		*partner = theirs->waiter;
	} else if (c->count < c->capacity) {
		put(c, mine->item);
	} else {
		return false;
	}
	mine->result = 0;
	return true;
}

/* The sender that has waited longest gets the room that the item leaves. */
static bool recv_now(pier_chan *c, struct pier_place *mine, struct waiter **partner)
{
	bool held = c->count > 0;
	if (held)
		take(c, mine->item);
	struct pier_place *theirs = pier_place_claim(&c->senders);
	if (theirs) {
		if (held)
			put(c, theirs->item);
		else
			copy(c, mine->item, theirs->item);
		theirs->result = 0;
		*partner = theirs->waiter;
	}
	mine->result = held || theirs;
	return held || theirs || c->closed;
}

static bool happen(pier_chan *c, bool send, struct pier_place *mine, struct waiter **partner)
{
	return send ? send_now(c, mine, partner) : recv_now(c, mine, partner);
}

static pier_waiting *queue_of(pier_chan *c, bool send)
{
	return send ? &c->senders : &c->receivers;
}

static void queue_up(pier_chan *c, bool send, struct pier_place *p, struct waiter *w, int index)
{
	p->waiter = w;
	p->index = index;
	pier_place_push(queue_of(c, send), p);
}

static void leave(pier_chan *c, bool send, struct pier_place *p)
{
	pthread_mutex_lock(&c->lock);
	pier_place_remove(queue_of(c, send), p);
	pthread_mutex_unlock(&c->lock);
}

/* What did not have to wait counts towards the fiber's streak, so that others get their turn. */
static void went_through(void)
{
	struct fiber *f = pier_fiber_self();
	if (f)
		pier_fiber_streak(f);
}

/* ---- Sending and receiving ----------------------------------------------------------------------- */

static int try(pier_chan *c, bool send, void *item)
{
	struct pier_place mine = {.item = item};
	struct waiter *partner = NULL;

	pthread_mutex_lock(&c->lock);
	bool done = happen(c, send, &mine, &partner);
	pthread_mutex_unlock(&c->lock);
	if (partner)
		pier_waiter_tell(partner);
	return done ? mine.result : -EAGAIN;
}

static int do_or_wait(pier_chan *c, bool send, void *item, const char *what)
{
	struct pier_place mine = {.item = item};
	struct waiter w, *partner = NULL;
	int err = pier_wait_refused();
	if (err == 0)
		err = pier_waiter_init(&w);
	if (err < 0)
		return err;

	pthread_mutex_lock(&c->lock);
	bool done = happen(c, send, &mine, &partner);
	if (!done)
		queue_up(c, send, &mine, &w, 0);
	pthread_mutex_unlock(&c->lock);
	if (partner)
		pier_waiter_tell(partner);
	if (done) {
		went_through();
		return mine.result;
	}
	err = pier_waiter_wait(&w, what);
	if (err < 0) {
		leave(c, send, &mine);
		return err;
	}
	return mine.result;
}

int pier_chan_send(pier_chan *c, const void *item)
{
	return do_or_wait(c, true, (void *)(uintptr_t)item, "room in a channel");
}

int pier_chan_recv(pier_chan *c, void *out)
{
	return do_or_wait(c, false, out, "an item of a channel");
}

int pier_chan_try_send(pier_chan *c, const void *item)
{
	return try(c, true, (void *)(uintptr_t)item);
}

int pier_chan_try_recv(pier_chan *c, void *out)
{
	return try(c, false, out);
}

/* ---- Closing ------------------------------------------------------------------------------------- */

static void dismiss(pier_waiting *q, int result, struct waiter **told)
{
	struct pier_place *p;
	while ((p = pier_place_claim(q))) {
		p->result = result;
		p->waiter->next = NULL;
		*told = p->waiter;
		told = &p->waiter->next;
	}
}

void pier_chan_close(pier_chan *c)
{
	struct waiter *senders = NULL, *receivers = NULL, *next;
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->closed = true;
	dismiss(&c->senders, -EPIPE, &senders);
	dismiss(&c->receivers, 0, &receivers);
	pthread_mutex_unlock(&c->lock);
	for (struct waiter *w = senders; w; w = next) {
		next = w->next; /* told, it is gone */
		pier_waiter_tell(w);
	}
	for (struct waiter *w = receivers; w; w = next) {
		next = w->next;
		pier_waiter_tell(w);
	}
}

/* ---- Select -------------------------------------------------------------------------------------- */

/* All channels of a select, each once, in the order of their addresses: selects that share channels take
 * the locks in the same order. */
struct locks {
	pier_chan *chans[PIER_SELECT_MAX];
	unsigned count;
};

static void add(struct locks *l, pier_chan *c)
{
	unsigned at = l->count;
	while (at > 0 && (uintptr_t)l->chans[at - 1] > (uintptr_t)c)
		at--;
	if (at > 0 && l->chans[at - 1] == c)
		return;
	memmove(l->chans + at + 1, l->chans + at, (l->count - at) * sizeof *l->chans);
	l->chans[at] = c;
	l->count++;
}

static void lock_all(struct locks *l, const pier_case *cases, unsigned count)
{
	l->count = 0;
	for (unsigned i = 0; i < count; i++)
		if (cases[i].chan)
			add(l, cases[i].chan);
	for (unsigned i = 0; i < l->count; i++)
		pthread_mutex_lock(&l->chans[i]->lock);
}

static void unlock_all(const struct locks *l)
{
	for (unsigned i = l->count; i > 0; i--)
		pthread_mutex_unlock(&l->chans[i - 1]->lock);
}

/* Where to begin looking. A turn counter would not do: two selects in turns would each see only every other
 * number. Numerical Recipes' generator; the low bits of it are poor. */
static unsigned first_look(unsigned count)
{
	static __thread uint32_t dice;
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 16) % count;
}

/* The index of a case that happened, or -EAGAIN. */
static int happen_any(const pier_case *cases, struct pier_place *places, unsigned count,
		      struct waiter **partner)
{
	unsigned start = count ? first_look(count) : 0;
	for (unsigned n = 0; n < count; n++) {
		unsigned i = (start + n) % count;
		const pier_case *k = &cases[i];
		if (k->chan && happen(k->chan, k->send != NULL, &places[i], partner))
			return (int)i;
	}
	return -EAGAIN;
}

static void begin_places(const pier_case *cases, struct pier_place *places, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		places[i] = (struct pier_place){
			.item = cases[i].send ? (void *)(uintptr_t)cases[i].send : cases[i].recv};
}

static void queue_up_all(const pier_case *cases, struct pier_place *places, unsigned count,
			 struct waiter *w)
{
	for (unsigned i = 0; i < count; i++)
		if (cases[i].chan)
			queue_up(cases[i].chan, cases[i].send != NULL, &places[i], w, (int)i);
}

/* Under the lock of each, also of those that a claimer has emptied: it may still look at the waiter. */
static void leave_all(const pier_case *cases, struct pier_place *places, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (cases[i].chan)
			leave(cases[i].chan, cases[i].send != NULL, &places[i]);
}

/* All locks are held from the first look until all places are taken: nobody can claim this waiter by one
 * channel while it is serving itself from another. */
static int select_cases(pier_case *cases, unsigned count, struct waiter *w)
{
	struct pier_place places[PIER_SELECT_MAX];
	struct waiter *partner = NULL;
	struct locks locks;

	begin_places(cases, places, count);
	lock_all(&locks, cases, count);
	int chosen = happen_any(cases, places, count, &partner);
	bool wait = chosen < 0 && w;
	if (wait)
		queue_up_all(cases, places, count, w);
	unlock_all(&locks);
	if (partner)
		pier_waiter_tell(partner);
	if (wait) {
		chosen = pier_waiter_wait(w, "one of several channels");
		leave_all(cases, places, count);
	} else if (w) {
		went_through();
	}
	if (chosen >= 0)
		cases[chosen].result = places[chosen].result;
	return chosen;
}

int pier_select(pier_case *cases, unsigned count)
{
	struct waiter w;
	int err = count > PIER_SELECT_MAX ? -EINVAL : pier_wait_refused();
	if (err == 0)
		err = pier_waiter_init(&w);
	return err < 0 ? err : select_cases(cases, count, &w);
}

int pier_try_select(pier_case *cases, unsigned count)
{
	return count > PIER_SELECT_MAX ? -EINVAL : select_cases(cases, count, NULL);
}
