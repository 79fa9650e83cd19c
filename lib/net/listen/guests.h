/* Clients of a listener under TLS that shake hands, several at once: who is slow, or silent, or speaks something else
 * holds up nobody. */
#ifndef NET_GUESTS_H
#define NET_GUESTS_H

#include "listen.h"
#include "net/conn.h"

struct guests;

/* NULL when memory is out. `t` is the caller's. */
struct guests *pier_guests_new(pier_tls *t);

/* The next client that has shaken hands. One caller at a time. 0 or an error. */
int pier_guests_next(struct guests *g, const struct places *at, pier_conn **out);

/* Those that are left go. NULL is allowed. */
void pier_guests_free(struct guests *g);

#endif
