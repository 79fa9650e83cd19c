/* Waiters: fibers of any worker, and threads, that wait for someone elsewhere to hand them something.
 * The protocol and its races are drawn in docs/decisions/0040-waiters.md. */
#ifndef FIBER_WAITER_H
#define FIBER_WAITER_H

#include "fiber.h"

#include <pier/sync.h>
#include <stdatomic.h>

/* On the stack of who waits. Its claim is decided once: by who hands over, or by the waiter that leaves. */
struct waiter {
	atomic_int claim; /* WAITER_OPEN, WAITER_GONE, or the index of the place that was served */
	bool told;	  /* of the waiter's own thread: the claimer is done with it */
	struct fiber *fiber; /* NULL: a thread */
	struct io *io;	     /* whose mail brings the note */
	struct io_op note;
	struct waiter
		*next; /* claimed by the same claimer, to be told after its lock is released */
};
#define WAITER_OPEN (-1)
#define WAITER_GONE (-2)

/* A waiter's place in one queue; all fields are under the lock of that queue. */
struct pier_place {
	struct pier_place *next, *prev;
	struct waiter *waiter;
	int index;
	bool queued;
	void *item; /* what is sent, or where to receive */
	int result; /* what the claimer answers */
};

/* First come, first served; zeros are an empty queue. */
void pier_place_push(pier_waiting *q, struct pier_place *p);
void pier_place_remove(pier_waiting *q, struct pier_place *p); /* if it is there */

/* Takes the first place out whose waiter can be claimed, and claims it; NULL when there is none. From here on
 * the waiter lives until it is told, which must follow, best after the lock is released. */
struct pier_place *pier_place_claim(pier_waiting *q);
void pier_waiter_tell(struct waiter *w);

/* For the calling fiber or thread. 0 or -ENOMEM. */
int pier_waiter_init(struct waiter *w);

/* Waits until told: the index of the place that was served. Or gives up, -ETIMEDOUT or -ECANCELED; then its
 * places still are to be removed. A waiter that was claimed is told, whatever ended its wait. */
int pier_waiter_wait(struct waiter *w, const char *what);
/* The same, and never gives up. */
int pier_waiter_wait_deaf(struct waiter *w, const char *what);

#endif
