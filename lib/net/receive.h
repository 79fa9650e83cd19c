/* The buffer of a conn's input, for those who fill it. */
#ifndef NET_RECEIVE_H
#define NET_RECEIVE_H

#include "conn.h"

/* Where the next bytes of a stream go: behind those that are buffered, or NULL for a buffer of the io's pool.
 * An idle conn holds none. There will be `wants` in all, if that is known, else 0. 0, or why the conn failed. */
int pier_inbuf_place(pier_conn *c, size_t wants, void **at, size_t *room);
/* `n` of them have come, at the place, or in the pool's buffer `at`. */
void pier_inbuf_landed(pier_conn *c, void *at, size_t n);

/* The only wait of a stream's receiving: more bytes behind those that are buffered. Between messages a server
 * that stops ends it. The count, 0 at the end, or why the conn failed. */
int64_t pier_inbuf_fill(pier_conn *c, size_t wants, bool between);

#endif
