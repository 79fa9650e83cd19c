/* From names to addresses. */
#ifndef PIER_NAMES_H
#define PIER_NAMES_H

#include <pier/addr.h>
#include <pier/api.h>

PIER_BEGIN

#define PIER_ADDRS_MAX 16 /* addresses that one look-up keeps; more are dropped */

typedef struct pier_addrs {
	unsigned count;
	pier_addr at[PIER_ADDRS_MAX];
} pier_addrs;

/* All addresses of a host for stream or datagram use, in the order to try them (RFC 6724, as libc
 * sorts). Numbers are read at once; names wait for the system's resolver (NSS honoured) on a thread of
 * its own, so a deadline or cancel ends the wait at once. An empty host gives the wildcard addresses
 * when `passive`, else loopback. Returns 0 or -PIER_ENONAME, -PIER_ENAMETEMP, -PIER_ENAMEFAIL,
 * -ETIMEDOUT, -ECANCELED, -ENOMEM. Python: socket.getaddrinfo. getaddrinfo(3). */
PIER_API int pier_resolve(pier_bytes host, uint16_t port, bool passive, pier_addrs *out);

PIER_END

#endif
