/* A conn on standby: between messages it waits for input without a fiber. */
#ifndef NET_STANDBY_H
#define NET_STANDBY_H

#include "conn.h"

struct standby {
	struct io_op op; /* under way on standby */
	int64_t until;	 /* on standby: its idle time-out */
	/* Called on the worker, on no fiber in particular, when the conn needs one: a message is here, or
	 * the conn has ended. It is on standby no more. */
	void (*due)(pier_conn *c);
};

/* 1: the next message is here, and pier_next will not wait for it. 0: it is still to come. An error, or
 * -ENODATA at the end of input: no other comes. Never waits. */
int pier_standby_look(pier_conn *c);

/* After a look of 0, on a fiber: waits without it. True: `due` will be called. False: look again. A conn that
 * is to drain, and is inside a message, waits on the fiber; so does one whose transport cannot but. */
bool pier_standby_begin(pier_conn *c);

/* The handler has returned: what it was lent comes back, and a message it did not take is dropped. */
void pier_standby_return(pier_conn *c);

/* Ends the waiting early, if there is any: `due` follows. */
void pier_standby_end(pier_conn *c);

#endif
