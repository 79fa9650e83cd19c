/* Channels: bounded queues of items of one size, between fibers of any workers, and threads. Items are
 * copied in and out, and arrive in the order they were sent. Who waits longest is served first, and
 * each item goes to exactly one receiver. Outside fibers the same calls block the thread. */
#ifndef PIER_CHAN_H
#define PIER_CHAN_H

#include <pier/api.h>

PIER_BEGIN

typedef struct pier_chan pier_chan;

#define PIER_CHAN_ITEM_MAX  65536u     /* bytes of an item; what is larger goes by pointer */
#define PIER_CHAN_ITEMS_MAX (1u << 20) /* that one channel can hold */
#define PIER_SELECT_MAX	    32u	       /* cases of one select */

/* A new channel that holds up to `capacity` items of `item_size` bytes; with capacity 0 a sender waits
 * until its item is received. NULL when memory is out or a limit above is exceeded. It may be made
 * before any runtime runs. Python: queue.Queue(maxsize). */
PIER_API pier_chan *pier_chan_new(size_t item_size, unsigned capacity);

/* Frees a channel that nobody uses any more, with the items that are still in it. NULL is allowed. */
PIER_API void pier_chan_free(pier_chan *c);

/* Sends a copy of *item; waits while the channel is full. Returns 0, -EPIPE when the channel is closed,
 * or -ETIMEDOUT, -ECANCELED; after an error the item was not sent. Python: Queue.put. */
PIER_API int pier_chan_send(pier_chan *c, const void *item);

/* Receives the next item into *out (NULL: drops it); waits while the channel is empty. Returns 1, 0 when
 * the channel is closed and all its items have been received, or -ETIMEDOUT, -ECANCELED; then
 * nothing was received. Python: Queue.get. */
PIER_API int pier_chan_recv(pier_chan *c, void *out);

/* The same, and never wait: -EAGAIN instead. A cancel does not hinder them. Python: put_nowait,
 * get_nowait. */
PIER_API int pier_chan_try_send(pier_chan *c, const void *item);
PIER_API int pier_chan_try_recv(pier_chan *c, void *out);

/* Closes: no more items are taken, those inside are still delivered. Who waits to send gets -EPIPE, who
 * waits to receive gets 0. Never waits; closing again does nothing, NULL is allowed. Python: Queue.shutdown. */
PIER_API void pier_chan_close(pier_chan *c);

/* ---- Select ---------------------------------------------------------------------------------- */

/* One thing that may happen in a select. With `send` set the case sends that item, else it receives
 * into `recv` (NULL: drops the item). A case without a channel never happens. */
typedef struct pier_case {
	pier_chan *chan;
	const void *send;
	void *recv;
	int result; /* of the case that happened: what pier_chan_send or pier_chan_recv would return */
} pier_case;

/* Waits until one of the cases can happen, and does exactly that one; among several that can, chance
 * decides. Returns its index, or -EINVAL for more than PIER_SELECT_MAX cases, -ETIMEDOUT, -ECANCELED; then
 * none happened and the results are untouched. A closed channel makes its cases happen.
 *	switch (pier_select((pier_case[]){{.chan = jobs, .recv = &job}, {.chan = stop}}, 2)) … */
PIER_API int pier_select(pier_case *cases, unsigned count);

/* The same, and never waits: -EAGAIN when none can happen now. */
PIER_API int pier_try_select(pier_case *cases, unsigned count);

PIER_END

#endif
